"""Training samples for reference-based video super-resolution, each a pure function of (seed, number): exact resume
needs no more state than the number of the next sample."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import cv2
import numpy as np

from ..camera.reduction import papers_taps, reduce_by
from ..matching.seed import FlowSeeder
from .exposure import exposure, random_exposure
from .footage import Footage

SCALE = 4


@dataclass(frozen=True)
class SampleSettings:
    """What a training sample looks like.

    frames: consecutive targets of a sample.
    crop, margin: low-resolution pixels of the target crop, and by how much the references reach beyond it on each side.
    usual_step, longest_step: references every so many frames in most samples; at most so far away in the others.
    at_reference: share of samples whose first target is the first reference's own moment.
    no_reference, one_reference, wrong_reference, noisy_seed: shares of samples.
    alone: share of samples whose references have no frame of their own, and come with their reduction.
    exposure_change, small_change: shares whose references have another exposure, or one that was nearly corrected.
    moved: share whose references are a fraction of a pixel off their own frames.
    seed_level: of the classical search (matching/seed.py). stride: output pixels between two positions of its field.
    """

    frames: int = 4
    crop: int = 40
    margin: int = 12
    usual_step: int = 8
    longest_step: int = 16
    at_reference: float = 0.06
    no_reference: float = 0.2
    one_reference: float = 0.1
    wrong_reference: float = 0.08
    alone: float = 0.1
    exposure_change: float = 0.04
    small_change: float = 0.06
    moved: float = 0.06
    noisy_seed: float = 0.1
    seed_level: int = 0
    stride: int = 2

    @property
    def seeder(self) -> FlowSeeder:
        """What seeds the matches."""
        return FlowSeeder(SCALE, self.stride, self.seed_level)

    @property
    def window(self) -> int:
        """Low-resolution pixels along a side of what is cut: the crop with its margins."""
        return self.crop + 2 * self.margin


class Views(NamedTuple):
    """Consecutive targets and two references cut from the same place.

    high [T+2,3,4w,4w], low [T+2,3,w,w], uint8; first the T targets, then the references. taps [2,24]: the camera's.
    flow [T,2,4w,4w,2] and visible [T,2,4w,4w]: exact displacement from each target to each reference, where known (else
    visible is 0).
    """

    high: np.ndarray
    low: np.ndarray
    taps: np.ndarray
    flow: np.ndarray | None = None
    visible: np.ndarray | None = None


class Samples(Protocol):
    """Views by number."""

    def __len__(self) -> int: ...

    def __getitem__(self, number: int, /) -> Views: ...


class ReferenceSamples:
    """Endless samples from clips, each of them recorded in several ways, and from rendered scenes (`scenes`: Views at
    window size, see scenes.py). clean: share of the clips' samples that are of the first recording."""

    def __init__(
        self,
        clips: list[list[Footage]],
        scenes: Samples,
        settings: SampleSettings,
        seed: int,
        rendered: float,
        clean: float = 0.3,
    ):
        self.clips, self.scenes, self.settings, self.seed = clips, scenes, settings, seed
        self.rendered, self.clean = rendered if clips else 1.0, clean
        weights = np.array([clip[0].sharpness * np.sqrt(len(clip[0].high)) for clip in clips])
        self.weights = weights / weights.sum() if clips else weights

    def __getitem__(self, number: int) -> dict[str, np.ndarray]:
        rng = np.random.default_rng([self.seed, number])
        views = self._views(rng)
        views = self._with_wrong_references(rng, views)
        return finish(rng, turned(rng, views), self.settings)

    def _views(self, rng: np.random.Generator) -> Views:
        if self.scenes and rng.random() < self.rendered:
            return self.scenes[int(rng.integers(len(self.scenes)))]
        versions = self.clips[rng.choice(len(self.clips), p=self.weights)]
        first = rng.random() < self.clean or len(versions) == 1
        return clip_views(rng, versions[0 if first else rng.integers(1, len(versions))], self.settings)

    def _with_wrong_references(self, rng: np.random.Generator, views: Views) -> Views:
        """In some samples one or both references show something else altogether."""
        if rng.random() >= self.settings.wrong_reference:
            return views
        other, targets = self._views(rng), self.settings.frames
        replaced = (0, 1) if rng.random() < 0.5 else (int(rng.integers(2)),)
        high, low = views.high.copy(), views.low.copy()
        visible = None if views.visible is None else views.visible.copy()
        for slot in replaced:
            high[targets + slot], low[targets + slot] = other.high[targets + slot], other.low[targets + slot]
            if visible is not None:
                visible[:, slot] = 0
        return views._replace(high=high, low=low, visible=visible)


def clip_views(rng: np.random.Generator, clip: Footage, settings: SampleSettings) -> Views:
    """A window of a clip at consecutive frames and at one earlier and one later frame, where references would be."""
    before, after = _steps(rng, settings)
    last, targets = len(clip.high) - 1, settings.frames
    first = int(rng.integers(max(last - targets + 2, 1)))
    shown = [min(first + number, last) for number in range(targets)]
    times = [*shown, max(first - before, 0), min(shown[-1] + after, last)]
    height, width = clip.low.shape[-2:]
    window = settings.window
    y, x = (int(rng.integers(side - window + 1)) for side in (height, width))
    high = np.stack(
        [clip.high[t][:, SCALE * y : SCALE * (y + window), SCALE * x : SCALE * (x + window)] for t in times]
    )
    low = np.stack([clip.low[t][:, y : y + window, x : x + window] for t in times])
    return Views(high, low, clip.taps)


def _steps(rng: np.random.Generator, settings: SampleSettings) -> tuple[int, int]:
    """How far before the first and behind the last target the references are."""
    if rng.random() < settings.at_reference:
        return 0, settings.usual_step - settings.frames + 1
    if rng.random() < 0.7:
        before = int(rng.integers(1, settings.usual_step - settings.frames + 1))
        return before, settings.usual_step - settings.frames + 1 - before
    return int(rng.integers(1, settings.longest_step + 1)), int(rng.integers(1, settings.longest_step + 1))


def turned(rng: np.random.Generator, views: Views) -> Views:
    """Flip and transpose all pictures alike, and swap the references, by chance."""
    high, low, taps, flow, visible = views
    if rng.random() < 0.5:
        order = [*range(len(high) - 2), len(high) - 1, len(high) - 2]
        high, low = high[order], low[order]
        if flow is not None and visible is not None:
            flow, visible = flow[:, ::-1], visible[:, ::-1]
    for axis in (-1, -2):
        if rng.random() < 0.5:
            high, low = np.flip(high, axis), np.flip(low, axis)
            taps = np.stack([taps[0, :: -1 if axis == -2 else 1], taps[1, :: -1 if axis == -1 else 1]])
            if flow is not None and visible is not None:
                sign = np.array([-1, 1] if axis == -1 else [1, -1], np.float32)
                flow, visible = np.flip(flow, axis - 1) * sign, np.flip(visible, axis)
    if rng.random() < 0.5:
        high, low, taps = high.swapaxes(-1, -2), low.swapaxes(-1, -2), taps[::-1]
        if flow is not None and visible is not None:
            flow, visible = flow.swapaxes(2, 3)[..., ::-1], visible.swapaxes(-1, -2)
    return Views(high, low, taps, flow, visible)


def finish(rng: np.random.Generator, views: Views, settings: SampleSettings) -> dict[str, np.ndarray]:
    """Crop the targets, disturb what real life disturbs, and seed the matches.

    -> frames f32 [T,3,c,c], targets u8 [T,3,4c,4c], references u8 [2,3,4w,4w], sides f32 [2,3,w,w], taps f32 [2,24],
    seeds f32 [T,2,n,n,2] with n = 4c / stride, positions in reference pixels, follow f32 [T,n,n,2] positions in the
    crop of the frame before (of the first: its own places), present f32 [2], flow f32 [T,2,4c,4c,2], visible f32
    [T,2,4c,4c].
    """
    crop, margin, targets, seeder = settings.crop, settings.margin, settings.frames, settings.seeder
    inner = slice(margin, margin + crop)
    places = slice(*(SCALE // seeder.stride * edge for edge in (margin, margin + crop)))
    outer = slice(SCALE * margin, SCALE * (margin + crop))
    low = views.low[:targets]
    references, sides, taps = _disturbed(rng, views, settings)
    prepared = [seeder.prepare(frame) for frame in low]
    seeds = np.stack([[seeder(frame, seeder.prepare(side), None) for side in sides] for frame in prepared])
    if rng.random() < settings.noisy_seed:
        seeds = seeds + _smooth_noise(rng, seeds.shape)
    follow = np.stack([seeder.follow(frame, before) for frame, before in zip(prepared, prepared[:1] + prepared[:-1])])
    return {
        "frames": np.ascontiguousarray(low[..., inner, inner]).astype(np.float32) / 255,
        "targets": np.ascontiguousarray(views.high[:targets, :, outer, outer]),
        "references": references,
        "sides": sides.astype(np.float32) / 255,
        "taps": np.ascontiguousarray(taps, np.float32),
        "seeds": np.ascontiguousarray(seeds[..., places, places, :], np.float32),
        "follow": np.ascontiguousarray(follow[..., places, places, :]) - np.float32(SCALE * margin),
        "present": _present(rng, settings, views.taps),
        **_exact_flow(views, outer, targets, SCALE * crop),
    }


def _disturbed(
    rng: np.random.Generator, views: Views, settings: SampleSettings
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """References as they come [2,3,4w,4w], their low-resolution sides [2,3,w,w], both uint8, and the taps assumed."""
    references, sides, taps = np.ascontiguousarray(views.high[-2:]), views.low[-2:], views.taps
    draw = rng.random()
    if draw < settings.alone:
        taps = taps if rng.random() < 0.5 else papers_taps()
        sides = np.stack(
            [np.round(np.clip(reduce_by(taps, reference), 0, 255)).astype(np.uint8) for reference in references]
        )
    elif draw < settings.alone + settings.exposure_change:
        curve = random_exposure(rng)
        references, sides = curve[references], curve[sides]
    elif draw < settings.alone + settings.exposure_change + settings.small_change:
        references = exposure(*rng.uniform([0.95, -0.015, 0.96], [1.05, 0.015, 1.04]))[references]
    if rng.random() < settings.moved:
        references = np.stack([_moved(reference, *rng.uniform(-1, 1, 2)) for reference in references])
    return references, sides, taps


def _moved(picture: np.ndarray, x: float, y: float) -> np.ndarray:
    """uint8 [3,H,W] moved by so many pixels to the right and down."""
    place = np.array([[1, 0, x], [0, 1, y]], np.float32)
    last = np.ascontiguousarray(picture.transpose(1, 2, 0))
    size = (picture.shape[2], picture.shape[1])
    moved = cv2.warpAffine(last, place, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return moved.transpose(2, 0, 1)


def _exact_flow(views: Views, outer: slice, targets: int, side: int) -> dict[str, np.ndarray]:
    if views.flow is None or views.visible is None:
        shape = (targets, 2, side, side)
        return {"flow": np.zeros((*shape, 2), np.float32), "visible": np.zeros(shape, np.float32)}
    visible = views.visible[..., outer, outer].astype(np.float32)
    return {"flow": np.ascontiguousarray(views.flow[:, :, outer, outer]), "visible": visible}


def _present(rng: np.random.Generator, settings: SampleSettings, taps: np.ndarray) -> np.ndarray:
    """Which references there are. Only a reference can show that the camera's pixels are off the middle."""
    draw = rng.random()
    centred = np.allclose(taps, taps[:, ::-1], atol=1e-3)
    if draw < settings.no_reference and centred:
        return np.zeros(2, np.float32)
    if draw < settings.no_reference + settings.one_reference:
        return np.roll(np.array([1, 0], np.float32), int(rng.integers(2)))
    return np.ones(2, np.float32)


def _smooth_noise(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Slowly varying error of up to a few output pixels, as a seed from an earlier frame would have."""
    *fields, height, width, _ = shape
    strength = rng.uniform(0.2, 2.0)
    coarse = rng.normal(0, strength, (int(np.prod(fields)), 6, 6, 2)).astype(np.float32)
    made = np.stack([cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC) for noise in coarse])
    return made.reshape(shape)
