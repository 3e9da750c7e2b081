"""Pairs of pictures with known flow between them: rendered scenes with large motion, and MPI Sintel's files."""

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from ..errors import InputError
from ..frames import Size
from ..media.flow_files import FlowPair, find_flow_pairs, read_flow
from ..media.images import read_image
from ..media.partial import whole_file
from ..media.resize import to_uint8
from ..synthetic import flow, random_scene, render
from ..textures import Surface, random_texture
from .pairs import cut
from .sources import LoadPhoto

HELD_OUT, OF = 85, 1041  # pairs of MPI Sintel's training set that the paper keeps for validation

PHOTOS = 0.7  # share of a scene's surfaces


class FlowViews(NamedTuple):
    """first, second: uint8 [3,H,W]. flow: float32 [H,W,2], (dx, dy) in pixels from the first to the second; NaN where
    it is unknown, leaves the second picture, or what is there is hidden in it."""

    first: np.ndarray
    second: np.ndarray
    flow: np.ndarray


LoadViews = Callable[[], FlowViews]


def rendered_views(
    count: int, side: int, most: float, cache: Path, first: int = 0, photos: Sequence[LoadPhoto] = (), key: str = ""
) -> list[LoadViews]:
    """Scenes number `first` and on, `side` pixels a side, moving by up to about `most` pixels; rendered when first
    asked for (a third of a second each), and kept in the folder `cache`. Most of their surfaces are covered with parts
    of `photos`, if there are any; `key` is then a hash of what these are, so that other photos are never taken for
    them."""
    folder = cache / f"motion-{side}-{most:g}{f'-photos-{len(photos)}-{key}' if photos else ''}"
    folder.mkdir(parents=True, exist_ok=True)
    texture = partial(photo_texture, photos) if photos else random_texture
    numbers = range(first, first + count)
    return [_cached(folder / f"{number:05d}.npz", number, Size(side, side), most, texture) for number in numbers]


def _cached(path: Path, number: int, size: Size, most: float, texture: Surface) -> LoadViews:
    def load() -> FlowViews:
        if not path.is_file():
            views = moving_views(np.random.default_rng([11, number]), size, most, texture)
            with whole_file(path) as unfinished:  # several processes may want it first
                np.savez(unfinished, **views._replace(flow=views.flow.astype(np.float16))._asdict())
        with np.load(path) as data:
            return FlowViews(data["first"], data["second"], data["flow"].astype(np.float32))

    return load


def photo_texture(photos: Sequence[LoadPhoto], rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """A part of a photo, enlarged or reduced by up to a half, or a surface as random_texture makes them."""
    if rng.random() >= PHOTOS:
        return random_texture(rng, shape)
    photo, zoom = photos[int(rng.integers(len(photos)))]().transpose(1, 2, 0), 1.5 ** rng.uniform(-1, 1)
    photo = cv2.resize(photo, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA).transpose(2, 0, 1)
    return cut(rng, photo, max(shape))[:, : shape[0], : shape[1]].transpose(1, 2, 0) / np.float32(255)


def moving_views(rng: np.random.Generator, size: Size, most: float, texture: Surface = random_texture) -> FlowViews:
    """A scene at two moments so far apart that its fastest visible places move by a random share of `most` pixels."""
    scene = random_scene(rng, width=size.width, exposure_change=0.1, texture=texture)
    target = most * float(np.exp(rng.uniform(np.log(0.05), 0)))
    later = 1.0
    for _ in range(6):  # motion grows about as time does
        moved, visible = flow(scene, 0.0, later, size)
        length = np.linalg.norm(moved[visible], axis=-1)
        fastest = float(np.percentile(length, 98)) if length.size else most
        later *= np.clip(target / max(fastest, 1e-3), 0.25, 4)
    moved, visible = flow(scene, 0.0, later, size)
    first, second = (to_uint8(render(scene, moment, size)) for moment in (0.0, later))
    return FlowViews(first, second, np.where(visible[..., None], moved, np.float32(np.nan)))


def sintel_views(folder: Path, part: str) -> list[LoadViews]:
    """Every pair of frames with flow below `folder`, "train" or "validation". The paper keeps 85 of 1041 for validation
    and does not state which: those whose names' hashes come first are kept here, the same share of any set."""
    pairs = find_flow_pairs(folder)
    if not pairs:
        raise InputError(f"{folder} holds no flow with its frames; MPI Sintel's training set is wanted")
    order = sorted(pairs, key=lambda pair: hashlib.sha256(_name(pair, folder).encode()).digest())
    kept = -(-len(pairs) * HELD_OUT // OF)
    return [_read(pair) for pair in (order[:kept] if part == "validation" else order[kept:])]


def _name(pair: FlowPair, folder: Path) -> str:
    return pair.flow.relative_to(folder).as_posix()


def _read(pair: FlowPair) -> LoadViews:
    return lambda: read_views(pair)


def backward(load: LoadViews) -> LoadViews:
    """The same pictures in the other order, with the flow from the later to the earlier. It is known where visible
    places of the earlier one arrive; what two of them reach is left to either."""

    def load_backward() -> FlowViews:
        first, second, moved = load()
        rows, columns = np.nonzero(np.isfinite(moved).all(-1))
        across, down = moved[rows, columns].T
        x, y = np.rint(columns + across).astype(int), np.rint(rows + down).astype(int)
        inside = (x >= 0) & (x < moved.shape[1]) & (y >= 0) & (y < moved.shape[0])
        back = np.full_like(moved, np.nan)
        back[y[inside], x[inside]] = -moved[rows, columns][inside]
        return FlowViews(second, first, back)

    return load_backward


def read_views(pair: FlowPair) -> FlowViews:
    """The frames and flow of files, without what gets hidden or leaves the picture."""
    first, second = (to_uint8(read_image(path)) for path in (pair.first, pair.second))
    moved = read_flow(pair.flow)
    if pair.occlusion is not None:
        moved[read_image(pair.occlusion)[0] > 0.5] = np.nan
    height, width = moved.shape[:2]
    x, y = np.arange(width) + moved[..., 0], np.arange(height)[:, None] + moved[..., 1]
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    return FlowViews(first, second, np.where(inside[..., None], moved, np.float32(np.nan)))
