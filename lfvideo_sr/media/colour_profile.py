"""Pictures whose file carries a colour profile (Display P3, Adobe RGB, ...), brought to sRGB by LittleCMS."""

import warnings
from functools import lru_cache
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image, ImageCms

_STEPS = 9  # of each channel, in the colours by which a profile is compared with sRGB
_SAME = 2  # of 255: no colour of a profile that is sRGB under another name moves further


def to_srgb(picture: np.ndarray, profile: bytes | None) -> np.ndarray:
    """BGR uint8 or uint16 [H,W,3], in the colours of an ICC `profile`, as sRGB of the same dtype.

    Left as it is: a picture without a profile, with one that is sRGB by any name, with one that is not of RGB colours
    (grey, CMYK), or with one that LittleCMS cannot use. LittleCMS is reached through Pillow, which has 8 bits per
    channel: a picture of 16 bits retains its steps, and by how much each colour moves is rounded to 1/255.
    """
    transform = None if profile is None else _transform(profile)
    if transform is None:
        return picture
    if picture.dtype == np.uint8:
        return _applied(transform, picture)
    coarse = ((picture.astype(np.uint32) + 128) // 257).astype(np.uint8)
    moved = _applied(transform, coarse).astype(np.int32) - coarse
    return np.clip(picture + 257 * moved, 0, 65535).astype(np.uint16)


def profile_of(data: bytes) -> bytes | None:
    """The ICC profile that a file's bytes hold, of any format that Pillow opens; nothing is decoded."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is wrong with a picture's notes is no matter here
            with Image.open(BytesIO(data)) as image:
                return image.info.get("icc_profile") or None
    except MemoryError:
        raise
    except Exception:  # Pillow's plugins raise many kinds for damaged files
        return None


@lru_cache(maxsize=8)
def _transform(profile: bytes) -> Any | None:
    """From a profile to sRGB; None where there is nothing to do, or nothing that can be done."""
    try:
        opened = ImageCms.ImageCmsProfile(BytesIO(profile))
        if opened.profile.xcolor_space.strip() != "RGB":
            return None
        transform = ImageCms.buildTransform(
            opened, ImageCms.createProfile("sRGB"), "RGB", "RGB", ImageCms.Intent.RELATIVE_COLORIMETRIC
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None
    levels = np.linspace(0, 255, _STEPS).round().astype(np.uint8)
    colours = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(_STEPS, -1, 3)
    moved = np.abs(_applied(transform, colours).astype(int) - colours)
    return transform if moved.max() > _SAME else None


def _applied(transform: Any, picture: np.ndarray) -> np.ndarray:
    image = Image.fromarray(np.ascontiguousarray(picture[..., ::-1]))
    ImageCms.applyTransform(image, transform, inPlace=True)
    return np.ascontiguousarray(np.asarray(image)[..., ::-1])
