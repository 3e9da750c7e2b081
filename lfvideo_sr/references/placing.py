"""When in a clip a picture was taken, estimated from what it shows.

The clip is decoded to thumbnails. Coarse outlines select which of its frames may show what the picture shows; these are
laid over it by an affine motion (OpenCV's ECC), and the frame that then agrees best is it. Exposure does not matter,
and the picture may be framed otherwise: another aspect, somewhat larger or smaller, turned by a degree or two.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import cv2
import numpy as np

from ..errors import InputError
from ..media.clock import Timeline
from ..media.probe import VideoInfo
from .thumbnails import Scale, evened, outlines, thumbnails

SURE = 0.45  # a correlation from which on a picture is taken to show a frame
_MOST = 3000  # thumbnails of a clip that are held
_CANDIDATES = 6  # frames that a picture is laid over before the best one's neighbours are
_APART = Fraction(3, 10)  # seconds between two of them
_ZOOMS = (0.75, 0.84, 0.92, 1.0, 1.08)  # of what a picture shows, how much the clip may show, along one side
_STOP = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 40, 1e-4)
_OVERLAP = 0.6  # of a frame that has to be within the picture


@dataclass(frozen=True)
class Sighting:
    """The frame that a picture shows: its time, seconds on the clip's clock; and how well the two agree, the
    correlation of their details once one is laid over the other, up to 1."""

    time: Fraction
    sure: float


class Span(NamedTuple):
    """From a time to a time, seconds on the clip's clock."""

    start: Fraction
    end: Fraction

    def __contains__(self, time: object) -> bool:
        return isinstance(time, Fraction) and self.start <= time <= self.end


@dataclass(frozen=True)
class _Laid:
    """A frame, by index, the motion that lays a picture over it ([2,3], from frame to picture), and the correlation."""

    index: int
    motion: np.ndarray
    sure: float


class SeenClip:
    """A clip in thumbnails, for finding pictures in it; decoded when first asked.

    scale: of the thumbnails; pictures that are looked for are turned as the clip's coded frames are.
    """

    def __init__(self, video: VideoInfo, timeline: Timeline, scale: Scale):
        self.video, self.timeline, self.scale = video, timeline, scale
        self._times = timeline.times
        self._step = -(-len(timeline) // _MOST)
        self._evened: dict[int, np.ndarray] = {}
        self._coarse: tuple[list[int], np.ndarray] | None = None

    @property
    def start(self) -> Fraction:
        return self._times[0]

    @property
    def end(self) -> Fraction:
        return self._times[-1]

    @property
    def turn(self) -> Fraction:
        """Seconds that a frame is shown, on average."""
        return (self.end - self.start) / (len(self._times) - 1) if len(self._times) > 1 else Fraction(1, 25)

    def find(self, pictures: Sequence[np.ndarray], spans: Sequence[Span | None] | None = None) -> list[Sighting | None]:
        """The frame that each picture, a thumbnail uint8 [h,w], shows best, among those within its span where one is
        given; None where none can be laid over it."""
        stills = [evened(picture) for picture in pictures]
        within = [span or Span(self.start, self.end) for span in spans or [None] * len(stills)]
        likely = [self._likely(*search) for search in zip(stills, within)]
        if self._step > 1:  # the frames between those that were looked at, of all pictures in one pass
            self._load([index for match in likely if match for index in self._around(match.index)])
        best = [match and self._climb(still, match, span) for still, match, span in zip(stills, likely, within)]
        return [None if match is None else Sighting(self._times[match.index], match.sure) for match in best]

    def scores(self, picture: np.ndarray) -> tuple[list[Fraction], np.ndarray]:
        """Times of frames and, float32 [N], how alike the outlines of the picture are to each, -1 .. 1."""
        indices, rows = self._outlines()
        views = [_framed(evened(picture), motion, self.scale) for motion in _framings(picture.shape, self.scale)]
        return [self._times[index] for index in indices], (rows @ outlines(views).T).max(axis=1)

    def _outlines(self) -> tuple[list[int], np.ndarray]:
        if self._coarse is None:
            self._load(range(0, len(self._times), self._step))
            indices = sorted(self._evened)
            if not indices:
                raise InputError(
                    f"{self.video.path} changed while it was searched: no frame decodes now; run the command again"
                )
            self._coarse = indices, outlines(self._evened[index] for index in indices)
        return self._coarse

    def _load(self, indices: Sequence[int]) -> None:
        missing = {self._times[index]: index for index in indices if index not in self._evened}
        for time, picture in thumbnails(self.video, missing, self.scale.size).items():
            self._evened[missing[time]] = evened(picture)

    def _likely(self, still: np.ndarray, span: Span) -> _Laid | None:
        """The best of the candidates."""
        laid = [self._lay(still, *candidate) for candidate in self._candidates(still, span)]
        return max((match for match in laid if match), key=lambda match: match.sure, default=None)

    def _candidates(self, still: np.ndarray, span: Span) -> list[tuple[int, np.ndarray]]:
        """Frames some way apart whose outlines fit, best first, each with the framing that fits."""
        indices, rows = self._outlines()
        motions = _framings(still.shape, self.scale)
        fits = rows @ outlines(_framed(still, motion, self.scale) for motion in motions).T
        candidates: list[tuple[int, np.ndarray]] = []
        for place in np.argsort(-fits.max(axis=1)):
            index, time = indices[place], self._times[indices[place]]
            if time in span and all(abs(time - self._times[other]) >= _APART for other, _ in candidates):
                candidates.append((index, motions[int(fits[place].argmax())]))
            if len(candidates) == _CANDIDATES:
                break
        return candidates

    def _lay(self, still: np.ndarray, index: int, motion: np.ndarray) -> _Laid | None:
        frame = self._evened.get(index)
        if frame is None:
            return None
        try:
            sure, laid = cv2.findTransformECC(frame, still, motion.copy(), cv2.MOTION_AFFINE, _STOP)
        except cv2.error:  # it has not converged
            return None
        motion = np.asarray(laid)
        return _Laid(index, motion, float(sure)) if _overlap(motion, still.shape, frame.shape) >= _OVERLAP else None

    def _around(self, index: int) -> range:
        return range(max(0, index - self._step), min(len(self._times), index + self._step + 1))

    def _climb(self, still: np.ndarray, best: _Laid, span: Span) -> _Laid:
        """From a frame to better neighbours, in strides that halve."""
        stride = max(8, self._step)
        while stride:
            sides = [index for index in (best.index - stride, best.index + stride) if 0 <= index < len(self._times)]
            laid = [self._lay(still, index, best.motion) for index in sides if self._times[index] in span]
            better = max((match for match in laid if match), key=lambda match: match.sure, default=best)
            if better.sure > best.sure:
                best = better
            else:
                stride //= 2
        return best


def _framings(shape: tuple[int, ...], scale: Scale) -> list[np.ndarray]:
    """How the clip's frame may be placed in a picture [h,w]: in its middle, as wide or high as the zooms allow; of two
    aspects, either may show more. [2,3] each, from the frame's thumbnail to the picture's."""
    (height, width), frame = shape[:2], scale.size
    fits = sorted({width / frame.width, height / frame.height})
    if fits[-1] <= 1.03 * fits[0]:
        fits = fits[:1]
    motions = []
    for k in (fit * zoom for fit in fits for zoom in _ZOOMS):
        dx, dy = (width - 1 - k * (frame.width - 1)) / 2, (height - 1 - k * (frame.height - 1)) / 2
        motions.append(np.array([[k, 0, dx], [0, k, dy]], np.float32))
    return motions


def _framed(picture: np.ndarray, motion: np.ndarray, scale: Scale) -> np.ndarray:
    """A picture as the frame would show it; 0 where it shows nothing."""
    return cv2.warpAffine(picture, motion, scale.size, flags=cv2.INTER_AREA | cv2.WARP_INVERSE_MAP)


def _overlap(motion: np.ndarray, still: tuple[int, ...], frame: tuple[int, ...]) -> float:
    """How much of a frame is within the picture; 0 where the motion is no framing but a distortion."""
    stretch = np.linalg.svd(motion[:, :2], compute_uv=False)
    if stretch[0] > 1.25 * stretch[1]:
        return 0.0
    inside = cv2.warpAffine(
        np.ones(still[:2], np.uint8), motion, (frame[1], frame[0]), flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    )
    return float(inside.mean())
