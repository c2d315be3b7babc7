"""scripts/get-model.sh against a hub on this machine (hub_server.py), fault by fault."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from get_model_setting import CONFIG, ROOT, WEIGHTS, Setting  # noqa: E402
from hub_server import COMMIT, Proxy, git_sha1, sha256  # noqa: E402

@pytest.fixture(params=["sh", "bash"])
def at(tmp_path, request):
    setting = Setting(tmp_path, request.param)
    yield setting
    setting.hub.close()
    leftovers = [p for p in tmp_path.iterdir() if p.name.startswith("tmp.")]
    assert not leftovers, "temporary files were left"


def test_downloads_verifies_and_prints_the_path(at):
    result = at.get("tiny")
    at.assert_complete()
    assert result.stdout == f"{at.target}\n"
    assert "#" not in result.stderr  # no bar where there is no terminal
    assert sorted(p.name for p in at.target.iterdir()) == \
        ["SHA256SUMS", "SOURCE.txt", "config.json", "model.safetensors"]
    assert f"revision: {COMMIT}" in (at.target / "SOURCE.txt").read_text()
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=at.target, check=True)
    # All files are of one commit: only the first is asked for by the branch's name.
    asked = [path for _, path, _ in at.hub.server.requests]
    assert asked[0] == "/org/tiny/resolve/main/config.json"
    assert f"/org/tiny/resolve/{COMMIT}/model.safetensors" in asked
    assert "/org/tiny/resolve/main/model.safetensors" not in asked


def test_progress_bar_on_request(at):
    assert "#" in at.get("--progress", "tiny").stderr


def test_progress_bar_on_a_terminal(at):
    terminal, side = os.openpty()
    result = subprocess.run(at.command("tiny"), env=at.environment, stdout=subprocess.PIPE, stderr=side,
                            timeout=60)
    os.close(side)
    text = os.read(terminal, 100_000)
    os.close(terminal)
    assert result.returncode == 0 and b"100.0%" in text and b"#" in text
    at.assert_complete()


def test_already_downloaded_asks_nothing(at):
    at.get("tiny")
    at.hub.server.requests.clear()
    result = at.get("tiny")
    assert "already there" in result.stderr and result.stdout == f"{at.target}\n"
    assert not at.hub.server.requests
    assert "right hash" in at.get("tiny", "--verify").stderr
    content = bytearray(WEIGHTS)
    content[500_000] ^= 1
    (at.target / "model.safetensors").write_bytes(content)
    assert "already there" in at.get("tiny").stderr  # nothing is verified unasked
    assert "model.safetensors: wrong hash" in at.get("tiny", "--verify", status=1).stderr


def test_unknown_name_lists_near_ones(at):
    result = at.get("tini", status=2)
    assert "no model 'tini'" in result.stderr and "near: tiny" in result.stderr
    assert not at.hub.server.requests
    at.get("# a comment", status=2)
    at.get("../tiny", status=2)
    at.get("tiny", "tiny-oc", status=2)
    at.get("--nonsense", "tiny", status=2)
    at.get(status=2)


def test_list_says_what_is_downloaded(at):
    assert re.search(r"^tiny +1 MB +- +MIT +A tiny model$", at.get("--list").stdout, re.M)
    at.get("tiny")
    lines = at.get("--list").stdout.splitlines()
    assert [line.split()[3] for line in lines] == ["downloaded", "-"]


def test_goes_on_after_a_broken_connection_in_the_same_run(at):
    at.hub.break_after = [10**9, 400_000]
    result = at.get("tiny")
    at.assert_complete()
    assert "the connection broke" in result.stderr
    assert at.hub.cdn_server.gets()[-1]["Range"] == "bytes=400000-"


def test_goes_on_in_the_next_run(at):
    at.hub.break_after = [10**9, 100_000, 100_000, 100_000]
    result = at.get("tiny", status=1)
    assert "given up after 3 attempts" in result.stderr and "run this again" in result.stderr
    assert (at.partial / "model.safetensors.part").stat().st_size == 300_000
    assert at.get("--list").stdout.split()[3] == "partial"
    at.hub.cdn_server.requests.clear()
    at.get("tiny")
    at.assert_complete()
    assert [headers["Range"] for headers in at.hub.cdn_server.gets()] == ["bytes=300000-"]
    assert len(at.hub.server.gets("config.json")) == 1  # complete files are not fetched twice


def test_server_that_ignores_ranges_starts_over(at):
    at.hub.ignore_ranges = True
    at.hub.break_after = [10**9, 400_000]
    result = at.get("tiny")
    at.assert_complete()
    assert "cannot go on from the middle" in result.stderr


@pytest.mark.parametrize("part", [WEIGHTS, WEIGHTS + b"more", b"", b"x" * 1000])
def test_whatever_part_an_earlier_run_left(at, part):
    """Complete (nothing is asked for), too long, empty, of another version of the file."""
    at.partial.mkdir(parents=True)
    (at.partial / "model.safetensors.part").write_bytes(part)
    at.get("tiny")
    at.assert_complete()
    assert len(at.hub.cdn_server.gets()) == {len(WEIGHTS): 0, 1000: 2}.get(len(part), 1)


@pytest.mark.parametrize("file,lie", [("model.safetensors", sha256(b"another")),
                                      ("config.json", git_sha1(b"another"))])
def test_wrong_hash_deletes_the_file(at, file, lie):
    at.hub.stated_hash[f"org/tiny/{file}"] = lie
    result = at.get("tiny", status=1)
    assert f"{file}: wrong hash" in result.stderr and "deleted" in result.stderr
    assert lie in result.stderr
    assert not list(at.models.rglob(f"{file}*"))


def test_server_that_states_no_hash_is_refused(at):
    at.hub.no_hash = True
    at.hub.large.add("org/tiny/config.json")
    assert "cannot be verified" in at.get("tiny", status=1).stderr
    assert not at.models.joinpath("tiny").exists()


def test_missing_files(at):
    del at.hub.files["org/tiny/config.json"]
    result = at.get("tiny", status=1)
    url = f"{at.hub.server.url}/org/tiny/resolve/main/config.json"
    assert f"{url}: not found (HTTP 404)" in result.stderr
    assert not at.partial.exists()
    at.hub.add("org/tiny/config.json", CONFIG)
    del at.hub.files["org/tiny/model.safetensors"]
    result = at.get("tiny", status=1)
    assert "pytorch_model.bin: not found" in result.stderr
    assert "model.safetensors|pytorch_model.bin" in result.stderr


def test_refused_without_token_and_with_a_wrong_one(at):
    at.hub.token = "hf_right"
    result = at.get("tiny", status=1)
    assert "HTTP 401" in result.stderr and "set HF_TOKEN" in result.stderr
    result = at.get("tiny", status=1, HF_TOKEN="hf_wrong")
    assert "the token in HF_TOKEN does not open" in result.stderr
    assert "hf_wrong" not in result.stderr
    assert "characters that no token has" in at.get("tiny", status=2, HF_TOKEN='a"\nurl=b').stderr


def test_token_goes_to_the_endpoint_only_and_into_no_process_list(at):
    at.hub.token = at.hub.watch_for = "hf_secret123"
    at.get("tiny", HF_TOKEN="hf_secret123")
    at.assert_complete()
    assert not at.hub.seen
    requests = at.hub.cdn_server.requests
    assert requests and all("Authorization" not in headers for _, _, headers in requests)
    assert "hf_secret123" not in str(requests)


def test_process_list_is_really_watched(at):
    """Guards the test above."""
    at.hub.watch_for = "hf_secret123"
    subprocess.run(["curl", "--silent", "--header", "Authorization: Bearer hf_secret123",
                    at.hub.server.url], check=True)
    assert at.hub.seen


def test_errors_of_the_content_host(at):
    at.hub.cdn_status = 403
    assert "refused (HTTP 403)" in at.get("tiny", status=1).stderr
    at.hub.cdn_status = 503
    result = at.get("tiny", status=1)
    assert result.stderr.count("the server failed (HTTP 503)") == 3


def test_no_route_and_no_host(at):
    at.hub.server.shutdown()
    at.hub.server.server_close()
    result = at.get("tiny", status=1)
    assert f"{at.hub.server.url}/org/tiny" in result.stderr and "cannot connect" in result.stderr
    result = at.get("tiny", status=1, HF_ENDPOINT="http://no-such-host.invalid")
    assert "cannot find the host" in result.stderr


def test_endless_redirects_end(at):
    at.hub.cdn_host = f"{at.hub.server.url}/org/tiny/resolve/main/config.json#"
    at.hub.no_hash = True
    at.hub.large = {"org/tiny/config.json"}
    assert "more than 5 redirects" in at.get("tiny", status=1).stderr


def test_no_room_is_said_before_anything_is_fetched(at):
    at.hub.stated_size["org/tiny/model.safetensors"] = 10**15
    result = at.get("tiny", status=1)
    assert "no room" in result.stderr and re.search(r"1000000\.\d GB are needed", result.stderr)
    assert not at.hub.server.gets() and not at.hub.cdn_server.gets()


@pytest.mark.parametrize("signalled", [True, False])
def test_disk_that_fills_up_while_downloading(at, signalled):
    """A limit on the size of files: with its signal ignored, write() fails as on a full disk."""
    ignore = "" if signalled else "trap '' XFSZ; "
    result = at.get("tiny", status=1, before=ignore + "ulimit -f 800")  # blocks of 512 or 1024 bytes
    assert "cannot write" in result.stderr and "no room?" in result.stderr
    assert (at.partial / "model.safetensors.part").stat().st_size in (800 * 512, 800 * 1024)
    at.get("tiny")
    at.assert_complete()


def test_proxy_is_used_for_everything(at):
    proxy = Proxy({"hub.invalid": at.hub.server.url, "cdn.invalid": at.hub.cdn_server.url})
    at.hub.cdn_host = "http://cdn.invalid"
    at.get("tiny", HF_ENDPOINT="http://hub.invalid/", http_proxy=proxy.url)
    at.assert_complete()
    assert {path.split("/")[2] for _, path, _ in proxy.requests} == {"hub.invalid", "cdn.invalid"}
    proxy.shutdown()
    proxy.server_close()


@pytest.mark.parametrize("number,whole_group", [(signal.SIGINT, True), (signal.SIGTERM, False)])
def test_signal_keeps_what_has_arrived(at, number, whole_group):
    """Ctrl-C reaches the whole group; kill reaches the shell alone, and no curl may live on."""
    at.hub.stall_after = 300_000
    del at.hub.files["org/tiny/config.json"]
    at.catalogue(("tiny", "huggingface", "org/tiny", "model.safetensors"))
    process = at.start()
    assert at.hub.stalled.wait(30)
    part = at.partial / "model.safetensors.part"
    wait_for(lambda: part.exists() and part.stat().st_size > 250_000)  # curl writes in blocks
    (os.killpg if whole_group else os.kill)(process.pid, number)
    _, stderr = process.communicate(timeout=20)
    assert process.returncode == 128 + number
    assert "interrupted; what has arrived is kept" in stderr
    assert not processes_of_group(process.pid)
    kept = part.stat().st_size
    assert kept > 250_000
    at.hub.stall_after = None
    at.hub.release.set()
    at.get("tiny")
    assert (at.target / "model.safetensors").read_bytes() == WEIGHTS
    assert at.hub.cdn_server.gets()[-1]["Range"] == f"bytes={kept}-"


def wait_for(condition):
    for _ in range(200):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen within ten seconds")


def processes_of_group(group):
    result = subprocess.run(["ps", "-o", "pid=,args=", "-g", str(group)], capture_output=True,
                            text=True)
    return [line for line in result.stdout.splitlines() if "defunct" not in line]


def test_second_run_at_the_same_time_is_refused(at):
    at.hub.stall_after = 300_000
    process = at.start()
    assert at.hub.stalled.wait(30)
    result = at.get("tiny", status=1)
    assert f"downloaded by another run (process {process.pid})" in result.stderr
    at.hub.stall_after = None
    process.kill()  # leaves its lock behind
    at.hub.release.set()  # ends its curl
    process.communicate()
    for scraps in at.home.glob("tmp.*"):
        shutil.rmtree(scraps)
    at.get("tiny")
    at.assert_complete()


# ---- conversion -----------------------------------------------------------------------------------


def test_bin_is_converted_where_no_safetensors_is(at, tmp_path):
    torch = pytest.importorskip("torch", reason="needs torch to write the checkpoint")
    from safetensors.torch import load_file
    tensors = {"a": torch.randn(3, 4), "b": torch.randn(5).half()}
    torch.save(tensors, tmp_path / "x.bin")
    at.hub.add("org/tiny/pytorch_model.bin", (tmp_path / "x.bin").read_bytes())
    del at.hub.files["org/tiny/model.safetensors"]
    at.get("tiny")
    found = load_file(at.target / "model.safetensors")
    assert all(torch.equal(found[name], tensor) for name, tensor in tensors.items())
    assert not (at.target / "pytorch_model.bin").exists()
    at.hub.add("org/oc/open_clip_config.json", b"{}")
    at.hub.add("org/oc/open_clip_pytorch_model.bin", (tmp_path / "x.bin").read_bytes())
    at.get("tiny-oc")
    assert (at.models / "tiny-oc" / "open_clip_model.safetensors").read_bytes() == \
        (at.target / "model.safetensors").read_bytes()


def test_hostile_bin_is_refused_and_kept_out(at):
    marker = at.home / "marker"
    at.hub.add("org/tiny/pytorch_model.bin", b"\x80\x02cos\nsystem\nX\x01\x00\x00\x00a\x85R.")
    del at.hub.files["org/tiny/model.safetensors"]
    result = at.get("tiny", status=1)
    assert "os.system" in result.stderr and "could not be converted" in result.stderr
    assert not marker.exists() and not at.target.exists()


def test_conversion_without_numpy_is_said_before_the_download(at):
    at.hub.add("org/tiny/pytorch_model.bin", b"")
    del at.hub.files["org/tiny/model.safetensors"]
    (at.home / "python3").write_text("#!/bin/sh\nexit 1\n")
    (at.home / "python3").chmod(0o755)
    result = at.get("tiny", status=1, PATH=f"{at.home}:{at.environment['PATH']}")
    assert "python3 with numpy" in result.stderr
    assert not at.hub.server.gets()


@pytest.mark.filterwarnings("ignore")
def test_openai_archive_is_verified_by_its_url_and_converted(at, tmp_path):
    torch = pytest.importorskip("torch", reason="needs torch to write the checkpoint")
    open_clip = pytest.importorskip("open_clip", reason="needs open_clip as the reference")
    from safetensors.torch import load_file
    model = open_clip.CLIP(16, {"image_size": 16, "layers": 1, "width": 64, "patch_size": 8},
                           {"context_length": 8, "vocab_size": 50, "width": 64, "heads": 1,
                            "layers": 1}, quick_gelu=True).eval()
    torch.jit.save(torch.jit.trace(model, (torch.randn(1, 3, 16, 16), torch.ones(1, 8).long())),
                   tmp_path / "x.pt")
    content = (tmp_path / "x.pt").read_bytes()
    path = f"clip/models/{sha256(content)}/Tiny.pt"
    at.hub.add(path, content)
    at.catalogue(("tiny", "openai", f"https://openaipublic.azureedge.net/{path}", "Tiny.pt"))
    at.get("tiny", HF_TOKEN="hf_secret123")
    assert all("Authorization" not in headers for _, _, headers in at.hub.server.requests)
    assert sorted(p.name for p in at.target.iterdir()) == \
        ["SHA256SUMS", "SOURCE.txt", "open_clip_config.json", "open_clip_model.safetensors"]
    config = json.loads((at.target / "open_clip_config.json").read_text())["model_cfg"]
    assert config["quick_gelu"] is True
    open_clip.CLIP(**config).load_state_dict(load_file(at.target / "open_clip_model.safetensors"))
    at.hub.files[path] = content[:-1] + bytes([content[-1] ^ 1])
    at.target.rename(at.home / "away")
    assert "Tiny.pt: wrong hash" in at.get("tiny", status=1).stderr


# ---- installed ------------------------------------------------------------------------------------


def test_catalogue_of_an_installed_prefix(at):
    prefix = at.home / "prefix"
    (prefix / "libexec" / "clipcls").mkdir(parents=True)
    (prefix / "share" / "clipcls").mkdir(parents=True)
    for name in ("get-model.sh", "fetch.sh"):
        (prefix / "libexec" / "clipcls" / name).write_bytes((ROOT / "scripts" / name).read_bytes())
    command = [at.shell, str(prefix / "libexec" / "clipcls" / "get-model.sh"), "tiny"]
    environment = {name: value for name, value in at.environment.items() if name != "CLIPCLS_CATALOGUE"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == 2 and "share/clipcls/catalogue.tsv cannot be read" in result.stderr
    (at.home / "catalogue.tsv").rename(prefix / "share" / "clipcls" / "catalogue.tsv")
    subprocess.run(command, env=environment, check=True, capture_output=True)
    at.assert_complete()
