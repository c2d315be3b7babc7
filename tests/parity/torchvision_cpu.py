"""Makes `import torchvision` work beside a CPU build of torch: import this before open_clip.

torchvision's packages have their C++ part for one build of torch. Beside another one its import fails
at two operators that nothing here calls, unless they have been declared.
"""

import sys

import torch

try:
    import torchvision  # noqa: F401
except RuntimeError:
    for _name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[_name]
    _LIBRARY = torch.library.Library("torchvision", "DEF")  # unregisters when it is collected
    for _name in ("nms", "qnms"):
        _LIBRARY.define(f"{_name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torchvision  # noqa: F401
