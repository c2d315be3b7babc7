"""export_family.py FOLDER CHECKPOINT SIDE: the image tower of a checkpoint of any family as FOLDER/vision.onnx."""

import pathlib
import sys
import warnings

import torch
from reference import Reference

warnings.filterwarnings("ignore")


class ImageTower(torch.nn.Module):
    """Pixels to embeddings, as the library has them."""

    def __init__(self, library):
        super().__init__()
        self.model, self.encode = library.model.eval(), library.encode_image

    def forward(self, pixels):
        return self.encode(pixels)


def read(checkpoint):
    """The reference's library. ALIGN averages by a window larger than the picture, which OpenVINO refuses:
    the mean of all pixels is the same."""
    library = Reference(checkpoint).library
    pooler = getattr(getattr(library.model, "vision_model", None), "pooler", None)
    if isinstance(pooler, torch.nn.AvgPool2d):
        library.model.vision_model.pooler = torch.nn.AdaptiveAvgPool2d(1)
    return library


def main(folder, checkpoint, side):
    folder = pathlib.Path(folder)
    folder.mkdir()
    torch.set_grad_enabled(False)
    torch.onnx.export(ImageTower(read(checkpoint)), (torch.zeros(2, 3, int(side), int(side)),),
                      folder / "vision.onnx", dynamo=False, opset_version=17, input_names=["pixels"],
                      output_names=["embeddings"], dynamic_axes={"pixels": {0: "n"}, "embeddings": {0: "n"}})


if __name__ == "__main__":
    main(*sys.argv[1:])
