"""The cache of label embeddings: it saves the text tower's work and changes no byte of output."""

import os
import pathlib
import resource
import shutil
import subprocess
import time

import pytest

import big_text_model
from records import labels, records

OPTIONS = ["-f", "jsonl", "-k", "0"]


def entries(folder):
    """The whole entries of a cache: {name: bytes}."""
    return {path.name: path.read_bytes() for path in folder.glob("*.entry")}


def leftovers(folder):
    return [path.name for path in folder.iterdir() if path.suffix != ".entry"]


@pytest.fixture
def cache(clipcls):
    """The folder in which the program keeps its cache when nothing else is said."""
    return clipcls.folder / "home/cache/clipcls"


def test_output_bytes_are_those_of_a_run_without_cache(classify, cache, pictures):
    off = classify(*OPTIONS, "--no-cache", *pictures)
    assert off.code == 0 and not cache.exists()
    cold, warm = (classify(*OPTIONS, "-v", *pictures) for _ in range(2))
    assert cold.out == warm.out == off.out
    assert "3 labels encoded" in cold.err and "3 labels read from the cache" in warm.err
    assert len(entries(cache)) == 1 and leftovers(cache) == []
    again = classify(*OPTIONS, "-v", "--no-cache", *pictures)
    assert again.out == off.out and "3 labels encoded" in again.err


def test_without_xdg_the_cache_is_under_the_home_directory(clipcls, classify, pictures):
    for value in ("", "relative"):
        done = classify(*OPTIONS, "a.png", env={"XDG_CACHE_HOME": value})
        assert (done.code, done.err) == (0, "")
    assert len(entries(clipcls.folder / "home/.cache/clipcls")) == 1


def test_without_any_home_nothing_is_kept_and_nothing_is_said(clipcls, classify, pictures):
    done = classify(*OPTIONS, "a.png", env={"XDG_CACHE_HOME": "", "HOME": ""})
    assert (done.code, done.err) == (0, "")


def test_cache_dir(classify, cache, pictures, work):
    for directory in ("here", "here/and/there", work / "there"):
        outputs = {classify(*OPTIONS, "--cache-dir", directory, "a.png").out for _ in range(2)}
        assert len(outputs) == 1 and len(entries(work / directory)) == 1
    done = classify(*OPTIONS, "--cache-dir", "other", "--no-cache", "a.png")
    assert done.code == 0 and not (work / "other").exists() and not cache.exists()


def test_cache_dir_wants_a_name(classify, pictures):
    done = classify("--cache-dir", "", "a.png")
    assert (done.code, done.out) == (2, b"") and "--cache-dir" in done.err


def test_another_question_is_another_entry(classify, cache, pictures, work):
    (work / "labels.txt").write_text("cat\ta photo of a cat.\ndog\nred panda\n")
    questions = [{}, {"labels": ["cat", "dog"]}, {"labels": ["dog", "cat", "red panda"]}]
    arguments = [["-t", "{}"], ["-t", "a {}"], ["-t", "a {}", "-t", "{}"], ["--templates", "openai7"]]
    for question in questions:
        classify(*OPTIONS, "a.png", **question)
    for argument in arguments:
        classify(*OPTIONS, "a.png", *argument)
    classify(*OPTIONS, "a.png", "-l", "labels.txt", labels=[])
    assert len(entries(cache)) == len(questions) + len(arguments) + 1
    first = classify(*OPTIONS, "-v", "a.png", labels=["dog", "cat", "red panda"])
    assert "read from the cache" in first.err
    assert sorted(labels(records(first)[0])) == ["cat", "dog", "red panda"]


def test_what_does_not_change_embeddings_shares_an_entry(classify, cache, pictures):
    for arguments in ([], ["-j", "1"], ["-b", "1"], ["-k", "1"], ["--no-exif"], ["b.png"]):
        assert classify(*OPTIONS, "a.png", *arguments).code == 0
    assert len(entries(cache)) == 1


def test_a_model_that_changed_is_encoded_again(clipcls, model, cache, pictures, work):
    mine = work / "model"
    shutil.copytree(model, mine)
    run = lambda *more: clipcls("-m", mine, "-L", "cat", "-L", "dog", *OPTIONS, "-v", *more, "a.png")
    before = run()
    assert "read from the cache" in run().err
    # One byte in the middle of the weights, in place, the time of its change put back.
    weights = mine / "model.safetensors"
    times = weights.stat()
    with weights.open("r+b") as file:
        name = b'"text_projection.weight"'
        header = file.read(200000)
        place = header.index(name)
        begin = int(header[header.index(b"[", header.index(b"data_offsets", place)) + 1:]
                    .split(b",")[0])
        file.seek(8 + int.from_bytes(header[:8], "little") + begin)
        file.write(bytes(64))
    os.utime(weights, ns=(times.st_atime_ns, times.st_mtime_ns))
    after = run()
    assert "labels encoded" in after.err and after.out != before.out
    assert after.out == run("--no-cache").out
    assert len(entries(cache)) == 2


def damage_nothing(data):
    return b""


def damage_the_end(data):
    return data[:-1]


def damage_the_middle(data):
    place = len(data) // 2
    return data[:place] + bytes([data[place] ^ 4]) + data[place + 1:]


def damage_all(data):
    return os.urandom(len(data))


def damage_size(data):
    return data * 1000


@pytest.mark.parametrize("damage", [damage_nothing, damage_the_end, damage_the_middle, damage_all,
                                    damage_size])
def test_a_damaged_entry_is_replaced_in_silence(classify, cache, pictures, damage):
    good = classify(*OPTIONS, "a.png")
    (name, data), = entries(cache).items()
    (cache / name).write_bytes(damage(data))
    done = classify(*OPTIONS, "a.png")
    assert (done.code, done.out, done.err) == (0, good.out, "")
    assert entries(cache) == {name: data}


@pytest.mark.parametrize("directory", ["a.png", "a.png/below", "/dev/null/x", "/proc/nosuch"])
def test_a_cache_that_cannot_be_written_warns_once(classify, pictures, directory):
    good = classify(*OPTIONS, "--no-cache", *pictures)
    done = classify(*OPTIONS, "--cache-dir", directory, *pictures)
    assert (done.code, done.out) == (0, good.out)
    assert done.err.count("\n") == 1 and directory in done.err
    quiet = classify(*OPTIONS, "-q", "--cache-dir", directory, *pictures)
    assert (quiet.code, quiet.out, quiet.err) == (0, good.out, "")


def test_a_limit_on_the_size_of_files_is_survived(clipcls, classify, cache, pictures):
    good = classify(*OPTIONS, "--no-cache", "a.png")
    done = classify(*OPTIONS, "a.png",
                    preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)))
    assert (done.code, done.out) == (0, good.out)
    assert done.err.count("\n") == 1 and "cannot write" in done.err
    assert list(cache.iterdir()) == []


def test_a_full_disk_is_survived(clipcls, classify, model, pictures, work):
    """A file system of two pages: one is the directory's own, none is left for an entry."""
    (work / "small").mkdir()
    good = classify(*OPTIONS, "--no-cache", "a.png")
    command = clipcls.command(["-m", model, "-L", "cat", "-L", "dog", "-L", "red panda", *OPTIONS,
                               "--cache-dir", "small", "a.png"])
    script = ('mount -t tmpfs -o size=4096 none small && head -c 4096 /dev/zero >small/full && '
              '"$@"; code=$?; ls small >&2; exit $code')
    try:
        done = subprocess.run(["unshare", "-rm", "sh", "-c", script, "sh", *command],
                              cwd=work, env=clipcls.env, capture_output=True, timeout=60)
    except FileNotFoundError:
        pytest.skip("unshare is not there")
    if b"unshare" in done.stderr or b"mount" in done.stderr:
        pytest.skip("this machine lets us mount nothing")
    assert (done.returncode, done.stdout) == (0, good.out)
    assert b"No space left on device" in done.stderr and done.stderr.endswith(b"\nfull\n")


def kibibytes(pid, file, key, behind=None):
    """A figure of /proc/PID/FILE: the sum over all lines `key`, of the mappings of one path alone."""
    total, counts = 0, behind is None
    for line in (pathlib.Path("/proc") / str(pid) / file).read_text().splitlines():
        if behind is not None and "-" in line.split()[0]:
            counts = line.endswith(str(behind))
        elif counts and line.startswith(key):
            total += int(line.split()[1])
    return total


def memory(clipcls, arguments, shard, few):
    """KiB: the most that was held, and what is held of a mapped file, while the program waits for
    pictures with its labels encoded, once that is at most `few`; and what it says."""
    command = clipcls.command(["-v", *arguments, "--files-from", "-"])
    with subprocess.Popen(command, cwd=clipcls.cwd, env=clipcls.env, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        while " labels " not in (said := process.stderr.readline().decode()):
            assert said  # or it has ended
        end = time.monotonic() + 10
        while (held := kibibytes(process.pid, "smaps", "Rss:", shard)) > few and time.monotonic() < end:
            time.sleep(0.01)
        most = kibibytes(process.pid, "status", "VmHWM:")
        process.communicate()
    return most, held, said


def test_text_weights_are_held_for_the_labels_alone(clipcls, tmp_path):
    model = big_text_model.make(tmp_path / "model")
    arguments = ["-m", model, "-L", "cat", "-L", "dog"]
    text = big_text_model.TEXT_BYTES / 1024
    shard = model / big_text_model.TEXT_SHARD
    cold, held, said = memory(clipcls, arguments, shard, text / 8)
    # The header, and what the kernel maps around it: up to 2 MiB.
    assert "labels encoded" in said and cold >= text and held <= text / 8
    warm, held, said = memory(clipcls, arguments, shard, text / 8)
    assert "read from the cache" in said and warm <= cold - text * 7 / 8 and held <= text / 8
