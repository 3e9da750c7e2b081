"""A coarse copy of the matches of some frames, for people to look at: which reference pixel went where."""

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..correspondence import Correspondence
from ..frames import Size, on_host, size_of
from ..media.jpeg import jpeg
from ..references.reference import Reference
from .pipeline import Restored
from .preparing import Preparation

FRAMES = 120
_PLACES = 48  # along a side of a match
_WIDEST = 320  # pixels of a reference's small picture
_QUALITY = 75  # of JPEG


@dataclass(frozen=True, eq=False)
class CoarseMatch:
    """Every few places of a match with one reference.

    places:    the first place along x and y, and the step to the next, as fractions of the frame's sides: [2,2].
    positions: where each place is found, uint16 [h,w,2], (x, y) as fractions of the reference's sides times 65535.
    relevance: uint8 [h,w], 0 .. 255.
    """

    places: np.ndarray
    positions: np.ndarray
    relevance: np.ndarray


@dataclass(frozen=True, eq=False)
class FrameMatches:
    """What a frame was made from. references: keys, one for each match; of one whose own pixels are the frame, no
    match."""

    references: tuple[tuple, ...]
    matches: tuple[CoarseMatch, ...]


@dataclass(frozen=True)
class SmallReference:
    """A reference as it was matched, after it was brought to its frame. picture: a JPEG at most 320 pixels wide."""

    origin: str
    time: float
    size: Size
    picture: bytes


class MatchRecord:
    """Holds every Nth frame's matches, N = `every`, which doubles whenever there are more than `FRAMES` of them; about
    13 kB a frame and reference, and a small picture of each reference that is named."""

    def __init__(self) -> None:
        self.every = 1
        self.frames: dict[int, FrameMatches] = {}
        self.references: dict[tuple, SmallReference] = {}

    def watching(
        self, restored_frames: Generator[Restored, None, None], preparation: Preparation
    ) -> Generator[Restored, None, None]:
        """The same frames, recorded on the way. preparation: what brought their references to them."""
        with closing(restored_frames):
            for restored in restored_frames:
                if restored.frame.index % self.every == 0:
                    self._add(restored, preparation)
                yield restored

    def _add(self, restored: Restored, preparation: Preparation) -> None:
        for reference in restored.references:
            if reference.key not in self.references:
                self.references[reference.key] = _small(preparation(reference).reference)
        size = restored.frame.size
        self.frames[restored.frame.index] = FrameMatches(
            tuple(reference.key for reference in restored.references),
            tuple(coarse_match(match, size) for match in restored.correspondences),
        )
        if len(self.frames) > FRAMES:
            self._thin()

    def _thin(self) -> None:
        """Let go of every other frame, and of the references that only these name."""
        self.every *= 2
        self.frames = {index: frame for index, frame in self.frames.items() if index % self.every == 0}
        named = {key for frame in self.frames.values() for key in frame.references}
        self.references = {key: small for key, small in self.references.items() if key in named}


def coarse_match(match: Correspondence, size: Size) -> CoarseMatch:
    """Every few places of a match. size: of the output frame. Of several fields, as AMSA's, each place takes the most
    relevant one."""
    step = max(1, -(-max(match.relevance.shape[1:]) // _PLACES))
    top, left = (min(step // 2, side - 1) for side in match.relevance.shape[1:])
    positions, relevance = (_sampled(values, top, left, step) for values in (match.positions, match.relevance))
    best = relevance.argmax(0)[None]
    positions = np.take_along_axis(positions, best[..., None], 0)[0]
    fractions = np.clip((positions + 0.5) / np.array(match.reference_size, np.float32), 0, 1)
    strides = match.stride / np.array(size, np.float64)
    return CoarseMatch(
        np.stack([(np.array([left, top]) + 0.5) * strides, step * strides]),
        np.round(fractions * 65535).astype(np.uint16),
        np.round(np.take_along_axis(relevance, best, 0)[0] * 255).astype(np.uint8),
    )


def _sampled(values: Any, top: int, left: int, step: int) -> np.ndarray:
    """Of an array or a tensor [B,h,w,...], float32."""
    taken = values[:, top::step, left::step]
    return np.asarray(on_host(taken if isinstance(taken, np.ndarray) else taken.float()), np.float32)


def _small(reference: Reference) -> SmallReference:
    pixels = on_host(reference.load())
    picture = jpeg(pixels, _QUALITY, _WIDEST)
    return SmallReference(reference.origin, float(reference.time), size_of(pixels), picture)
