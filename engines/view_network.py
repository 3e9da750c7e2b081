"""The network that fuses the views of a light field (lfvideo_sr/methods/view_fusion.py), whatever runs it."""

from collections.abc import Callable

import numpy as np

from lfvideo_sr.camera.kernels import SCALE
from lfvideo_sr.frames import Size
from lfvideo_sr.matching.view_samples import FusionInput
from lfvideo_sr.strips import PLACES, Strip, strips_of

Run = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""planes f32 [4,4h,4w] and spread f32 [1,h,w], see FusionInput -> the change of the luma, f32 [4h,4w] in levels."""


class ViewNetwork:
    """A function from what a view's neighbours measured to the change of its luma, f32 [4h,4w] in levels, in float32.
    Large views are worked on in strips of rows.

    halo: low-resolution rows on either side that a row of the result depends on. places: see strips_of.
    """

    def __init__(self, run: Run, halo: int, places: int = PLACES):
        self._run, self._halo, self._places = run, halo, places

    def __call__(self, seen: FusionInput) -> np.ndarray:
        height, width = seen.spread.shape[1:]
        strips = strips_of(Size(width, height), self._halo, self._places)
        return np.concatenate([self._strip(seen, strip) for strip in strips])

    def _strip(self, seen: FusionInput, strip: Strip) -> np.ndarray:
        high = slice(SCALE * strip.top, SCALE * strip.bottom)
        planes, spread = seen.planes[:, high], seen.spread[:, strip.looked_at]
        made = self._run(np.ascontiguousarray(planes), np.ascontiguousarray(spread))
        return made[SCALE * (strip.first - strip.top) : SCALE * (strip.last - strip.top)]
