"""Pictures as a page holds them: JPEG, no wider than they are shown, inside the page itself."""

from base64 import b64encode

import cv2
import numpy as np

from ..frames import Size, size_of
from .resize import to_uint8


def no_wider(size: Size, widest: int) -> Size:
    """The size itself, or the one of the same aspect and that width."""
    if size.width <= widest:
        return size
    return Size(widest, max(1, round(size.height * widest / size.width)))


def jpeg(pixels: np.ndarray, quality: int, widest: int) -> bytes:
    """RGB [3,H,W], uint8 or float in [0,1], reduced where it is wider, as a JPEG of that quality (0 to 100)."""
    picture, shown = to_uint8(pixels).transpose(1, 2, 0)[..., ::-1], no_wider(size_of(pixels), widest)
    if shown != size_of(pixels):
        picture = cv2.resize(picture, shown, interpolation=cv2.INTER_AREA)
    encoded = cv2.imencode(".jpg", np.ascontiguousarray(picture), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return encoded.tobytes()


def data_address(content: bytes) -> str:
    """A JPEG as the address of a picture in a page."""
    return "data:image/jpeg;base64," + b64encode(content).decode()
