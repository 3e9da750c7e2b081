"""TIFFs whose colours OpenCV does not read as they are meant: L*a*b*, and 16 bits of grey in which 0 is white."""

from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

from ..errors import PictureRefused
from .picture_sizes import tiff_tags

_BITS, _PHOTOMETRIC = 258, 262  # the tags of TIFF with the bits of each sample, and with what samples mean
_WHITE_IS_ZERO, _LAB = 0, (8, 9, 10)  # 8 is CIE's, 9 ICC's and 10 ITU's L*a*b*


def lab_as_bgr(data: bytes, name: str) -> np.ndarray | None:
    """The picture in the bytes of a TIFF in L*a*b*, upright and as sRGB: BGR uint8 [H,W,3]. LittleCMS converts it;
    libtiff, by which OpenCV reads it, gives other colours. None for any other file.

    Raises PictureRefused for L*a*b* that Pillow does not read, as that of 16 bits.
    """
    if _photometric(data) not in _LAB:
        return None
    try:
        with Image.open(BytesIO(data)) as image:
            if image.mode != "LAB":
                raise ValueError(f"its samples are {image.mode}")
            lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
            shown = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
    except MemoryError:
        raise
    except Exception as error:  # Pillow's plugins raise many kinds for what is damaged or of other samples
        raise PictureRefused(f"{name} is a TIFF in LAB that is not read; save it in RGB") from error
    return np.ascontiguousarray(np.asarray(shown)[..., ::-1])


def black_is_zero(picture: np.ndarray, data: bytes) -> np.ndarray:
    """A picture that OpenCV has decoded, turned to its positive where a TIFF of 16 bits has 0 as white; OpenCV itself
    does so with 8 bits."""
    if picture.dtype == np.uint16 and _photometric(data) == _WHITE_IS_ZERO:
        return np.iinfo(np.uint16).max - picture
    return picture


def has_8_bits(data: bytes) -> bool:
    """Whether the bytes are a TIFF whose samples have 8 bits."""
    bits = tiff_tags(data).get(_BITS)
    return set(bits if isinstance(bits, tuple) else (bits,)) == {8}


def _photometric(data: bytes) -> int | None:
    return tiff_tags(data).get(_PHOTOMETRIC)
