"""The size of a PNG or a JPEG from its header, where the file is seen to be whole: nothing is decoded."""

import zlib

from PIL import Image

from ..frames import Size

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_BASELINE_TO_PROGRESSIVE = (0xC0, 0xC1, 0xC2)  # the frame headers of JPEGs that every decoder reads
_EXIF, _SCAN, _END = 0xE1, 0xDA, b"\xff\xd9"
_ORIENTATION, _ON_ITS_SIDE = 0x0112, (5, 6, 7, 8)


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
            on_its_side = _is_on_its_side(segment)
        elif marker in _BASELINE_TO_PROGRESSIVE and len(segment) >= 5:
            size = Size(int.from_bytes(segment[3:5]), int.from_bytes(segment[1:3]))
        elif marker == _SCAN:
            if size is None or min(size) == 0 or data.find(_END, start) < 0:
                return None
            return Size(size.height, size.width) if on_its_side else size
        start += 2 + length
    return None


def _is_on_its_side(segment: bytes) -> bool:
    exif = Image.Exif()
    try:
        exif.load(segment)
    except Exception:  # broken notes, of whichever kind, turn nothing
        return False
    return exif.get(_ORIENTATION) in _ON_ITS_SIDE
