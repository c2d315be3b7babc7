"""export.py FOLDER CHECKPOINT LABEL...: a CLIP checkpoint in the Hugging Face layout as ONNX files.

FOLDER/vision.onnx, vision-int8.onnx (dynamic quantisation), text.onnx, and ids.npy: the labels' token ids
in the simple template, padded to the longest.
"""

import pathlib
import sys
import warnings

import numpy
import torch
import without_torchvision  # noqa: F401  before transformers
from onnxruntime.quantization import QuantType, quantize_dynamic
from transformers import CLIPTextModelWithProjection, CLIPTokenizer, CLIPVisionModelWithProjection

warnings.filterwarnings("ignore")


class Output(torch.nn.Module):
    """The embedding alone."""

    def __init__(self, model, name):
        super().__init__()
        self.model, self.name = model.eval(), name

    def forward(self, tensor):
        return getattr(self.model(tensor), self.name)


def export(model, name, example, input_name, path, axes):
    torch.onnx.export(Output(model, name), (example,), path, dynamo=False, opset_version=17,
                      input_names=[input_name], output_names=["embeddings"],
                      dynamic_axes={input_name: axes, "embeddings": {0: "n"}})


def main(folder, checkpoint, *labels):
    folder = pathlib.Path(folder)
    folder.mkdir()
    torch.set_grad_enabled(False)
    vision = CLIPVisionModelWithProjection.from_pretrained(checkpoint)
    size = vision.config.image_size
    export(vision, "image_embeds", torch.zeros(1, 3, size, size), "pixels", folder / "vision.onnx",
           {0: "n"})
    # 8-bit weights saturate in pairs on processors without VNNI; reduced ones there are the documented way.
    flags = pathlib.Path("/proc/cpuinfo").read_text()
    quantize_dynamic(folder / "vision.onnx", folder / "vision-int8.onnx", weight_type=QuantType.QInt8,
                     per_channel=True, reduce_range="vnni" not in flags)
    text = CLIPTextModelWithProjection.from_pretrained(checkpoint)
    tokens = CLIPTokenizer.from_pretrained(checkpoint)(
        [f"a photo of a {label}." for label in labels], padding=True, return_tensors="pt")
    export(text, "text_embeds", tokens.input_ids, "ids", folder / "text.onnx", {0: "n", 1: "tokens"})
    numpy.save(folder / "ids.npy", tokens.input_ids.numpy())


if __name__ == "__main__":
    main(*sys.argv[1:])
