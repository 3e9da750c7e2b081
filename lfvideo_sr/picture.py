"""One picture beside any number of sharp ones: the best references are found, the worthless left out, x4 comes out.

What a stream does by time, a picture does by content: every reference is matched, and relevance decides.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .engine import Engine, Matched
from .errors import InputError
from .frames import Frame, Size, TimeStamp, size_of
from .media.images import read_image
from .media.resize import bicubic, crop_to_multiple, degrade
from .metrics import eight_bit, psnr_y, ssim_y
from .references.reference import Reference
from .references.source import ClipFit

_SMALLEST = 4  # pixels of a reference's shorter side, one of its low-resolution version


@dataclass(frozen=True)
class ReferenceVerdict:
    """What became of a reference.

    size:      of the picture as it was matched.
    relevance: mean over the frame, 0 .. 1.
    worthless: its relevance lies below what the method can use, so that it was dropped.
    used:      its detail is in the result. A reference that is neither used nor worthless was beaten by better ones.
    """

    origin: str
    size: Size
    relevance: float
    worthless: bool
    used: bool


@dataclass(frozen=True, eq=False)
class RestoredPicture:
    """The result, float32 [3,4h,4w] RGB in [0,1], and the verdicts on the references, best first."""

    pixels: np.ndarray
    references: tuple[ReferenceVerdict, ...] = ()

    @property
    def size(self) -> Size:
        return size_of(self.pixels)


@dataclass(frozen=True)
class PictureScore:
    """PSNR in dB (inf where equal, nan where too small to tell) and SSIM of the luma, beside those of bicubic."""

    psnr_y: float
    ssim_y: float
    bicubic_psnr_y: float
    bicubic_ssim_y: float


class _Judged(NamedTuple):
    """A verdict, and the match where it is to be used."""

    verdict: ReferenceVerdict
    matched: Matched | None


def restore(engine: Engine, low: np.ndarray, references: Iterable[Reference] = ()) -> RestoredPicture:
    """Float32 [3,h,w] RGB in [0,1] and sharp pictures -> the picture x4, made with as many as the method takes.

    Equally relevant references keep their order. No more encoded ones are held than are used, and one beside them.
    """
    frame = Frame(np.ascontiguousarray(low, np.float32), 0, TimeStamp(0, Fraction(1)))
    judged: list[_Judged] = []
    for reference in references if engine.info.references else ():
        judged = _ranked([*judged, _judge(engine, frame, reference)], engine.info.references)
    pixels = engine.restore(frame, [one.matched for one in judged if one.matched is not None])
    return RestoredPicture(pixels, tuple(one.verdict for one in judged))


def _judge(engine: Engine, frame: Frame, reference: Reference) -> _Judged:
    encoded = engine.encode(reference)
    matched = Matched(encoded, engine.match(frame, encoded, None))
    relevance = matched.relevance
    worthless = relevance < engine.info.worthless_below
    verdict = ReferenceVerdict(reference.origin, encoded.size, relevance, worthless, used=not worthless)
    return _Judged(verdict, None if worthless else matched)


def _ranked(judged: list[_Judged], most: int) -> list[_Judged]:
    """Best first; beyond the `most` best none is used, and its match, which holds its features, is let go."""
    best = sorted(judged, key=lambda one: one.verdict.relevance, reverse=True)
    return best[:most] + [_Judged(replace(one.verdict, used=False), None) for one in best[most:]]


def picture_references(pictures: Iterable[Path | str | np.ndarray], low: Size, scale: int = 4) -> list[Reference]:
    """References from files, each read when it is needed, or from float32 [3,H,W] in [0,1].

    One with the aspect of a picture of size `low` is resampled to `scale` times it; any other keeps its size.
    """
    wanted = low.scaled(scale)
    fit = ClipFit(wanted, shown=wanted.width / wanted.height)
    return [
        Reference(
            ("picture", number), Fraction(number), _name(picture, number), partial(_load, picture, fit), aligned=False
        )
        for number, picture in enumerate(pictures)
    ]


def _name(picture: Path | str | np.ndarray, number: int) -> str:
    return f"reference {number}" if isinstance(picture, np.ndarray) else str(picture)


def _load(picture: Path | str | np.ndarray, fit: ClipFit) -> np.ndarray:
    pixels = picture if isinstance(picture, np.ndarray) else read_image(picture)
    if min(pixels.shape[1:]) < _SMALLEST:
        raise InputError(f"{_name(picture, 0)} is {size_of(pixels)}, too small for a reference; leave it out")
    return fit(pixels)


def simulated(sharp: np.ndarray, scale: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Float [3,H,W] in [0,1] -> (truth, its low-resolution version as the papers reduce, 8 bit); the truth is cropped
    at the right and bottom to multiples of `scale`."""
    truth = crop_to_multiple(sharp, scale)
    if not truth.size:
        raise InputError(f"a picture of {size_of(sharp)} cannot be reduced by {scale}; give a larger one")
    return truth, degrade(truth, scale)


def score(picture: np.ndarray, low: np.ndarray, truth: np.ndarray) -> PictureScore:
    """Compare a result, and bicubic enlargement of `low`, with the truth; all rounded to the 8 bits a viewer sees."""
    truth, picture = eight_bit(truth), eight_bit(picture)
    enlarged = eight_bit(bicubic(low, size_of(truth)))
    return PictureScore(
        psnr_y(picture, truth), ssim_y(picture, truth), psnr_y(enlarged, truth), ssim_y(enlarged, truth)
    )
