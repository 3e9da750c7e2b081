"""Files of tensors that others wrote."""

from pathlib import Path
from typing import Any


def load_tensors(path: Path) -> Any:
    """What a .safetensors file holds, or any other by torch, on the host. A pickle that holds more than tensors and
    plain values is refused, since it could run any program.

    Raises whatever the reader raises for a file that it cannot read, of many kinds.
    """
    if path.suffix.lower() == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    import torch

    return torch.load(path, map_location="cpu", weights_only=True)
