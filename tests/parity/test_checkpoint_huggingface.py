"""Hugging Face directories read by clipcls against transformers: every tensor bit-identical to the
state dict converted to float32, every config value what transformers takes it for. Needs
CLIPCLS_BUILD, the build folder.
"""
import copy
import json

import pytest
import safetensors.torch
import torch
import transformers

from checkpoint_support import (
    TEXT, VISION, assert_same, copy_directory, dump, edit_json, huggingface_model, run)


@pytest.fixture(scope="module")
def huggingface(tmp_path_factory):
    path = tmp_path_factory.mktemp("huggingface")
    huggingface_model().save_pretrained(path)
    return path


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
    ("model_type", "siglip2"),
    ("vision_config.hidden_act", "mish"),
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
