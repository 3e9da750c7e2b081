"""A reference as it comes, brought to the frame on show at its time: its framing, its rotation, its colours.

What is done is the plainest that helps: nothing where the picture is exact already, colours alone, a global transform,
or both. Whether the result shows what the frame shows is judged in the end; nothing is moved locally.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from ..camera.colour_transfer import IDENTITY, ColourTransfer, block_colours, fit_colours, unclipped_blocks
from ..camera.kernels import SCALE
from ..camera.model import CameraModel
from ..errors import ShapeError
from .agreement import OFF, Comparison, compare
from .framing import Framed, Framing, low_mask, with_luma

_SAME = 0.3  # share of tiles with contrast that have to show the same, below which it is something else
MOVED = 0.08  # share of tiles that may be off; encoders make up to 0.07 of them seem so
_CLOSE = 0.35  # output pixels within which a picture is left where it is
_SEEN = 3 / 255  # a difference of colours from which on it is seen
_BETTER = 0.97  # of the misfit before, at most, for a transform to be kept
_MOSTLY = 0.5  # share of a frame that a picture has to cover
_CLIPPED = 254.5 / 255
_BLOCK = 8  # low-resolution pixels to a side over which colours are averaged
_ENOUGH, _MOST = 100, 4000  # colours to fit a change to


@dataclass(frozen=True, eq=False)
class Conformed:
    """A picture brought to a frame, and what is left between them.

    picture:           float32 [3,4h,4w] in [0,1], in the frame's geometry and colours; the given one, of its own size,
                       where it shows something else.
    transform:         float64 [2,3]: (x, y) of a pixel of `picture` -> of the given one; None where it was not moved.
    colours:           what was done to its colours.
    displacement:      what is left, in output pixels: the median over the frame.
    moved:             share of the frame where something is displaced by more than half an output pixel.
    colour_difference: what is left, in [0,1]: the median over the frame, of the channel that differs most.
    valid:             bool [4h,4w], False where the given picture showed nothing (the enlarged frame is there);
                       None where all is valid.
    why:               why its pixels may not replace the frame's, such as "0.7 px off"; "" where they may.
    """

    picture: np.ndarray
    transform: np.ndarray | None
    colours: ColourTransfer
    displacement: float
    moved: float
    colour_difference: float
    valid: np.ndarray | None
    why: str

    @property
    def agrees(self) -> bool:
        """Whether its pixels may replace the frame's, where they are valid."""
        return not self.why

    @property
    def changed(self) -> bool:
        """False where the picture is the given one, bit for bit."""
        return self.transform is not None or not self.colours.identity

    def changes(self) -> str:
        """What was done, for reports: "moved by 60.0 px, colours: gain 0.87"; "" where nothing was."""
        parts = [] if self.transform is None else [_motion(self.transform, self.picture.shape[1:])]
        return ", ".join(parts if self.colours.identity else [*parts, f"colours: {self.colours}"])


def conform(frame: np.ndarray, picture: np.ndarray, camera: CameraModel | None = None, scale: int = SCALE) -> Conformed:
    """A picture [3,H,W] of any size brought to a frame [3,h,w], both float32 RGB in [0,1].

    camera: what made the frame; by default the papers' reduction. Its taps count, colours are found anew.
    Raises ShapeError for other shapes, or a scale other than 4.
    """
    if frame.ndim != 3 or picture.ndim != 3 or frame.shape[0] != 3 or picture.shape[0] != 3 or scale != SCALE:
        arguments = f"frame {frame.shape}, picture {picture.shape}, scale {scale}"
        raise ShapeError(f"{arguments}; [3,h,w], [3,H,W] and 4 are wanted")
    framing = Framing(frame, picture, camera or CameraModel.papers())
    best = unmoved = framing.unmoved()
    if unmoved is None or not _is_in_place(unmoved.comparison):
        moved = framing.moved()
        if moved is not None and (unmoved is None or _better(moved.comparison, unmoved.comparison)):
            best = moved
    if best is None or best.comparison.alike < _SAME:
        return _something_else(picture, best)
    return _coloured(frame, best)


def _is_in_place(comparison: Comparison) -> bool:
    """Whether a picture needs no moving, or is too plain to be moved."""
    alike, still = comparison.alike > _SAME, comparison.moved <= MOVED
    return not comparison.tiles or (alike and still and comparison.displacement < _CLOSE)


def _better(new: Comparison, old: Comparison) -> bool:
    """Whether a transform measurably lowers what is left."""
    return new.misfit < _BETTER * old.misfit and new.alike >= old.alike and new.moved <= old.moved


def _something_else(picture: np.ndarray, framed: Framed | None) -> Conformed:
    share = 0.0 if framed is None else framed.comparison.alike
    why = f"shows something else: {100 * share:.0f} % of it is alike"
    colour = 1.0 if framed is None else framed.comparison.colour
    return Conformed(picture, None, IDENTITY, float("inf"), 1.0, colour, None, why)


def _coloured(frame: np.ndarray, framed: Framed) -> Conformed:
    """With the frame's colours where that lowers their difference, and judged."""
    low = low_mask(framed.inside)
    colours, comparison = fit_colours(*_blocks(framed.reduced, frame, low)), framed.comparison
    picture = framed.picture
    if not colours.identity:
        after = compare(with_luma(frame), with_luma(colours(framed.reduced)), low)
        if after.colour < comparison.colour:
            picture, comparison = _unclipped(colours(picture), picture, frame), after
        else:
            colours = IDENTITY
    valid = framed.inside
    if valid is not None:
        picture = np.where(valid, picture, _enlarged(frame))
    transform = None if framed.transform is None else framed.transform[:2]
    why = _why(comparison, 1.0 if valid is None else float(valid.mean()))
    displacement, moved, colour = comparison.displacement, comparison.moved, comparison.colour
    return Conformed(picture, transform, colours, displacement, moved, colour, valid, why)


def _blocks(reduced: np.ndarray, frame: np.ndarray, inside: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Colours [n,3] of the same blocks of both, of those that are wholly inside and have no clipped pixel; of single
    pixels where there are few such blocks."""
    for side in (_BLOCK, 1):
        use = unclipped_blocks(reduced, side) & unclipped_blocks(frame, side)
        if inside is not None:
            use &= block_colours(inside[None].astype(np.float32), side)[:, 0] > 0.999
        if use.sum() >= _ENOUGH:
            break
    chosen = np.flatnonzero(use)
    chosen = chosen[:: -(-len(chosen) // _MOST) or 1]
    return block_colours(reduced, side)[chosen], block_colours(frame, side)[chosen]


def _unclipped(coloured: np.ndarray, picture: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """Where a picture was clipped, its true colour was brighter still: the enlarged frame's, where that is."""
    clipped = picture >= _CLIPPED
    if not clipped.any():
        return coloured
    return np.where(clipped, np.maximum(coloured, _enlarged(frame)), coloured)


def _enlarged(frame: np.ndarray) -> np.ndarray:
    large = [cv2.resize(plane, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_CUBIC) for plane in frame]
    return np.clip(np.stack(large), 0, 1)


def _why(comparison: Comparison, share: float) -> str:
    if share < _MOSTLY:
        return f"covers {100 * share:.0f} % of the frame"
    if comparison.displacement > OFF:
        return f"{comparison.displacement:.1f} px off"
    if comparison.moved > MOVED:
        return f"{100 * comparison.moved:.0f} % of it shows another moment"
    if comparison.colour > _SEEN:
        percent = 100 * (comparison.brightness - 1)
        if abs(percent) >= 1:
            return f"{'brighter' if percent > 0 else 'darker'} by {abs(percent):.0f} %"
        return f"other colours by {255 * comparison.colour:.0f} of 255"
    return ""


def _motion(transform: np.ndarray, shape: tuple[int, ...]) -> str:
    """What a transform does, seen from the middle of the frame."""
    ratio = float(np.sqrt(abs(np.linalg.det(transform[:, :2]))))
    angle = float(np.degrees(np.arctan2(transform[1, 0], transform[0, 0])))
    middle = np.array([(shape[1] - 1) / 2, (shape[0] - 1) / 2])
    shift = transform @ [*middle, 1] - middle * ratio if abs(ratio - 1) > 0.1 else transform @ [*middle, 1] - middle
    parts = [f"moved by {np.hypot(*shift):.1f} px"]
    parts += [f"scaled by {1 / ratio:.3f}"] if abs(ratio - 1) > 0.0005 else []
    parts += [f"turned by {angle:.1f} degrees"] if abs(angle) > 0.05 else []
    return ", ".join(parts)
