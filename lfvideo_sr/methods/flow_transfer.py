"""Detail transfer by classical optical flow: no weights, the floor that learned methods must beat.

The frame and the reference's low-resolution side (the decoded frame of its moment where there is one, else its
reduction) are enlarged and matched by DIS flow; the reference's detail (what that side misses) is warped and blended,
softly, by how well the two agree. Where they differ no more than compression explains, the difference is taken too: the
reference's whole pixels then stand for the frame's.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from ..camera.reduction import reduce_by
from ..frames import Size
from ..matching.flow import DenseFlow, FlowSettings, gray
from ..media.resize import bicubic, degrade
from ..method import Features, Match, Method, MethodInfo
from .bicubic import enlarge

SCALE = 4
AGREEMENT = 8 / 255  # mean colour difference at which detail is trusted by 1/e
PREFERENCE = 2 / 255  # the same for choosing between two references
CODING = 2.0  # times the error of its own frame that a reference shows: differences of that size are no motion
INFO = MethodInfo(
    "flow_transfer",
    "classical optical flow and soft blending; no weights",
    worthless_below=0.02,
    own_frame=True,
    learned=False,
    halo=8,  # of the enlargement and of the blur of its difference
)

_FLOW = FlowSettings(finest_scale=1, patch_stride=3, refinements=5)


def encode(reference: np.ndarray, low: np.ndarray | None = None, taps: np.ndarray | None = None) -> Features:
    """[1,3,H,W], its low-resolution side [1,3,H/4,W/4] and the camera's taps [2,24] (camera/reduction.py) -> detail and
    enlarged side [H,W,3], its luma uint8 [H,W], and the mean coding error of the side, float32 []."""
    picture = reference[0]
    height, width = (side - side % SCALE for side in picture.shape[-2:])
    picture = picture[:, :height, :width]
    reduced = degrade(picture) if taps is None else reduce_by(taps, picture)
    side = reduced if low is None else low[0, :, : height // SCALE, : width // SCALE]
    large = bicubic(side, Size(width, height))
    coding = np.abs(reduced - side).mean()
    return {"detail": _last(picture - large), "low": _last(large), "luma": gray(large), "coding": coding}


def match(frame: np.ndarray, reference: Features, seed: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """[1,3,h,w] -> positions f32 [1,4h,4w,2] and relevance [1,4h,4w]: see `agreement`."""
    large = enlarge(frame[0])
    height, width = large.shape[-2:]
    luma = reference["luma"]
    wide, high = luma.shape[1] / width, luma.shape[0] / height
    fitted = luma if luma.shape == (height, width) else cv2.resize(luma, (width, height), interpolation=cv2.INTER_AREA)
    flow = DenseFlow(_FLOW)(gray(large), fitted)
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    positions = np.stack([(x + flow[..., 0] + 0.5) * wide - 0.5, (y + flow[..., 1] + 0.5) * high - 0.5], -1)
    positions = positions.astype(np.float32)
    return positions[None], agreement(large, reference, positions)[None]


def agreement(large: np.ndarray, reference: Features, positions: np.ndarray) -> np.ndarray:
    """How well the reference's low version, fetched from positions [H,W,2], fits the enlarged frame [3,H,W]: f32 [H,W],
    exp(-smoothed difference / AGREEMENT)."""
    error = np.abs(_warp(reference["low"], positions) - _last(large)).mean(-1)
    return np.exp(-cv2.GaussianBlur(error, (0, 0), 3) / AGREEMENT)


def restore(frame: np.ndarray, matches: Sequence[Match]) -> np.ndarray:
    """Enlarged frame plus the references' detail, each weighted by its agreement: [1,3,h,w] -> [1,3,4h,4w]."""
    base = enlarge(frame)
    if not matches:
        return base
    details = np.stack([_offered(match, _last(base[0])) for match in matches])
    relevance = np.stack([match.relevance[0] for match in matches])[..., None]
    weights = relevance ** (AGREEMENT / PREFERENCE) + 1e-12
    mixed = (details * weights).sum(0) / weights.sum(0)
    sure = 1 - np.prod(1 - relevance, 0)
    return base + (mixed * sure).transpose(2, 0, 1)[None]


def _offered(match: Match, large: np.ndarray) -> np.ndarray:
    """What a reference adds to the enlarged frame [H,W,3]: its detail, and of the misfit as much as coding explains."""
    detail, misfit = (_warp(match.features[name], match.positions[0]) for name in ("detail", "low"))
    misfit -= large
    explained = CODING * match.features["coding"]
    difference = cv2.GaussianBlur(np.abs(misfit).mean(-1), (0, 0), 3)[..., None]
    return detail + misfit * (explained / np.maximum(difference, explained + 1e-6))


def _warp(picture: np.ndarray, positions: np.ndarray) -> np.ndarray:
    x, y = np.ascontiguousarray(positions[..., 0]), np.ascontiguousarray(positions[..., 1])
    return cv2.remap(picture, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


def _last(pixels: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(pixels.transpose(1, 2, 0))


def build() -> Method:
    return Method(info=INFO, encoder=encode, matcher=match, restorer=restore, field_stride=1)
