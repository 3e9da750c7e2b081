"""Writes a hybrid file: the low-resolution clip and, as a second track, its high-resolution references."""

import os
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer, OutputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from ..checks import check_positive
from ..errors import OutputError
from ..frames import Size, TimeStamp
from .resize import crop_to_multiple, degrade, to_uint8
from .simulate import SCALE, is_reference
from .video import VideoSource


def write_hybrid(
    path: Path | str,
    output: Path | str,
    every: int,
    *,
    scene_refs: bool = False,
    overwrite: bool = False,
    frames: int | None = None,
    max_height: int | None = None,
) -> None:
    """Write the two-track MKV of a high-resolution clip: every frame made small, and frames 0, N, 2N ... as they are.

    Both tracks are FFV1 in 8-bit RGB, so a reader gets exactly these pixels whatever the clip's colour tags; their
    time stamps agree. Audio is copied. The output gets its name when it is whole.
    """
    output = Path(output)
    check_positive("--ref-every", every)
    if output.suffix.lower() != ".mkv":
        raise OutputError(f"{output} is no .mkv; a hybrid file is Matroska, so give it that ending")
    if output.exists() and not overwrite:
        raise OutputError(f"{output} exists; pass --overwrite or give another -o")
    unfinished = output.with_name(f".{output.stem}.unfinished.mkv")
    try:
        with closing(VideoSource(path, frames=frames, max_height=max_height, detect_cuts=scene_refs)) as source:
            _write(source, Path(path), unfinished, every, scene_refs, whole=frames is None)
        os.replace(unfinished, output)
    finally:
        unfinished.unlink(missing_ok=True)


def _write(source: VideoSource, path: Path, output: Path, every: int, scene_refs: bool, whole: bool) -> None:
    with av.open(str(path)) as original, av.open(str(output), "w", format="matroska") as target:
        small = _add_track(target, source, Size(*(side // SCALE for side in source.info.size)), "low resolution")
        large = _add_track(target, source, Size(*(side - side % SCALE for side in source.info.size)), "references")
        small.disposition = Disposition.default
        audio = _CopiedAudio(original, target)
        for frame in source:
            audio.copy_until(frame.stamp.seconds)
            pixels = crop_to_multiple(frame.pixels, SCALE)
            target.mux(small.encode(_picture(frame.stamp, degrade(pixels, SCALE))))
            if is_reference(frame, every, scene_refs):
                target.mux(large.encode(_picture(frame.stamp, pixels)))
        target.mux(small.encode(None) + large.encode(None))
        if whole:
            audio.copy_until(None)


def _add_track(target: OutputContainer, source: VideoSource, size: Size, title: str) -> VideoStream:
    track = target.add_stream("ffv1", rate=source.info.rate)
    track.width, track.height = size
    track.pix_fmt = "bgr0"
    track.time_base = source.video.time_base
    track.codec_context.time_base = source.video.time_base
    track.metadata["title"] = title
    return track


def _picture(stamp: TimeStamp, pixels: np.ndarray) -> av.VideoFrame:
    """Float [3,H,W] in [0,1] -> an 8-bit RGB frame at `stamp`."""
    packed = np.ascontiguousarray(to_uint8(pixels).transpose(1, 2, 0))
    picture = av.VideoFrame.from_ndarray(packed, format="rgb24").reformat(format="bgr0")
    picture.pts, picture.time_base = stamp.ticks, stamp.time_base
    return picture


class _CopiedAudio:
    """Audio packets of one file, handed to another in step with its pictures."""

    def __init__(self, original: InputContainer, target: OutputContainer):
        self._target = target
        self._streams = {stream.index: target.add_stream_from_template(stream) for stream in original.streams.audio}
        self._packets = original.demux(*original.streams.audio) if self._streams else iter(())
        self._next = next(self._packets, None)

    def copy_until(self, seconds: Fraction | None) -> None:
        """Copy packets up to a moment; None means to the end."""
        while self._next is not None:
            packet = self._next
            if packet.dts is not None:
                if seconds is not None and packet.dts * packet.time_base > seconds:
                    return
                packet.stream = self._streams[packet.stream.index]
                self._target.mux(packet)
            self._next = next(self._packets, None)
