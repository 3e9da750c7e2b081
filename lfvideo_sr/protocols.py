"""How the published tables were measured: what is cut before reducing, how references are laid out, what is compared.

Common to all: the low-resolution picture is 8-bit bicubic equal to Pillow's, a quarter as large (of a method of another
scale, as small as that), and results are rounded to 8 bits.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from .errors import InputError
from .frames import Size, size_of
from .media.reductions import Reduce
from .media.resize import bicubic, crop_to_multiple, degrade
from .metrics import BT601, TTSR, LumaWeights, eight_bit, psnr_y, ssim_y

SCALE = 4


class SizeRule(StrEnum):
    """How a picture gets sides of a multiple: cut at the right and bottom, or widened on all sides by its edge pixels
    and the result cut back, so that every pixel is compared."""

    CROP = "crop"
    PAD = "pad"


@dataclass(frozen=True)
class Canvas:
    """Where several references are laid before they are joined into one picture.

    side:    of each square canvas in pixels; one that is too small for a reference grows to the largest of them, all
             canvases alike, because a reduced reference would lose the very detail it is there for.
    centred: in the middle with edge pixels around, else at the top left with black around.
    stacked: canvases lie one below the other, else side by side.
    """

    side: int
    centred: bool = False
    stacked: bool = False


@dataclass(frozen=True)
class Protocol:
    """One way to measure.

    multiple, fit: of the high-resolution picture before it is reduced.
    references:    "best", or "all" where a data set ranks its references; always one where it does not.
    canvas:        how several references become one; None: a method is given each of them.
    border:        pixels left out on each side.
    note:          what is not known, or departs from public code.
    """

    rule: str
    multiple: int = SCALE
    fit: SizeRule = SizeRule.CROP
    references: str = "best"
    canvas: Canvas | None = None
    luma: LumaWeights = BT601
    border: int = SCALE
    note: str = ""


_GROWS = "references larger than a canvas widen all canvases; a data set without ranks gives one reference, as it is"

PROTOCOLS: dict[str, Protocol] = {
    "c2": Protocol(
        "cropped to a multiple of 4; level-1 reference; BT.601 Y with offset 16, border 4",
        note="the public code pads the smaller of input and reference with black to the other's size before it reduces "
        "and matches; not done here",
    ),
    "rrsr": Protocol(
        "as c2, with five references, each at the top left of a black 500x500 canvas, joined to 2500x500",
        references="all",
        canvas=Canvas(500),
        note=_GROWS,
    ),
    "masa": Protocol(
        "padded by edge pixels to a multiple of 32 and cut back; five references, each in the middle of a 512x512 "
        "canvas of its edge pixels, stacked; BT.601 Y with offset 16, no border left out",
        multiple=32,
        fit=SizeRule.PAD,
        references="all",
        canvas=Canvas(512, centred=True, stacked=True),
        border=0,
        note=_GROWS,
    ),
    "ttsr": Protocol(
        "cropped to a multiple of 4; level-1 reference; Y by weights 65.738, 129.057, 25.064 in 256ths (BT.601 to 4 "
        "parts in a million), no border left out",
        luma=TTSR,
        border=0,
        note="as the public code measures: one reference at its size, and SSIM of Y",
    ),
    "amsa": Protocol(
        "cropped to a multiple of 32; level-1 reference; BT.601 Y with offset 16, border 4",
        multiple=32,
        note="references are not cropped",
    ),
    "e2ent2": Protocol(
        "cropped to a multiple of 4; one reference; BT.601 Y with offset 16, border 4",
        note="the paper states neither plane nor border nor which reference: these are c2's; its table is on another "
        "footing (SRNTT is 23.64 dB there and 25.61 elsewhere), so compare within it only",
    ),
}


class EvaluationPair(NamedTuple):
    """low:   the low-resolution picture, float32 [3,h,w] in [0,1].
    truth: what results are compared with, [3,H,W].
    left, top: where truth's corner is in the result's pixels. scale: of the result, by `low`."""

    low: np.ndarray
    truth: np.ndarray
    left: int
    top: int
    scale: int = SCALE

    def cut(self, picture: np.ndarray) -> np.ndarray:
        """The part of a result [3,scale*h,scale*w] that shows what `truth` shows, as 8 bits show it."""
        height, width = self.truth.shape[1:]
        return eight_bit(picture[:, self.top : self.top + height, self.left : self.left + width])

    def enlarged(self) -> np.ndarray:
        """Bicubic enlargement of `low`, as 8 bits show it."""
        height, width = self.low.shape[1:]
        return eight_bit(bicubic(self.low, Size(width, height).scaled(self.scale)))


def prepare(picture: np.ndarray, protocol: Protocol, reduce: Reduce = degrade, scale: int = SCALE) -> EvaluationPair:
    """Crop or pad a high-resolution picture [3,H,W] and reduce it by `scale`, of which sides become multiples too;
    InputError for one smaller than the multiple."""
    multiple = math.lcm(protocol.multiple, scale)
    if protocol.fit is SizeRule.PAD:
        height, width = picture.shape[1:]
        padded = _padded(picture, -width % multiple, -height % multiple)
        left, top = -width % multiple // 2, -height % multiple // 2
        return EvaluationPair(reduce(padded, scale), eight_bit(picture), left, top, scale)
    truth = crop_to_multiple(picture, multiple)
    if not truth.size:
        size = size_of(picture)
        raise InputError(f"the picture is {size}; this protocol cuts to multiples of {multiple}, so give a larger one")
    return EvaluationPair(reduce(truth, scale), eight_bit(truth), 0, 0, scale)


def prepare_with_low(picture: np.ndarray, low: np.ndarray, protocol: Protocol, scale: int = SCALE) -> EvaluationPair:
    """A high-resolution picture [3,H,W] and its own low-resolution version [3,h,w], cropped as the protocol says but
    never padded; pixels that the small one does not show, fewer than `scale`, are cut at the right and bottom.

    Raises InputError where one is not `scale` times the other.
    """
    size, shown = size_of(picture), size_of(low).scaled(scale)
    if not all(0 <= side - other < scale for side, other in zip(size, shown)):
        raise InputError(f"the picture is {size}, its low-resolution version {size_of(low)}; 1/{scale} of it is wanted")
    if protocol.fit is SizeRule.CROP:
        low = crop_to_multiple(low, math.lcm(protocol.multiple, scale) // scale)
    if not low.size:
        multiple = protocol.multiple
        raise InputError(f"the picture is {size}; this protocol cuts to multiples of {multiple}, so give a larger one")
    height, width = (scale * side for side in low.shape[1:])
    return EvaluationPair(np.ascontiguousarray(low), eight_bit(picture[:, :height, :width]), 0, 0, scale)


def compose(references: Sequence[np.ndarray], canvas: Canvas) -> np.ndarray:
    """References [3,H,W] of any sizes -> one picture of all their canvases."""
    width, height = (max(canvas.side, *(reference.shape[axis] for reference in references)) for axis in (2, 1))
    laid = []
    for reference in references:
        right, below = width - reference.shape[2], height - reference.shape[1]
        laid.append(
            _padded(reference, right, below) if canvas.centred else np.pad(reference, ((0, 0), (0, below), (0, right)))
        )
    return np.concatenate(laid, axis=1 if canvas.stacked else 2)


def score(result: np.ndarray, truth: np.ndarray, protocol: Protocol) -> tuple[float, float]:
    """PSNR in dB and SSIM of two 8-bit rounded pictures [3,H,W] in [0,1]."""
    border, luma = protocol.border, protocol.luma
    return psnr_y(result, truth, border, luma), ssim_y(result, truth, border, luma)


def _padded(picture: np.ndarray, across: int, down: int) -> np.ndarray:
    """Widened by edge pixels, an odd one at the right and bottom."""
    widths = ((0, 0), (down // 2, down - down // 2), (across // 2, across - across // 2))
    return np.pad(picture, widths, mode="edge")
