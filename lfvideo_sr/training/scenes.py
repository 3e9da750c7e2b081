"""Rendered training scenes with exact flow, made when they are needed and kept: the truth of matching is known."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from ..camera.reduction import papers_taps
from ..frames import Size
from ..media.partial import whole_file
from ..media.resize import bicubic, to_uint8
from ..synthetic import Scene, flow, random_scene, render
from .stream_samples import SCALE, Views

_REACH = 4  # steps of a grid from a view to its references, at most
_EVERY = 10.0  # seconds between lines about what is rendered


class KeptViews:
    """Rendered samples in a folder, by number. One that is asked for and is not there is rendered then, and a line is
    printed; others cost nothing. Each is read from the disk when it is asked for, so that processes share no memory.

    name: what the lines call them. makes: renders each sample.
    """

    def __init__(self, name: str, folder: Path, makes: Sequence[Callable[[], Views]]):
        self._name, self._folder, self._makes = name, folder, list(makes)
        self._printed: float | None = None

    def __len__(self) -> int:
        return len(self._makes)

    def __getitem__(self, number: int) -> Views:
        path = self._folder / f"{range(len(self))[number]:05d}.npz"
        if not path.is_file():
            self._print()
            _write(path, self._makes[number]())
        with np.load(path) as data:
            return Views(**{key: data[key] for key in Views._fields})

    def _print(self) -> None:
        now = time.monotonic()
        if self._printed is None or now - self._printed >= _EVERY:
            self._printed = now
            done = sum(1 for _ in self._folder.glob(f"{5 * '[0-9]'}.npz"))
            print(
                f"rendering   {self._name} as they are needed; {done} of {len(self)} are in {self._folder}", flush=True
            )


def load_scenes(count: int, window: int, frames: int, cache: Path, seed: int = 0) -> KeptViews:
    """`count` scenes of `window` low-resolution pixels a side at `frames` consecutive moments, rendered on first use
    (about a second a frame)."""
    return _load(rendered_views, "scenes", count, window, frames, cache, seed)


def load_grids(count: int, window: int, frames: int, cache: Path, seed: int = 1) -> KeptViews:
    """As load_scenes, of views of light fields, `frames` of them along a row."""
    return _load(grid_views, "grids", count, window, frames, cache, seed)


def _load(
    make: Callable[[np.random.Generator, int, int], Views],
    name: str, count: int, window: int, frames: int, cache: Path, seed: int,
) -> KeptViews:  # fmt: skip
    folder = cache / f"{name}-{window}-{frames}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    makes = [partial(_drawn, make, [seed, number], window, frames) for number in range(count)]
    return KeptViews(name, folder, makes)


def _drawn(make: Callable[[np.random.Generator, int, int], Views], seed: list[int], window: int, frames: int) -> Views:
    return make(np.random.default_rng(seed), window, frames)


def _write(path: Path, views: Views) -> None:
    """Under its name when it is whole; several processes may write the same one."""
    with whole_file(path) as unfinished:
        np.savez(unfinished, **views._asdict())


def rendered_views(rng: np.random.Generator, window: int, frames: int = 1) -> Views:
    """One scene at the consecutive times of the targets and at one earlier and one later time, with exact flow."""
    size = Size(window * SCALE, window * SCALE)
    scene = random_scene(rng, motion=float(rng.uniform(0.2, 1.5)))
    targets = [(float(time), (0.0, 0.0)) for time in range(frames)]
    references = [(-float(rng.integers(1, 9)), (0.0, 0.0)), (frames - 1 + float(rng.integers(1, 9)), (0.0, 0.0))]
    return _pictured(scene, size, targets, references)


def grid_views(rng: np.random.Generator, window: int, frames: int = 1) -> Views:
    """One scene from neighbouring views of a row and from two references' views of the same moment, up to four steps
    away along rows and columns, with exact flow; one scene in three also moves between references and targets."""
    size = Size(window * SCALE, window * SCALE)
    scene = random_scene(rng, motion=float(rng.uniform(0.2, 1.0)))
    later = float(rng.integers(1, 5)) if rng.random() < 1 / 3 else 0.0
    steps = rng.integers(-_REACH, _REACH + 1, (2, 2)).tolist()
    targets = [(0.0, (0.0, float(column))) for column in range(frames)]
    return _pictured(scene, size, targets, [(later, (float(row), float(column))) for row, column in steps])


Seen = tuple[float, tuple[float, float]]  # a moment and a view


def _pictured(scene: Scene, size: Size, targets: list[Seen], references: list[Seen]) -> Views:
    """Pictures of a scene, the targets' first, and the exact flow from each target to each reference."""
    seen = [*targets, *references]
    high = np.stack([to_uint8(render(scene, time, size, view=view)) for time, view in seen])
    low = np.stack([bicubic(picture, Size(size.width // SCALE, size.height // SCALE)) for picture in high])
    flows, visible = [], []
    for now, target_view in targets:
        moved = [flow(scene, now, time, size, view_from=target_view, view_to=view) for time, view in references]
        flows.append([displacement.astype(np.float16).astype(np.float32) for displacement, _ in moved])
        visible.append([mask for _, mask in moved])
    return Views(high, low, papers_taps(), np.stack(flows), np.stack(visible))
