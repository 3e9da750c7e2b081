"""One picture beside any number of sharp ones: the best references are found, the worthless left out, x4 comes out.

What a stream does by time, a picture does by content: every reference is matched, and relevance decides.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .correspondence import Correspondence
from .engine import Engine, Matched
from .errors import InputError, OutputError, UsageError
from .frames import Frame, Size, TimeStamp, on_host, size_of
from .media.images import read_image, write_png
from .media.resize import bicubic, crop_to_multiple, degrade
from .metrics import eight_bit, psnr_y, ssim_y
from .pixels import as_pixels
from .references.reference import Reference
from .references.source import ClipFit

_SMALLEST = 4  # pixels of a reference's shorter side, one of its low-resolution version


@dataclass(frozen=True)
class ReferenceVerdict:
    """What became of a reference.

    origin:    its file, or "reference N" of those given, counted from 0.

    size:      of the picture as it was matched.
    relevance: mean over the frame, 0 .. 1.
    worthless: its relevance lies below what the method can use, so that it was dropped.
    used:      its detail is in the result. A reference that is neither used nor worthless was beaten by better ones.
    correspondence: where each place of the picture was found in it, as NumPy arrays; None where it is not used.
    """

    origin: str
    size: Size
    relevance: float
    worthless: bool
    used: bool
    correspondence: Correspondence | None = None


@dataclass(frozen=True, eq=False)
class RestoredPicture:
    """The result, float32 [3,4h,4w] RGB in [0,1], and the verdicts on the references, best first."""

    pixels: np.ndarray
    references: tuple[ReferenceVerdict, ...] = ()

    @property
    def size(self) -> Size:
        return size_of(self.pixels)

    def write(self, path: Path | str, *, bit_depth: int = 8, overwrite: bool = False) -> Path:
        """Write a PNG of 8 or 16 bits per channel, which appears under its name only when it is whole.

        Raises OutputError for another ending, and for a file that exists where `overwrite` is False.
        """
        path = Path(path)
        if bit_depth not in (8, 16):
            raise UsageError(f"bit_depth is {bit_depth}; give 8 or 16")
        if path.suffix.lower() != ".png":
            raise OutputError(f"{path}: pictures are written as PNG; give a name that ends in .png")
        if path.exists() and not overwrite:
            raise OutputError(f"{path} exists; pass overwrite=True or give another name")
        write_png(path, self.pixels, bit_depth)
        return path


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
    """A picture [3,h,w], as `as_pixels` takes it, and sharp ones -> the picture x4, made with as many as the method
    takes.

    Equally relevant references keep their order. No more encoded ones are held than are used, and one beside them.
    """
    frame = Frame(on_host(as_pixels(low, "the picture")), 0, TimeStamp(0, Fraction(1)))
    judged: list[_Judged] = []
    for reference in references if engine.info.references else ():
        judged = _ranked([*judged, _judge(engine, frame, reference)], engine.info.references)
    pixels = engine.restore(frame, [item.matched for item in judged if item.matched is not None])
    return RestoredPicture(pixels, tuple(_final(item) for item in judged))


def _final(judged: _Judged) -> ReferenceVerdict:
    """The verdict, of a reference that is used with its correspondence."""
    if judged.matched is None:
        return judged.verdict
    field = judged.matched.correspondence
    held = replace(field, positions=on_host(field.positions), relevance=on_host(field.relevance))
    return replace(judged.verdict, correspondence=held)


def _judge(engine: Engine, frame: Frame, reference: Reference) -> _Judged:
    encoded = engine.encode(reference)
    matched = Matched(encoded, engine.match(frame, encoded, None))
    relevance = matched.relevance
    worthless = relevance < engine.info.worthless_below
    verdict = ReferenceVerdict(reference.origin, encoded.size, relevance, worthless, used=not worthless)
    return _Judged(verdict, None if worthless else matched)


def _ranked(judged: list[_Judged], most: int) -> list[_Judged]:
    """Best first; beyond the `most` best none is used, and its match, which holds its features, is let go."""
    best = sorted(judged, key=lambda item: item.verdict.relevance, reverse=True)
    return best[:most] + [_Judged(replace(item.verdict, used=False), None) for item in best[most:]]


def picture_references(
    pictures: Iterable[Any], low: Size, scale: int = 4, white: float | None = None
) -> list[Reference]:
    """References from files, each read when it is needed, or from arrays and tensors, as `as_pixels` takes them.

    white: of files of 16 bits, as of `read_picture`.

    One with the aspect of a picture of size `low` is resampled to `scale` times it; any other keeps its size.
    """
    size = low.scaled(scale)
    fit = ClipFit(size, shown=size.width / size.height)
    return [_reference(picture, number, fit, white) for number, picture in enumerate(pictures)]


def _reference(picture: Any, number: int, fit: ClipFit, white: float | None) -> Reference:
    name = _name(picture, number)
    load = partial(_load, picture, name, fit, white)
    return Reference(("picture", number), Fraction(number), name, load, aligned=False)


def _name(picture: Any, number: int) -> str:
    return str(picture) if isinstance(picture, str | Path) else f"reference {number}"


def _load(picture: Any, name: str, fit: ClipFit, white: float | None) -> np.ndarray:
    pixels = load_picture(picture, name, white)
    if min(pixels.shape[1:]) < _SMALLEST:
        raise InputError(f"{name} is {size_of(pixels)}, too small for a reference; leave it out")
    return fit(pixels)


def load_picture(picture: Any, name: str, white: float | None = None) -> np.ndarray:
    """The pixels of a file, or of an array or tensor, on the host: float32 [3,H,W] RGB in [0,1]. white: of a file."""
    return read_image(picture, white) if isinstance(picture, str | Path) else on_host(as_pixels(picture, name))


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
