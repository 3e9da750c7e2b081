"""Makes odd media files with PyAV alone, so that the reader and the writer are tested against another hand."""

import io
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition

Planes = Sequence[np.ndarray]

CLEAR, OPAQUE = slice(0, 16), slice(16, 32)  # columns of write_alpha's clips


def moving_planes(index: int, width: int, height: int, depth: int = 8) -> Planes:
    """Smooth 4:2:0 planes that move two pixels a frame."""
    y, x = np.mgrid[0:height, 0:width]
    luma = 40 + (x + 2 * index) % 120 + y * 60 / height
    chroma_y, chroma_x = np.mgrid[0 : -(-height // 2), 0 : -(-width // 2)]
    blue = 100 + chroma_x * 60 / width
    red = 150 - chroma_y * 60 / height
    scale = 1 << (depth - 8)
    return [(plane * scale).astype(np.uint8 if depth == 8 else np.uint16) for plane in (luma, blue, red)]


def filled(planes: Planes, pixel_format: str, width: int | None = None) -> av.VideoFrame:
    """A frame holding `planes`, in the order of `pixel_format`; `width` in pixels where a plane holds several each."""
    height = planes[0].shape[0]
    frame = av.VideoFrame(width or planes[0].shape[1], height, pixel_format)
    for target, plane in zip(frame.planes, planes):
        rows = np.frombuffer(target, plane.dtype).reshape(-1, target.line_size // plane.itemsize)
        rows[: plane.shape[0], : plane.shape[1]] = plane
    return frame


def write_clip(
    path: Path,
    frames: Sequence[Planes],
    *,
    pixel_format: str = "yuv420p",
    width: int | None = None,
    codec: str = "ffv1",
    options: dict[str, str] | None = None,
    times: Sequence[int] | None = None,
    time_base: Fraction = Fraction(1, 25),
    tags: dict[str, int] | None = None,
    aspect: Fraction | None = None,
    rotation: int | None = None,
    audio: str | None = None,
    subtitles: str | None = None,
    chapters: bool = False,
    attachment: bool = False,
    cover: bool = False,
    metadata: dict[str, str] | None = None,
) -> Path:
    """A clip at 25 frames/s unless `times` say otherwise, with whatever else is asked for."""
    height, width = frames[0][0].shape[0], width or frames[0][0].shape[1]
    tags = tags or {}
    with av.open(str(path), "w") as target:
        target.metadata.update(metadata or {})
        stream = target.add_stream(codec, 25, options=options, time_base=time_base)
        stream.width, stream.height, stream.pix_fmt = width, height, pixel_format
        for name, code in tags.items():
            setattr(stream.codec_context, name, code)
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        if rotation:
            stream.set_display_rotation(rotation)
        sound = target.add_stream(audio, 48000, layout="mono") if audio else None
        words = _add_subtitles(target, subtitles) if subtitles else None
        if chapters:
            target.set_chapters([_chapter(0, 0, 400), _chapter(1, 400, 900)])
        if attachment:
            target.add_attachment("font.ttf", "application/x-truetype-font", b"not really a font")
        picture = _add_cover(target) if cover else None
        target.start_encoding()
        if picture:
            _mux_bytes(target, picture, png_bytes(), 0, 1)
        if sound:
            _encode_sound(target, sound, seconds=len(frames) / 25)
        for start, text in ((100, b"hello"), (500, b"world")) if words else ():
            _mux_bytes(target, words, _subtitle(text, subtitles), start, 300)
        for index, planes in enumerate(frames):
            frame = filled(planes, pixel_format, width)
            for name, code in tags.items():
                setattr(frame, name, code)
            frame.pts, frame.time_base = times[index] if times else index, time_base
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return path


def write_sound(path: Path, codec: str = "aac") -> Path:
    with av.open(str(path), "w") as target:
        _encode_sound(target, target.add_stream(codec, 48000, layout="mono"), seconds=0.5)
    return path


def png_bytes() -> bytes:
    """A small picture, as a file."""
    file = io.BytesIO()
    with av.open(file, "w", format="image2pipe") as target:
        stream = target.add_stream("png", 1)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "rgb24"
        target.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((32, 32, 3), 90, np.uint8))))
        target.mux(stream.encode(None))
    return file.getvalue()


def half_clear(depth: int = 8) -> np.ndarray:
    alpha = np.full((24, 32), (1 << depth) - 1, np.uint8 if depth == 8 else np.uint16)
    alpha[:, CLEAR] = 0
    return alpha


def write_alpha(path, pixel_format="yuva420p", depth=8, codec="ffv1", options=None, count=3):
    """A clip of 32x24 whose left half is clear."""
    planes = [[*moving_planes(index, 32, 24, depth), half_clear(depth)] for index in range(count)]
    return write_clip(path, planes, pixel_format=pixel_format, codec=codec, options=options)


def packets(path: Path, kind: str) -> list[bytes]:
    """The packets of all streams of a kind, as bytes."""
    with av.open(str(path)) as container:
        streams = [stream for stream in container.streams if stream.type == kind]
        return [bytes(packet) for packet in container.demux(*streams) if packet.size] if streams else []


def packet_times(path: Path, kind: str) -> list[Fraction]:
    """When the packets of the first stream of a kind are shown, in seconds."""
    with av.open(str(path)) as container:
        stream = next(stream for stream in container.streams if stream.type == kind)
        return [packet.pts * packet.time_base for packet in container.demux(stream) if packet.size]


def _encode_sound(target, stream, seconds: float) -> None:
    rate = 48000
    for start in range(0, int(seconds * rate), 960):
        wave = np.sin(np.arange(start, start + 960) * 0.05).astype(np.float32)[None] * 0.5
        frame = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        target.mux(stream.encode(frame))
    target.mux(stream.encode(None))


def _add_subtitles(target, codec: str):
    stream = target.add_mux_stream(codec)
    stream.time_base = Fraction(1, 1000)
    return stream


def _subtitle(text: bytes, codec: str) -> bytes:
    return len(text).to_bytes(2, "big") + text if codec == "mov_text" else text


def _chapter(number: int, start: int, end: int) -> dict:
    title = {"title": f"part {number}"}
    return {"id": number, "start": start, "end": end, "time_base": Fraction(1, 1000), "metadata": title}


def _add_cover(target):
    """A stream of one packet, whose packet is still to be written; Matroska takes it as an attachment."""
    if target.format.name == "matroska":
        target.add_attachment("cover.png", "image/png", png_bytes())
        return None
    stream = target.add_mux_stream("png", width=32, height=32)
    stream.disposition = Disposition.attached_pic
    return stream


def _mux_bytes(target, stream, data: bytes, start: int, duration: int) -> None:
    packet = av.Packet(data)
    packet.stream, packet.time_base = stream, Fraction(1, 1000)
    packet.pts = packet.dts = start
    packet.duration = duration
    target.mux(packet)
