"""Small vocabularies in the file formats of the real ones, trained on this machine's words."""

import functools
import json

import sentencepiece
from tokenizers import AddedToken, BertWordPieceTokenizer, Tokenizer, models, normalizers, trainers
from transformers import T5Tokenizer, XLMRobertaTokenizer
from transformers.convert_slow_tokenizer import import_protobuf

from token_texts import training_texts


def train_sentencepiece(folder, **options):
    """spiece.model with SigLIP's ids: <pad>, </s>, <unk>."""
    corpus = folder / "corpus.txt"
    corpus.write_text("\n".join(training_texts()))
    options = {"vocab_size": 4000, "pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1,
               "character_coverage": 0.99, "model_type": "unigram", "minloglevel": 2,
               "num_sub_iterations": 1, "hard_vocab_limit": False, **options}
    options["vocab_size"] = min(options["vocab_size"], 8000)
    sentencepiece.SentencePieceTrainer.train(input=str(corpus), model_prefix=str(folder / "spiece"), **options)
    corpus.unlink()
    return folder


def pieces_of(folder):
    model = sentencepiece.SentencePieceProcessor(str(folder / "spiece.model"))
    return [(model.id_to_piece(i), model.get_score(i)) for i in range(model.get_piece_size())]


def charsmap_of(folder):
    proto = import_protobuf().ModelProto.FromString((folder / "spiece.model").read_bytes())
    return proto.normalizer_spec.precompiled_charsmap


def t5_tokenizer(folder, vocab_size):
    """tokenizer.json of a unigram vocabulary, as open_clip's SigLIP has it."""
    train_sentencepiece(folder, vocab_size=vocab_size)
    T5Tokenizer(vocab=pieces_of(folder), _spm_precompiled_charsmap=charsmap_of(folder), extra_ids=0,
                pad_token="</s>").save_pretrained(folder)
    for path in folder.glob("spiece.*"):
        path.unlink()
    return folder


def train_wordpiece(folder, vocab_size=4000):
    """vocab.txt; the special tokens have bert-base-uncased's ids. Gives the tokens in their order."""
    trained = BertWordPieceTokenizer()
    trained.train_from_iterator(training_texts(), vocab_size=vocab_size, show_progress=False,
                                special_tokens=[])
    learned = sorted(trained.get_vocab(), key=trained.get_vocab().get)
    tokens = ["[PAD]"] + [f"[unused{i}]" for i in range(99)] + ["[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokens += [t for t in learned if t not in tokens]
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n")
    return tokens


def all_splits(vocab, order):
    """Merges as they are made from SentencePiece's files: each way to cut a token in two tokens."""
    merges = []
    for token in order:
        local = [(token[:i], token[i:]) for i in range(1, len(token))
                 if token[:i] in vocab and token[i:] in vocab]
        merges += sorted(local, key=lambda m: (vocab[m[0]], vocab[m[1]]))
    return merges


@functools.cache
def gemma_parts(vocab_size=4000):
    """({token: id}, merges) in the form of Gemma's."""
    trained = Tokenizer(models.BPE())
    trained.normalizer = normalizers.Sequence([normalizers.Replace(" ", "\u2581")])
    trainer = trainers.BpeTrainer(vocab_size=min(vocab_size, 8000) - 300, show_progress=False,
                                  max_token_length=16, min_frequency=3)
    trained.train_from_iterator(training_texts(), trainer)
    document = json.loads(trained.to_str())["model"]
    learned = sorted(document["vocab"], key=document["vocab"].get)
    tokens = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"] + [f"<unused{i}>" for i in range(3)]
    tokens += ["<start_of_turn>", "\n", "\n\n"] + ["\u2581" * i for i in range(2, 6)]
    tokens += [f"<0x{i:02X}>" for i in range(256)]
    tokens += [t for t in learned if t not in tokens]
    vocab = {t: i for i, t in enumerate(tokens)}
    return vocab, all_splits(vocab, learned)


def xlm_roberta_tokenizer(folder, vocab_size):
    """tokenizer.json of a unigram vocabulary with <s> before a text, as MetaCLIP 2 has it."""
    train_sentencepiece(folder, vocab_size=vocab_size - 100)
    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)] + pieces_of(folder)[3:]
    XLMRobertaTokenizer(vocab=pieces + [("<mask>", 0.0)], _spm_precompiled_charsmap=charsmap_of(folder),
                        mask_token=AddedToken("<mask>", lstrip=True, special=True)).save_pretrained(folder)
    for path in folder.glob("spiece.*"):
        path.unlink()
