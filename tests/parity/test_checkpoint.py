"""Checkpoints read by clipcls against the same checkpoints in transformers and open_clip.

Every tensor must be bit-identical to the reference's state dict converted to float32, under
transformers' names, transposes and slices included. Needs CLIPCLS_BUILD, the build folder.
"""
import copy
import ctypes
import dataclasses
import json
import os
import pathlib
import subprocess
import sys

import numpy
import pytest
import torch

try:
    import torchvision  # noqa: F401
except RuntimeError:
    # torchvision without its C++ part wants its operators declared before it is imported.
    for _name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[_name]
    _LIBRARY = torch.library.Library("torchvision", "DEF")
    _LIBRARY.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _LIBRARY.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

import open_clip  # noqa: E402
import safetensors  # noqa: E402
import safetensors.torch  # noqa: E402
import transformers  # noqa: E402

DUMP = pathlib.Path(os.environ["CLIPCLS_BUILD"]) / "tests" / "dump_checkpoint"
TOKENS = "text_model.embeddings.token_embedding.weight"


def run(*arguments, ok=True, env=None):
    result = subprocess.run([DUMP, *map(str, arguments)], capture_output=True, env=env)
    assert (result.returncode == 0) == ok, result.stderr.decode()
    return result.stdout if ok else result.stderr.decode()


def dump(path, *arguments):
    """(description, {name: float32 array}); the rows of the token embeddings are checked."""
    out = run("dump", path, *arguments)
    end = out.index(b"\n")
    description = json.loads(out[:end])
    floats = numpy.frombuffer(out[end + 1:], numpy.float32)
    tensors, start = {}, 0
    for name, shape in description["tensors"]:
        count = int(numpy.prod(shape, dtype=int))
        tensors[name] = floats[start:start + count].reshape(shape)
        start += count
    assert floats[start:].tobytes() == tensors[TOKENS].tobytes()
    return description, tensors


def assert_same(tensors, expected):
    assert tensors.keys() == expected.keys()
    for name, value in expected.items():
        value = value.detach().float().numpy()
        assert tensors[name].shape == value.shape, name
        assert tensors[name].tobytes() == value.tobytes(), name


def randomize(model, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    return model


TEXT = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48,
            vocab_size=99, max_position_embeddings=16, bos_token_id=97, eos_token_id=98,
            hidden_act="gelu", layer_norm_eps=1e-6)
VISION = dict(hidden_size=40, num_hidden_layers=3, num_attention_heads=5, intermediate_size=80,
              image_size=24, patch_size=8)


def huggingface_model(seed=1, dtype=torch.float32):
    config = transformers.CLIPConfig(text_config=dict(TEXT), vision_config=dict(VISION),
                                     projection_dim=28)
    return randomize(transformers.CLIPModel(config), seed).to(dtype)


@pytest.fixture(scope="module")
def huggingface(tmp_path_factory):
    path = tmp_path_factory.mktemp("huggingface")
    huggingface_model().save_pretrained(path)
    return path


def edit_json(path, change):
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def copy_directory(source, target):
    target.mkdir()
    for file in source.iterdir():
        (target / file.name).write_bytes(file.read_bytes())
    return target


# ---- Hugging Face ------------------------------------------------------------------------------

@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_huggingface_weights_are_bit_identical(tmp_path, dtype):
    model = huggingface_model(dtype=dtype)
    model.save_pretrained(tmp_path)
    description, tensors = dump(tmp_path)
    assert_same(tensors, model.state_dict())
    assert description["layout"] == "huggingface"
    assert description["dtype"] == {4: "F32", 2: "F16"}.get(
        dtype.itemsize) if dtype != torch.bfloat16 else "BF16"
    assert description["parameters"] == sum(p.numel() for p in model.parameters())


def test_huggingface_shards_are_read_as_one(tmp_path):
    model = huggingface_model()
    model.save_pretrained(tmp_path, max_shard_size="50KB")
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 2
    assert_same(dump(tmp_path)[1], model.state_dict())


def test_index_and_shards_must_agree(tmp_path):
    model = huggingface_model()
    model.save_pretrained(tmp_path, max_shard_size="50KB")
    index = tmp_path / "model.safetensors.index.json"
    good = index.read_text()
    shard = json.loads(good)["weight_map"]["logit_scale"]

    edit_json(index, lambda v: v["weight_map"].pop("logit_scale"))
    error = run("dump", tmp_path, ok=False)
    assert f"{shard}: tensor \"logit_scale\" is not in the index" in error
    index.write_text(good)
    edit_json(index, lambda v: v["weight_map"].update(more=shard))
    assert f'tensor "more" is not in {shard}' in run("dump", tmp_path, ok=False)
    for name in ("../x.safetensors", "/etc/passwd", "..", "", "a/b"):
        index.write_text(good)
        edit_json(index, lambda v: v["weight_map"].update(logit_scale=name))
        assert "is not a file name" in run("dump", tmp_path, ok=False)


def check_tower(ours, theirs, names):
    for our, their in names.items():
        assert ours[our] == getattr(theirs, their), (our, their)


TOWER = dict(width="hidden_size", layers="num_hidden_layers", heads="num_attention_heads",
             mlp_width="intermediate_size", activation="hidden_act",
             layer_norm_eps="layer_norm_eps")


def check_config(config, reference):
    """Our config's JSON against transformers' CLIPConfig."""
    check_tower(config["vision"], reference.vision_config,
                TOWER | dict(image_size="image_size", patch_size="patch_size"))
    check_tower(config["text"], reference.text_config,
                TOWER | dict(vocab_size="vocab_size", context_length="max_position_embeddings",
                             eos_token_id="eos_token_id"))
    assert config["projection_dim"] == reference.projection_dim
    legacy = reference.text_config.eos_token_id == 2
    assert config["text"]["pooling"] == ("argmax" if legacy else "end_token")


OLD_TEXT = dict(TEXT, eos_token_id=2, bos_token_id=0, hidden_act="quick_gelu")
CONFIGS = {
    "as saved": dict(text_config=TEXT, vision_config=VISION, projection_dim=28),
    "legacy end token": dict(text_config=OLD_TEXT, vision_config=VISION, projection_dim=28),
    "null dicts": dict(text_config=TEXT, vision_config=VISION, projection_dim=28,
                       text_config_dict=None, vision_config_dict=None),
    "dicts override": dict(text_config=dict(TEXT, hidden_size=36, hidden_act="quick_gelu"),
                           vision_config=dict(VISION, layer_norm_eps=1e-3),
                           text_config_dict=TEXT, vision_config_dict=VISION, projection_dim=28),
    "dicts alone": dict(text_config_dict=OLD_TEXT, vision_config_dict=VISION, projection_dim=28),
    # What the dict lacks has the class's default, not the value beside it.
    "dict with gaps": dict(text_config=dict(TEXT), projection_dim=28,
                           vision_config=dict(VISION, hidden_act="gelu", layer_norm_eps=1e-3),
                           vision_config_dict=VISION,
                           text_config_dict={k: v for k, v in TEXT.items()
                                             if k not in ("hidden_act", "layer_norm_eps")}),
    "tanh": dict(text_config=dict(TEXT, hidden_act="gelu_pytorch_tanh"), vision_config=VISION,
                 projection_dim=28),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_config_forms_mean_what_transformers_takes_them_for(huggingface, tmp_path, name):
    directory = copy_directory(huggingface, tmp_path / "model")
    value = copy.deepcopy(CONFIGS[name])
    (directory / "config.json").write_text(json.dumps(dict(value, model_type="clip")))
    reference = transformers.CLIPConfig.from_pretrained(directory)
    check_config(dump(directory)[0]["config"], reference)


def test_an_empty_config_is_transformers_default(tmp_path):
    """The defaults call for OpenAI's sizes; the error shows the first shape that differs."""
    model = huggingface_model()
    model.save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "clip"}')
    reference = transformers.CLIPConfig()
    error = run("dump", tmp_path, ok=False)
    assert f"({reference.text_config.vocab_size}, {reference.text_config.hidden_size})" in error


PROCESSORS = [
    {},
    {"size": 30, "crop_size": 24},
    {"size": {"shortest_edge": 30}, "crop_size": {"height": 24, "width": 24}},
    {"size": {"height": 24, "width": 24}, "crop_size": 24, "resample": 2},
    {"size": 24, "crop_size": 24, "do_rescale": False},
    {"size": 24, "crop_size": 24, "do_normalize": False, "rescale_factor": 0.5},
    {"size": 24, "crop_size": 24, "do_resize": False},
    {"size": {"height": 24, "width": 24}, "do_center_crop": False},
    {"size": 24, "crop_size": 24, "image_mean": [0.5, 0.25, 0.125], "image_std": [0.1, 0.2, 0.3],
     "feature_extractor_type": "CLIPFeatureExtractor"},
]


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("values", PROCESSORS)
def test_image_processor_forms(huggingface, tmp_path, values, nested):
    directory = copy_directory(huggingface, tmp_path / "model")
    values = dict(values, image_processor_type="CLIPImageProcessor")
    if nested:
        # The nested entry counts, whatever the older file says.
        (directory / "processor_config.json").write_text(json.dumps({"image_processor": values}))
        (directory / "preprocessor_config.json").write_text('{"size": 3}')
    else:
        (directory / "preprocessor_config.json").write_text(json.dumps(values))
    reference = transformers.CLIPImageProcessorPil.from_pretrained(directory)
    if reference.do_center_crop and reference.crop_size["height"] != VISION["image_size"]:
        assert "the image tower takes 24x24" in run("dump", directory, ok=False)
        return
    ours = dump(directory)[0]["config"]["preprocess"]
    size = dict(reference.size)
    if size.get("shortest_edge"):
        assert ours["resize_mode"] == "shortest"
        assert ours["resize_height"] == ours["resize_width"] == size["shortest_edge"]
    else:
        assert ours["resize_mode"] == "squash"
        assert (ours["resize_height"], ours["resize_width"]) == (size["height"], size["width"])
    assert ours["do_resize"] == reference.do_resize
    assert ours["do_center_crop"] == reference.do_center_crop
    assert ours["interpolation"] == {2: "bilinear", 3: "bicubic"}[int(reference.resample)]
    assert ours["rescale_factor"] == (reference.rescale_factor if reference.do_rescale else 1)
    normalize = reference.do_normalize
    assert ours["mean"] == (list(reference.image_mean) if normalize else [0, 0, 0])
    assert ours["std"] == (list(reference.image_std) if normalize else [1, 1, 1])


@pytest.mark.parametrize("key, value", [
    ("model_type", "siglip"),
    ("vision_config.hidden_act", "relu"),
    ("vision_config.num_channels", 4),
    ("vision_config.patch_size", [8, 4]),
    ("text_config.eos_token_id", "x"),
])
def test_unknown_values_are_refused_by_name(huggingface, tmp_path, key, value):
    directory = copy_directory(huggingface, tmp_path / "model")

    def change(config):
        *section, last = key.split(".")
        (config[section[0]] if section else config)[last] = value
    edit_json(directory / "config.json", change)
    assert key in run("dump", directory, ok=False)


@pytest.mark.parametrize("values, key", [
    ({"resample": 1}, "resample"),
    ({"size": {"longest_edge": 24}}, "size"),
    ({"do_pad": True}, "do_pad"),
    ({"image_processor_type": "ViTImageProcessor"}, "image_processor_type"),
])
def test_unknown_processors_are_refused_by_name(huggingface, tmp_path, values, key):
    directory = copy_directory(huggingface, tmp_path / "model")
    (directory / "preprocessor_config.json").write_text(json.dumps({"crop_size": 24} | values))
    error = run("dump", directory, ok=False)
    assert error.startswith("unsupported: ") and key in error


def test_tokenizer_files_prefer_vocab_and_merges(huggingface, tmp_path):
    directory = copy_directory(huggingface, tmp_path / "model")
    names = ("vocab", "merges", "tokenizer_json")
    assert [dump(directory)[0][n] for n in names] == [None, None, None]
    (directory / "tokenizer.json").write_text("T")
    assert [dump(directory)[0][n] for n in names] == [None, None, "T"]
    (directory / "vocab.json").write_text("V")
    assert [dump(directory)[0][n] for n in names] == [None, None, "T"]
    (directory / "merges.txt").write_text("M")
    assert [dump(directory)[0][n] for n in names] == ["V", "M", None]


def test_ignored_tensors_and_others(huggingface, tmp_path):
    directory = copy_directory(huggingface, tmp_path / "model")
    file = directory / "model.safetensors"
    tensors = safetensors.torch.load_file(file)
    ids = {"text_model.embeddings.position_ids": torch.arange(16).expand((1, -1)).clone(),
           "vision_model.embeddings.position_ids": torch.arange(10).expand((1, -1)).clone()}
    safetensors.torch.save_file(tensors | ids, file)
    assert_same(dump(directory)[1], tensors)
    safetensors.torch.save_file(tensors | {"extra": torch.zeros(2)}, file)
    assert f'{file}: tensor "extra" is not one' in run("dump", directory, ok=False)
    fewer = dict(tensors)
    del fewer["visual_projection.weight"]
    safetensors.torch.save_file(fewer, file)
    assert f'{file}: tensor "visual_projection.weight" is missing' in run(
        "dump", directory, ok=False)
    safetensors.torch.save_file(tensors | {"logit_scale": torch.tensor(3)}, file)
    assert 'tensor "logit_scale" is I64' in run("dump", directory, ok=False)
    scalar = tensors["logit_scale"]
    safetensors.torch.save_file(tensors | {"logit_scale": scalar.reshape(1)}, file)
    assert_same(dump(directory)[1], tensors)


# ---- OpenCLIP ----------------------------------------------------------------------------------

OPENCLIP = dict(
    embed_dim=28,
    vision_cfg=dict(image_size=24, layers=3, width=40, head_width=20, patch_size=8, mlp_ratio=2.5),
    text_cfg=dict(context_length=16, vocab_size=99, width=32, heads=4, layers=2),
)


def save_openclip(path, model_cfg, preprocess_cfg=None, custom_text=False, seed=5,
                  dtype=torch.float32, name="open_clip_model.safetensors"):
    kind = open_clip.CustomTextCLIP if custom_text else open_clip.CLIP
    arguments = {k: v for k, v in model_cfg.items() if k != "custom_text"}
    model = randomize(kind(**copy.deepcopy(arguments)), seed).to(dtype)
    state = {k: v.contiguous() for k, v in model.state_dict().items()}
    safetensors.torch.save_file(state, path / name)
    config = dict(model_cfg=model_cfg)
    if preprocess_cfg is not None:
        config["preprocess_cfg"] = preprocess_cfg
    (path / "open_clip_config.json").write_text(json.dumps(config))
    return model


def canonical(state):
    """OpenCLIP's state dict under transformers' names."""
    out = {"logit_scale": state["logit_scale"].reshape(())}
    for key, value in state.items():
        key = key.removeprefix("text.")
        vision = key.startswith("visual.")
        key, tower = key.removeprefix("visual."), "vision_model" if vision else "text_model"
        if key.startswith("transformer.resblocks."):
            layer, rest = key.removeprefix("transformer.resblocks.").split(".", 1)
            prefix = f"{tower}.encoder.layers.{layer}."
            if rest.startswith("attn.in_proj_"):
                kind = rest.removeprefix("attn.in_proj_")
                for name, part in zip("qkv", value.chunk(3)):
                    out[f"{prefix}self_attn.{name}_proj.{kind}"] = part
                continue
            for a, b in (("ln_1", "layer_norm1"), ("ln_2", "layer_norm2"), ("mlp.c_fc", "mlp.fc1"),
                         ("mlp.c_proj", "mlp.fc2"), ("attn.", "self_attn.")):
                rest = rest.replace(a, b)
            out[prefix + rest] = value
        elif key in ("proj", "text_projection"):
            out["visual_projection.weight" if vision else "text_projection.weight"] = value.T
        elif key != "logit_scale":
            rest = key
            for a, b in (("positional_embedding", "embeddings.position_embedding.weight"),
                         ("token_embedding", "embeddings.token_embedding"),
                         ("class_embedding", "embeddings.class_embedding"),
                         ("conv1", "embeddings.patch_embedding"), ("ln_pre", "pre_layrnorm"),
                         ("ln_post", "post_layernorm"), ("ln_final", "final_layer_norm")):
                rest = rest.replace(a, b)
            out[f"{tower}.{rest}"] = value
    return out


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
        patch_size=vision.patch_size)
    assert ours["text"] == dict(
        width=32, layers=1, heads=text.heads, mlp_width=int(32 * text.mlp_ratio),
        activation="gelu", layer_norm_eps=model.ln_final.eps, vocab_size=99,
        context_length=text.context_length, pooling=text.pool_type, eos_token_id=text.eos_id)
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


# For every field of the reference's configs, a value that changes the computation.
MATTERS = {
    "vision_cfg": dict(
        ls_init_value=0.1, attentional_pool=True, no_ln_pre=True, final_ln_after_pool=True,
        pool_type="avg", output_tokens=True, act_kwargs={"inplace": True},
        norm_kwargs={"bias": False}, block_type="custom", qk_norm=True, scaled_cosine_attn=True,
        scale_heads=True, scale_attn_inner=True, scale_attn=True, scale_fc=True,
        timm_model_name="vit_tiny", layers=[2, 2, 2, 2], new_key=1),
    "text_cfg": dict(
        hf_tokenizer_name="t5-base", tokenizer_mode="x", tokenizer_kwargs={"clean": "x"},
        ls_init_value=0.1, embed_cls=True, no_causal_mask=True, pool_type="last", proj_bias=True,
        proj_type="none", output_tokens=True, act_kwargs={"inplace": True},
        norm_kwargs={"bias": False}, block_type="custom", qk_norm=True, scaled_cosine_attn=True,
        scale_heads=True, scale_attn_inner=True, scale_attn=True, scale_fc=True,
        hf_model_name="bert", new_key=1),
    None: dict(init_logit_bias=-10, multimodal_cfg={"width": 8}, new_key=1),
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


def test_openclip_logit_bias_tensor_is_refused(tmp_path):
    save_openclip(tmp_path, OPENCLIP)
    file = tmp_path / "open_clip_model.safetensors"
    tensors = safetensors.torch.load_file(file)
    safetensors.torch.save_file(tensors | {"logit_bias": torch.tensor(-10.0)}, file)
    assert "logit bias" in run("dump", tmp_path, ok=False)


def test_layouts_are_told_apart(huggingface, tmp_path):
    """A directory with both kinds is OpenCLIP's, unless it is told otherwise."""
    directory = copy_directory(huggingface, tmp_path / "both")
    save_openclip(directory, OPENCLIP)
    assert dump(directory)[0]["layout"] == "openclip"
    assert dump(directory, "huggingface")[0]["layout"] == "huggingface"
    (directory / "open_clip_model.safetensors").rename(directory / "open_clip_pytorch_model.bin")
    assert dump(directory)[0]["layout"] == "huggingface"
    (directory / "model.safetensors").rename(directory / "pytorch_model.bin")
    error = run("dump", directory, ok=False)
    assert error.startswith("unsupported") and f"scripts/unpickle.py {directory} OUT" in error
    assert "none of" in run("dump", directory, "other", ok=False)


# ---- the single file ---------------------------------------------------------------------------

@pytest.mark.parametrize("dtype", [None, "f32", "f16", "bf16"])
@pytest.mark.parametrize("kind", ["huggingface", "openclip", "sharded"])
def test_converted_files(huggingface, tmp_path, kind, dtype):
    source = tmp_path / "source"
    source.mkdir()
    if kind == "openclip":
        state = canonical(save_openclip(source, OPENCLIP).state_dict())
    else:
        model = huggingface_model()
        model.save_pretrained(source, max_shard_size="50KB" if kind == "sharded" else "1GB")
        state = model.state_dict()
    (source / "classes.txt").write_text("cat\nd\u00f6g\n")
    (source / "vocab.json").write_text('{"a": 0}')
    (source / "merges.txt").write_text("#version: 0.2\n")
    out, again = tmp_path / "out.safetensors", tmp_path / "again.safetensors"
    run("convert", source, out, *([dtype] if dtype else []))
    run("convert", source, again, *([dtype] if dtype else []))
    assert out.read_bytes() == again.read_bytes()
    run("convert", out, again)
    assert out.read_bytes() == again.read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["again.safetensors", "out.safetensors",
                                                         "source"]

    torch_dtype = {None: torch.float32, "f32": torch.float32, "f16": torch.float16,
                   "bf16": torch.bfloat16}[dtype]
    state = {name: value.detach().to(torch_dtype) for name, value in state.items()}
    before, after = dump(source)[0], dump(out)
    assert after[0]["layout"] == "single" and after[0]["config"] == before["config"]
    assert after[0]["classes"] == "cat\nd\u00f6g\n"
    assert (after[0]["vocab"], after[0]["merges"]) == (before["vocab"], before["merges"])
    assert_same(after[1], state)

    with safetensors.safe_open(out, "pt") as file:
        assert file.metadata()["format"] == "clipcls"
        assert json.loads(file.metadata()["config"]) == before["config"]
        files = {"tokenizer.vocab", "tokenizer.merges", "classes"}
        assert set(file.keys()) == set(state) | files
        for name, value in state.items():
            loaded = file.get_tensor(name)
            assert loaded.dtype == torch_dtype and torch.equal(loaded, value), name
        assert bytes(file.get_tensor("classes").tolist()).decode() == "cat\nd\u00f6g\n"
    check_alignment(out)


def check_alignment(path):
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    assert (8 + size) % 64 == 0
    header = json.loads(data[8:8 + size])
    header.pop("__metadata__")
    itemsize = {"F32": 4, "F16": 2, "BF16": 2, "U8": 1}
    others = False
    for tensor in sorted(header.values(), key=lambda t: t["data_offsets"]):
        begin, end = tensor["data_offsets"]
        assert begin % itemsize[tensor["dtype"]] == 0
        if (end - begin) % 64 == 0:
            assert not others and begin % 64 == 0
        else:
            others = True


def test_a_value_beyond_f16_is_refused(huggingface, tmp_path):
    directory = copy_directory(huggingface, tmp_path / "model")
    file = directory / "model.safetensors"
    tensors = safetensors.torch.load_file(file)
    tensors["visual_projection.weight"][3, 4] = 65520
    safetensors.torch.save_file(tensors, file)
    out = tmp_path / "out.safetensors"
    error = run("convert", directory, out, "f16", ok=False)
    assert "visual_projection.weight" in error and "F16" in error
    assert not out.exists() and len(list(tmp_path.iterdir())) == 1
    tensors["visual_projection.weight"][3, 4] = 65519
    safetensors.torch.save_file(tensors, file)
    run("convert", directory, out, "f16")
    tensors["visual_projection.weight"][3, 4] = float("nan")
    safetensors.torch.save_file(tensors, file)
    assert "NaN" in run("convert", directory, out, ok=False)


def test_a_full_disk_is_an_error_and_leaves_nothing(huggingface, tmp_path):
    """A file size limit stands in for the full disk: write fails in the same place."""
    out = tmp_path / "out.safetensors"
    out.write_text("old")
    command = f"trap '' XFSZ; ulimit -f 20; exec '{DUMP}' convert '{huggingface}' '{out}'"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert result.returncode == 1 and f"io: {out}: cannot write" in result.stderr
    assert out.read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_checksums_are_as_documented(huggingface, tmp_path):
    """XXH3 over name, dtype, shape and data, computed with the system's libxxhash."""
    try:
        library = ctypes.CDLL("libxxhash.so.0")
    except OSError:
        pytest.skip("libxxhash.so.0 is not there to compare with")
    library.XXH3_64bits_withSeed.restype = ctypes.c_uint64
    library.XXH3_64bits_withSeed.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint64]

    def xxh3(data, seed=0):
        return library.XXH3_64bits_withSeed(data, len(data), seed)

    out = tmp_path / "out.safetensors"
    run("convert", huggingface, out)
    data = out.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    metadata = header.pop("__metadata__")
    checksums = json.loads(metadata["checksums"])
    expected = {"__config__": f"xxh3:{xxh3(metadata['config'].encode()):016x}"}
    for name, tensor in header.items():
        begin, end = tensor["data_offsets"]
        shape = f" {tensor['dtype']} {','.join(map(str, tensor['shape']))}".encode()
        value = xxh3(data[start + begin:start + end], xxh3(shape, xxh3(name.encode())))
        expected[name] = f"xxh3:{value:016x}"
    assert checksums == expected


# ---- names -------------------------------------------------------------------------------------

def test_models_are_located(tmp_path):
    data, hub = tmp_path / "data", tmp_path / "hub"
    models = data / "clipcls" / "models"
    snapshot = hub / "models--org--name" / "snapshots" / "abc"
    for directory in (models / "vit", snapshot, hub / "models--org--name" / "refs"):
        directory.mkdir(parents=True)
    (models / "small.safetensors").write_text("")
    (hub / "models--org--name" / "refs" / "main").write_text("abc\n")
    env = dict(XDG_DATA_HOME=str(data), HF_HUB_CACHE=str(hub), HOME=str(tmp_path))

    def locate(name, **changes):
        return run("locate", name, env=env | changes).decode().strip()
    assert locate("vit") == str(models / "vit")
    assert locate("small") == str(models / "small.safetensors")
    assert locate("org/name") == str(snapshot)
    assert locate(tmp_path) == str(tmp_path)
    home = tmp_path / "hf"
    home.mkdir()
    (home / "hub").symlink_to(hub)
    assert locate("org/name", HF_HUB_CACHE="", HF_HOME=str(home)).endswith("abc")
    (tmp_path / ".cache" / "huggingface").mkdir(parents=True)
    (tmp_path / ".cache" / "huggingface" / "hub").symlink_to(hub)
    assert locate("org/name", HF_HUB_CACHE="").endswith("abc")
    for name in ("absent", "../data", "org/absent", "org/../name"):
        error = run("locate", name, ok=False, env=env)
        assert error.startswith("io: ") and name in error
