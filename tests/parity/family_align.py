"""ALIGN: transformers' AlignModel, an EfficientNet beside BERT."""

from transformers import AlignConfig, AlignModel, BertTokenizer, EfficientNetImageProcessorPil

import families
from families import Case, randomize
from vocabularies import train_wordpiece

# Weights whose products the default would let die away along the blocks, since batch norms' statistics are
# not those of any data.
GAINS = {"expand_conv.weight": 2.0, "depthwise_conv.weight": 1.5, "squeeze_excite.reduce.bias": 4.0}


def draw_with(model, first, gates):
    """The draw of this model's parameters. first, gates: gains of the stages' first blocks and of the
    squeezes; larger ones tell pictures further apart, and make more of float32's own rounding."""
    blocks = model.vision_model.encoder.blocks
    residual = {f"vision_model.encoder.blocks.{i}.": block.projection.apply_dropout
                for i, block in enumerate(blocks)}

    def draw(tensor, name, layers, generator):
        families.draw(tensor, name, layers, generator)
        for part, gain in GAINS.items():
            if name.endswith(part):
                tensor.mul_(gain)
        if "squeeze_excite" in name and name.endswith("weight"):
            tensor.mul_(gates)
        if name.endswith("project_conv.weight"):
            added = residual[name[: name.index("projection")]]
            tensor.mul_(2 * sum(residual.values()) ** -0.5 if added else first)
    return draw


def huggingface(folder, *, vision, text, image_size, resize, vocab_size, context_length, projection_dim, seed,
                processor=None, gains=(2, 2)):
    """vision, text: what differs from the defaults of AlignVisionConfig and AlignTextConfig."""
    config = AlignConfig(
        text_config=dict(**text, vocab_size=vocab_size, max_position_embeddings=context_length),
        vision_config=dict(**vision, image_size=image_size, hidden_dim=projection_dim),
        projection_dim=projection_dim)
    model = AlignModel(config)
    randomize(model, seed, config.text_config.num_hidden_layers, draw=draw_with(model, *gains))
    model.save_pretrained(folder)
    train_wordpiece(folder, vocab_size=min(vocab_size - 150, 4000))
    BertTokenizer.from_pretrained(folder, model_max_length=64).save_pretrained(folder)
    # As kakaobrain/align-base has it.
    EfficientNetImageProcessorPil(**{
        **dict(size={"height": resize, "width": resize}, do_center_crop=True, resample=2,
               crop_size={"height": image_size, "width": image_size}, rescale_factor=1 / 127.5,
               rescale_offset=True, do_normalize=False, include_top=False),
        **(processor or {})}).save_pretrained(folder)


STAGES = dict(width_coefficient=0.5, depth_coefficient=1.1, in_channels=[32, 16, 24, 40, 80],
              out_channels=[16, 24, 40, 80, 112], kernel_sizes=[3, 3, 5, 3, 5], strides=[1, 2, 2, 1, 2],
              num_block_repeats=[1, 2, 2, 1, 1], expand_ratios=[1, 6, 6, 4, 6])
TINY = dict(text=dict(hidden_size=48, num_hidden_layers=2, num_attention_heads=3, intermediate_size=100),
            image_size=61, vocab_size=3000, context_length=64, projection_dim=56)
POOLER = r"^text_model\.pooler\."

CASES = {
    "align-tiny": Case(lambda folder: huggingface(
        folder, **TINY, vision=STAGES, resize=73, seed=71), unused=POOLER),
    # One stride pads alike on all sides; every step of the image processor.
    "align-square-tiny": Case(lambda folder: huggingface(
        folder, **TINY, vision={**STAGES, "depthwise_padding": [5], "hidden_act": "silu"}, resize=61, seed=72,
        processor=dict(do_center_crop=False, resample=3, rescale_factor=1 / 255, do_normalize=True,
                       image_mean=[0.4, 0.5, 0.3], image_std=[0.5, 0.6, 0.7], include_top=True)),
        wide=True, unused=POOLER),
    "align-base": Case(lambda folder: huggingface(
        folder, text={}, vision={}, image_size=289, resize=346, vocab_size=30522, context_length=512,
        projection_dim=640, seed=73, gains=(1.4, 1.5)), large=True, unused=POOLER),
}
