"""How much of a frame's fine detail could be carried over from another frame, estimated from small pictures of both.

Nothing sharp is there to be looked at. What enlargement will miss of a frame is guessed from the finest texture that
it has as coded; that a patch of it can be had from another frame is believed where dense flow finds it there, finds it
back, and both look alike along the way.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from ..frames import size_of
from ..matching.flow import DenseFlow, FlowSettings
from ..matching.seed import pixel_grid
from ..media.luma import luma

GRID = (8, 8)  # rows and columns of the blocks that shares are given for
_LONGEST = 192  # pixels of the small picture's longer side, at most
_SEARCH = FlowSettings(finest_scale=1, patch_stride=4, descents=12, refinements=2)
_AGREEMENT = 25.0  # difference of brightness, of 255, at which detail is trusted by 1/e
_RETURN = 0.7  # pixels that a patch may miss its start by when it is found back, at which it is trusted by 1/e
_WINDOW = 1.5  # standard deviation, in pixels, over which differences are averaged


@dataclass(frozen=True, eq=False)
class FrameTexture:
    """A frame as far as carrying needs it.

    luma:    uint8 [h,w], the longer side at most 192 pixels.
    texture: float16 [h,w], the root mean square of the finest texture round each of these pixels, of 255.
    """

    luma: np.ndarray
    texture: np.ndarray

    @property
    def detail(self) -> np.ndarray:
        """Energy of the finest texture per block, float32 GRID, mean square on the scale of 255."""
        return per_block(np.square(self.texture, dtype=np.float32))


def texture_of(pixels: np.ndarray) -> FrameTexture:
    """The look of a picture: float32 [3,H,W], RGB in [0,1]."""
    levels = 255 * luma(pixels)
    finest = levels - cv2.GaussianBlur(levels, (0, 0), 1.0)
    width, height = size_of(pixels)
    factor = min(1.0, _LONGEST / max(width, height))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    small = cv2.resize(levels, size, interpolation=cv2.INTER_AREA)
    energy = cv2.GaussianBlur(cv2.resize(finest * finest, size, interpolation=cv2.INTER_AREA), (0, 0), _WINDOW)
    return FrameTexture(np.clip(small + 0.5, 0, 255).astype(np.uint8), np.sqrt(energy).astype(np.float16))


def carried_both_ways(first: FrameTexture, second: FrameTexture) -> tuple[np.ndarray, np.ndarray]:
    """Of two frames of one size: the share of the first's detail that the second has, and the other way round, per
    block; float32 GRID in [0,1]."""
    search = DenseFlow(_SEARCH)
    there, back = search(first.luma, second.luma), search(second.luma, first.luma)
    return _carried(first, second, there, back), _carried(second, first, back, there)


def per_block(values: np.ndarray) -> np.ndarray:
    """Means of [h,w] over GRID blocks, float32."""
    return cv2.resize(values.astype(np.float32), GRID[::-1], interpolation=cv2.INTER_AREA)


def _carried(frame: FrameTexture, source: FrameTexture, flow: np.ndarray, back: np.ndarray) -> np.ndarray:
    """Share per block of `frame`'s detail that `source` has; flow [h,w,2] leads there, `back` from there."""
    height, width = frame.luma.shape
    place = pixel_grid(height, width) + flow
    x, y = np.ascontiguousarray(place[..., 0]), np.ascontiguousarray(place[..., 1])
    inside = (x > -0.5) & (y > -0.5) & (x < width - 0.5) & (y < height - 0.5)
    trust = inside * _alike(frame.luma, source.luma, x, y) * _returns(flow, back, x, y)
    fine = frame.texture.astype(np.float32)
    source_fine = cv2.remap(source.texture.astype(np.float32), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    energy = fine * fine
    had = energy * trust * np.minimum(1, (source_fine / np.maximum(fine, 1e-3)) ** 2)
    return np.clip(per_block(had) / np.maximum(per_block(energy), 1e-6), 0, 1)


def _alike(frame: np.ndarray, source: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Trust in [0,1] by how alike the frame is to the source where it is found."""
    warped = cv2.remap(source, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    difference = cv2.absdiff(frame, warped).astype(np.float32)
    return np.exp(-cv2.GaussianBlur(difference, (0, 0), _WINDOW) / _AGREEMENT)


def _returns(flow: np.ndarray, back: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Trust in [0,1] by how near the way there and back ends to its start."""
    missed = flow + cv2.remap(back, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.exp(-np.square(missed / _RETURN).sum(-1))
