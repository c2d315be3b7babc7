"""OpenCLIP directories read by clipcls against open_clip: every tensor bit-identical to the state
dict under transformers' names, transposes and slices included; every config key either means what
it means there or is refused. Needs CLIPCLS_BUILD, the build folder.
"""
import dataclasses

import pytest
import safetensors.torch
import torch

from checkpoint_support import (
    OPENCLIP, assert_same, canonical, dump, edit_json, open_clip, run, save_openclip)


@pytest.mark.parametrize("custom_text", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_openclip_weights_are_bit_identical(tmp_path, custom_text, dtype):
    config = dict(OPENCLIP, custom_text=custom_text)
    model = save_openclip(tmp_path, config, custom_text=custom_text, dtype=dtype)
    description, tensors = dump(tmp_path)
    assert_same(tensors, canonical(model.state_dict()))
    assert description["layout"] == "openclip"


def test_openclip_defaults_are_the_references(tmp_path):
    """Only what cannot be absent is given."""
    vision = open_clip.CLIPVisionCfg()
    text = open_clip.CLIPTextCfg()
    config = dict(embed_dim=16, vision_cfg=dict(layers=1, width=64),
                  text_cfg=dict(layers=1, width=32, vocab_size=99))
    model = save_openclip(tmp_path, config)
    ours = dump(tmp_path)[0]["config"]
    reference = open_clip.transform.PreprocessCfg()
    assert ours["vision"] == dict(
        width=64, layers=1, heads=64 // vision.head_width, mlp_width=int(64 * vision.mlp_ratio),
        activation="gelu", layer_norm_eps=model.visual.ln_post.eps, image_size=vision.image_size,
        patch_size=vision.patch_size, position_grid=0, class_token=True, patch_bias=False, pre_norm=True,
        norm_after_pooling=False, gated_mlp=False, attention_norm=False, mlp_norm=False,
        residual_post_norm=False, no_key_bias=False, rotary_side=0, pooling="class", projection=True,
        projection_bias=False)
    assert ours["text"] == dict(
        width=32, layers=1, heads=text.heads, mlp_width=int(32 * text.mlp_ratio),
        activation="gelu", layer_norm_eps=model.ln_final.eps, vocab_size=99,
        context_length=text.context_length, pooling=text.pool_type, eos_token_id=text.eos_id,
        attention="causal", pad_token_id=text.pad_id, pad_left=False, projection=True, projection_bias=False)
    preprocess = ours["preprocess"]
    assert preprocess["resize_mode"] == reference.resize_mode
    assert preprocess["interpolation"] == reference.interpolation
    assert preprocess["mean"] == list(reference.mean) and preprocess["std"] == list(reference.std)
    assert preprocess["fill"] == [reference.fill_color] * 3
    assert preprocess["order"] == "openclip"


@pytest.mark.parametrize("preprocess", [
    dict(size=7, interpolation="bilinear", resize_mode="squash", mean=[0.1, 0.2, 0.3],
         std=[0.5, 0.6, 0.7], mode="RGB", fill_color=0),
    dict(resize_mode="longest", interpolation="random", fill_color=127, mean=0.5, std=None),
])
def test_openclip_preprocessing(tmp_path, preprocess):
    save_openclip(tmp_path, OPENCLIP, preprocess)
    ours = dump(tmp_path)[0]["config"]["preprocess"]
    merged = open_clip.transform.merge_preprocess_dict(
        dataclasses.asdict(open_clip.transform.PreprocessCfg()), preprocess)
    assert ours["resize_mode"] == merged["resize_mode"]
    assert ours["interpolation"] == merged["interpolation"].replace("random", "bicubic")
    assert ours["resize_height"] == ours["crop_width"] == 24
    mean = merged["mean"]
    assert ours["mean"] == (list(mean) if isinstance(mean, (list, tuple)) else [mean] * 3)
    assert ours["std"] == list(merged["std"])
    assert ours["fill"] == [merged["fill_color"]] * 3


def change_openclip(path, section, **values):
    def change(config):
        (config["model_cfg"][section] if section else config["model_cfg"]).update(values)
    edit_json(path / "open_clip_config.json", change)


def test_openclip_activation_and_eps(tmp_path):
    save_openclip(tmp_path, OPENCLIP)
    change_openclip(tmp_path, "text_cfg", norm_kwargs={"eps": 1e-6}, pool_type="eos", eos_id=7)
    change_openclip(tmp_path, "vision_cfg", act_kwargs={"approximate": "tanh"})
    ours = dump(tmp_path)[0]["config"]
    assert ours["text"]["layer_norm_eps"] == 1e-6
    assert (ours["text"]["pooling"], ours["text"]["eos_token_id"]) == ("end_token", 7)
    assert ours["vision"]["activation"] == "gelu_pytorch_tanh"
    change_openclip(tmp_path, "vision_cfg", act_kwargs=None)
    change_openclip(tmp_path, None, quick_gelu=True)
    ours = dump(tmp_path)[0]["config"]
    assert ours["text"]["activation"] == ours["vision"]["activation"] == "quick_gelu"


# For every field of the reference's configs that is not built, a value that changes the computation.
MATTERS = {
    "vision_cfg": dict(
        ls_init_value=0.1, attentional_pool=True, pool_type="none", output_tokens=True, act_kwargs={"inplace": True},
        norm_kwargs={"bias": False}, block_type="custom", qk_norm=True, scaled_cosine_attn=True,
        scale_heads=True, scale_attn_inner=True, scale_attn=True, scale_fc=True,
        timm_model_name="vit_tiny", new_key=1),
    "text_cfg": dict(
        tokenizer_mode="x", tokenizer_kwargs={"clean": "x"},
        ls_init_value=0.1, embed_cls=True, proj_type="mlp", output_tokens=True, act_kwargs={"inplace": True},
        norm_kwargs={"bias": False}, block_type="custom", qk_norm=True, scaled_cosine_attn=True,
        scale_heads=True, scale_attn_inner=True, scale_attn=True, scale_fc=True,
        hf_model_name="bert", new_key=1),
    None: dict(multimodal_cfg={"width": 8}, new_key=1),
}


@pytest.mark.parametrize("section, key", [(s, k) for s, keys in MATTERS.items() for k in keys])
def test_openclip_keys_that_matter_are_refused_by_name(tmp_path, section, key):
    save_openclip(tmp_path, OPENCLIP)
    change_openclip(tmp_path, section, **{key: MATTERS[section][key]})
    error = run("dump", tmp_path, ok=False)
    assert error.startswith("unsupported: ")
    assert f"model_cfg.{key}" in error or f"{section}.{key}" in error


def test_every_openclip_default_written_out_is_accepted(tmp_path):
    save_openclip(tmp_path, OPENCLIP)
    vision = dataclasses.asdict(open_clip.CLIPVisionCfg()) | OPENCLIP["vision_cfg"]
    text = dataclasses.asdict(open_clip.CLIPTextCfg()) | OPENCLIP["text_cfg"]
    before = dump(tmp_path)[0]["config"]
    change_openclip(tmp_path, "vision_cfg", **vision)
    change_openclip(tmp_path, "text_cfg", **text)
    assert dump(tmp_path)[0]["config"] == before


def test_openclip_logit_bias_that_the_config_lacks_is_refused(tmp_path):
    save_openclip(tmp_path, OPENCLIP)
    file = tmp_path / "open_clip_model.safetensors"
    tensors = safetensors.torch.load_file(file)
    safetensors.torch.save_file(tensors | {"logit_bias": torch.tensor(-10.0)}, file)
    assert 'tensor "logit_bias" is not one that the config calls for' in run(
        "dump", tmp_path, ok=False)
