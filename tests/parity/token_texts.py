"""Strings and vocabularies for the tokenizers that are not CLIP's, and the comparison.

Left out: characters that Python's Unicode does not know, since the references carry versions of their
own, and, where open_clip is the reference, texts that ftfy would mend as mis-decoded.
"""

import random
import subprocess
import unicodedata

from test_tokens import BUILD, code_points, combining_sequences, nouns, sentences, would_be_mended

SPECIAL = ["</s>", "<unk>", "<s>", "<pad>", "<mask>", "<bos>", "<eos>", "</S>", "<UNK>", "[CLS]", "[SEP]",
           "[UNK]", "[PAD]", "[MASK]", "[cls]", "<0x41>", "\u2581", "\u2581\u2581", "##ing", "<unused1>",
           "<start_of_turn>", "\n\n", "  ", "\t", "\u00a0"]
# What else there is in a text: sizes, controls, white space, what normalizers map to several characters.
ODD = ["x" * 99, "x" * 100, "x" * 101, "dog" * 400, "\u4e2d\u6587" * 60, "\u200b", "\u00ad", "\ufeff",
       "\u2028", "\u3000", "\x1c", "\x85", "\x0b", "\u00a8", "\u00b4", "\ufdfa", "\u0958", "\u1e9b\u0323",
       "\ufb01\u0301", "\u00c5", "A\u030a", "\u3392", "\u2460", "\uff21\uff22", "\uff76\uff9e", "\u0e33",
       "\u1100\u1161\u11a8", "\uac00", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1e9\U0001f1ea",
       "\r\n", "a\u0300\u0301\u0302", "\u0130", "\u1fb3", "\u03a3", "\ufffd", "~", "`", "$", "^", "\u00a7"]


def is_known(text):
    return all(unicodedata.category(c) != "Cn" for c in text)


def texts():
    """More than 20,000, each with a reason of its own or chosen by chance with a fixed seed."""
    rng = random.Random(11)
    pool = sentences()
    out = pool[:3000] + rng.sample(pool[3000:], 4000) + rng.sample(nouns(), 4000)
    out += SPECIAL + ODD + ["", " ", "a", "A"]
    points = code_points()
    out += [f"a{c}b" for c in points[::17]] + [f"{c} {c}x" for c in points[::29]]
    out += rng.sample(combining_sequences(), 2500)
    pieces = SPECIAL + ODD + ["a", "photo of a cat", " ", "it's", "Caf\u00e9", "NO.", "1,234", "x_y", "the"]
    for _ in range(4500):
        out.append("".join(rng.choice(pieces) + rng.choice(["", "", " "])
                           for _ in range(rng.randrange(1, 6))))
    return [t for t in out if is_known(t) and "\0" not in t]


def training_texts():
    rng = random.Random(12)
    lines = rng.sample(nouns(), 8000) + [t for t in sentences()[::2] if is_known(t) and 0 < len(t) < 200]
    return [t.replace("\n", " ").replace("\r", " ") for t in lines if t.strip()]


def our_ids(cleaning, kind, batch, context_length, directory):
    run = subprocess.run([BUILD / "tests/dump_tokens", cleaning, str(context_length), directory, kind],
                         input="".join(t + "\0" for t in batch).encode(), stdout=subprocess.PIPE, check=True)
    lines = run.stdout.decode().split("\n")[:-1]
    assert len(lines) == len(batch)
    return [[int(i) for i in line.split()] for line in lines]


def compare(name, cleaning, kind, batch, theirs, context_length, directory):
    """theirs: lists of ids without padding."""
    ours = our_ids(cleaning, kind, batch, context_length, directory)
    wrong = [(t, o, r) for t, o, r in zip(batch, ours, theirs) if o != r]
    print(f"{name}: {len(batch)} strings compared, {len(wrong)} differ")
    for text, our, their in wrong[:15]:
        print("  ", ascii(text)[:300], "\n    ours  ", our[:40], "\n    theirs", their[:40])
    assert not wrong


def not_mended(batch):
    return [t for t in batch if t.isascii() and "&" not in t or not would_be_mended(t)]
