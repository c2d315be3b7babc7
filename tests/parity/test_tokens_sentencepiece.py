"""Token ids of SentencePiece vocabularies: SigLIP (spiece.model), T5's and XLM-R's tokenizer.json, Gemma's.

The vocabularies are trained here, in the formats of the real ones; ids must be identical.
"""

import json

import pytest
from open_clip.tokenizer import HFTokenizer
from tokenizers import AddedToken, Tokenizer
from transformers import AutoTokenizer, Siglip2Tokenizer, SiglipTokenizer, T5Tokenizer, XLMRobertaTokenizer

from token_texts import compare, not_mended, texts
from vocabularies import charsmap_of, gemma_parts, pieces_of, train_sentencepiece

CONTEXT_LENGTH = 64


@pytest.fixture(scope="session")
def strings():
    return texts()


MODELS = {
    "nmt_nfkc": {},
    "nfkc_cf": {"normalization_rule_name": "nmt_nfkc_cf"},
    "identity": {"normalization_rule_name": "identity"},
    "byte_fallback": {"byte_fallback": True},
    "user_defined": {"user_defined_symbols": ["photo of", "caf\u00e9", "\u2581cat", "x"], "vocab_size": 2000},
    "all_spaces": {"remove_extra_whitespaces": False, "add_dummy_prefix": False, "vocab_size": 2000},
}


@pytest.fixture(scope="session")
def models_of(tmp_path_factory):
    made = {}

    def get(name):
        if name not in made:
            made[name] = train_sentencepiece(tmp_path_factory.mktemp(name), **MODELS[name])
        return made[name]
    return get


# ---- SigLIP ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_siglip_ids_are_identical(name, models_of, strings):
    folder = models_of(name)
    tokenizer = SiglipTokenizer(str(folder / "spiece.model"))
    batch = strings if name == "nmt_nfkc" else strings[::4]
    theirs = tokenizer(batch, truncation=True, max_length=CONTEXT_LENGTH)["input_ids"]
    compare("SigLIP " + name, "siglip", "sentencepiece", batch, theirs, CONTEXT_LENGTH, folder)


@pytest.mark.parametrize("context_length", [2, 3, 16])
def test_siglip_is_cut_alike(context_length, models_of, strings):
    folder = models_of("nmt_nfkc")
    tokenizer = SiglipTokenizer(str(folder / "spiece.model"))
    batch = strings[::9]
    theirs = tokenizer(batch, truncation=True, max_length=context_length)["input_ids"]
    compare(f"SigLIP cut to {context_length}", "siglip", "sentencepiece", batch, theirs, context_length, folder)


# ---- T5 and XLM-R ---------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def t5(models_of, tmp_path_factory):
    source, folder = models_of("nmt_nfkc"), tmp_path_factory.mktemp("t5")
    tokenizer = T5Tokenizer(vocab=pieces_of(source), _spm_precompiled_charsmap=charsmap_of(source),
                            extra_ids=0, pad_token="</s>")
    tokenizer.save_pretrained(folder)
    return folder


def openclip_rows(folder, batch, clean, end):
    """Ids up to the first end token: padding is end tokens, too. Special tokens are no part of texts here."""
    rows = HFTokenizer(str(folder), context_length=CONTEXT_LENGTH, clean=clean)(batch).tolist()
    return [row[:row.index(end) + 1] for row in rows]


@pytest.mark.parametrize("clean", ["canonicalize", "whitespace", "lower"])
def test_openclip_siglip_ids_are_identical(clean, t5, strings):
    batch = [t for t in not_mended(strings if clean == "canonicalize" else strings[::3]) if "</s" not in t.lower()]
    theirs = openclip_rows(t5, batch, clean, 1)
    compare("open_clip SigLIP " + clean, "openclip_" + clean, "sentencepiece", batch, theirs,
            CONTEXT_LENGTH, t5)


def test_t5_ids_are_identical(t5, strings):
    tokenizer = AutoTokenizer.from_pretrained(t5)
    assert type(tokenizer) is T5Tokenizer
    theirs = tokenizer(strings, truncation=True, max_length=CONTEXT_LENGTH)["input_ids"]
    compare("T5", "none", "sentencepiece", strings, theirs, CONTEXT_LENGTH, t5)


def test_xlm_roberta_ids_are_identical(models_of, strings, tmp_path):
    """MetaCLIP 2's class: a token before the text, too, and <mask>, which takes the space before it."""
    source = models_of("nmt_nfkc")
    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)] + pieces_of(source)[3:]
    tokenizer = XLMRobertaTokenizer(vocab=pieces + [("<mask>", 0.0)], _spm_precompiled_charsmap=charsmap_of(source),
                                    mask_token=AddedToken("<mask>", lstrip=True, special=True))
    tokenizer.save_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    theirs = tokenizer(strings, truncation=True, max_length=77)["input_ids"]
    compare("XLM-R", "none", "sentencepiece", strings, theirs, 77, tmp_path)
    document = json.loads((tmp_path / "tokenizer.json").read_text())
    # As the converter of SentencePiece's files writes it: the class is the same.
    document["normalizer"] = {"type": "Sequence", "normalizers": [
        document["normalizer"], {"type": "Strip", "strip_left": False, "strip_right": True},
        {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "\u2581"}]}
    document["pre_tokenizer"] = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True}
    (tmp_path / "tokenizer.json").write_text(json.dumps(document))
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    theirs = tokenizer(strings[::3], truncation=True, max_length=77)["input_ids"]
    compare("XLM-R, converted", "none", "sentencepiece", strings[::3], theirs, 77, tmp_path)


# ---- Gemma ----------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def gemma(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gemma")
    vocab, merges = gemma_parts()
    tokenizer = Siglip2Tokenizer(vocab=vocab, merges=merges, add_bos_token=False, add_eos_token=True,
                                 padding_side="right")
    tokenizer.add_tokens([AddedToken(t, normalized=False, special=False)
                          for t in ["<unused1>", "<start_of_turn>", "\n", "\n\n", "\u2581\u2581"]])
    tokenizer.save_pretrained(folder)
    return folder


def test_siglip2_ids_are_identical(gemma, strings):
    tokenizer = AutoTokenizer.from_pretrained(gemma)
    assert type(tokenizer) is Siglip2Tokenizer
    theirs = tokenizer(strings, truncation=True, max_length=CONTEXT_LENGTH)["input_ids"]
    for cleaning in ("lower", "none"):  # this file says so itself
        compare("SigLIP 2 " + cleaning, cleaning, "sentencepiece", strings, theirs, CONTEXT_LENGTH, gemma)


def test_gemmas_file_is_lowered_for_siglip2(gemma, strings, tmp_path):
    """A file of Gemma's own, under the class that lowers."""
    document = json.loads((gemma / "tokenizer.json").read_text())
    document["normalizer"] = {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}
    document["model"]["merges"] = [" ".join(m) for m in document["model"]["merges"]]
    (tmp_path / "tokenizer.json").write_text(json.dumps(document))
    config = json.loads((gemma / "tokenizer_config.json").read_text())
    for name, cleaning in (("Siglip2Tokenizer", "lower"), ("GemmaTokenizer", "none")):
        (tmp_path / "tokenizer_config.json").write_text(json.dumps({**config, "tokenizer_class": name}))
        tokenizer = AutoTokenizer.from_pretrained(tmp_path)
        assert type(tokenizer).__name__ == name
        theirs = tokenizer(strings[::3], truncation=True, max_length=CONTEXT_LENGTH)["input_ids"]
        compare(name, cleaning, "sentencepiece", strings[::3], theirs, CONTEXT_LENGTH, tmp_path)


def test_openclip_siglip2_ids_are_identical(gemma, strings):
    batch = not_mended(strings)
    theirs = openclip_rows(gemma, batch, "canonicalize", 1)
    compare("open_clip SigLIP 2", "openclip_canonicalize", "sentencepiece", batch, theirs, CONTEXT_LENGTH, gemma)


@pytest.mark.parametrize("fuse", [True, False])
def test_unknown_characters_without_bytes_are_identical(fuse, gemma, strings, tmp_path):
    document = json.loads((gemma / "tokenizer.json").read_text())
    document["model"].update(byte_fallback=False, fuse_unk=fuse)
    (tmp_path / "tokenizer.json").write_text(json.dumps(document))
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    tokenizer.enable_truncation(CONTEXT_LENGTH)
    batch = strings[::5]
    theirs = [e.ids for e in tokenizer.encode_batch(batch)]
    compare(f"no bytes, fuse {fuse}", "none", "sentencepiece", batch, theirs, CONTEXT_LENGTH, tmp_path)
