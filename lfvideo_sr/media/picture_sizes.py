"""What the header of a picture says of its size: nothing is decoded."""

import re
import warnings
import zlib
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image, TiffImagePlugin

from ..frames import Size

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_BASELINE_TO_PROGRESSIVE = (0xC0, 0xC1, 0xC2)  # the frame headers of JPEGs that every decoder reads
_EXIF, _SCAN, _END = 0xE1, 0xDA, b"\xff\xd9"
_ORIENTATION, _ON_ITS_SIDE = 0x0112, (5, 6, 7, 8)
_TURNS = {3: 2, 4: 2, 5: 3, 6: 3, 7: 1, 8: 1}  # quarters, counter-clockwise, by EXIF's number
_MIRRORED = (2, 4, 5, 7)  # left to right, after it was turned
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_WIDTH, _HEIGHT = 256, 257  # tags of TIFF


def pixels_claimed(data: np.ndarray) -> int | None:
    """How many pixels a picture has by its header, of the bytes uint8 [N] of a file; None for what is no picture."""
    content = data.tobytes()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(BytesIO(content)) as image:
                return image.width * image.height
    except Image.DecompressionBombError as error:  # Pillow's own limit
        match = re.search(r"\((\d+) pixels\)", str(error))
        return int(match[1]) if match else None
    except MemoryError:
        raise
    except Exception:  # Pillow's plugins raise many kinds for what is damaged, or of samples that they do not know
        return _pixels_of_tiff(content)


def _pixels_of_tiff(data: bytes) -> int | None:
    """Of samples that Pillow does not know."""
    tags = tiff_tags(data)
    width, height = tags.get(_WIDTH), tags.get(_HEIGHT)
    return width * height if isinstance(width, int) and isinstance(height, int) else None


def tiff_tags(data: bytes) -> Mapping[int, Any]:
    """The tags of the first picture in the bytes of a TIFF; none of any other file, and where they are damaged."""
    if not data.startswith(TIFF):
        return {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            directory = TiffImagePlugin.ImageFileDirectory_v2(data[: 16 if data[2:4] in (b"+\0", b"\0+") else 8])
            file = BytesIO(data)
            file.seek(directory.next)
            directory.load(file)
            return dict(directory)
    except Exception:  # as in `pixels_claimed`
        return {}


def size_in_header(data: bytes) -> Size | None:
    """Of the picture in the bytes of a file, upright by its EXIF. None where the picture has to be decoded: in another
    format, in a PNG with EXIF, and in a file that is cut off or damaged."""
    if data.startswith(_PNG):
        return _size_of_png(data)
    return _size_of_jpeg(data) if data.startswith(_JPEG) else None


def _size_of_png(data: bytes) -> Size | None:
    """Every chunk up to the last has to have its checksum."""
    size, start = None, len(_PNG)
    while start + 12 <= len(data):
        length = int.from_bytes(data[start : start + 4])
        kind, end = data[start + 4 : start + 8], start + 8 + length
        if zlib.crc32(data[start + 4 : end]) != int.from_bytes(data[end : end + 4]) or kind == b"eXIf":
            return None
        if kind == b"IHDR":
            size = Size(int.from_bytes(data[start + 8 : start + 12]), int.from_bytes(data[start + 12 : start + 16]))
        if kind == b"IEND":
            return size
        start = end + 4
    return None


def _size_of_jpeg(data: bytes) -> Size | None:
    """The frame header, and behind the start of the scan an end marker."""
    size, on_its_side, start = None, False, 2
    while start + 4 <= len(data) and data[start] == 0xFF:
        marker, length = data[start + 1], int.from_bytes(data[start + 2 : start + 4])
        segment = data[start + 4 : start + 2 + length]
        if marker == _EXIF and segment.startswith(b"Exif\0\0"):
            on_its_side = is_on_its_side(_exif_of(segment))
        elif marker in _BASELINE_TO_PROGRESSIVE and len(segment) >= 5:
            size = Size(int.from_bytes(segment[3:5]), int.from_bytes(segment[1:3]))
        elif marker == _SCAN:
            if size is None or min(size) == 0 or data.find(_END, start) < 0:
                return None
            return Size(size.height, size.width) if on_its_side else size
        start += 2 + length
    return None


def _exif_of(segment: bytes) -> Image.Exif:
    exif = Image.Exif()
    try:
        exif.load(segment)
    except Exception:  # broken notes, of whichever kind, turn nothing
        return Image.Exif()
    return exif


def is_on_its_side(exif: Image.Exif) -> bool:
    """Whether a picture with these notes is shown with its width and height exchanged."""
    return exif.get(_ORIENTATION) in _ON_ITS_SIDE


def upright_size(image: Image.Image) -> Size:
    """Of a picture that Pillow has opened, as its EXIF says that it is shown. Of a TIFF some versions of Pillow give
    that size themselves."""
    width, height = image.size
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        width, height = image.tag_v2[_WIDTH], image.tag_v2[_HEIGHT]
    return Size(height, width) if is_on_its_side(image.getexif()) else Size(width, height)


def may_have_alpha(data: bytes) -> bool:
    """Whether the header of a picture speaks of transparency; also where Pillow does not know the samples."""
    try:
        with Image.open(BytesIO(data)) as image:
            return image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info
    except Exception:  # as in `pixels_claimed`
        return True


def turned_upright(picture: np.ndarray, data: bytes) -> np.ndarray:
    """[H,W] or [H,W,C] as it is stored in the bytes of a file, as the file's EXIF says that it is shown."""
    try:
        with Image.open(BytesIO(data)) as image:
            number = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # as in `pixels_claimed`
        return picture
    turned = np.rot90(picture, _TURNS.get(number, 0))
    return np.ascontiguousarray(turned[:, ::-1] if number in _MIRRORED else turned)
