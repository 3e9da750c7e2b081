"""Messages about weights, checkpoints and measuring, each with a command that gets it; see `provoked.py`."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from provoked import LEARNED, NOISE, Prepare, pictures, write

CONVERT = ["weights", "convert", "--method", "amsa", "-o", "mine.safetensors", "a.pth"]


def older_weights(folder: Path) -> None:
    from safetensors.numpy import save_file

    about = {"method": "stream_ref", "generation": 1, "size": {}}
    save_file({"weight": np.zeros(1, np.float32)}, folder / "old.safetensors", {"about": json.dumps(about)})


def checkpoints(**named: Any) -> Prepare:
    """NAME.pth of each, where "weight" stands for a tensor."""

    def prepare(folder: Path) -> None:
        import torch

        tensors = {"weight": torch.zeros(2)}
        for name, content in named.items():
            tables = tensors if content == "weight" else {part: tensors for part in content}
            torch.save(tables, folder / f"{name}.pth")

    return prepare


PROVOKED: dict[str, tuple[list[str], Prepare | None]] = {
    "of generation": ([*LEARNED, "--weights", "old.safetensors"], older_weights),
    "of plain tensors": (CONVERT, write("a.pth", NOISE)),
    "the weights of one network": (CONVERT, checkpoints(a=["first", "second"])),
    "give one of each kind": ([*CONVERT, "b.pth"], checkpoints(a="weight", b="weight")),
    "is not in": (["evaluate", "--dataset", "cufed5", "--data", "."], None),
    "this protocol cuts to multiples": (
        ["evaluate", "--dataset", "shots", "--method", "bicubic"], pictures("shots/a.png", size=(2, 2))
    ),
}  # fmt: skip
