"""For the tests of scripts/unpickle.py."""

import subprocess
import sys
from pathlib import Path

import pytest

UNPICKLE = Path(__file__).resolve().parents[2] / "scripts" / "unpickle.py"


def unpickle(*arguments):
    return subprocess.run([sys.executable, str(UNPICKLE), *map(str, arguments)],
                          capture_output=True, text=True, timeout=120)


def refused(tmp_path, checkpoint):
    """Runs on a hostile file; returns the message. Nothing may have been written."""
    result = unpickle(checkpoint, tmp_path / "out.safetensors")
    assert result.returncode == 1, result
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "out.safetensors").exists()
    assert not list(tmp_path.glob(".unpickle-*"))
    return result.stderr


def torch_or_skip():
    return pytest.importorskip("torch", reason="needs torch to write the checkpoints")
