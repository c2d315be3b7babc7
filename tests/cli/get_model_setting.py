"""Runs scripts/get-model.sh against a hub of hub_server.py, in a home of its own."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np

from hub_server import Hub

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "get-model.sh"
WEIGHTS = np.random.default_rng(0).bytes(1_000_003)
CONFIG = b'{"model_type": "clip"}\n'
HF_FILES = "config.json vocab.json? model.safetensors|pytorch_model.bin"


class Setting:
    """A hub that has org/tiny, a home of its own, a catalogue of a few lines."""

    def __init__(self, tmp_path, shell):
        self.hub, self.home, self.shell = Hub(), tmp_path, shell
        self.models = tmp_path / "data" / "clipcls" / "models"
        self.target, self.partial = self.models / "tiny", self.models / "tiny.partial"
        self.hub.add("org/tiny/config.json", CONFIG)
        self.hub.add("org/tiny/model.safetensors", WEIGHTS)
        self.environment = {
            "PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}", "HOME": str(tmp_path),
            "XDG_DATA_HOME": str(tmp_path / "data"), "HF_ENDPOINT": self.hub.server.url,
            "CLIPCLS_OPENAI_ENDPOINT": self.hub.server.url,
            "CLIPCLS_CATALOGUE": str(tmp_path / "catalogue.tsv"), "TMPDIR": str(tmp_path)}
        self.catalogue(("tiny", "huggingface", "org/tiny", HF_FILES),
                       ("tiny-oc", "openclip", "org/oc", "open_clip_config.json "
                        "open_clip_model.safetensors|open_clip_pytorch_model.bin"))

    def catalogue(self, *entries):
        text = "# a comment\n" + "".join("\t".join((*entry, "1 MB", "MIT", "A tiny model")) + "\n"
                                         for entry in entries)
        (self.home / "catalogue.tsv").write_text(text)

    def command(self, *arguments):
        return [self.shell, str(SCRIPT), *arguments]

    def get(self, *arguments, status=0, before="", **environment):
        command = self.command(*arguments)
        if before:
            command = ["sh", "-c", f'{before}; exec "$@"', "sh", *command]
        result = subprocess.run(command, env={**self.environment, **environment}, timeout=60,
                                capture_output=True, text=True)
        assert result.returncode == status, result
        if status:
            assert not self.target.exists() or "--verify" in arguments
        return result

    def start(self):
        # A shell's background job, as CI may be, has SIGINT ignored and hands that on.
        return subprocess.Popen(self.command("tiny"), env=self.environment, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
                                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))

    def assert_complete(self):
        assert (self.target / "config.json").read_bytes() == CONFIG
        assert (self.target / "model.safetensors").read_bytes() == WEIGHTS
        assert not self.partial.exists()
