"""Still pictures in: PNG, JPEG, WebP, TIFF, BMP and PPM of 8 or 16 bits, AVIF and HEIC. Still pictures out: PNG."""

import stat
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image, ImageOps

from ..errors import InputError, PictureRefused, first_line
from ..frames import Size, size_of
from .colour_profile import profile_of, to_srgb
from .hdf5_pictures import place_of, read_inside
from .limits import check_file_size, check_memory, check_size
from .netpbm import as_binary
from .partial import unwritable, whole_file
from .picture_claims import check_claimed
from .picture_formats import NEEDS_HEIF, READABLE, UnreadableFormat, can_read_heif, why_unreadable
from .picture_sizes import may_have_alpha, pixels_claimed, size_in_header, turned_upright
from .quiet import quiet_libraries
from .resize import to_float
from .sample_range import likely_white, stated_white
from .tiff_colours import black_is_zero, has_8_bits, lab_as_bgr

_HEAD = 4096  # bytes in which the header of a netpbm file ends, comments included

_DECODED = 24  # bytes of a pixel while a picture is decoded and turned into floats


class Picture(NamedTuple):
    """Pixels float32 [3,H,W] RGB in [0,1], and how many bits per channel their file holds, 8 or 16.

    white:  the sample of the file that is white, such as 1023 where 10 bits are kept in 16.
    stated: whether the file says so itself.
    alpha:  transparency, float32 [H,W], 0 (clear) .. 1 (opaque); None where it was not asked for or there is none.
    """

    pixels: np.ndarray
    bit_depth: int
    white: int = 255
    stated: bool = True
    alpha: np.ndarray | None = None

    @property
    def is_transparent(self) -> bool:
        """Whether something would shine through."""
        return self.alpha is not None and bool((self.alpha < 1).any())

    @property
    def samples(self) -> str:
        """For people: "uint16 RGB, white 1023"."""
        return f"uint{self.bit_depth} RGB{self.shown_white}"

    @property
    def shown_white(self) -> str:
        """ ", white 1023"; "" where it is the largest value that its bits can hold."""
        return "" if self.white == (1 << self.bit_depth) - 1 else f", white {self.white}"


def read_image(path: str | Path, white: float | None = None) -> np.ndarray:
    """Float32 [3,H,W] RGB in [0,1], turned upright by its EXIF, colours brought to sRGB where the file has a profile;
    grey becomes RGB, transparency is dropped. A path may lead into an HDF5 file, see hdf5_pictures.

    Raises UnreadableFormat where the format is known and not read here, PictureRefused for what is damaged or no
    picture, and, before it is decoded, for one above the limit of pixels (limits.py); InputError for a file that the
    system does not read. white: as of `read_picture`.
    """
    return read_picture(path, white).pixels


def read_picture(path: str | Path, white: float | None = None, alpha: bool = False) -> Picture:
    """As `read_image`, with the file's bit depth and its white.

    white: of pictures of 16 bits; default what the file states, else what its samples show (`likely_white`). A sample
    above it raises InputError.
    alpha: read the transparency too; that of AVIF and HEIC, which cameras write opaque, is left out.
    """
    path = Path(path)
    inside = place_of(path)
    if inside is not None:
        return Picture(to_float(read_inside(inside)), 8)
    data = as_binary(_bytes_of(path))
    decoded = _decode(path, data, alpha)
    if decoded.picture.dtype not in (np.uint8, np.uint16):
        raise PictureRefused(f"{path} holds {decoded.picture.dtype} samples; save it with 8 or 16 bits per channel")
    full = int(np.iinfo(decoded.picture.dtype).max)
    stated, shown = _white_of(path, decoded.picture, data, white)
    picture = to_srgb(_scaled(decoded.picture, shown, full), decoded.profile)
    pixels = to_float(np.ascontiguousarray(picture.transpose(2, 0, 1)[::-1]))
    return Picture(pixels, 8 * picture.dtype.itemsize, shown, stated, decoded.opacity)


def _white_of(path: Path, picture: np.ndarray, data: np.ndarray, white: float | None) -> tuple[bool, int]:
    """Whether the file states its white, and the white."""
    deep, peak = picture.dtype == np.uint16, int(picture.max())
    if deep and white is not None:
        if peak > white:
            raise InputError(f"{path} has samples up to {peak}, above the white {white}; pass --white {peak} or more")
        return True, int(white)
    if stated := stated_white(data[:_HEAD].tobytes()):
        return True, stated
    full = int(np.iinfo(picture.dtype).max)
    return (False, likely_white([picture])) if deep and not brand_of(data) else (True, full)


def _scaled(picture: np.ndarray, white: int, full: int) -> np.ndarray:
    """With its white at the largest value that the samples can have."""
    if white == full:
        return picture
    return np.round(np.minimum(picture, white) * (full / white)).astype(picture.dtype)


def read_size(path: str | Path) -> Size:
    """The size of what `read_image` gives, and the same errors; decoded only where the header does not give it."""
    path = Path(path)
    data = None if place_of(path) else _bytes_of(path)
    size = None if data is None else size_in_header(data.tobytes())
    if data is None or size is None:
        return size_of(read_image(path))
    check_claimed(size.width * size.height, data.size, str(path))
    return size


def write_png(path: str | Path, pixels: np.ndarray, bit_depth: int = 8) -> None:
    """Write float [3,H,W] in [0,1] as a PNG of 8 or 16 bits, which appears under its name only when it is whole."""
    path = Path(path)
    try:
        with whole_file(path) as partial:
            partial.write_bytes(_encode(pixels, bit_depth).data)
    except OSError as error:
        raise unwritable(path, error) from error


def _bytes_of(path: Path) -> np.ndarray:
    try:
        state = path.stat()
        if not (stat.S_ISREG(state.st_mode) or stat.S_ISDIR(state.st_mode)):
            raise InputError(f"{path} is a pipe or a device, which may never end; save the picture as a file first")
        check_file_size(state.st_size, path)
        return np.fromfile(path, np.uint8)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); check the name") from error


class _Decoded(NamedTuple):
    """BGR [H,W,3] and, where it was asked for and is there, alpha [H,W], of the file's own depth and upright; and the
    ICC profile beside them."""

    picture: np.ndarray
    profile: bytes | None
    alpha: np.ndarray | None = None

    @property
    def opacity(self) -> np.ndarray | None:
        """The alpha as float32 in [0,1]."""
        return None if self.alpha is None else to_float(self.alpha)


_HEIC = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"}
_AVIF = {b"avif", b"avis"}


def brand_of(data: np.ndarray) -> set[bytes]:
    """The major brand and the compatible brands of a file of the HEIF family; empty for any other file."""
    head = data[:64].tobytes()
    if head[4:8] != b"ftyp":
        return set()
    length = min(int.from_bytes(head[:4], "big"), len(head))
    return {head[8:12], *(head[at : at + 4] for at in range(16, length - 3, 4))}


def _decode(path: Path, data: np.ndarray, with_alpha: bool) -> _Decoded:
    """Raises PictureRefused, before anything is decoded, for a header that claims more pixels than are allowed."""
    claimed = pixels_claimed(data)
    if claimed is not None:
        check_claimed(claimed, data.size, str(path))
        check_memory(_DECODED * claimed, str(path))
    with quiet_libraries():
        return _decoded(path, data, claimed is not None, with_alpha)


def _decoded(path: Path, data: np.ndarray, is_known: bool, with_alpha: bool) -> _Decoded:
    brands, content = brand_of(data), data.tobytes()
    if brands & _AVIF:
        return _decode_avif(path, content)
    if brands & _HEIC:
        return _decode_heic(path, content)
    lab = lab_as_bgr(content, str(path))
    if lab is not None:
        return _Decoded(lab, None)
    transparent = _transparent_tiff(content)
    if transparent is None and is_known and with_alpha:
        transparent = _transparent(data, content)
    if transparent is not None:
        alpha = transparent[..., 3] if with_alpha else None
        return _Decoded(np.ascontiguousarray(transparent[..., :3]), profile_of(content), alpha)
    picture = _decode_by_opencv(data, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH) if is_known else None
    if picture is None:
        if why := why_unreadable(path):
            raise UnreadableFormat(f"{path} {why}")
        raise PictureRefused(f"{path} is no picture that can be read; give a {READABLE}")
    return _Decoded(black_is_zero(picture, content), profile_of(content))


def _decode_by_opencv(data: np.ndarray, flags: int) -> np.ndarray | None:
    """None for what is no picture, or claims to be one but has, for example, no sensible size."""
    try:
        with quiet_libraries():
            return cv2.imdecode(data, flags)
    except cv2.error:
        return None


def _transparent_tiff(data: bytes) -> np.ndarray | None:
    """BGRA uint8 [H,W,4] of a TIFF of 8 bits with transparency, upright, by Pillow: OpenCV would multiply the colours
    by the transparency. None for any other file, and for one that Pillow does not decode."""
    if not has_8_bits(data):
        return None
    try:
        with Image.open(BytesIO(data)) as image:
            if image.mode not in ("RGBA", "LA"):
                return None
            return np.asarray(ImageOps.exif_transpose(image).convert("RGBA"))[..., [2, 1, 0, 3]]
    except MemoryError:
        raise
    except Exception:  # Pillow's plugins raise many kinds for damaged files
        return None


def _transparent(data: np.ndarray, content: bytes) -> np.ndarray | None:
    """BGRA [H,W,4] of 8 or 16 bits, upright, of any other picture that OpenCV decodes; None of one that is opaque. Both
    are the file's bytes."""
    if not may_have_alpha(content):
        return None
    picture = _decode_by_opencv(data, cv2.IMREAD_UNCHANGED)  # not turned by EXIF
    if picture is None or picture.ndim < 3 or picture.shape[2] < 4 or picture.dtype not in (np.uint8, np.uint16):
        return None
    return turned_upright(picture, content)


def _decode_avif(path: Path, data: bytes) -> _Decoded:
    """By Pillow, at 8 bits: OpenCV neither turns an AVIF upright nor reports how many of its 16 bits 10 or 12 fill."""
    try:
        with Image.open(BytesIO(data)) as image:
            upright = ImageOps.exif_transpose(image).convert("RGB")
            return _Decoded(np.ascontiguousarray(np.asarray(upright)[..., ::-1]), image.info.get("icc_profile"))
    except MemoryError:
        raise
    except Exception as error:  # Pillow's plugins raise many kinds for damaged files
        raise UnreadableFormat(f"{path} is an AVIF that Pillow does not decode; save it as PNG or JPEG") from error


def _decode_heic(path: Path, data: bytes) -> _Decoded:
    """By libheif, which turns it upright; more than 8 bits become 16."""
    if not can_read_heif():
        raise UnreadableFormat(f"{path} is a HEIC, which {NEEDS_HEIF}")
    import pillow_heif

    try:
        image = pillow_heif.open_heif(BytesIO(data), convert_hdr_to_8bit=False, bgr_mode=True)
        check_size(Size(*image.size), str(path))
        picture = np.asarray(image)
        profile = image.info.get("icc_profile")
    except InputError:
        raise
    except Exception as error:  # libheif's errors come as several builtin kinds
        raise UnreadableFormat(
            f"{path} is a HEIC that libheif does not decode ({first_line(error)}); save it as JPEG"
        ) from error
    colour = picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)
    return _Decoded(np.ascontiguousarray(colour[..., :3]), profile)


def _encode(pixels: np.ndarray, bit_depth: int) -> np.ndarray:
    peak = (1 << bit_depth) - 1
    dtype = np.uint8 if bit_depth == 8 else np.uint16
    picture = (np.clip(pixels, 0, 1) * peak + 0.5).astype(dtype).transpose(1, 2, 0)[..., ::-1]
    return cv2.imencode(".png", np.ascontiguousarray(picture))[1]
