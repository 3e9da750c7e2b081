"""By how much the clock of references is off, estimated from pictures: the shift that brings most to their frame."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ..errors import UsageError
from ..media.clock import frame_times
from ..media.probe import VideoInfo
from .placing import SURE, SeenClip, Span
from .still_names import parse_seconds
from .thumbnails import Scale, thumbnails

AUTO = "auto"
_LOOKED_AT = 24  # frames of a track
_NEAR = Fraction(1)  # seconds round the shift that outlines suggest, within which frames are looked for
_SAME = 0.01  # of a correlation: shifts that fit this much worse fit as well


@dataclass(frozen=True)
class Offset:
    """Seconds to add to the references' times, and the share of those looked at that agree with it, 0 .. 1.

    Where nothing agrees, both are 0.
    """

    seconds: Fraction
    sure: float

    @property
    def is_known(self) -> bool:
        return self.sure >= 0.5

    def __str__(self) -> str:
        if not self.is_known:
            return "--ref-offset auto: the pictures agree on no offset; 0 is used"
        return f"--ref-offset auto: {float(self.seconds):+.3f} s ({self.sure:.0%} of the references looked at agree)"


def parse_offset(text: float | str | None) -> Fraction | str | None:
    """The value of `--ref-offset`: exact seconds, "auto", or None where it is absent; UsageError for anything else."""
    if text is None or text == AUTO:
        return text
    try:
        return parse_seconds(str(text))
    except (ValueError, ZeroDivisionError):
        raise UsageError(f"--ref-offset is {text}; seconds (-0.7) or auto is wanted") from None


def offset_of_track(clip: SeenClip, track: VideoInfo, turns: int = 0) -> Offset:
    """Of a track of references, of which frames spread over its length are looked at; decodes both once.

    turns: quarters, counter-clockwise, from the track's coded frames to the clip's.
    """
    times = list(frame_times(track))
    some = times[:: -(-len(times) // _LOOKED_AT) or 1]
    shown = track.size.width * float(track.sample_aspect_ratio or 1) / track.size.height
    small = thumbnails(track, some, Scale(shown).size)
    return estimate_offset(clip, [(time, np.ascontiguousarray(np.rot90(each, turns))) for time, each in small.items()])


def estimate_offset(clip: SeenClip, references: Sequence[tuple[Fraction, np.ndarray]]) -> Offset:
    """The constant shift from the references' clock to the clip's.

    references: each a time by its own clock, seconds, and its thumbnail, uint8 [h,w], turned as the clip's frames are.
    """
    if not references:
        return Offset(Fraction(0), 0.0)
    rough = _rough_shift(clip, references)
    spans = [Span(time + rough - _NEAR, time + rough + _NEAR) for time, _ in references]
    sightings = clip.find([picture for _, picture in references], spans)
    shifts = [
        sighting.time - time
        for sighting, (time, _) in zip(sightings, references)
        if sighting is not None and sighting.sure >= SURE
    ]
    if not shifts:
        return Offset(Fraction(0), 0.0)
    middle = sorted(shifts)[len(shifts) // 2]
    agreeing = [shift for shift in shifts if abs(shift - middle) <= 1.5 * clip.turn]
    inside = sum(clip.start - _NEAR <= time + rough <= clip.end + _NEAR for time, _ in references)
    sure = len(agreeing) / max(inside, 1)
    return Offset(sum(agreeing, Fraction(0)) / len(agreeing), sure) if sure >= 0.5 else Offset(Fraction(0), 0.0)


def _rough_shift(clip: SeenClip, references: Sequence[tuple[Fraction, np.ndarray]]) -> Fraction:
    """By outlines alone: the shift, in steps of a frame, that fits best on average over the references inside the clip,
    of which there have to be half at least; none where none fits as well."""
    curves = [(float(time), *clip.scores(picture)) for time, picture in references]
    frames = np.array([float(time) for time in curves[0][1]])
    times = np.array([time for time, _, _ in curves])
    step = float(clip.turn)
    shifts = np.arange(frames[0] - times.max(), frames[-1] - times.min() + step, step)
    fits = np.full((len(shifts), len(curves)), np.nan)
    for column, (time, _, scores) in enumerate(curves):
        fits[:, column] = np.interp(time + shifts, frames, scores, left=np.nan, right=np.nan)
    inside = np.isfinite(fits).sum(axis=1)
    mean = np.where(inside >= max(1, len(curves) / 2), np.nansum(fits, axis=1) / np.maximum(inside, 1), -1.0)
    best = float(mean.max())
    unmoved = int(np.abs(shifts).argmin())
    if mean[unmoved] >= best - _SAME:
        return Fraction(0)
    return Fraction(float(shifts[int(mean.argmax())])).limit_denominator(100_000)
