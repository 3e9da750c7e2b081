"""The papers' protocol: a clip is the truth, its frames are made small, and every N-th stays as a reference."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..checks import check_positive
from ..errors import InputError
from ..frames import Frame, Size, TimeStamp
from ..media.clock import Nearest, seconds_of, stamp_of
from ..media.loss import Loss
from ..media.part import Part, window_at
from ..media.resize import crop_to_multiple, degrade
from ..media.sequence_source import SequenceSource, clip_info, open_clip
from ..media.video import VideoSource
from .reference import Reference
from .source import EVERY

SCALE = 4


def small_size(hr: VideoSource | SequenceSource) -> Size:
    """Of the low-resolution frames; raises InputError where nothing would be left."""
    size = hr.info.size
    if min(size) < SCALE:
        raise InputError(f"{hr.video.path} is {size}; at least {SCALE}x{SCALE} is wanted")
    return Size(size.width // SCALE, size.height // SCALE)


class SimulatedSource:
    """The low-resolution frames of a high-resolution clip: cropped to a multiple of 4, then 8-bit bicubic x4.

    `info` has the small size; `video` is the clip's own. Stamps and cuts are those of the clip.
    """

    def __init__(
        self, path: Path | str, *, frames: int | None = None, max_height: int | None = None, deinterlace: bool = False,
        rate: Fraction | None = None, part: Part | None = None,
    ):  # fmt: skip
        """rate: of numbered pictures. part: of the clip, as of VideoSource."""
        self._hr = open_clip(path, rate, frames=frames, max_height=max_height, deinterlace=deinterlace, part=part)
        self.part = part
        self.info = replace(self._hr.info, size=small_size(self._hr))
        self.video = self._hr.video
        self.warnings = self._hr.warnings

    def __iter__(self) -> Iterator[Frame]:
        for frame in self._hr:
            yield frame.with_pixels(degrade(crop_to_multiple(frame.pixels, SCALE), SCALE))

    @property
    def loss(self) -> Loss:
        return self._hr.loss

    def check_unchanged(self) -> None:
        self._hr.check_unchanged()

    def close(self) -> None:
        self._hr.close()


class SimulatedReferences:
    """Exactly the frames 0, N, 2N ... of a high-resolution clip (and each scene's first, with `scene_refs`)."""

    kind = "simulate"
    cadence = EVERY

    def __init__(
        self,
        path: Path | str,
        every: int,
        scene_refs: bool = False,
        *,
        frames: int | None = None,
        max_height: int | None = None,
        deinterlace: bool = False,
        rate: Fraction | None = None,
        part: Part | None = None,
    ):
        check_positive("--ref-every", every)
        limits = {"frames": frames, "max_height": max_height, "part": part}
        self._hr = open_clip(path, rate, deinterlace=deinterlace, detect_cuts=scene_refs, **limits)
        self._every = every
        self._scene_refs = scene_refs
        self.estimates: list[str] = []
        self.warnings: list[str] = []
        self.description = f"simulated: frames 0, {every}, {2 * every} ... of {path}"
        self.description += " and every scene start" if scene_refs else ""

    def __iter__(self) -> Iterator[Reference]:
        for frame in self._hr:
            if is_reference(frame, self._every, self._scene_refs):
                yield self._reference(frame)

    def _reference(self, frame: Frame) -> Reference:
        return Reference(
            key=(self.kind, str(self._hr.video.path), frame.index),
            time=seconds_of(frame),
            origin=f"{self._hr.video.path} frame {frame.index}",
            load=lambda: crop_to_multiple(frame.pixels, SCALE),
        )

    def close(self) -> None:
        self._hr.close()


def is_reference(frame: Frame, every: int, scene_refs: bool) -> bool:
    """Whether the papers' protocol leaves this frame at high resolution."""
    return frame.index % every == 0 or (scene_refs and frame.cut)


class GroundTruth:
    """The true high-resolution frames of a clip, found by time; one or two are held.

    size: of the super-resolved frames. A truth up to 3 pixels larger is cropped at the right and bottom, as the
          degradation crops it; any other size raises InputError.
    rate: of numbered pictures. begin: seconds on the truth's clock before which nothing is asked for.
    """

    def __init__(
        self,
        path: Path | str,
        size: Size,
        *,
        frames: int | None = None,
        max_height: int | None = None,
        deinterlace: bool = False,
        rate: Fraction | None = None,
        begin: Fraction | None = None,
    ):
        window = None if begin is None else window_at(clip_info(path, rate), begin)
        limits = {"frames": frames, "max_height": max_height, "window": window}
        hr = open_clip(path, rate, deinterlace=deinterlace, detect_cuts=False, **limits)
        full = hr.info.size
        if not (0 <= full.width - size.width < SCALE and 0 <= full.height - size.height < SCALE):
            raise InputError(f"the truth {path} is {full}, the result {size}; give a clip of that size")
        self._size = size
        self._tolerance = 1 / (2 * (hr.info.rate or Fraction(25)))
        self._frames = Nearest(iter(hr), time_of=seconds_of)

    def of(self, frame: Frame) -> np.ndarray | None:
        """The true pixels of a video frame's moment; see `at`."""
        return self.at(stamp_of(frame))

    def at(self, stamp: TimeStamp) -> np.ndarray | None:
        """The true pixels [3,H,W] within half a frame of `stamp`, or None. Ask in rising order."""
        frame = self._frames.at(stamp.seconds, self._tolerance)
        return None if frame is None else frame.pixels[:, : self._size.height, : self._size.width]

    def close(self) -> None:
        """Let go of the file and of the frames held."""
        self._frames = Nearest(iter(()), time_of=seconds_of)
