"""Makes the small odd files these tests need: several tracks, sizes that change, cover art, variable rates."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.stream import Disposition

from lfvideo_sr.frames import Size

SMALL = Size(32, 24)
LARGE = Size(128, 96)
TICK = Fraction(1, 1000)
CLOCKWISE = (0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)  # a telephone held upright: shown turned by a quarter


def picture(number: int, size: Size = LARGE) -> np.ndarray:
    """A smooth coloured picture, uint8 [H,W,3]; another for each number, the same at every size but for detail."""
    noise = np.random.default_rng(number).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return cv2.resize(noise, size, interpolation=cv2.INTER_CUBIC)


def pictures(count: int, size: Size = LARGE) -> list[np.ndarray]:
    return [picture(number, size) for number in range(count)]


def as_pixels(picture: np.ndarray) -> np.ndarray:
    """uint8 [H,W,3] -> float32 [3,H,W] in [0,1]."""
    return np.ascontiguousarray(picture.transpose(2, 0, 1).astype(np.float32) / np.float32(255))


def even(count: int, every: int = 1, step: int = 40) -> list[int]:
    """Milliseconds of `count` frames at 25 a second, or of every N-th of them."""
    return [number * step for number in range(0, count, every)]


def write_tracks(
    path: Path,
    *tracks: tuple[Sequence[np.ndarray], Sequence[int]],
    cover: Size | None = None,
    matrix: tuple[int, ...] | None = None,
) -> Path:
    """Lossless RGB tracks, each (pictures, milliseconds); `cover` attaches a picture of that size; all are shown
    through the display `matrix`."""
    with av.open(str(path), "w") as target:
        streams = [_add(target, pictures[0]) for pictures, _ in tracks]
        for stream in streams:
            stream.set_display_matrix(matrix)
        if cover:
            _attach(target, picture(99, cover))
        for stream, (shown, times) in zip(streams, tracks):
            for image, time in zip(shown, times):
                target.mux(stream.encode(_frame(image, time, "bgr0")))
            target.mux(stream.encode(None))
    return path


def _add(target, image: np.ndarray):
    stream = target.add_stream("ffv1", rate=25)
    stream.height, stream.width = image.shape[:2]
    stream.pix_fmt, stream.codec_context.time_base = "bgr0", TICK
    return stream


def _frame(image: np.ndarray, time: int, pix_fmt: str) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=pix_fmt)
    frame.pts, frame.time_base = time, TICK
    return frame


def _attach(target, image: np.ndarray) -> None:
    """Cover art as the container holds it: an attachment in Matroska, a track marked so in MP4."""
    encoded = cv2.imencode(".png", image[..., ::-1])[1].tobytes()
    if target.format.name == "matroska":
        target.add_attachment("cover.png", "image/png", encoded)
        return
    stream = target.add_stream("png", rate=1)
    stream.height, stream.width = image.shape[:2]
    stream.pix_fmt, stream.disposition = "rgb24", Disposition.attached_pic
    packet = av.Packet(encoded)
    packet.stream, packet.pts, packet.dts, packet.time_base = stream, 0, 0, TICK
    target.mux(packet)


def write_changing(path: Path, shown: Sequence[np.ndarray]) -> Path:
    """One H.264 track whose pictures differ in size: each is encoded on its own, with its own parameter sets."""
    with av.open(str(path), "w") as target:
        stream = target.add_stream("libx264", rate=25)
        stream.height, stream.width = min(image.shape[:2] for image in shown)
        stream.pix_fmt, stream.time_base = "yuv420p", Fraction(1, 25)
        for number, image in enumerate(shown):
            for packet in _alone(image):
                packet.stream, packet.time_base = stream, Fraction(1, 25)
                packet.pts = packet.dts = number
                target.mux(packet)
    return path


def _alone(image: np.ndarray) -> list[av.Packet]:
    codec = av.CodecContext.create("libx264", "w")
    codec.height, codec.width = image.shape[:2]
    codec.pix_fmt, codec.time_base, codec.framerate = "yuv420p", Fraction(1, 25), 25
    codec.options = {"preset": "ultrafast", "crf": "10", "x264-params": "annexb=1:repeat-headers=1"}
    return codec.encode(_frame(image, 0, "yuv420p")) + codec.encode(None)


def write_still(path: Path, image: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image[..., ::-1])
    return path


def write_with_audio(path: Path, shown: Sequence[np.ndarray], times: Sequence[int]) -> Path:
    """A lossless RGB track beside a second of AAC, whose first packet is shown before 0 where the container can."""
    with av.open(str(path), "w", container_options={"avoid_negative_ts": "disabled"}) as target:
        video, audio = _add(target, shown[0]), target.add_stream("aac", rate=8000, layout="mono")
        for number in range(8):
            samples = np.random.default_rng(number).normal(0, 0.1, (1, 1000)).astype(np.float32)
            sound = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
            sound.rate, sound.pts = 8000, 1000 * number
            target.mux(audio.encode(sound))
        target.mux(audio.encode(None))
        for image, time in zip(shown, times):
            target.mux(video.encode(_frame(image, time, "bgr0")))
        target.mux(video.encode(None))
    return path
