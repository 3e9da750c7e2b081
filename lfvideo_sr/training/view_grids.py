"""Training views of light fields, each with what its neighbours measured: rendered grids, and real ones."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from ..frames import Size, View
from ..lightfields.grid import Grid, step
from ..lightfields.opening import open_light_field
from ..matching.plane_sweep import Neighbour
from ..media.partial import whole_file
from ..media.resize import bicubic, crop_to_multiple, to_float, to_uint8
from ..metrics import luma
from ..stream.grid import nearest_views
from ..stream.view_fusion import NEIGHBOURS, disparity_bounds, measured
from ..synthetic import Camera, random_scene, render
from ..textures import Surface

SCALE = 4
GRIDS = (((5, 5), 0.5), ((3, 3), 0.25), ((2, 2), 0.13), ((1, 9), 0.12))  # rows and columns, and their shares
KEPT = 3  # views of a grid that are kept as samples: more scenes teach more than more views of one
_SHARPER = 1.4  # times the picture's width that surfaces carry detail for, so that pictures are as sharp as photos
_SPAN = 0.8, 6.0  # pixels by which near and far things move apart from one view to the next
_NEAREST, _FARTHEST = 1.8, 6.0  # depths of a random scene
_CLEAN, _NOISE, _JPEG = 0.6, (1.0, 8.0), (50, 95)  # share of clean grids; deviations in levels; qualities

Restore = Callable[[np.ndarray], np.ndarray]  # low-resolution view f32 [3,h,w] in [0,1] -> the view [3,4h,4w]


class FusionViews(NamedTuple):
    """Views with what their neighbours measured. planes: f16 [V,4,4h,4w] and spread: f16 [V,1,h,w], see
    matching.view_samples.FusionInput. truth: f16 [V,1,4h,4w], the true luma in levels."""

    planes: np.ndarray
    spread: np.ndarray
    truth: np.ndarray


def kept(path: Path, make: Callable[[], FusionViews]) -> FusionViews:
    """What a folder holds, mapped; made first where its last file is not there. Each file gets its name when it is
    whole: several runs may write the same folder at once."""
    files = [path / f"{name}.npy" for name in FusionViews._fields]
    if not files[-1].is_file():
        path.mkdir(parents=True, exist_ok=True)
        for file, values in zip(files, make(), strict=True):
            with whole_file(file) as unfinished:
                np.save(unfinished, values)
    return FusionViews(*(np.load(file, mmap_mode="r") for file in files))


def rendered_views(number: int, side: int, restore: Restore, texture: Surface) -> FusionViews:
    """A grid of random scene `number`, of views `side` low-resolution pixels a side, made small in a random way."""
    rng = np.random.default_rng([31, number])
    sharp = rendered_grid(rng, side, texture)
    low = {view: bicubic(pixels, Size(side, side)) for view, pixels in sharp.items()}
    low = made_worse(rng, low)
    targets = [list(sharp)[place] for place in rng.permutation(len(sharp))[:KEPT]]
    return fusion_views(sharp, low, targets, restore)


def rendered_grid(rng: np.random.Generator, side: int, texture: Surface) -> dict[View, np.ndarray]:
    """Sharp views, uint8 [3,4 side,4 side], of a random scene whose near and far things move apart."""
    (rows, columns), size = _drawn_grid(rng), Size(SCALE * side, SCALE * side)
    scene = random_scene(rng, motion=0.0, planes=(2, 6), width=int(_SHARPER * size.width), texture=texture)
    span = _SPAN[0] * (_SPAN[1] / _SPAN[0]) ** rng.random()
    baseline = span / (size.width * (1 / _NEAREST - 1 / _FARTHEST))
    scene = replace(scene, camera=Camera(baseline=baseline, focus=1 / rng.uniform(0.12, 0.6)))
    middle = View((rows - 1) / 2, (columns - 1) / 2)  # type: ignore[arg-type]
    seen = {view: (view.row - middle.row, view.column - middle.column) for view in Grid.of(rows, columns)}
    return {view: to_uint8(render(scene, 0.0, size, view=place)) for view, place in seen.items()}


def _drawn_grid(rng: np.random.Generator) -> tuple[int, int]:
    at = rng.choice(len(GRIDS), p=[share for _, share in GRIDS])
    return GRIDS[at][0]


def made_worse(rng: np.random.Generator, low: dict[View, np.ndarray]) -> dict[View, np.ndarray]:
    """Views uint8 [3,h,w] as they are, or with noise, or compressed, or both: alike in all views of a grid."""
    if rng.random() < _CLEAN:
        return low
    kind = rng.integers(3)
    noise = float(rng.uniform(*_NOISE)) if kind != 1 else 0.0
    quality = int(rng.integers(*_JPEG)) if kind else None
    return {view: compressed(noisy(rng, pixels, noise), quality) for view, pixels in low.items()}


def noisy(rng: np.random.Generator, pixels: np.ndarray, deviation: float) -> np.ndarray:
    """uint8 with noise of so many levels."""
    return np.clip(np.rint(pixels + deviation * rng.standard_normal(pixels.shape)), 0, 255).astype(np.uint8)


def compressed(pixels: np.ndarray, quality: int | None) -> np.ndarray:
    """uint8 [3,h,w] RGB after JPEG of a quality, 4:2:0; as they are where there is none."""
    if quality is None:
        return pixels
    stored = cv2.imencode(".jpg", pixels[::-1].transpose(1, 2, 0), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    decoded = cv2.imdecode(stored, cv2.IMREAD_COLOR)
    assert decoded is not None, "OpenCV has just written it"
    return np.ascontiguousarray(decoded.transpose(2, 0, 1)[::-1])


def real_views(path: Path, restore: Restore, some: bool = False) -> FusionViews:
    """Of a sharp light field in a file, made small by 8-bit bicubic: all views, or the centre and the first."""
    with closing(open_light_field(path)) as field:
        grid = field.info.grid
        sharp = {view: to_uint8(crop_to_multiple(field.read(view), SCALE)) for view in grid}
    height, width = sharp[grid.centre].shape[1:]
    low = {view: bicubic(pixels, Size(width // SCALE, height // SCALE)) for view, pixels in sharp.items()}
    return fusion_views(sharp, low, grid.sampled()[:2] if some else list(sharp), restore)


def fusion_views(
    sharp: dict[View, np.ndarray], low: dict[View, np.ndarray], targets: Sequence[View], restore: Restore
) -> FusionViews:
    """Of views uint8 [3,4h,4w] and their low-resolution ones uint8 [3,h,w]."""
    grid, lumas = Grid.part(low), {view: luma(to_float(pixels)).astype(np.float32) for view, pixels in low.items()}
    bounds = disparity_bounds(grid, lumas.__getitem__) or (0.0, 0.1)
    inputs = []
    for view in targets:
        restored = luma(np.clip(restore(to_float(low[view])), 0, 1)).astype(np.float32)
        neighbours = [Neighbour(lumas[other], step(view, other)) for other in nearest_views(grid, view, NEIGHBOURS)]
        inputs.append(measured(lumas[view], restored, neighbours, bounds)[0])
    truth = np.stack([luma(to_float(sharp[view]))[None] for view in targets])
    planes, spread = (np.stack(parts) for parts in zip(*inputs))
    return FusionViews(planes.astype(np.float16), spread.astype(np.float16), truth.astype(np.float16))
