"""Rendered training scenes with exact flow, made once and kept: samples where the truth of matching is known."""

from pathlib import Path

import numpy as np

from ..frames import Size
from ..media.resize import bicubic, to_uint8
from ..synthetic import flow, random_scene, render
from .samples import SCALE, Views


def load_scenes(count: int, window: int, cache: Path, seed: int = 0) -> list[Views]:
    """`count` scenes of `window` low-resolution pixels a side, rendered on first use (about a second each)."""
    folder = cache / f"scenes-{window}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    return [_cached(folder / f"{number:05d}.npz", number, window, seed) for number in range(count)]


def _cached(path: Path, number: int, window: int, seed: int) -> Views:
    if not path.is_file():
        temporary = path.with_suffix(".tmp.npz")
        np.savez(temporary, **rendered_views(np.random.default_rng([seed, number]), window)._asdict())
        temporary.replace(path)
    with np.load(path) as data:
        return Views(**{key: data[key] for key in Views._fields})


def rendered_views(rng: np.random.Generator, window: int) -> Views:
    """One scene at the time of the target and at one earlier and one later time, with exact flow to both."""
    size = Size(window * SCALE, window * SCALE)
    scene = random_scene(rng, motion=float(rng.uniform(0.2, 1.5)))
    times = (0.0, -float(rng.integers(1, 9)), float(rng.integers(1, 9)))
    high = np.stack([to_uint8(render(scene, time, size)) for time in times])
    low = np.stack([bicubic(one, Size(window, window)) for one in high])
    flows, visible = zip(*(flow(scene, times[0], time, size) for time in times[1:]))
    return Views(high, low, np.stack(flows).astype(np.float16).astype(np.float32), np.stack(visible))
