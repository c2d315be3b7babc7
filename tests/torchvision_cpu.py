"""Lets torchvision be imported beside a CPU build of torch; scripts/test.sh puts it into its environment.

torchvision's package has a C++ part for one build of torch. Beside another it does not load, and the
import fails at two operators that nothing here calls, unless they have been declared. open_clip
imports torchvision, and so does transformers where it is installed.
"""

import importlib.abc
import importlib.util
import pathlib
import sys


class Finder(importlib.abc.MetaPathFinder):
    """Finds nothing: declares the operators when torchvision is first looked for, then steps aside."""

    def find_spec(self, name, path=None, target=None):
        if name == "torchvision":
            sys.meta_path.remove(self)
            self.declare(importlib.util.find_spec(name))
        return None

    def declare(self, spec):
        if spec is None or spec.origin is None:
            return
        import torch
        try:
            for part in pathlib.Path(spec.origin).parent.glob("_C.*"):
                torch.ops.load_library(part)
        except OSError:
            self.library = torch.library.Library("torchvision", "DEF")  # gone when it is collected
            for name in ("nms", "qnms"):
                self.library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
            sys.modules[__name__].finder = self


sys.meta_path.insert(0, Finder())
