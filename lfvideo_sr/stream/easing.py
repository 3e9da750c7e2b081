"""Eases a reference's own pixels into the frames around it, so that sharpness and small colours do not jump there.

A reference that is passed on is right to the last pixel, and is conspicuous among frames that are not: it is sharper,
and lacks what compression or matching did to its neighbours. Two steps change it, at a cost in PSNR (see `SHARE`):
everything moves a part of the way to what restoring makes of that moment; then its finest detail is held down to the
strength that it has in the frame before, place by place. Neither is worth much alone: a clean frame that is restored by
its own reference is the reference again, still sharper than its neighbours; and of colours and coarse errors the
strength of detail is no measure.
"""

import cv2
import numpy as np

from ..frames import Frame

SHARE = 0.35  # of the way to the restored frame; from 0.4 on, some clips lose more than 0.2 dB over all frames
FINEST = 1.0  # sigma in pixels of the blur that the finest detail is lost by
PLACE = 6.0  # sigma in pixels of the surroundings that a strength of detail is of
_FAINT = 1e-7  # mean square of detail below which there is none to hold down; an 8-bit level is 1.5e-5


class Easing:
    """Eases pictures as they come, in the order of their times; holds the frame shown last."""

    def __init__(self) -> None:
        self._before: Frame | None = None

    def shown(self, frame: Frame) -> None:
        """The next frame that is given out, eased or not."""
        self._before = frame

    def forget(self) -> None:
        """The next frame has none before it."""
        self._before = None

    def __call__(self, passed: Frame, restored: Frame) -> Frame:
        """A reference's own picture, as a frame of its moment, and what the method makes of that moment."""
        before = None if self._before is None or passed.cut else self._before.pixels
        return passed.with_pixels(eased(passed.pixels, restored.pixels, before))


def eased(reference: np.ndarray, restored: np.ndarray, before: np.ndarray | None = None) -> np.ndarray:
    """What to show at a reference's moment; all pictures float32 [3,H,W] RGB in [0,1], as is the result.

    reference: its own pixels.
    restored:  what the method makes of the low-resolution frame of that moment, this reference among those it uses.
    before:    the frame that is shown before, of the same scene; where there is none, detail is left as it is.
    """
    moved = reference + np.float32(SHARE) * (restored - reference)
    if before is not None:
        detail = finest_detail(moved)
        moved -= (1 - held_down(detail, finest_detail(before))) * detail
    return np.clip(moved, 0, 1)


def finest_detail(picture: np.ndarray) -> np.ndarray:
    """[3,H,W] minus itself blurred by `FINEST`."""
    return picture - np.stack([cv2.GaussianBlur(plane, (0, 0), FINEST) for plane in picture])


def held_down(detail: np.ndarray, like: np.ndarray) -> np.ndarray:
    """The factor [H,W], at most 1, that gives `detail` [3,H,W] the local strength of `like`, which may be moved by
    less than about `PLACE`."""
    strong, target = (cv2.GaussianBlur(np.square(values).mean(0), (0, 0), PLACE) for values in (detail, like))
    return np.minimum(np.sqrt((target + np.float32(_FAINT)) / (strong + np.float32(_FAINT))), 1)
