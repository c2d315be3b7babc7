"""Token ids of BERT's WordPiece: transformers' BertTokenizer (ALIGN), open_clip's HFTokenizer (CLIPA)."""

import json

import pytest
from open_clip.tokenizer import HFTokenizer
from transformers import AutoTokenizer, BertTokenizer

from token_texts import compare, not_mended, texts
from vocabularies import train_wordpiece

CONTEXT_LENGTH = 64
UNK, CLS, SEP = 100, 101, 102


@pytest.fixture(scope="session")
def strings():
    return texts()


@pytest.fixture(scope="session")
def vocabulary(tmp_path_factory):
    """A folder with vocab.txt; the special tokens have bert-base-uncased's ids."""
    folder = tmp_path_factory.mktemp("bert")
    tokens = train_wordpiece(folder)
    assert [tokens.index(t) for t in ("[UNK]", "[CLS]", "[SEP]")] == [UNK, CLS, SEP]
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer"}))
    return folder


@pytest.fixture(scope="session")
def saved(vocabulary, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bert_saved")
    AutoTokenizer.from_pretrained(vocabulary).save_pretrained(folder)
    assert (folder / "tokenizer.json").exists()
    return folder


def ids(folder, batch, context_length=CONTEXT_LENGTH):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert type(tokenizer) is BertTokenizer
    return tokenizer(batch, truncation=True, max_length=context_length)["input_ids"]


def test_align_ids_are_identical(saved, strings):
    compare("BERT, tokenizer.json", "none", "wordpiece", strings, ids(saved, strings), CONTEXT_LENGTH, saved)


def test_vocab_txt_ids_are_identical(vocabulary, strings):
    batch = strings[::2]
    compare("BERT, vocab.txt", "none", "wordpiece", batch, ids(vocabulary, batch), CONTEXT_LENGTH, vocabulary)


@pytest.mark.parametrize("context_length", [2, 3, 16])
def test_it_is_cut_alike(context_length, saved, strings):
    batch = strings[::9]
    compare(f"BERT cut to {context_length}", "none", "wordpiece", batch, ids(saved, batch, context_length),
            context_length, saved)


@pytest.mark.parametrize("options", [{"do_lower_case": False}, {"strip_accents": False},
                                     {"do_lower_case": False, "strip_accents": True},
                                     {"tokenize_chinese_chars": False}])
def test_other_normalizers_are_identical(options, vocabulary, strings, tmp_path):
    AutoTokenizer.from_pretrained(vocabulary, **options).save_pretrained(tmp_path)
    batch = strings[::4]
    compare(f"BERT {options}", "none", "wordpiece", batch, ids(tmp_path, batch), CONTEXT_LENGTH, tmp_path)


def test_clipa_ids_are_identical(saved, strings):
    """The end token becomes 0, which is what padding is, too."""
    batch = not_mended(strings)
    rows = HFTokenizer(str(saved), context_length=32, strip_sep_token=True)(batch).tolist()
    plain = HFTokenizer(str(saved), context_length=32)(batch).tolist()
    lengths = [len(r) - r[::-1].index(SEP) for r in plain]
    assert all(r[n - 1] == 0 for r, n in zip(rows, lengths))
    theirs = [r[:n] for r, n in zip(rows, lengths)]
    compare("CLIPA", "openclip_whitespace+strip_sep", "wordpiece", batch, theirs, 32, saved)
