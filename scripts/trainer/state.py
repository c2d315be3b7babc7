"""The folder in which a training keeps what it would lose: checkpoints, finished stages, the log."""

import io
import os
from pathlib import Path

import torch

LOG_COLUMNS = ("stage", "step", "examples", "minutes", "rate", "loss", "accuracy")


def write_whole(path, content):
    """Bytes to a file that has either its old content or all of the new, whenever the machine stops."""
    path = Path(path)
    part = path.with_name(path.name + ".part")
    with open(part, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


class State:
    """A state folder; made if need be."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    @classmethod
    def existing(cls, folder):
        """Another training's folder, to read from."""
        if not Path(folder).is_dir():
            raise FileNotFoundError(f"{folder}: no state folder")
        return cls(folder)

    def adopt(self, other, stages):
        """Takes over the stages that another folder has and this one lacks."""
        for stage in stages:
            path = other.folder / f"{stage}.pt"
            if path.exists() and not (self.folder / path.name).exists():
                write_whole(self.folder / path.name, path.read_bytes())

    def save(self, name, content):
        """Keeps a tree of tensors and numbers as NAME.pt."""
        data = io.BytesIO()
        torch.save(content, data)
        write_whole(self.folder / f"{name}.pt", data.getbuffer())

    def load(self, name):
        """-> what save kept (on the CPU), or None."""
        path = self.folder / f"{name}.pt"
        if not path.exists():
            return None
        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises whatever its unpickler meets
            raise ValueError(f"{path}: not a checkpoint of this script: {error}") from error

    def averaged(self, stage, finished=True):
        """-> {name: tensor}: the moving average of the weights that a stage left, or has so far where finished is False."""
        kept = self.load(stage)
        if kept is None or (finished and not kept["finished"]):
            raise FileNotFoundError(f"{self.folder}: stage '{stage}' is not {'finished' if finished else 'begun'}")
        return kept["parts"]["average"]["values"]

    def log(self, **row):
        """Adds a row to log.tsv. After a resumption the rows since the last checkpoint stand there twice."""
        path = self.folder / "log.tsv"
        new = not path.exists()
        with open(path, "a", encoding="utf-8") as file:
            if new:
                file.write("\t".join(LOG_COLUMNS) + "\n")
            file.write("\t".join(str(row.get(column, "")) for column in LOG_COLUMNS) + "\n")
