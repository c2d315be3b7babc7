"""CLIP's ResNets: open_clip's ModifiedResNet."""

import json

import open_clip
import torch
from safetensors.torch import save_file

from families import Case, draw, randomize


def draw_resnet(tensor, name, layers, generator):
    """The last batch norm of a block scales what the block adds: deep towers keep their size by it."""
    draw(tensor, name, layers, generator)
    if ".layer" in name and name.endswith("bn3.weight"):
        tensor.mul_(layers ** -0.5)


def smooth_noise(n, size, generator):
    """(n, 3, S, S): patches of colour with grain on them, somewhat like pictures."""
    patches = torch.randn(n, 3, 6, 6, generator=generator)
    return (torch.nn.functional.interpolate(patches, size, mode="bilinear")
            + 0.2 * torch.randn(n, 3, size, size, generator=generator))


def measure_statistics(visual, seed):
    """Batch norms' statistics off from what they should be, but not far: with any others, pictures become
    more and more alike from layer to layer, and hardly differ in the end."""
    generator = torch.Generator().manual_seed(seed)
    norms = [module for module in visual.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1
    visual.train()(smooth_noise(6, visual.image_size, generator))
    visual.eval()
    for norm in norms:
        shift = torch.empty_like(norm.running_mean).normal_(generator=generator)
        norm.running_mean.add_(0.3 * norm.running_var.sqrt() * shift)
        norm.running_var.mul_(torch.empty_like(shift).uniform_(0.5, 2, generator=generator))


def openclip(folder, config, seed, half=False):
    model = open_clip.model.CLIP(**config)
    randomize(model, seed, max(sum(config["vision_cfg"]["layers"]), 12), draw=draw_resnet)
    measure_statistics(model.visual, seed)
    if half:  # as OpenAI's own: convolutions and linear layers in half precision, the rest not
        open_clip.model.convert_weights_to_fp16(model)
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config}, indent=2))
    # With num_batches_tracked of every batch norm, which says nothing about the model.
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()},
              folder / "open_clip_model.safetensors")


TEXT = dict(context_length=77, vocab_size=49408, width=64, heads=2, layers=2)
TINY = dict(layers=[1, 2, 1, 1], width=16, image_size=64)


def tiny(seed, quick_gelu=False, half=False, **vision):
    return Case(lambda folder: openclip(
        folder, dict(embed_dim=40, quick_gelu=quick_gelu, vision_cfg={**TINY, **vision}, text_cfg=TEXT),
        seed, half))


def named(name, seed):
    return Case(lambda folder: openclip(folder, open_clip.get_model_config(name), seed), large=True)


CASES = {
    "resnet-tiny": tiny(61),
    # Heads that no block of 64 columns holds, three pixels a side, an odd number of channels.
    "resnet-tiny-heads": tiny(62, quick_gelu=True, half=True, width=10, head_width=20, image_size=96,
                              layers=[2, 1, 2, 1]),
    "resnet-rn50": named("RN50-quickgelu", 63),
    "resnet-rn101": named("RN101", 64),
    "resnet-rn50x4": named("RN50x4", 65),
    "resnet-rn50x16": named("RN50x16", 66),
    "resnet-rn50x64": named("RN50x64-quickgelu", 67),
}
