"""The branches of parsers and of the cache that no test takes, each with the reason: uncovered.txt.

A line of it is FUNCTION, TAKEN of ALL, the source line, the reason, with a tab between them, below a line with the
file's name. It names the source's text and not its place, so that other changes leave it true. Wrong is a line that the
list lacks, and one that is no longer there. What a signal, a crowd or another compiler covers now and then is told alone."""

import collections
import fnmatch
import pathlib

LIST = pathlib.Path(__file__).with_name("uncovered.txt")

# What reads bytes from outside, and what keeps them.
FILES = ["src/model/safetensors*.c", "src/model/config*.c", "src/model/single_config.c", "src/model/layout*.c",
         "src/model/openclip_keys.c", "src/model/huggingface_preprocess.c", "src/text/tokenizer*.c", "src/text/pipeline*.c",
         "src/text/sentencepiece_model.c", "src/text/protobuf.c", "src/text/charsmap.c", "src/text/pieces.c",
         "src/text/base64.c",
         "src/text/vocabulary*.c", "src/text/labels.c", "src/text/templates.c", "src/text/lines.c",
         "src/text/json_walk.c", "src/base/json.c", "src/base/utf8.c", "src/image/decode*.c", "src/image/metadata.c",
         "src/image/exif.c", "src/image/png.c", "src/classify/index.c", "src/classify/probe_file.c",
         "src/cli/input/*.c", "src/cli/labelled/class_map.c", "src/base/disk_cache*.c", "src/classify/label_cache.c"]


def read(path):
    """{(file, function, text): (taken, all, reason)}"""
    entries, file = {}, None
    for line in path.read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        if "\t" not in line:
            file = line
            continue
        function, share, text, reason = line.split("\t")
        taken, of = map(int, share.split(" of "))
        entries[file, function, text] = (taken, of, reason)
    return entries


def gaps(found, root):
    """{(file, function, text): (taken, all)} of the lines with a branch that was not taken."""
    sums = collections.defaultdict(lambda: [0, 0])
    texts = {}
    for site, taken in found.branches.items():
        if not any(fnmatch.fnmatchcase(site.file, pattern) for pattern in FILES):
            continue
        if site.file not in texts:
            texts[site.file] = (root / site.file).read_text().splitlines()
        key = site.file, site.function, texts[site.file][site.line - 1].strip()
        sums[key][0] += sum(count > 0 for count in taken)
        sums[key][1] += len(taken)
    return {key: tuple(share) for key, share in sums.items() if share[0] < share[1]}


def exists(key, root):
    file, _, text = key
    path = root / file
    return path.exists() and text in map(str.strip, path.read_text().splitlines())


def compare(found, root):
    """What is wrong with the list, and what may be, one complaint a line."""
    listed, missed = read(LIST), gaps(found, root)
    complaints, notes = [], []
    for key, (taken, of) in sorted(missed.items()):
        if key not in listed:
            complaints.append("not covered, and no reason: {}: {}\t{} of {}\t{}".format(*key[:2], taken, of, key[2]))
        elif not listed[key][2].strip():
            complaints.append("listed without a reason: {}: {}: {}".format(*key))
        elif listed[key][:2] != (taken, of):
            notes.append("covered {} of {}, listed as {} of {}: {}: {}: {}".format(taken, of, *listed[key][:2], *key))
    for key in sorted(listed):
        if not exists(key, root):
            complaints.append("listed, and gone: {}: {}: {}".format(*key))
        elif key not in missed:
            notes.append("listed, and covered: {}: {}: {}".format(*key))
    return complaints, notes
