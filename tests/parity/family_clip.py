"""Variants of CLIP's own towers: CLIPA (open_clip) and MetaCLIP 2 (transformers, open_clip)."""

import json

import open_clip
from safetensors.torch import save_file
from transformers import BertTokenizer, CLIPImageProcessorPil, MetaClip2Config, MetaClip2Model

from families import Case, randomize
from vocabularies import train_wordpiece, xlm_roberta_tokenizer


def save_openclip(folder, model_cfg, preprocess_cfg, seed):
    model = randomize(open_clip.model.CLIP(**model_cfg), seed, model_cfg["vision_cfg"]["layers"])
    (folder / "open_clip_config.json").write_text(
        json.dumps({"model_cfg": model_cfg, "preprocess_cfg": preprocess_cfg}, indent=2))
    save_file({name: p.data.contiguous() for name, p in model.named_parameters()},
              folder / "open_clip_model.safetensors")


def other_size(folder, *, image_size, seed):
    """The config asks for another size of picture than the weights are for: open_clip resizes positions."""
    config = dict(embed_dim=40, vision_cfg=dict(width=64, layers=2, head_width=16, image_size=48, patch_size=8),
                  text_cfg=dict(width=48, heads=3, layers=2))
    save_openclip(folder, config, {}, seed)
    config["vision_cfg"]["image_size"] = image_size
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": {}}))


def clipa(folder, *, width, layers, image_size, patch_size, embed_dim, text, vocab_size, seed):
    config = open_clip.get_model_config("ViT-L-14-CLIPA")
    config["embed_dim"] = embed_dim
    config["vision_cfg"].update(width=width, layers=layers, image_size=image_size, patch_size=patch_size,
                                head_width=width // 4)
    config["text_cfg"].update(text, vocab_size=vocab_size)
    save_openclip(folder, config, {"interpolation": "bilinear", "resize_mode": "squash",
                                   "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}, seed)
    tokens = train_wordpiece(folder, vocab_size=vocab_size - 150)
    BertTokenizer(vocab={token: i for i, token in enumerate(tokens)}).save_pretrained(folder)


def openclip_metaclip(folder, *, vocab_size, seed):
    config = open_clip.get_model_config("ViT-H-14-worldwide-quickgelu")
    config["embed_dim"] = 40
    config["vision_cfg"].update(width=64, layers=2, head_width=16, image_size=32, patch_size=8)
    config["text_cfg"].update(width=48, heads=3, layers=2, vocab_size=vocab_size)
    save_openclip(folder, config, {}, seed)
    xlm_roberta_tokenizer(folder, vocab_size)


def metaclip(folder, *, vocab_size, seed):
    tower = lambda width, heads: dict(hidden_size=width, num_hidden_layers=2, num_attention_heads=heads,
                                      intermediate_size=2 * width, projection_dim=40, hidden_act="quick_gelu")
    config = MetaClip2Config(
        text_config=dict(**tower(48, 3), vocab_size=vocab_size, max_position_embeddings=77, bos_token_id=0,
                         eos_token_id=2, pad_token_id=1),
        vision_config=dict(**tower(64, 4), image_size=32, patch_size=8), projection_dim=40)
    randomize(MetaClip2Model(config), seed, 2).save_pretrained(folder)
    xlm_roberta_tokenizer(folder, vocab_size)
    CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size=32).save_pretrained(folder)


CASES = {
    "oc-larger-grid": Case(lambda folder: other_size(folder, image_size=80, seed=64)),
    "oc-smaller-grid": Case(lambda folder: other_size(folder, image_size=24, seed=65)),
    "oc-clipa-tiny": Case(lambda folder: clipa(
        folder, width=64, layers=2, image_size=36, patch_size=12, embed_dim=40,
        text=dict(width=48, heads=3, layers=2), vocab_size=3000, seed=61)),
    "metaclip2-tiny": Case(lambda folder: metaclip(folder, vocab_size=4100, seed=62)),
    "oc-metaclip2-tiny": Case(lambda folder: openclip_metaclip(folder, vocab_size=4100, seed=63)),
}
