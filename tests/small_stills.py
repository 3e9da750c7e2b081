"""Makes a clip whose frames can be told apart, and stills of it as a telephone takes them."""

from datetime import datetime
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from PIL import Image

from lfvideo_sr.frames import Size

LOW, HIGH = Size(96, 64), Size(384, 256)
RATE, COUNT = 25, 60
CLOCKWISE = (0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)  # shown turned by a quarter
_RNG = np.random.default_rng(5)
_WORLD = cv2.GaussianBlur(_RNG.integers(0, 256, (500, 900, 3)).astype(np.uint8), (0, 0), 4)
_WORLD = cv2.normalize(_WORLD, None, 0, 255, cv2.NORM_MINMAX)
_BALL = cv2.resize(_RNG.integers(0, 256, (8, 8, 3)).astype(np.uint8), (70, 70), interpolation=cv2.INTER_NEAREST)


def scene(number: float, margin: int = 0) -> np.ndarray:
    """Frame `number`, uint8 RGB of HIGH: a camera that pans by 5 pixels a frame, and a patch that moves against it.
    `margin` shows so many rows more above and below."""
    centre = (20 + 5 * number + HIGH.width / 2, 250)
    shown = cv2.getRectSubPix(_WORLD, (HIGH.width, HIGH.height + 2 * margin), centre).copy()
    left, top = max(0, round(300 - 4.5 * number)), margin + round(60 + 90 * np.sin(number / 9) ** 2)
    shown[top : top + 70, left : left + 70] = _BALL
    return shown


def write_clip(path: Path, first: float = 0, count: int = COUNT, size: Size = LOW, turns: int = 0, **tags: str) -> Path:
    """H.264 of frames `first` and on at 25 a second; `tags` are the container's. With `turns` the coded frames lie on
    their side, by so many quarters counter-clockwise, and the file says to show them upright."""
    with av.open(str(path), "w", options={"movflags": "use_metadata_tags"}) as target:
        target.metadata.update(tags)
        stream = target.add_stream("libx264", RATE, options={"crf": "12", "preset": "veryfast"})
        stream.height, stream.width = size if turns % 2 else size[::-1]
        stream.pix_fmt = "yuv420p"
        stream.set_display_matrix(CLOCKWISE if turns else None)
        for number in range(count):
            image = cv2.resize(scene(first + number), size, interpolation=cv2.INTER_AREA)
            lying = np.ascontiguousarray(np.rot90(image, turns))
            frame = av.VideoFrame.from_ndarray(lying, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return path


def framed_otherwise(picture: np.ndarray) -> np.ndarray:
    """As a telephone's still mode, or another camera, would have taken it: 3 % larger, turned by a degree, brighter."""
    height, width = picture.shape[:2]
    motion = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), 1.0, 1.03)
    turned = cv2.warpAffine(picture, motion, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    return np.clip(turned * 1.15, 0, 255).astype(np.uint8)


def write_photo(
    path: Path, picture: np.ndarray, taken: datetime | None = None, offset: str = "", parts: str = ""
) -> Path:
    """A JPEG (or whatever the name says) with EXIF: when it was taken, its time zone, fractions of a second."""
    exif = Image.Exif()
    if taken is not None:
        inside = exif.get_ifd(0x8769)
        inside[0x9003] = taken.strftime("%Y:%m:%d %H:%M:%S")
        if offset:
            inside[0x9011] = offset
        if parts:
            inside[0x9291] = parts
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path, quality=85, exif=exif.tobytes())
    return path
