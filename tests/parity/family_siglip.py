"""SigLIP and SigLIP 2: transformers' SiglipModel, and open_clip's models with timm's trunk."""

import json

import open_clip
import torch
from safetensors.torch import save_file
from tokenizers import AddedToken
from transformers import (Siglip2Tokenizer, SiglipConfig, SiglipImageProcessorPil, SiglipModel,
                          SiglipTokenizer)

from families import Case, randomize
from vocabularies import gemma_parts, t5_tokenizer, train_sentencepiece

CONTEXT_LENGTH = 64


def save_siglip_tokenizer(folder, vocab_size):
    train_sentencepiece(folder, vocab_size=vocab_size)
    SiglipTokenizer(str(folder / "spiece.model"), model_input_names=["input_ids"]).save_pretrained(folder)


def save_siglip2_tokenizer(folder, vocab_size):
    vocab, merges = gemma_parts(vocab_size)
    tokenizer = Siglip2Tokenizer(vocab=vocab, merges=merges, add_bos_token=False, add_eos_token=True,
                                 padding_side="right", model_input_names=["input_ids"])
    tokenizer.add_tokens([AddedToken(t, normalized=False, special=False) for t in ["<unused1>", "\n"]])
    tokenizer.save_pretrained(folder)


def huggingface(folder, *, vision, text, image_size, patch_size, vocab_size, tokenizer, seed, resample=3):
    tower = lambda t: dict(hidden_size=t[0], num_hidden_layers=t[1], num_attention_heads=t[2],
                           intermediate_size=t[3])
    config = SiglipConfig(
        text_config=dict(**tower(text), vocab_size=vocab_size, max_position_embeddings=CONTEXT_LENGTH,
                         projection_size=vision[0]),
        vision_config=dict(**tower(vision), image_size=image_size, patch_size=patch_size))
    model = randomize(SiglipModel(config), seed, max(vision[1], text[1]))
    model.save_pretrained(folder)
    tokenizer(folder, vocab_size)
    SiglipImageProcessorPil(size={"height": image_size, "width": image_size},
                            resample=resample).save_pretrained(folder)


PREPROCESS = {"mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bicubic", "resize_mode": "squash"}


def openclip(folder, name, *, text=None, seed, vocab_size, tokenizer):
    """open_clip's own config of that name, with a smaller vocabulary, and another text tower if given."""
    config = open_clip.get_model_config(name)
    config["text_cfg"].update(text or {}, vocab_size=vocab_size)
    config.pop("custom_text")
    model = open_clip.model.CustomTextCLIP(**config)
    randomize(model, seed, max(12, config["text_cfg"]["layers"]))
    (folder / "open_clip_config.json").write_text(json.dumps(
        {"model_cfg": {**config, "custom_text": True}, "preprocess_cfg": PREPROCESS}, indent=2))
    save_file({name: p.data.contiguous() for name, p in model.named_parameters()},
              folder / "open_clip_model.safetensors")
    tokenizer(folder, vocab_size)


# 35 is no multiple of 8, as 384 is none of 14.
TINY = dict(vision=(64, 2, 4, 96), text=(48, 2, 3, 100), image_size=35, patch_size=8)
BASE = (768, 12, 12, 3072)
SO400M = (1152, 27, 16, 4304)
SMALL_TEXT = dict(layers=2)

CASES = {
    "siglip-tiny": Case(lambda folder: huggingface(
        folder, **TINY, vocab_size=3000, tokenizer=save_siglip_tokenizer, seed=51)),
    "siglip2-tiny": Case(lambda folder: huggingface(
        folder, **TINY, vocab_size=3000, tokenizer=save_siglip2_tokenizer, seed=52, resample=2)),
    # No timm trunk is small; the text tower can be.
    "oc-siglip2-b32": Case(lambda folder: openclip(
        folder, "ViT-B-32-SigLIP2-256", text=SMALL_TEXT, vocab_size=3000,
        tokenizer=save_siglip2_tokenizer, seed=54), wide=True),
    "oc-siglip-b16": Case(lambda folder: openclip(
        folder, "ViT-B-16-SigLIP", text=SMALL_TEXT, vocab_size=3000, tokenizer=t5_tokenizer, seed=53),
        large=True),
    "siglip-b16-224": Case(lambda folder: huggingface(
        folder, vision=BASE, text=BASE, image_size=224, patch_size=16, vocab_size=32000,
        tokenizer=save_siglip_tokenizer, seed=55), large=True),
    "siglip-so400m-14-384": Case(lambda folder: huggingface(
        folder, vision=SO400M, text=SO400M, image_size=384, patch_size=14, vocab_size=32000,
        tokenizer=save_siglip_tokenizer, seed=56), large=True),
    "siglip2-b16-224": Case(lambda folder: huggingface(
        folder, vision=BASE, text=BASE, image_size=224, patch_size=16, vocab_size=256000,
        tokenizer=save_siglip2_tokenizer, seed=57), large=True),
    "oc-siglip-so400m-14-384": Case(lambda folder: openclip(
        folder, "ViT-SO400M-14-SigLIP-384", vocab_size=32000, tokenizer=t5_tokenizer, seed=58), large=True),
    "oc-siglip2-b16": Case(lambda folder: openclip(
        folder, "ViT-B-16-SigLIP2", vocab_size=256000, tokenizer=save_siglip2_tokenizer, seed=59), large=True),
}
