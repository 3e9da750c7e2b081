"""Pictures that a caller gives as arrays or tensors, brought to what the package computes with."""

from typing import Any

import numpy as np

from .errors import InputError, ShapeError
from .frames import size_of

_HOST = (1, 3)  # DLPack's device types for memory of the CPU: kDLCPU and kDLCUDAHost
_ROUNDING = 1e-4  # how far outside [0, 1] arithmetic in float32 may leave a picture


def as_pixels(values: Any, name: str, copy: bool = False) -> Any:
    """A picture as float32 [3,H,W] RGB in [0,1]: a C-contiguous array, or a torch tensor where `values` is on a device.

    values: a NumPy array, or anything with `__dlpack__` (a tensor of torch, CuPy or JAX), [3,H,W] RGB. Integers are
    uint8 in 0..255 or uint16 in 0..65535, floats are in 0..1.
    name: what a message calls the picture. copy: the result shares no memory with `values`, which may change later.

    Raises ShapeError for another shape or type, and InputError for floats outside [0,1].
    """
    picture = _on_its_device(values, name)
    if picture.ndim != 3 or picture.shape[0] != 3 or not picture.shape[1] or not picture.shape[2]:
        raise ShapeError(f"{name} has the shape {list(picture.shape)}; [3,H,W] is needed{_transposed(picture)}")
    kind = str(picture.dtype).removeprefix("torch.")
    if kind in ("uint8", "uint16"):
        return _scaled(picture, 255 if kind == "uint8" else 65535)
    if not kind.startswith(("float", "bfloat")):
        raise ShapeError(f"{name} is {kind}; give uint8, uint16, or floats in [0,1]")
    pixels = _in_range(_as_float32(picture), name)
    return _copied(pixels) if copy else pixels


def _on_its_device(values: Any, name: str) -> Any:
    if isinstance(values, np.ndarray):
        return values
    if not hasattr(values, "__dlpack__") or not hasattr(values, "__dlpack_device__"):
        raise ShapeError(f"{name} is a {type(values).__name__}; give an array or a tensor [3,H,W]")
    try:
        if values.__dlpack_device__()[0] in _HOST:
            return np.from_dlpack(values)
        import torch

        return torch.from_dlpack(values)
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        raise ShapeError(f"{name} cannot be read by DLPack ({error}); give a detached tensor or an array") from error


def _transposed(picture: Any) -> str:
    if picture.ndim == 3 and picture.shape[2] == 3:
        return "; pass picture.transpose(2, 0, 1), of OpenCV's BGR picture[..., ::-1].transpose(2, 0, 1)"
    return ""


def _scaled(picture: Any, most: int) -> Any:
    return _as_float32(picture) / most


def _as_float32(picture: Any) -> Any:
    if isinstance(picture, np.ndarray):
        return np.ascontiguousarray(picture, np.float32)
    return picture.float().contiguous()


def _copied(picture: Any) -> Any:
    return picture.copy() if isinstance(picture, np.ndarray) else picture.clone()


def _in_range(picture: Any, name: str) -> Any:
    least, most = float(picture.min()), float(picture.max())
    if not (least >= -_ROUNDING and most <= 1 + _ROUNDING):
        raise InputError(
            f"{name} ({size_of(picture)}) has values from {least:.4g} to {most:.4g}; floats in [0,1] are needed: "
            "divide by the largest value that a pixel can have"
        )
    return picture if least >= 0 and most <= 1 else picture.clip(0, 1)
