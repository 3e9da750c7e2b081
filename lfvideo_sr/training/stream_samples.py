"""Training samples for reference-based video super-resolution, each a pure function of (seed, number): exact resume
needs no more state than the number of the next sample."""

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from ..media.seed import FlowSeeder
from .clips import Clip
from .exposure import random_exposure

SCALE = 4


@dataclass(frozen=True)
class SampleSettings:
    """What a training sample looks like.

    crop, margin: low-resolution pixels of the target crop, and by how much the references reach beyond it on each side.
    usual_step, longest_step: references every so many frames in most samples; at most so far away in the others.
    no_reference, one_reference, wrong_reference, exposure_change, compressed, noisy_seed: shares of samples.
    """

    crop: int = 48
    margin: int = 12
    usual_step: int = 8
    longest_step: int = 16
    no_reference: float = 0.12
    one_reference: float = 0.1
    wrong_reference: float = 0.08
    exposure_change: float = 0.08
    compressed: float = 0.05
    noisy_seed: float = 0.1

    @property
    def window(self) -> int:
        """Low-resolution pixels along a side of what is cut: the crop with its margins."""
        return self.crop + 2 * self.margin


class Views(NamedTuple):
    """A target and two references cut from the same place.

    high [3,3,4w,4w], low [3,3,w,w], uint8; first the target, then the references.
    flow [2,4w,4w,2] and visible [2,4w,4w]: exact displacement from the target, where known (else visible is 0).
    """

    high: np.ndarray
    low: np.ndarray
    flow: np.ndarray | None = None
    visible: np.ndarray | None = None


class ReferenceSamples:
    """Endless samples from clips and from rendered scenes (`scenes`: Views at window size, see scenes.py)."""

    def __init__(
        self,
        clips: list[Clip],
        scenes: list[Views],
        settings: SampleSettings,
        seed: int,
        rendered: float,
    ):
        self.clips, self.scenes, self.settings, self.seed = clips, scenes, settings, seed
        self.rendered = rendered if clips else 1.0
        weights = np.array([clip.sharpness * np.sqrt(len(clip.high)) for clip in clips])
        self.weights = weights / weights.sum() if clips else weights

    def __getitem__(self, number: int) -> dict[str, np.ndarray]:
        rng = np.random.default_rng([self.seed, number])
        views = self._views(rng)
        views = self._with_wrong_references(rng, views)
        return finish(rng, turned(rng, views), self.settings)

    def _views(self, rng: np.random.Generator) -> Views:
        if self.scenes and rng.random() < self.rendered:
            return self.scenes[rng.integers(len(self.scenes))]
        return clip_views(rng, self.clips[rng.choice(len(self.clips), p=self.weights)], self.settings)

    def _with_wrong_references(self, rng: np.random.Generator, views: Views) -> Views:
        """In some samples one or both references show something else altogether."""
        if rng.random() >= self.settings.wrong_reference:
            return views
        other = self._views(rng)
        replaced = (1, 2) if rng.random() < 0.5 else (1 + int(rng.integers(2)),)
        high, low = views.high.copy(), views.low.copy()
        visible = None if views.visible is None else views.visible.copy()
        for slot in replaced:
            high[slot], low[slot] = other.high[slot], other.low[slot]
            if visible is not None:
                visible[slot - 1] = 0
        return Views(high, low, views.flow, visible)


def clip_views(rng: np.random.Generator, clip: Clip, settings: SampleSettings) -> Views:
    """A window of a clip at a frame and at one earlier and one later frame, as references every N frames would lie."""
    before, after = _steps(rng, settings)
    last = len(clip.high) - 1
    target = int(rng.integers(last + 1))
    times = (target, max(target - before, 0), min(target + after, last))
    height, width = clip.low.shape[-2:]
    window = settings.window
    y, x = (int(rng.integers(side - window + 1)) for side in (height, width))
    high = np.stack(
        [clip.high[t][:, SCALE * y : SCALE * (y + window), SCALE * x : SCALE * (x + window)] for t in times]
    )
    low = np.stack([clip.low[t][:, y : y + window, x : x + window] for t in times])
    return Views(high, low)


def _steps(rng: np.random.Generator, settings: SampleSettings) -> tuple[int, int]:
    if rng.random() < 0.7:
        before = int(rng.integers(1, settings.usual_step))
        return before, settings.usual_step - before
    return int(rng.integers(1, settings.longest_step + 1)), int(rng.integers(1, settings.longest_step + 1))


def turned(rng: np.random.Generator, views: Views) -> Views:
    """Flip and transpose all pictures alike, and swap the references, by chance."""
    high, low, flow, visible = views
    if rng.random() < 0.5:
        order = [0, 2, 1]
        high, low = high[order], low[order]
        if flow is not None and visible is not None:
            flow, visible = flow[::-1], visible[::-1]
    for axis in (-1, -2):
        if rng.random() < 0.5:
            high, low = np.flip(high, axis), np.flip(low, axis)
            if flow is not None and visible is not None:
                sign = np.array([-1, 1] if axis == -1 else [1, -1], np.float32)
                flow, visible = np.flip(flow, axis - 1) * sign, np.flip(visible, axis)
    if rng.random() < 0.5:
        high, low = high.swapaxes(-1, -2), low.swapaxes(-1, -2)
        if flow is not None and visible is not None:
            flow, visible = flow.swapaxes(1, 2)[..., ::-1], visible.swapaxes(-1, -2)
    return Views(high, low, flow, visible)


def finish(rng: np.random.Generator, views: Views, settings: SampleSettings) -> dict[str, np.ndarray]:
    """Crop the target, disturb what real life disturbs, and seed the match.

    -> frame f32 [3,c,c], target u8 [3,4c,4c], references u8 [2,3,4w,4w], seed f32 [2,2c,2c,2] positions at stride 2 in
    reference pixels, present f32 [2], flow f32 [2,4c,4c,2] and visible f32 [2,4c,4c].
    """
    crop, margin = settings.crop, settings.margin
    inner = slice(margin, margin + crop)
    places = slice(*(SCALE // _SEEDER.stride * edge for edge in (margin, margin + crop)))
    outer = slice(SCALE * margin, SCALE * (margin + crop))
    low = _compressed(rng, views.low[0]) if rng.random() < settings.compressed else views.low[0]
    references, reference_low = np.ascontiguousarray(views.high[1:]), views.low[1:]
    if rng.random() < settings.exposure_change:
        curve = random_exposure(rng)
        references, reference_low = curve[references], curve[reference_low]
    seeds = np.stack([seed_positions(low, one) for one in reference_low])
    if rng.random() < settings.noisy_seed:
        seeds = seeds + _smooth_noise(rng, seeds.shape)
    return {
        "frame": np.ascontiguousarray(low[:, inner, inner]).astype(np.float32) / 255,
        "target": np.ascontiguousarray(views.high[0][:, outer, outer]),
        "references": references,
        "seed": np.ascontiguousarray(seeds[:, places, places]),
        "present": _present(rng, settings),
        **_exact_flow(views, outer, SCALE * crop),
    }


def _exact_flow(views: Views, outer: slice, side: int) -> dict[str, np.ndarray]:
    if views.flow is None or views.visible is None:
        return {"flow": np.zeros((2, side, side, 2), np.float32), "visible": np.zeros((2, side, side), np.float32)}
    visible = views.visible[:, outer, outer].astype(np.float32)
    return {"flow": np.ascontiguousarray(views.flow[:, outer, outer]), "visible": visible}


_SEEDER = FlowSeeder(SCALE)


def seed_positions(frame: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Low-resolution pictures [3,h,w] of one size -> positions f32 [2h,2w,2] at stride 2 in reference pixels (x4)."""
    return _SEEDER(_SEEDER.prepare(frame), _SEEDER.prepare(reference), None)


def _present(rng: np.random.Generator, settings: SampleSettings) -> np.ndarray:
    draw = rng.random()
    if draw < settings.no_reference:
        return np.zeros(2, np.float32)
    if draw < settings.no_reference + settings.one_reference:
        return np.roll(np.array([1, 0], np.float32), int(rng.integers(2)))
    return np.ones(2, np.float32)


def _compressed(rng: np.random.Generator, low: np.ndarray) -> np.ndarray:
    quality = int(rng.integers(60, 96))
    _, data = cv2.imencode(".jpg", np.ascontiguousarray(low.transpose(1, 2, 0)), [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert decoded is not None, "it was encoded just now"
    return decoded.transpose(2, 0, 1)


def _smooth_noise(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Slowly varying error of up to a few output pixels, as a seed from an earlier frame would have."""
    references, height, width, _ = shape
    strength = rng.uniform(0.2, 2.0)
    coarse = rng.normal(0, strength, (references, 6, 6, 2)).astype(np.float32)
    return np.stack([cv2.resize(one, (width, height), interpolation=cv2.INTER_CUBIC) for one in coarse])
