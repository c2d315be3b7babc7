"""--shard I/N: every input is one shard's, the same one for ever."""

import json
import os

import pytest
import xxhash

from records import fails, paths, png, records

# What never changes: XXH3 of each name's bytes, 64 bits.
KNOWN = {
    b"photos/bee.jpg": 0xae08dc8fe74a1996,
    b"a.png": 0xf312fd6dc8c1eb8f,
    b"./a.png": 0x19b44d3eaa11c0ce,
    b"\xff\xfe.png": 0x8a19dc22ee3986f2,
    "Käse.png".encode(): 0xdeb21231a7118088,
}


@pytest.fixture
def jsonl(classify):
    return lambda *arguments, **options: classify("-f", "jsonl", "-k", "1", *arguments, **options)


@pytest.fixture
def many(work):
    """Names of 60 pictures in folders, and of files that fail: damaged, not decoded here, not there."""
    (work / "tree" / "deep").mkdir(parents=True)
    for i in range(60):
        folder = "tree/deep" if i % 2 else "tree"
        (work / folder / f"{i}.png").write_bytes(png(8, 8, lambda x, y: bytes((4 * i, 9 * x, 9 * y)), 2))
    (work / "tree" / "damaged.png").write_bytes(b"no picture")
    (work / "tree" / "new.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    (work / "tree" / "gone.png").symlink_to("nowhere")
    return "tree"


def shard_of(path, n):
    return xxhash.xxh3_64_intdigest(path) % n + 1


def shards(run, n, *arguments, **options):
    done = [run("--shard", f"{i}/{n}", *arguments, **options) for i in range(1, n + 1)]
    assert {each.code for each in done} <= {0, 1} and all(each.err == "" for each in done)
    return done


def whole(run, *arguments, **options):
    return sorted(run(*arguments, **options).out.splitlines())


@pytest.mark.parametrize("name, value", KNOWN.items())
def test_the_hash_of_a_path_is_what_it_always_was(jsonl, work, name, value):
    assert xxhash.xxh3_64_intdigest(name) == value
    (work / "list").write_bytes(name + b"\n")
    for n in (2, 7, 999_983, 1_000_000):
        right, wrong = value % n + 1, (value + 1) % n + 1
        assert len(paths(jsonl("--shard", f"{right}/{n}", "--files-from", "list"))) == 1
        assert paths(jsonl("--shard", f"{wrong}/{n}", "--files-from", "list")) == []


@pytest.mark.parametrize("n", [1, 2, 7])
def test_every_picture_of_a_walk_is_in_one_shard(jsonl, many, n):
    done = shards(jsonl, n, many)
    assert sorted(line for each in done for line in each.out.splitlines()) == whole(jsonl, many)
    for i, each in enumerate(done):
        assert all(shard_of(os.fsencode(path), n) == i + 1 for path in paths(each))
        assert each.code == any("error" in record for record in records(each))
    assert n == 1 or all(paths(each) for each in done)


def test_the_order_within_a_shard_is_the_inputs(jsonl, many):
    everything = paths(jsonl(many))
    for each in shards(jsonl, 3, many):
        mine = paths(each)
        assert mine == [path for path in everything if path in mine]


def test_lists_and_named_files_are_shared_out_by_their_bytes(jsonl, many, work):
    names = [os.fsencode(path) for path in paths(jsonl(many))] + [b"\xff.png", b"new\nline.png", b"tree/../tree/0.png"]
    (work / "nul").write_bytes(b"\0".join(names))
    (work / "lines").write_bytes(b"\n".join(name for name in names if b"\n" not in name))
    for arguments in (["--files-from", "nul", "-0"], ["--files-from", "lines"], names[:5], [many, *names[-3:]]):
        found = [line for each in shards(jsonl, 4, *arguments) for line in each.out.splitlines()]
        assert sorted(found) == whole(jsonl, *arguments)
    stdin = (work / "nul").read_bytes()
    found = [line for each in shards(jsonl, 4, "--files-from", "-", "-0", stdin=stdin) for line in each.out.splitlines()]
    assert sorted(found) == whole(jsonl, "--files-from", "nul", "-0")


def test_a_folder_that_cannot_be_walked_is_one_shards_record(jsonl, work):
    (work / "loop").symlink_to("loop")
    done = shards(jsonl, 5, "loop")
    assert [path for each in done for path in paths(each)] == ["loop"]


def test_a_shard_is_resumed(jsonl, many, work):
    full = jsonl("--shard", "2/3", many)
    lines = full.out.splitlines(keepends=True)
    (work / "out").write_bytes(b"".join(lines[:7]) + lines[7][:9])
    with open(work / "out", "ab") as out:
        again = jsonl("--shard", "2/3", "--resume", "out", many, stdout=out)
    assert again.err == "" and (work / "out").read_bytes() == full.out


@pytest.mark.parametrize("form, text", [
    ("text", b""), ("jsonl", b""), ("tsv", b"path\trank\tlabel\tscore\tsimilarity\terror\n"),
    ("csv", b"path,rank,label,score,similarity,error\r\n"), ("json", []), ("junit", "testsuites")])
def test_an_empty_shard_is_a_success_in_every_format(classify, pictures, form, text):
    n = 1_000_000
    empty = shard_of(b"a.png", n) % n + 1
    done = classify("--shard", f"{empty}/{n}", "-f", form, "a.png")
    assert (done.code, done.err) == (0, "")
    if form == "json":
        assert json.loads(done.out) == text
    elif form == "junit":
        assert b'tests="0"' in done.out
    else:
        assert done.out == text


def test_frames_of_a_stream_are_shared_out_by_their_names(jsonl, many, work):
    names = [path for path in paths(jsonl(many)) if path.endswith("png")]
    film = b"".join((work / name).read_bytes() for name in names[:20] if "damaged" not in name and "gone" not in name)
    (work / "film").write_bytes(film)
    done = shards(jsonl, 3, "--stream", "film")
    assert sorted(line for each in done for line in each.out.splitlines()) == whole(jsonl, "--stream", "film")
    assert all(shard_of(path.encode(), 3) == i + 1 for i, each in enumerate(done) for path in paths(each))


@pytest.mark.parametrize("value", [
    "", "/", "1", "1/", "/1", "0/4", "5/4", "1/0", "-1/4", "+1/4", " 1/4", "1/4 ", "1 /4", "1/ 4", "1/4/4", "1.0/4",
    "a/b", "1/1000001", "1/99999999999999999999999", "99999999999999999999999/4", "0x1/4"])
def test_what_is_no_shard_is_a_usage_error(jsonl, pictures, value):
    assert fails(jsonl("--shard", value, "a.png"), f"--shard {value}: must be I/N", "1000000")


def test_a_picture_on_stdin_is_not_shared_out(jsonl, pictures, work):
    stdin = (work / "a.png").read_bytes()
    assert fails(jsonl("--shard", "1/2", "a.png", "-", stdin=stdin), "stdin", "--shard")


def test_embeddings_are_shared_out_and_put_together(clipcls, model, many, work):
    def embed(*arguments):
        return clipcls("embed", "-m", model, *arguments)
    done = shards(embed, 3, many)
    assert sorted(line for each in done for line in each.out.splitlines()) == whole(embed, many)
    for i in (1, 2, 3):
        embed("--shard", f"{i}/3", "-o", f"{i}.index", many)
    found = clipcls("search", "-m", model, "--query-image", "tree/0.png", "-k", "0", "--print0",
                    "1.index", "2.index", "3.index").out
    assert sorted(found.split(b"\0")[:-1]) == sorted(os.fsencode(each["path"]) for each in records(embed(many))
                                                     if "embedding" in each)


def test_labels_are_not_shared_out(clipcls, model):
    assert fails(clipcls("embed", "-m", model, "-L", "cat", "--shard", "1/2"), "--shard", "labels")


def test_commands_that_count_all_pictures_take_no_shard(clipcls, model, pictures):
    assert fails(clipcls("search", "-m", model, "--query-image", "a.png", "--shard", "1/2", "b.png"), "unknown option")
    assert fails(clipcls("eval", "-m", model, "--shard", "1/2", "."), "unknown option")
