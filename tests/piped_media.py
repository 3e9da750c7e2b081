"""What comes through pipes in tests: streams as bytes; and a command line between two of them, in this process."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from command_line import Outcome

from lfvideo_sr import cli

SIZE = (48, 32)
FORMATS = {"y4m": "yuv4mpegpipe", "nut": "nut", "mkv": "matroska", "mpegts": "mpegts", "mp4": "mp4"}


def stream_of(kind: str, frames: int, sound: bool = False, pixel_format: str = "yuv420p", **tags: int) -> bytes:
    """A stream of a texture that drifts, of SIZE and 25 frames a second, as a program writes it to a pipe."""
    target = io.BytesIO()
    with av.open(target, "w", format=FORMATS[kind]) as container:
        container.container_options["strict"] = "unofficial"
        video = container.add_stream("rawvideo" if kind in ("y4m", "nut") else "libx264", 25)
        video.width, video.height, video.pix_fmt = *SIZE, pixel_format
        for name, value in tags.items():
            setattr(video.codec_context, name, value)
        heard = container.add_stream("aac", 16000, layout="mono") if sound else None
        texture = np.random.default_rng(0).integers(40, 200, (SIZE[1], SIZE[0] + frames, 3), np.uint8)
        for number in range(frames):
            pixels = np.ascontiguousarray(texture[:, number : number + SIZE[0]])
            picture = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format=pixel_format)
            picture.pts, picture.time_base = number, Fraction(1, 25)
            container.mux(video.encode(picture))
            if heard is not None:
                container.mux(heard.encode(_tone(number)))
        for stream in (video, heard):
            if stream is not None:
                container.mux(stream.encode(None))
    return target.getvalue()


def _tone(number: int) -> av.AudioFrame:
    noise = np.random.default_rng(number).normal(0, 0.1, (1, 640)).astype(np.float32)
    tone = av.AudioFrame.from_ndarray(noise, format="fltp", layout="mono")
    tone.rate, tone.pts, tone.time_base = 16000, 640 * number, Fraction(1, 16000)
    return tone


def packets_of(content: bytes, kind: str) -> list[bytes]:
    with av.open(io.BytesIO(content)) as container:
        return [bytes(packet) for packet in container.demux() if packet.size and packet.stream.type == kind]


def pictures_of(content: bytes) -> list[np.ndarray]:
    """The luma of each picture, as it is stored."""
    with av.open(io.BytesIO(content)) as container:
        return [picture.to_ndarray()[: picture.height] for picture in container.decode(video=0)]


def piped(content: bytes, folder: Path, *arguments: object) -> tuple[Outcome, bytes]:
    """What a command line does with a pipe at its standard input, in this process; what it printed to standard error
    as the outcome's `err`, and what it wrote to standard output."""
    (folder / "stdin").write_bytes(content)
    with _in_place_of(0, folder / "stdin", os.O_RDONLY), _in_place_of(1, folder / "stdout", os.O_WRONLY | os.O_CREAT):
        printed, sys.stderr = sys.stderr, io.StringIO()
        words, sys.argv = sys.argv, ["lfvideo-sr", *map(str, arguments)]
        try:
            cli.main()
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        finally:
            err, sys.stderr, sys.argv = sys.stderr.getvalue(), printed, words
    written = (folder / "stdout").read_bytes()
    for name in ("stdin", "stdout"):
        (folder / name).unlink()
    return Outcome(code, "", err), written


@contextmanager
def _in_place_of(descriptor: int, path: Path, flags: int) -> Iterator[None]:
    kept, opened = os.dup(descriptor), os.open(path, flags)
    os.dup2(opened, descriptor)
    os.close(opened)
    try:
        yield
    finally:
        os.dup2(kept, descriptor)
        os.close(kept)
