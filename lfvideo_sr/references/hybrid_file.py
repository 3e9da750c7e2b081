"""Writes a hybrid file: the low-resolution clip and, as a second track, its high-resolution references."""

from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.container import OutputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from ..checks import check_positive
from ..errors import OutputError
from ..frames import Size, TimeStamp
from ..media.clock import stamp_of
from ..media.codecs import codec_of
from ..media.colour import Layout, rgb_to_planes
from ..media.encoding import pixel_format, scaled_matrix
from ..media.losses import lost_in_pictures
from ..media.partial import claim_partial, put_in_place
from ..media.passthrough import StreamCopier
from ..media.planes import frame_of, matrix_code, range_code
from ..media.pyav import open_media
from ..media.resize import crop_to_multiple, degrade
from ..media.video import VideoSource
from .simulated import SCALE, is_reference, small_size

_UNSHIFTED = {"avoid_negative_ts": "disabled"}  # else audio that starts before 0 shifts every time stamp
_CODEC = codec_of("ffv1")


def write_hybrid(
    hr: VideoSource, output: Path | str, every: int, *, scene_refs: bool = False, overwrite: bool = False
) -> list[str]:
    """Write the two-track MKV of a high-resolution clip: every frame made small, and frames 0, N, 2N ... as they are.

    Both tracks are FFV1 in RGB, the small one in 8 bits, the references in the clip's depth: a reader gets exactly the
    simulated pixels, whatever matrix the clip had. Their time stamps agree. Everything that is not video is copied.
    The output gets its name when it is whole. Returns what was wrong with the clip or could not be kept, a line each.
    """
    output = Path(output)
    check_positive("--ref-every", every)
    _check_target(output, hr.video.path, overwrite)
    partial: Path | None = None
    try:
        partial = claim_partial(output)
        warnings = _write(hr, partial, every, scene_refs)
        put_in_place(partial, output)
        return warnings
    except (av.FFmpegError, OSError) as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"{output} cannot be written: {error.strerror}; check its folder and disk") from error
    finally:
        if partial is not None:
            partial.unlink(missing_ok=True)


def _check_target(output: Path, original: Path, overwrite: bool) -> None:
    if output.suffix.lower() != ".mkv":
        raise OutputError(f"{output} is no .mkv; a hybrid file is Matroska, so give it that ending")
    if output.exists() and output.samefile(original):
        raise OutputError(f"{output} is the input itself; choose another -o")
    if output.exists() and not overwrite:
        raise OutputError(f"{output} exists; pass --overwrite or choose another -o")


def _write(hr: VideoSource, output: Path, every: int, scene_refs: bool) -> list[str]:
    """Both tracks frame by frame, the rest in step. A clip cut short to some frames has the rest cut there too."""
    size = small_size(hr)
    ends_at = None if hr.info.seconds == hr.video.seconds else hr.info.seconds
    with open_media(output, "w", container_options=_UNSHIFTED) as target:
        small = _Track(target, hr, size, "low resolution", bit_depth=8)
        large = _Track(target, hr, size.scaled(SCALE), f"references, every {every} frames", hr.video.bit_depth)
        small.stream.disposition = Disposition.default
        with closing(StreamCopier(hr.video.path, target, output, ends_at=ends_at)) as others:
            for frame in hr:
                stamp = stamp_of(frame)
                others.advance(stamp.seconds)
                pixels = crop_to_multiple(frame.pixels, SCALE)
                small.write(degrade(pixels, SCALE), stamp, others.shift)
                if is_reference(frame, every, scene_refs):
                    large.write(pixels, stamp, others.shift)
            small.finish()
            large.finish()
            if ends_at is None:
                others.advance(None)
            hr.check_unchanged()
            return hr.warnings + others.warnings + lost_in_pictures(hr.video, _CODEC)


class _Track:
    """One FFV1 track in RGB; rotation, primaries and transfer are the clip's."""

    def __init__(self, target: OutputContainer, hr: VideoSource, size: Size, title: str, bit_depth: int):
        video = hr.video
        self._target = target
        self._colour = replace(video.colour, layout=Layout.RGB, bit_depth=bit_depth)
        self._format = pixel_format(self._colour, _CODEC)
        added = target.add_stream(_CODEC.encoder, video.rate, dict(_CODEC.options), time_base=video.time_base)
        self.stream = cast(VideoStream, added)
        self.stream.width, self.stream.height = size
        self.stream.pix_fmt = self._format
        self.stream.set_display_matrix(scaled_matrix(video, size))
        self.stream.metadata["title"] = title
        context = self.stream.codec_context
        context.color_primaries, context.color_trc = self._colour.primaries, self._colour.transfer
        context.colorspace, context.color_range = matrix_code(self._colour), range_code(self._colour)

    def write(self, pixels: np.ndarray, stamp: TimeStamp, shift: Fraction) -> None:
        """shift: seconds that are added to the time."""
        picture = frame_of(rgb_to_planes(pixels, self._colour), self._colour, self._format)
        picture.pts, picture.time_base = stamp.ticks + round(shift / stamp.time_base), stamp.time_base
        self._target.mux(self.stream.encode(picture))

    def finish(self) -> None:
        self._target.mux(self.stream.encode(None))
