"""One picture beside any number of sharp ones: the best references are found, the worthless left out, x4 comes out.

What a stream does by time, a picture does by content: every reference is matched, and relevance decides.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .camera.kernels import SCALE
from .correspondence import Correspondence, like
from .engine import Engine, Matched
from .errors import InputError, OutputError, UsageError
from .frames import Frame, Size, TimeStamp, on_host, size_of
from .media.images import write_png
from .media.luma import luma
from .media.resize import bicubic, crop_to_multiple, degrade
from .metrics import eight_bit, psnr_y, ssim_y
from .pixels import as_pixels
from .references.reference import Reference
from .registration.beside import Form, form_beside
from .registration.likeness import likeness, reduced_luma
from .strips import restored_strips

_GREY = 2.5 / 255  # between the channels of a picture without colours, at most


@dataclass(frozen=True)
class ReferenceVerdict:
    """What became of a reference.

    origin:    its file, or "reference N" of those given, counted from 0.

    size:      of the picture as it was matched.
    relevance: mean over the frame, 0 .. 1.
    worthless: its relevance lies below what the method can use, so that it was dropped.
    used:      its detail is in the result. A reference that is neither used nor worthless was beaten by better ones.
    correspondence: where each place of the picture was found in it, as NumPy arrays; None where it is not used.
    adds_detail: False where it has no detail that the picture lacks, so that it was not matched.
    changes:   what was done to bring it to the picture, such as "moved by 60.0 px"; "" where nothing was.
    """

    origin: str
    size: Size
    relevance: float
    worthless: bool
    used: bool
    correspondence: Correspondence | None = None
    adds_detail: bool = True
    changes: str = ""


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
    """PSNR in dB (inf where equal, nan where too small to tell) and SSIM of the luma, beside those of bicubic; LPIPS
    where it was asked for."""

    psnr_y: float
    ssim_y: float
    bicubic_psnr_y: float
    bicubic_ssim_y: float
    lpips: float | None = None
    bicubic_lpips: float | None = None


class _Judged(NamedTuple):
    """A verdict, the match where it is to be used, and whether the reference is a grey picture of a coloured one."""

    verdict: ReferenceVerdict
    matched: Matched | None
    grey: bool = False


@dataclass(frozen=True, eq=False)
class MatchedPicture:
    """A low-resolution picture and its matched references, from which the result is made, whole or in strips.

    coloured:   the matches of references that have colours; where some have none, the result's colours are from these.
    references: the verdicts, best first.
    """

    engine: Engine
    frame: Frame
    matches: tuple[Matched, ...]
    coloured: tuple[Matched, ...]
    references: tuple[ReferenceVerdict, ...]

    @property
    def size(self) -> Size:
        """Of the result."""
        return self.frame.size.scaled(self.engine.info.scale)

    def strips(self) -> Iterator[np.ndarray]:
        """The result from top to bottom, float32 [3,n,4w] RGB in [0,1]."""
        strips = restored_strips(self.engine, self.frame, self.matches)
        if len(self.coloured) == len(self.matches):
            return strips
        return map(_with_luma_of, restored_strips(self.engine, self.frame, self.coloured), strips)

    def restored(self) -> RestoredPicture:
        strips = list(self.strips())
        return RestoredPicture(strips[0] if len(strips) == 1 else np.concatenate(strips, 1), self.references)


def restore(
    engine: Engine, low: np.ndarray, references: Iterable[Reference] = (), *, as_they_are: bool = False
) -> RestoredPicture:
    """A picture [3,h,w], as `as_pixels` takes it, and sharp ones -> the picture x4, made with as many as the method
    takes.

    Equally relevant references keep their order. No more encoded ones are held than are used, and one beside them.
    as_they_are: references are matched as the papers' protocols have it, neither brought to the picture's framing nor
    dropped for want of detail or for showing something else.
    """
    return match_references(engine, low, references, as_they_are=as_they_are).restored()


def match_references(
    engine: Engine, low: np.ndarray, references: Iterable[Reference] = (), *, as_they_are: bool = False
) -> MatchedPicture:
    """The first half of `restore`, which finds out what each reference is worth."""
    frame = Frame(on_host(as_pixels(low, "the picture")), 0, TimeStamp(0, Fraction(1)))
    judged: list[_Judged] = []
    for reference in references if engine.info.references else ():
        judged = _ranked([*judged, _judge(engine, frame, reference, as_they_are)], engine.info.references)
    used = [(item.matched, item.grey) for item in judged if item.matched is not None]
    coloured = tuple(matched for matched, grey in used if not grey)
    verdicts = tuple(_final(item) for item in judged)
    return MatchedPicture(engine, frame, tuple(matched for matched, _ in used), coloured, verdicts)


def _with_luma_of(coloured: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The colours of one picture [3,h,w] at the brightness of another."""
    return np.clip(coloured + (luma(other) - luma(coloured)), 0, 1)


def _is_grey(pixels: np.ndarray) -> bool:
    return bool(np.ptp(pixels, 0).max() < _GREY)


def _final(judged: _Judged) -> ReferenceVerdict:
    """The verdict, of a reference that is used with its correspondence."""
    if judged.matched is None:
        return judged.verdict
    field = judged.matched.correspondence
    held = replace(field, positions=on_host(field.positions), relevance=on_host(field.relevance))
    return replace(judged.verdict, correspondence=held)


def _judge(engine: Engine, frame: Frame, reference: Reference, as_it_is: bool) -> _Judged:
    pixels = on_host(reference.load())
    grey = not as_it_is and _is_grey(pixels) and not _is_grey(frame.pixels)
    bare = as_it_is or engine.info.scale != SCALE  # framing and sharpness are judged at x4
    form = Form(pixels) if bare else form_beside(frame.pixels, pixels)
    if not form.useful:
        size = size_of(form.pixels)
        return _Judged(ReferenceVerdict(reference.origin, size, 0.0, True, False, adds_detail=False), None)
    encoded = engine.encode(replace(reference, load=lambda: form.pixels))
    matched = Matched(encoded, engine.match(frame, encoded, None))
    if form.valid is not None:
        matched = _where_valid(matched, form.valid)
    relevance = matched.relevance
    worthless = relevance < engine.info.worthless_below or not (as_it_is or _is_alike(engine, frame, form, matched))
    verdict = ReferenceVerdict(
        reference.origin, encoded.size, relevance, worthless, used=not worthless, changes=form.changes
    )
    return _Judged(verdict, None if worthless else matched, grey)


def _is_alike(engine: Engine, frame: Frame, form: Form, matched: Matched) -> bool:
    """Whether a reference shows what the frame shows, of methods that do not see it themselves."""
    info = engine.info
    if not info.unlike_below:
        return True
    reduced = reduced_luma(form.pixels, info.scale)
    return likeness(frame.pixels, reduced, matched.correspondence, info.scale) >= info.unlike_below


def _where_valid(matched: Matched, valid: np.ndarray) -> Matched:
    """The match with no relevance where it points to a place at which the picture shows nothing of its own."""
    field = matched.correspondence
    x, y = np.rint(np.moveaxis(on_host(field.positions), -1, 0)).astype(int)
    height, width = valid.shape
    shown = valid[y.clip(0, height - 1), x.clip(0, width - 1)]
    relevance = on_host(field.relevance) * shown.astype(np.float32)
    return matched._replace(correspondence=replace(field, relevance=like(relevance, field.relevance)))


def _ranked(judged: list[_Judged], most: int) -> list[_Judged]:
    """Best first; beyond the `most` best none is used, and its match, which holds its features, is let go."""
    best = sorted(judged, key=lambda item: item.verdict.relevance, reverse=True)
    return best[:most] + [_Judged(replace(item.verdict, used=False), None) for item in best[most:]]


def simulated(
    sharp: np.ndarray, scale: int = 4, reduce: Callable[[np.ndarray, int], np.ndarray] = degrade
) -> tuple[np.ndarray, np.ndarray]:
    """Float [3,H,W] in [0,1] -> (truth, its low-resolution version, by default as the papers reduce, 8 bit); the truth
    is cropped at the right and bottom to multiples of `scale`."""
    truth = crop_to_multiple(sharp, scale)
    if not truth.size:
        raise InputError(f"a picture of {size_of(sharp)} cannot be reduced by {scale}; give a larger one")
    return truth, reduce(truth, scale)


def score(
    picture: np.ndarray, low: np.ndarray, truth: np.ndarray,
    distance: Callable[[np.ndarray, np.ndarray], float] | None = None,
) -> PictureScore:  # fmt: skip
    """Compare a result, and bicubic enlargement of `low`, with the truth; all rounded to the 8 bits a viewer sees.
    distance: LPIPS of two pictures, where it is asked for."""
    truth, picture = eight_bit(truth), eight_bit(picture)
    enlarged = eight_bit(bicubic(low, size_of(truth)))
    scores = PictureScore(
        psnr_y(picture, truth), ssim_y(picture, truth), psnr_y(enlarged, truth), ssim_y(enlarged, truth)
    )
    if distance is None:
        return scores
    return replace(scores, lpips=distance(picture, truth), bicubic_lpips=distance(enlarged, truth))
