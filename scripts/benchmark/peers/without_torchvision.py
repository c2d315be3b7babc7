"""Imported before transformers: it then finds no torchvision, as where that is not installed. Nothing
here needs it, its import takes time, and beside a CPU build of torch it fails."""

import sys

sys.modules["torchvision"] = None
