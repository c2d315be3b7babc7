"""Token ids against transformers' CLIPTokenizer and open_clip's SimpleTokenizer.

Run with CLIPCLS_BUILD naming a build folder. Needs transformers, open_clip_torch and the nouns of
WordNet (Debian: wordnet-base), or CLIPCLS_NOUNS naming a file with one noun a line. Ids must be
identical, without exception; texts that ftfy would mend as mis-decoded are left out for open_clip
and counted.
"""

import gzip
import itertools
import json
import os
import pathlib
import random
import subprocess
import unicodedata

import ftfy
import pytest
import regex
from open_clip.tokenizer import SimpleTokenizer, bytes_to_unicode, default_bpe
from open_clip.zero_shot_metadata import IMAGENET_CLASSNAMES, OPENAI_IMAGENET_TEMPLATES
from transformers import CLIPTokenizer

BUILD = pathlib.Path(os.environ.get("CLIPCLS_BUILD", "build/release")).resolve()
NOUNS = pathlib.Path(os.environ.get("CLIPCLS_NOUNS", "/usr/share/wordnet/index.noun"))
CONTEXT_LENGTH = 77


def our_ids(cleaning, texts, context_length=CONTEXT_LENGTH, directory=None):
    command = [BUILD / "tests/dump_tokens", cleaning, str(context_length)]
    command += [directory] if directory else []
    run = subprocess.run(command, input="".join(t + "\0" for t in texts).encode(),
                         stdout=subprocess.PIPE, check=True)
    lines = run.stdout.decode().splitlines()
    assert len(lines) == len(texts)
    return [[int(i) for i in line.split()] for line in lines]


def report(name, texts, ours, theirs):
    wrong = [(t, o, r) for t, o, r in zip(texts, ours, theirs) if o != r]
    print(f"{name}: {len(texts)} strings compared, {len(wrong)} differ")
    for text, our, their in wrong[:20]:
        print("  ", ascii(text), "\n    ours  ", our, "\n    theirs", their)
    assert not wrong


def compare_huggingface(name, texts, tokenizer, context_length=CONTEXT_LENGTH, directory=None):
    theirs = tokenizer(texts, truncation=True, max_length=context_length)["input_ids"]
    report("huggingface " + name, texts,
           our_ids("huggingface", texts, context_length, directory), theirs)


def would_be_mended(text):
    return ftfy.fix_text(text) != ftfy.fix_text(text, fix_encoding=False)


def compare_openclip(name, texts, tokenizer, context_length=CONTEXT_LENGTH):
    kept = [t for t in texts if t.isascii() and "&" not in t or not would_be_mended(t)]
    print(f"openclip {name}: {len(texts) - len(kept)} of {len(texts)} left out as mis-decoded")
    theirs = tokenizer(kept, context_length).tolist() if kept else []
    ours = our_ids("openclip", kept, context_length)
    padded = [o + [0] * (context_length - len(o)) for o in ours]
    report("openclip " + name, kept, padded, theirs)


# ---- the references -----------------------------------------------------------------------------


@pytest.fixture(scope="session")
def clip_directory(tmp_path_factory):
    """CLIP's vocabulary as Hugging Face writes it."""
    folder = tmp_path_factory.mktemp("clip")
    merges = gzip.open(default_bpe()).read().decode().split("\n")[1:48895]
    letters = list(bytes_to_unicode().values())
    tokens = letters + [c + "</w>" for c in letters] + [m.replace(" ", "") for m in merges]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({t: i for i, t in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    return folder


@pytest.fixture(scope="session")
def huggingface(clip_directory):
    return CLIPTokenizer.from_pretrained(clip_directory)


@pytest.fixture(scope="session")
def openclip():
    return SimpleTokenizer()


# ---- the strings --------------------------------------------------------------------------------


def imagenet_prompts():
    return [t(c) for c in IMAGENET_CLASSNAMES for t in OPENAI_IMAGENET_TEMPLATES[::2]]


def nouns():
    assert NOUNS.exists(), f"{NOUNS}: install wordnet-base, or set CLIPCLS_NOUNS"
    lines = NOUNS.read_text().splitlines()
    words = [line.split()[0].replace("_", " ") for line in lines if line[:1] not in ("", " ")]
    rng = random.Random(1)
    change = (str.lower, str.upper, str.title, lambda s: f"a photo of a {s}.",
              lambda s: s.replace(" ", "_"), lambda s: f"{s}'s")
    return [rng.choice(change)(w) for w in words[::4]]


def sentences():
    pieces = [
        "café", "cafe\u0301", "naïve", "Ångström", "A\u030angstro\u0308m", "ŁÓDŹ", "İstanbul", "ılık",
        "straße", "STRASSE", "ẞ", "ΣΊΣΥΦΟΣ", "ΑΣ.", "Σ", "ὈΔΥΣΣΕΎΣ", "Ὀδυσσεύς's", "ﬁsh", "ﬄuﬀ", "ﬅ",
        "ＦＵＬＬ　ｗｉｄｔｈ１２３", "ｶﾞﾗｽ", "￥１００", "Ǆungla", "ĳs", "ŉ", "中文字", "日本語のテキスト", "한국어",
        "한국어", "العربية", "مَرْحَبًا", "١٢٣", "עִבְרִית", "हिन्दी", "ไทย", "தமிழ்", "Việt Nam",
        "👩\u200d👩\u200d👧\u200d👦", "🇩🇪🇫🇷", "👍🏽", "❤\ufe0f", "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "“curly”", "‘single’", "it’s", "don´t", "„tief“", "«fr»", "…", "—", "–", "x\u00adb",
        "2nd", "007", "3.14", "1,000", "²³", "½", "Ⅷ", "①", "v2.0-beta", "C++", "c#", "e=mc²",
        "'s", "'S", "'T", "'RE", "'Ve", "'M", "'LL", "'D", "'ll'd", "I'LL", "we'Ve", "'ſ", "it'ſ",
        "''s", "!'s", "'", "''", "rock'n'roll", "'twas", "o'clock's", "\"'re\"", "´s",
        "a\tb", "a\nb", "a\r\nb", "a\rb", "\u2028", "\u2029", "\x85", "\xa0", "\u3000", "\u200b",
        "\u200d", "\ufeff", "\u2060", "\u180e", "\x0b", "\x0c", "\x1c", "\x1f", "\x7f", "\x01",
        "\x80", "\x99", "\x1b[31mred\x1b[0m", "\x1b[1;", "\x1b[٣m", "\x1b\x1b[0m[0m", "\u202e",
        "&amp;", "&amp", "&AMP;", "&lt;b&gt;", "&eacute;", "&EACUTE;", "&SZLIG;", "&nbsp;", "&#233;",
        "&#xe9;", "&#XE9", "&#59;", "&#0;", "&#x80;", "&#150;", "&#xD800;", "&#x110000;", "&#1;",
        "&#12ab;", "&#;", "&#x;", "&;", "&notit;", "&notin;", "&copy2024", "&ampamp;", "&amp;amp;",
        "&amp;amp;amp;lt;", "R&D", "AT&T;", "&hellip;", "&rsquo;s", "&Aacute", "&frac12;x", "&fjlig;",
        "&NotEqualTilde;", "&thetasym;", "&#10;", "&#13;", "&#x2028;", "&#99999999999999999999;",
        "<b>", "<", "a<b", "<br/>&amp;", "&CounterClockwiseContourIntegral;", "&#xFFFE;", "&#xFF21;",
        "<|startoftext|>", "<|endoftext|>", "<|STARTOFTEXT|>", "<|EndOfText|>", "<|startoftext|",
        "<start_of_text>", "<end_of_text>", "<START_OF_TEXT>", "<End_Of_Text>", "<ſtart_of_text>",
        "&lt;end_of_text&gt;", "<|endoftext|>'s", "<|ENDOFTEXT|>'s!", "x<|endoftext|>\u0301",
        "!<|ENDOFTEXT|>", "<end_of_text>'s", "end_of_text>", "<<end_of_text>>",
        "{}", "{0}", "%s", "\\n", "a/b", "@user", "#tag", "http://x.y/z?q=1&r=2", "f(x)", "[1]",
        "_under_", "...", "!!!", "?!", "~", "^_^", ":-)", "\U0010ffff", "\ue000", "\u0378", "\ufffe",
    ]
    rng = random.Random(2)
    out = list(pieces) + ["", " ", "  a  ", "a" * 300, "ab" * 150, "é" * 300, "中" * 300, "1" * 300,
                          "!" * 300, "the " * 100, "supercalifragilistic" * 15, "ab1!" * 75, "😀" * 99]
    for a, b in itertools.product(pieces, pieces[::3]):
        out.append(a + b)
    for _ in range(12000):
        count = rng.randrange(1, 6)
        out.append("".join(rng.choice(pieces) + rng.choice(["", " ", " ", "\n"]) for _ in range(count)))
    for _ in range(300):
        out.append("".join(chr(rng.randrange(0x20, 0x7f)) for _ in range(300)))
    return out


def code_points():
    """Assigned code points (and newer letters and numbers): few of each long block of ideographs."""
    newer = regex.compile(r"[\p{L}\p{N}]")
    chosen = []
    for c in range(1, 0x110000):
        char = chr(c)
        category = unicodedata.category(char)
        if category in ("Cs", "Co") or category == "Cn" and not newer.match(char):
            continue
        dense = 0x3400 <= c < 0x9fff or 0xac00 <= c < 0xd7a4 or 0x12000 <= c < 0x1bd00 or c >= 0x20000
        if not dense or c % 23 == 0:
            chosen.append(char)
    return chosen


def code_points_in_context():
    contexts = ("a{}b", "A{} {}Z", "1{}2", "'{}s", "&{};", "\u0391{}\u03a3", "\u03a3{}", "e{}\u0301",
                "A\u03a3{}a")
    # What a sigma or an accent makes of a character depends on Python's version of Unicode: the last
    # four are for those that it knows.
    return [contexts[i % (9 if unicodedata.category(c) != "Cn" else 5)].replace("{}", c)
            for i, c in enumerate(code_points())]


def combining_sequences():
    """Normalization: letters with up to three marks, in any order."""
    rng = random.Random(3)
    every = [chr(c) for c in range(0x300, 0x20000) if not 0xd800 <= c < 0xe000]
    marks = [c for c in every if unicodedata.combining(c)]
    letters = [c for c in every + [chr(c) for c in range(0x41, 0x250)] if c.isalpha()]
    plain = [c for c in letters if ord(c) < 0x2000]
    out = []
    for _ in range(20000):
        text = "".join(rng.choice(plain) + "".join(rng.choices(marks[:120] if rng.random() < 0.7 else marks,
                                                               k=rng.randrange(4)))
                       for _ in range(3))
        out.append(unicodedata.normalize(rng.choice(["NFC", "NFD"]), text) if rng.random() < 0.5 else text)
    jamo = [chr(c) for c in range(0x1100, 0x1200)]
    out += ["".join(rng.choices(jamo, k=4)) for _ in range(2000)]
    return out


CORPORA = {f.__name__: f for f in (imagenet_prompts, nouns, sentences, code_points,
                                   code_points_in_context, combining_sequences)}


@pytest.mark.parametrize("corpus", CORPORA)
def test_huggingface_ids_are_identical(corpus, huggingface):
    compare_huggingface(corpus, CORPORA[corpus](), huggingface)


@pytest.mark.parametrize("corpus", CORPORA)
def test_openclip_ids_are_identical(corpus, openclip):
    compare_openclip(corpus, CORPORA[corpus](), openclip)


@pytest.mark.parametrize("context_length", [2, 3, 8, 77, 300])
def test_truncation_is_identical(context_length, huggingface, openclip):
    texts = sentences()[::7]
    compare_huggingface(f"cut to {context_length}", texts, huggingface, context_length)
    compare_openclip(f"cut to {context_length}", texts, openclip, context_length)


def test_vocabulary_files_give_the_built_in_ids(clip_directory, huggingface, tmp_path):
    texts = sentences() + nouns()[:2000]
    built_in = our_ids("huggingface", texts)
    report("vocab.json and merges.txt", texts, our_ids("huggingface", texts, directory=clip_directory), built_in)
    huggingface.save_pretrained(tmp_path)
    assert (tmp_path / "tokenizer.json").exists() and not (tmp_path / "vocab.json").exists()
    report("tokenizer.json", texts, our_ids("huggingface", texts, directory=tmp_path), built_in)
    document = json.loads((tmp_path / "tokenizer.json").read_text())
    document["model"]["merges"] = [" ".join(m) for m in document["model"]["merges"]]
    (tmp_path / "tokenizer.json").write_text(json.dumps(document, ensure_ascii=False))
    report("tokenizer.json, old merges", texts, our_ids("huggingface", texts, directory=tmp_path), built_in)


def test_a_smaller_vocabulary_is_identical(clip_directory, tmp_path):
    """512 letters and the first 8,000 merges, as a small model has."""
    merges = (clip_directory / "merges.txt").read_text().split("\n")[1:8001]
    letters = list(bytes_to_unicode().values())
    tokens = letters + [c + "</w>" for c in letters] + [m.replace(" ", "") for m in merges]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    (tmp_path / "vocab.json").write_text(json.dumps({t: i for i, t in enumerate(tokens)}))
    (tmp_path / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    tokenizer = CLIPTokenizer.from_pretrained(tmp_path)
    compare_huggingface("small vocabulary", sentences() + nouns(), tokenizer, 32, tmp_path)


@pytest.mark.skipif("CLIPCLS_TOKENIZER" not in os.environ,
                    reason="CLIPCLS_TOKENIZER names no checkpoint directory")
def test_a_checkpoint_of_ones_own_is_identical():
    folder = pathlib.Path(os.environ["CLIPCLS_TOKENIZER"])
    compare_huggingface(folder.name, sentences() + nouns(), CLIPTokenizer.from_pretrained(folder),
                        32, folder)
