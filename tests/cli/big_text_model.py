"""A checkpoint whose text tower is large beside all else, in a file of its own."""

import json
import struct

TEXT_SHARD = "text.safetensors"
CONFIG = {
    "model_type": "clip", "projection_dim": 16,
    "text_config": {"hidden_size": 16, "intermediate_size": 65536, "num_hidden_layers": 4,
                    "num_attention_heads": 2, "vocab_size": 49408, "max_position_embeddings": 77,
                    "eos_token_id": 49407},
    "vision_config": {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1,
                      "num_attention_heads": 2, "image_size": 32, "patch_size": 16}}
LAYER_BYTES = 4 * 2 * 16 * 65536  # of a text layer's two largest matrices
TEXT_BYTES = 4 * LAYER_BYTES


def layer_shapes(prefix, width, mlp_width):
    for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
        yield f"{prefix}.self_attn.{name}.weight", (width, width)
        yield f"{prefix}.self_attn.{name}.bias", (width,)
    for name in ("layer_norm1", "layer_norm2"):
        yield f"{prefix}.{name}.weight", (width,)
        yield f"{prefix}.{name}.bias", (width,)
    yield f"{prefix}.mlp.fc1.weight", (mlp_width, width)
    yield f"{prefix}.mlp.fc1.bias", (mlp_width,)
    yield f"{prefix}.mlp.fc2.weight", (width, mlp_width)
    yield f"{prefix}.mlp.fc2.bias", (width,)


def text_shapes():
    yield "text_model.embeddings.token_embedding.weight", (49408, 16)
    yield "text_model.embeddings.position_embedding.weight", (77, 16)
    for layer in range(4):
        yield from layer_shapes(f"text_model.encoder.layers.{layer}", 16, 65536)
    yield "text_model.final_layer_norm.weight", (16,)
    yield "text_model.final_layer_norm.bias", (16,)
    yield "text_projection.weight", (16, 16)


def vision_shapes():
    yield "logit_scale", ()
    yield "vision_model.embeddings.class_embedding", (16,)
    yield "vision_model.embeddings.patch_embedding.weight", (16, 3, 16, 16)
    yield "vision_model.embeddings.position_embedding.weight", (5, 16)
    for name in ("pre_layrnorm", "post_layernorm"):
        yield f"vision_model.{name}.weight", (16,)
        yield f"vision_model.{name}.bias", (16,)
    yield from layer_shapes("vision_model.encoder.layers.0", 16, 16)
    yield "visual_projection.weight", (16, 16)


def write_shard(path, shapes):
    """Values repeat with a period that no row has, so that rows differ."""
    header, data = {}, []
    begin = 0
    period = struct.pack("<251f", *[((i * 97) % 251 - 125) / 500 for i in range(251)])
    for name, shape in shapes:
        size = 4
        for length in shape:
            size *= length
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, begin + size]}
        data.append((period * (size // len(period) + 1))[:size])
        begin += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(data))
    return list(header)


def make(folder):
    """Writes the checkpoint into `folder`, which must not exist."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    shards = {TEXT_SHARD: text_shapes(), "vision.safetensors": vision_shapes()}
    names = {name: shard for shard, shapes in shards.items()
             for name in write_shard(folder / shard, shapes)}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": names}))
    return folder
