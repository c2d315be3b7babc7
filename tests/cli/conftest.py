"""Nothing but pytest is needed here."""

import os
import sys

sys.path.insert(0, os.path.dirname(__file__))

from program import classify, clipcls, model, pictures, work  # noqa: E402, F401: fixtures
