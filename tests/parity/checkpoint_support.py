"""What the checkpoint tests share: tiny random checkpoints, and clipcls's view of them."""
import copy
import json
import os
import pathlib
import subprocess

import numpy
import torch

import open_clip
import safetensors.torch
import transformers

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


def edit_json(path, change):
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def copy_directory(source, target):
    target.mkdir()
    for file in source.iterdir():
        (target / file.name).write_bytes(file.read_bytes())
    return target


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
