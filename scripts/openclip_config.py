"""Reads a CLIP model's architecture off its tensors' names and shapes (OpenCLIP's names), for
checkpoints that come without a configuration."""

import re

from torch_pickle import Refused

HEAD_WIDTH = 64  # of both towers in OpenAI's models; the tensors do not show it
# Wider image towers than L/14's have heads of 80, 88 or 104: no guess there.
WIDEST_WITH_KNOWN_HEADS = 1024

# What OpenAI's models were trained with (Radford et al. 2021); OpenCLIP's defaults, too.
PREPROCESS = {
    "mean": [0.48145466, 0.4578275, 0.40821073], "std": [0.26862954, 0.26130258, 0.27577711],
    "interpolation": "bicubic", "resize_mode": "shortest",
}


class Shapes:
    def __init__(self, shapes):
        self.shapes = shapes

    def get(self, name, rank):
        shape = self.shapes.get(name)
        if shape is None:
            other = next((n for n in self.shapes if n.startswith("visual.")), next(iter(self.shapes)))
            raise Refused(f"no architecture to infer: the tensor {name} is missing (there is "
                          f"{other}); give a configuration with --config")
        if len(shape) != rank or 0 in shape:
            raise Refused(f"{name} has the shape {list(shape)}")
        return shape

    def layers(self, prefix):
        """How many numbers stand behind the prefix."""
        pattern = re.compile(re.escape(prefix) + r"([0-9]{1,4})\.")
        layers = {int(found[1]) for found in map(pattern.match, self.shapes) if found}
        if layers != set(range(len(layers))) or not layers:
            raise Refused(f"the layers of {prefix} are not numbered from 0 on")
        return len(layers)

    def transformer(self, prefix, width):
        """layers, and the MLP's width over the tower's."""
        layers = self.layers(f"{prefix}resblocks.")
        mlp_width = self.get(f"{prefix}resblocks.0.mlp.c_fc.weight", 2)[0]
        return layers, mlp_width / width


def head_width(width, given, tower):
    if given is None and width > WIDEST_WITH_KNOWN_HEADS and tower == "vision":
        raise Refused(f"the {tower} tower is {width} wide: the width of its heads cannot be seen, "
                      f"give --{tower}-head-width")
    result = given or HEAD_WIDTH
    if width % result:
        raise Refused(f"heads of {result} do not divide the {tower} tower's width {width}, give "
                      f"--{tower}-head-width")
    return result


def resnet_config(shapes, given_head_width):
    """Of CLIP's ResNets, whose attention is over 32 times their width."""
    width = shapes.get("visual.layer1.0.conv1.weight", 4)[0]
    positions, features = shapes.get("visual.attnpool.positional_embedding", 2)
    grid = round((positions - 1) ** 0.5)
    if features != 32 * width or grid * grid != positions - 1:
        raise Refused(f"no ResNet of CLIP's: width {width}, {positions} positions of {features}")
    heads_width = given_head_width or HEAD_WIDTH
    if features % heads_width:
        raise Refused(f"heads of {heads_width} do not divide the vision tower's {features} features, give "
                      f"--vision-head-width")
    return {"image_size": grid * 32, "layers": [shapes.layers(f"visual.layer{i}.") for i in range(1, 5)],
            "width": width, "patch_size": None, "head_width": heads_width}


def vit_config(shapes, given_head_width):
    width, channels, patch, patch_width = shapes.get("visual.conv1.weight", 4)
    positions = shapes.get("visual.positional_embedding", 2)[0]
    grid = round((positions - 1) ** 0.5)
    if channels != 3 or patch != patch_width or grid * grid != positions - 1:
        raise Refused(f"no square ViT for RGB: {channels} channels, patches of {patch}x"
                      f"{patch_width}, {positions} positions")
    layers, mlp_ratio = shapes.transformer("visual.transformer.", width)
    return {"image_size": grid * patch, "layers": layers, "width": width, "patch_size": patch,
            "head_width": head_width(width, given_head_width, "vision"), "mlp_ratio": mlp_ratio}


def text_config(shapes, given_head_width):
    vocab_size, width = shapes.get("token_embedding.weight", 2)
    context_length = shapes.get("positional_embedding", 2)[0]
    layers, mlp_ratio = shapes.transformer("transformer.", width)
    return {"context_length": context_length, "vocab_size": vocab_size, "width": width,
            "heads": width // head_width(width, given_head_width, "text"), "layers": layers,
            "mlp_ratio": mlp_ratio}


def infer_config(tensors, quick_gelu, vision_head_width=None, text_head_width=None):
    """tensors: name -> shape. Returns what open_clip_config.json holds."""
    shapes = Shapes(tensors)
    is_resnet = "visual.layer1.0.conv1.weight" in tensors
    vision = (resnet_config if is_resnet else vit_config)(shapes, vision_head_width)
    text = text_config(shapes, text_head_width)
    embed_dim = shapes.get("text_projection", 2)[1]
    model = {"embed_dim": embed_dim, "vision_cfg": vision, "text_cfg": text}
    if quick_gelu:
        model["quick_gelu"] = True
    return {"model_cfg": model, "preprocess_cfg": PREPROCESS}
