"""Training pairs of neighbouring pictures: a frame and the one before, two views of a light field.

Unlike pairs of photos, both are cut at the same place, so that a search near a place's own finds it.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..frames import Size
from ..media.hdf5_pictures import SUFFIXES, shape_of
from ..media.images import read_image
from ..media.resize import to_uint8
from ..synthetic import random_scene, render
from .exposure import random_exposure
from .flow_views import LoadViews
from .pairs import happens, reduced
from .sources import RENDERED, SIDE, LoadPair, Pair, kept_for_validation, scenes_in

_ACROSS = 5  # views of a rendered light field along each side

Draw = Callable[[np.random.Generator], Pair]  # target and reference, uint8 [3,H,W] of one size


@dataclass(frozen=True)
class BesideSettings:
    """side: of both pictures' parts, a multiple of scale. no_reference: share of samples without. exposure_change: of
    those whose reference is seen under another exposure. wrong_reference: of those whose reference is of another pair.
    """

    side: int = 256
    scale: int = 8
    no_reference: float = 0.0
    exposure_change: float = 0.0
    wrong_reference: float = 0.0


def drawn_sample(draws: Sequence[Draw], rng: np.random.Generator, settings: BesideSettings) -> dict[str, np.ndarray]:
    """A sample, as `beside_sample` makes it of one of the draws."""

    def draw(rng: np.random.Generator) -> Pair:
        target, reference = draws[int(rng.integers(len(draws)))](rng)
        if happens(rng, settings.wrong_reference):
            reference = draws[int(rng.integers(len(draws)))](rng)[1]
        return target, random_exposure(rng)[reference] if happens(rng, settings.exposure_change) else reference

    return beside_sample(draw, rng, settings)


def beside_sample(draw: Draw, rng: np.random.Generator, settings: BesideSettings) -> dict[str, np.ndarray]:
    """target u8 [3,s,s] and its low-resolution frame f32 [3,s/scale,s/scale], reference u8 [3,s,s] of the same place,
    present f32 [] (1 or 0); turned by quarters, and cut at any pixel so that the low-resolution grid moves (section 5).
    """
    pair = draw(rng)
    side = settings.side
    if min(*pair[0].shape[1:], *pair[1].shape[1:]) < side:
        raise InputError(f"pictures of {list(pair[0].shape[1:])} hold no part of {side} pixels; give a smaller `side`")
    top, left = (
        int(rng.integers(0, min(lengths) - side + 1)) for lengths in zip(*(picture.shape[1:] for picture in pair))
    )
    turns = int(rng.integers(4))
    parts = (picture[:, top : top + side, left : left + side] for picture in pair)
    target, reference = (np.ascontiguousarray(np.rot90(part, turns, (1, 2))) for part in parts)
    frame = reduced(target, settings.scale)
    present = np.array(rng.random() >= settings.no_reference, np.float32)
    return {"target": target, "frame": frame, "reference": reference, "present": present}


def moving(load: LoadViews) -> Draw:
    """The later of two pictures is the target, as in the paper; flow is not looked at."""

    def draw(rng: np.random.Generator) -> Pair:
        views = load()
        return views.second, views.first

    return draw


def always(load: LoadPair) -> Draw:
    """The one pair that a load gives."""
    return lambda rng: load()


def light_fields(root: Path, folders: Sequence[str], side: int = SIDE) -> list[Draw]:
    """Two views drawn from each folder of view_R_C.png, as section 5.2 trains, and from each scene of a file as
    CrossNet's authors lay light-field video, or of such files in a folder, but of none for testing; "rendered:N" are
    the 5x5 views of N scenes of this project's own, `side` pixels a side."""
    draws: list[Draw] = []
    held_out = kept_for_validation(root, "lightfields")
    for folder in folders:
        if folder.startswith(RENDERED):
            draws += [_two_rendered(number, side) for number in range(scenes_in(folder))]
            continue
        if Path(folder).as_posix() in held_out:
            raise InputError(f"splits.json keeps {folder} for validation; name light fields to train on")
        draws += _in_files(root / folder) or [_in_folder(root / folder)]
    return draws


def _in_folder(folder: Path) -> Draw:
    views = sorted((path for path in folder.glob("view_*_*.png")), key=_place)
    if len(views) < 2:
        raise InputError(
            f"{folder} holds {len(views)} views; wanted are view_ROW_COLUMN.png, two or more, or an HDF5 file with "
            "img_HR [scenes,rows,columns,3,H,W]"
        )
    return _two_of(views)


def _in_files(place: Path) -> list[Draw]:
    """A draw for each scene of an HDF5 file, or of those in a folder; none where there is no such file."""
    if place.suffix.lower() in SUFFIXES:
        return _scenes_of(place)
    files = [path for path in sorted(place.glob("*")) if path.suffix.lower() in SUFFIXES]
    return [draw for file in files if "test" not in file.stem.lower() for draw in _scenes_of(file)]


def _scenes_of(file: Path) -> list[Draw]:
    shape = shape_of(file, "img_HR")
    if len(shape) != 6 or shape[1] * shape[2] < 2:
        raise InputError(f"img_HR of {file} is {list(shape)}; [scenes,rows,columns,3,H,W] is wanted, two views or more")
    scenes, rows, columns = shape[:3]
    places = [Path(str(row), str(column)) for row in range(rows) for column in range(columns)]
    return [_two_of([file / "img_HR" / str(scene) / place for place in places]) for scene in range(scenes)]


def _place(path: Path) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", path.stem)))


def _two_rendered(number: int, side: int) -> Draw:
    """A view is rendered when it is first drawn, and then held."""
    held: dict[tuple[float, float], np.ndarray] = {}

    def view(place: int) -> np.ndarray:
        at = place // _ACROSS - _ACROSS / 2 + 0.5, place % _ACROSS - _ACROSS / 2 + 0.5
        if at not in held:
            scene = random_scene(np.random.default_rng([13, number]), width=side)
            held[at] = to_uint8(render(scene, 0.0, Size(side, side), view=at))
        return held[at]

    def draw(rng: np.random.Generator) -> Pair:
        target, reference = (view(int(place)) for place in rng.choice(_ACROSS**2, 2, replace=False))
        return target, reference

    return draw


def _two_of(views: list[Path]) -> Draw:
    def draw(rng: np.random.Generator) -> Pair:
        target, reference = (to_uint8(read_image(views[number])) for number in rng.choice(len(views), 2, replace=False))
        return target, reference

    return draw
