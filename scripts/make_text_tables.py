#!/usr/bin/env python3
"""Writes the text subsystem's data tables from the reference packages.

    python3 scripts/make_text_tables.py [merges] [sets] [html] [unicode] [bert]     (nothing named = all)

merges   models/clip_merges.txt: CLIP's 48,894 merges (open_clip)
sets     models/imagenet1k.txt, imagenet80.txt, openai7.txt: class names, prompt templates (open_clip);
         imagenet1k_wnids.txt: the WordNet ids of these classes (timm)
html     src/text/html_entities.inc: HTML's entities (html.entities), and the upper-case ones of ftfy
unicode  src/text/unicode_newer.inc: letters, numbers and lower case that the references know and
         the installed utf8proc does not, and the reverse for normalization (regex, tokenizers)
bert     src/text/unicode_bert.inc: where BERT's normalizer has another kind of character (tokenizers)
"""

import ctypes
import ctypes.util
import gzip
import html
import html.entities
import importlib.resources
import pathlib
import sys
import unicodedata

ROOT = pathlib.Path(__file__).resolve().parent.parent
CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]


def write_merges():
    from open_clip.tokenizer import default_bpe

    lines = gzip.open(default_bpe()).read().decode().split("\n")
    merges = lines[1:49152 - 256 - 2 + 1]
    assert len(merges) == 48894 and all(len(m.split(" ")) == 2 for m in merges)
    (ROOT / "models/clip_merges.txt").write_text("\n".join(merges) + "\n")


def write_sets():
    from open_clip import zero_shot_metadata as metadata

    def write(name, lines):
        assert all(line == line.strip() and "\t" not in line for line in lines)
        (ROOT / "models" / name).write_text("\n".join(lines) + "\n")

    write("imagenet1k.txt", metadata.IMAGENET_CLASSNAMES)
    ids = importlib.resources.files("timm.data._info").joinpath("imagenet_synsets.txt").read_text().split()
    assert len(ids) == 1000 and ids == sorted(ids)
    write("imagenet1k_wnids.txt", ids)
    write("imagenet80.txt", [t("{}") for t in metadata.OPENAI_IMAGENET_TEMPLATES])
    write("openai7.txt", [t("{}") for t in metadata.SIMPLE_IMAGENET_TEMPLATES])


def c_string(text):
    return '"' + "".join("\\%03o" % b for b in text.encode()) + '"'


def write_html():
    entries = {name: (text, "ENTITY_HTML") for name, text in html.entities.html5.items()}
    for name, text in html.entities.html5.items():
        upper = name.upper()
        # As ftfy chooses them: all-caps forms that mean nothing in HTML.
        if name.endswith(";") and name == name.lower() and html.unescape("&" + upper) == "&" + upper:
            entries[upper] = (text.upper(), "ENTITY_FTFY")
    lines = ["/* Written by scripts/make_text_tables.py html. Sorted by name. */"]
    for name in sorted(entries, key=lambda n: n.encode()):
        text, kind = entries[name]
        lines.append(f'{{ "{name}", {c_string(text)}, {kind} }},')
    (ROOT / "src/text/html_entities.inc").write_text("\n".join(lines) + "\n")


def runs(values):
    """[(first, last, value)] of neighbouring code points with equal values."""
    out = []
    for c in sorted(values):
        if out and out[-1][1] == c - 1 and out[-1][2] == values[c]:
            out[-1][1] = c
        else:
            out.append([c, c, values[c]])
    return out


def matched_by_tokenizers(pattern):
    from tokenizers import Regex, pre_tokenizers

    split = pre_tokenizers.Split(Regex(pattern), behavior="removed", invert=True)
    out = set()
    for i in range(0, len(CODE_POINTS), 4096):
        for piece, _ in split.pre_tokenize_str("".join(map(chr, CODE_POINTS[i:i + 4096]))):
            out.update(map(ord, piece))
    return out


def uncomposed_by_tokenizers(utf8proc):
    """Marks that tokenizers' normalization, which is of an older Unicode, takes for letters."""
    from tokenizers import normalizers

    compose = normalizers.NFC().normalize_str

    class Property(ctypes.Structure):
        _fields_ = [("category", ctypes.c_int16), ("combining_class", ctypes.c_int16)]

    utf8proc.utf8proc_get_property.restype = ctypes.POINTER(Property)
    out = {}
    for c in CODE_POINTS:
        char = chr(c)
        parts = unicodedata.normalize("NFD", char)
        if len(parts) > 1 and not 0xAC00 <= c <= 0xD7A3:
            if compose(parts) != unicodedata.normalize("NFC", parts):
                out[ord(parts[1])] = 0
        elif parts == char and utf8proc.utf8proc_get_property(c).contents.combining_class > 0:
            # U+0334 has the lowest class and U+0345 the highest: a mark changes places with one.
            if compose("q" + char + "\u0334") == "q" + char + "\u0334" and \
                    compose("q\u0345" + char) == "q\u0345" + char and c not in (0x334, 0x345):
                out[c] = 0
    return out


def write_unicode():
    import regex
    from tokenizers import normalizers

    utf8proc = ctypes.CDLL(ctypes.util.find_library("utf8proc"))
    utf8proc.utf8proc_unicode_version.restype = ctypes.c_char_p
    unassigned = {c for c in CODE_POINTS if utf8proc.utf8proc_category(ctypes.c_int32(c)) == 0}
    flags = {}
    for letter, name in (("L", "LETTER"), ("N", "NUMBER")):
        pattern = r"\p{%s}" % letter
        python = {c for c in unassigned if regex.match(pattern, chr(c))}
        rust = matched_by_tokenizers(pattern) & unassigned
        for c in python | rust:
            who = [n for n, s in (("HUGGINGFACE", rust), ("OPENCLIP", python)) if c in s]
            flags[c] = f"{name}, " + " | ".join("KNOWN_TO_" + n for n in who)
    lower = normalizers.Lowercase()
    delta = {}
    for c in unassigned:
        to = lower.normalize_str(chr(c))
        if to != chr(c):
            delta[c] = ord(to) - c
    marks = uncomposed_by_tokenizers(utf8proc)
    version = utf8proc.utf8proc_unicode_version().decode()
    lines = ["/* Written by scripts/make_text_tables.py unicode: what the references know beyond",
             f" * Unicode {version}. */", "static const struct newer_class newer_classes[] = {"]
    lines += [f"\t{{ 0x{a:x}, 0x{b:x}, TEXT_{v} }}," for a, b, v in runs(flags)]
    lines += ["};", "", "static const struct newer_lower newer_lowers[] = {"]
    lines += [f"\t{{ 0x{a:x}, 0x{b:x}, {v} }}," for a, b, v in runs(delta)]
    lines += ["};", "", "static const struct range uncomposed[] = {"]
    lines += [f"\t{{ 0x{a:x}, 0x{b:x} }}," for a, b, _ in runs(marks)]
    lines += ["};"]
    (ROOT / "src/text/unicode_newer.inc").write_text("\n".join(lines) + "\n")


def write_bert():
    from tokenizers import normalizers, pre_tokenizers

    utf8proc = ctypes.CDLL(ctypes.util.find_library("utf8proc"))
    utf8proc.utf8proc_unicode_version.restype = ctypes.c_char_p
    names = ("Cn Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Cs "
             "Co").split()
    off = {"clean_text": False, "handle_chinese_chars": False, "strip_accents": False,
           "lowercase": False}
    clean = normalizers.BertNormalizer(**{**off, "clean_text": True})
    strip = normalizers.BertNormalizer(**{**off, "strip_accents": True})
    split = pre_tokenizers.BertPreTokenizer()
    different = {"other_formats": {}, "other_marks": {}, "other_punctuation": {}}
    for c in CODE_POINTS[1:]:
        char, category = chr(c), names[utf8proc.utf8proc_category(ctypes.c_int32(c))]
        if category == "Cf" and clean.normalize_str(f"a{char}b") != "ab":
            different["other_formats"][c] = ""
        if (strip.normalize_str("a" + char) == "a") != (category == "Mn"):
            different["other_marks"][c] = ""
        punctuation = category[0] == "P" or c < 0x80 and category[0] == "S"
        if (len(split.pre_tokenize_str(f"a{char}b")) == 3) != punctuation:
            different["other_punctuation"][c] = ""
    version = utf8proc.utf8proc_unicode_version().decode()
    lines = ["/* Written by scripts/make_text_tables.py bert: where its reference has another kind of",
             f" * character than Unicode {version}. */"]
    for name, characters in different.items():
        lines += [f"static const struct range {name}[] = {{"]
        lines += [f"\t{{ 0x{a:x}, 0x{b:x} }}," for a, b, _ in runs(characters)]
        lines += ["};"]
    (ROOT / "src/text/unicode_bert.inc").write_text("\n".join(lines) + "\n")


TABLES = {"merges": write_merges, "sets": write_sets, "html": write_html, "unicode": write_unicode,
          "bert": write_bert}


def main():
    names = sys.argv[1:] or list(TABLES)
    for name in names:
        if name not in TABLES:
            sys.exit(__doc__)
        TABLES[name]()


if __name__ == "__main__":
    main()
