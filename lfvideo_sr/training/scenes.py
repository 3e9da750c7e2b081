"""Rendered training scenes with exact flow, made once and kept: samples where the truth of matching is known."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from ..frames import Size
from ..media.resize import bicubic, to_uint8
from ..synthetic import Scene, flow, random_scene, render
from .stream_samples import SCALE, Views

_REACH = 4  # steps of a grid from a view to its references, at most


def load_scenes(count: int, window: int, cache: Path, seed: int = 0) -> list[Views]:
    """`count` scenes of `window` low-resolution pixels a side, rendered on first use (about a second each)."""
    return _load(rendered_views, "scenes", count, window, cache, seed)


def load_grids(count: int, window: int, cache: Path, seed: int = 1) -> list[Views]:
    """As load_scenes, of views of light fields."""
    return _load(grid_views, "grids", count, window, cache, seed)


def _load(
    make: Callable[[np.random.Generator, int], Views], name: str, count: int, window: int, cache: Path, seed: int
) -> list[Views]:
    folder = cache / f"{name}-{window}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    made = (partial(make, np.random.default_rng([seed, number]), window) for number in range(count))
    return [_cached(folder / f"{number:05d}.npz", one) for number, one in enumerate(made)]


def _cached(path: Path, make: Callable[[], Views]) -> Views:
    if not path.is_file():
        temporary = path.with_suffix(".tmp.npz")
        np.savez(temporary, **make()._asdict())
        temporary.replace(path)
    with np.load(path) as data:
        return Views(**{key: data[key] for key in Views._fields})


def rendered_views(rng: np.random.Generator, window: int) -> Views:
    """One scene at the time of the target and at one earlier and one later time, with exact flow to both."""
    size = Size(window * SCALE, window * SCALE)
    scene = random_scene(rng, motion=float(rng.uniform(0.2, 1.5)))
    times = (0.0, -float(rng.integers(1, 9)), float(rng.integers(1, 9)))
    return _pictured(scene, size, [(time, (0.0, 0.0)) for time in times])


def grid_views(rng: np.random.Generator, window: int) -> Views:
    """One scene from the target's view and from two references' views of the same moment, up to four steps away along
    rows and columns, with exact flow to both; one scene in three also moves between references and target."""
    size = Size(window * SCALE, window * SCALE)
    scene = random_scene(rng, motion=float(rng.uniform(0.2, 1.0)))
    later = float(rng.integers(1, 5)) if rng.random() < 1 / 3 else 0.0
    steps = rng.integers(-_REACH, _REACH + 1, (2, 2)).tolist()
    return _pictured(scene, size, [(0.0, (0.0, 0.0)), *((later, (float(row), float(col))) for row, col in steps)])


def _pictured(scene: Scene, size: Size, seen: list[tuple[float, tuple[float, float]]]) -> Views:
    """Pictures of a scene at moments and from views, the target's first."""
    high = np.stack([to_uint8(render(scene, time, size, view=view)) for time, view in seen])
    low = np.stack([bicubic(one, Size(size.width // SCALE, size.height // SCALE)) for one in high])
    (now, own), others = seen[0], seen[1:]
    flows, visible = zip(*(flow(scene, now, time, size, view_from=own, view_to=view) for time, view in others))
    return Views(high, low, np.stack(flows).astype(np.float16).astype(np.float32), np.stack(visible))
