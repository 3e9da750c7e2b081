"""What a sample of a file means: integers or floats in [0,1], one channel, three, or three and a weight."""

import numpy as np

from ..errors import InputError
from ..frames import size_of
from ..media.resize import bicubic

_OVERSHOOT = 0.25  # how far a resampling filter may lead a float beyond [0,1]
KINDS = {0: "luma", 1: "luma", 3: "RGB", 4: "RGB and weight"}


def check_samples(dtype: np.dtype, channels: int, what: str) -> str:
    """Describe samples, e.g. "uint8 RGB"; InputError for those that cannot be pictures."""
    if not (dtype.kind == "f" or (dtype.kind == "u" and dtype.itemsize <= 2)):
        raise InputError(f"{what} holds {dtype} samples; uint8, uint16, or floats in [0,1] are wanted")
    if channels not in KINDS:
        raise InputError(f"{what} has {channels} channels; 1, 3, or 4 (RGB and weight) are wanted; see --layout")
    return f"{dtype} {KINDS[channels]}"


def to_rgb(view: np.ndarray, what: str) -> np.ndarray:
    """[channel,y,x] as stored -> float32 [3,H,W] RGB in [0,1]; luma becomes grey, a weight channel is left out."""
    if view.dtype.kind == "u":
        pixels = view.astype(np.float32) / np.float32(np.iinfo(view.dtype).max)
    else:
        pixels = _checked(view, what)
    return np.ascontiguousarray(np.broadcast_to(pixels[:1], (3, *pixels.shape[1:])) if len(pixels) == 1 else pixels[:3])


def _checked(view: np.ndarray, what: str) -> np.ndarray:
    pixels = view.astype(np.float32)
    if not np.isfinite(pixels).all():
        raise InputError(f"{what} holds NaN or infinite samples; repair it, or leave it out with --views")
    if pixels.size and (pixels.max() > 1 + _OVERSHOOT or pixels.min() < -_OVERSHOOT):
        spread = f"{pixels.min():g} to {pixels.max():g}"
        raise InputError(f"{what} holds floats from {spread}; scale them to [0,1], or store integers")
    return np.clip(pixels, 0, 1)


def from_rgb(pixels: np.ndarray, dtype: np.dtype, channels: int, source: np.ndarray | None = None) -> np.ndarray:
    """Float [3,H,W] RGB in [0,1] -> [channel,y,x] of that type: luma is the mean; a weight channel is enlarged from
    the stored view `source` [4,h,w]."""
    view = pixels.mean(0, keepdims=True) if channels <= 1 else pixels
    view = np.clip(view, 0, 1)
    if dtype.kind == "u":
        view = (view * np.iinfo(dtype).max + 0.5).astype(dtype)
    if channels == 4 and source is not None:
        weight = bicubic(source[3:].astype(np.float32), size_of(pixels))
        limit = np.iinfo(dtype).max if dtype.kind == "u" else float(source[3:].max())
        weight = np.clip(weight, 0, limit)
        view = np.concatenate([view, np.round(weight) if dtype.kind == "u" else weight])
    return view.astype(dtype, copy=False)
