"""Training pairs of still pictures: an input and a reference that shows something like it.

Samples are pure functions of (seed, number). Pictures are uint8 [3,H,W] unless said otherwise.
"""

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from ..errors import InputError, UsageError
from ..frames import Size
from ..media.images import read_image
from ..media.resize import bicubic, crop_to_multiple, degrade, to_uint8, within
from ..synthetic import random_scene, render

SCALE = 4
PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
RENDERED = "rendered:"  # before a number of this project's own scenes, in the place of a folder
Pair = tuple[np.ndarray, np.ndarray]
Load = Callable[[], Pair]


@dataclass(frozen=True)
class PairSettings:
    """What a sample looks like.

    side:    of the target, in its pixels; a smaller part of the input is cut at random, the reference stays whole.
    reference_side: references are resized to it, without keeping their aspect (as C2-Matching's code does).
    no_reference: share of samples without; the papers have none, but a stream has.
    turned:  give a part of the reference too, which RRSR restores in turn (section 3.1): seen from elsewhere, or
        without `perspective` as it is, which lets training collapse.
    """

    side: int = 160
    reference_side: int = 160
    no_reference: float = 0.0
    turned: bool = False
    perspective: bool = True


def pairs_of(root: Path, folders: Sequence[str], split: str = "") -> list[Load]:
    """Pairs of the same name in FOLDER/input and FOLDER/ref, as CUFED5's training set has them; with `split`, only
    names that this key of splits.json under `root` lists for training. The word "rendered:N" stands for N pairs of
    this project's own scenes."""
    if not folders:
        raise UsageError("no pairs to train on; name their folders as `pairs`, or [rendered:100]")
    found: list[Load] = []
    for folder in folders:
        if folder.startswith(RENDERED):
            found += _scenes(folder)
        else:
            found += _in_folder(root / folder, _listed(root, split) if split else None)
    return found


def photos_of(root: Path, folders: Sequence[str]) -> list[Callable[[], np.ndarray]]:
    """All pictures below the folders, unread; "rendered:N" as for pairs."""
    if not folders:
        raise UsageError("no photos to train on; name their folders as `photos`, or [rendered:100]")
    found: list[Callable[[], np.ndarray]] = []
    for folder in folders:
        if folder.startswith(RENDERED):
            found += [lambda load=load: load()[0] for load in _scenes(folder)]
        else:
            files = [path for path in sorted((root / folder).rglob("*")) if path.suffix.lower() in PICTURES]
            if not files:
                raise InputError(f"{root / folder} holds no pictures to train on; set LFVIDEO_DATA to their folder")
            found += [lambda path=path: to_uint8(read_image(path)) for path in files]
    return found


def validation_pairs(root: Path, folder: str, longest: int = 320) -> list[Load]:
    """Of each scene that splits.json keeps for validation, the first line of FOLDER/pairs.csv (where the most similar
    reference should stand), reduced by a whole factor until no side is longer than `longest`. "rendered:N" as for
    pairs_of, but other scenes."""
    if folder.startswith(RENDERED):
        return _scenes(folder, first=10_000)
    kept = _listed(root, folder, "validation")
    rows: dict[str, tuple[str, str]] = {}
    with (root / folder / "pairs.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if f"{folder}/{row['scene']}" in kept:
                rows.setdefault(row["scene"], (row["input"], row["ref"]))
    return [reduced_pair(*(root / folder / name for name in row), longest) for row in rows.values()]


def pair_sample(load: Load, rng: np.random.Generator, settings: PairSettings) -> dict[str, np.ndarray]:
    """target u8 [3,s,s] and its low-resolution frame f32 [3,s/4,s/4], reference u8 [3,r,r], present f32 [] (1 or 0);
    with `turned`: turned u8 [3,s,s], cut where the target is so that the two show much the same, and its low-resolution
    turned_frame f32 [3,s/4,s/4]."""
    target, reference = load()
    side = Size(settings.reference_side, settings.reference_side)
    if reference.shape[1:] != (side.height, side.width):
        reference = bicubic(reference, side)
    target, reference = _flipped(rng, target, reference)
    place = _place(rng, target, settings.side)
    target = _part(target, place, settings.side)
    sample = {
        "target": target,
        "frame": _low(target),
        "reference": reference,
        "present": np.float32(rng.random() >= settings.no_reference),
    }
    if settings.turned:
        seen = perspective(rng, reference) if settings.perspective else reference
        turned = _part(seen, place, settings.side)
        sample |= {"turned": turned, "turned_frame": _low(turned)}
    return sample


def perspective(rng: np.random.Generator, picture: np.ndarray, least: float = 5, most: float = 20) -> np.ndarray:
    """The picture with its corners moved by `least` to `most` pixels along both axes, either way (RRSR, section 4.2),
    cut to its own box; beyond its edge it is mirrored."""
    return warped(picture, corners_moved(rng, picture.shape[1:], least, most))


def corners_moved(rng: np.random.Generator, shape: Sequence[int], least: float, most: float) -> np.ndarray:
    """A homography, float64 [3,3], from a picture's pixels to where they move when its corners move so far."""
    height, width = shape
    corners = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], np.float32)
    moved = rng.uniform(least, most, (4, 2)) * rng.choice([-1, 1], (4, 2))
    return cv2.getPerspectiveTransform(corners, (corners + moved).astype(np.float32))


def warped(picture: np.ndarray, homography: np.ndarray) -> np.ndarray:
    """The picture as the homography moves it, in its own box; beyond its edge it is mirrored."""
    size = picture.shape[2], picture.shape[1]
    pixels = np.ascontiguousarray(picture.transpose(1, 2, 0))
    moved = cv2.warpPerspective(pixels, homography, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    return np.ascontiguousarray(moved.transpose(2, 0, 1))


def cut(rng: np.random.Generator, picture: np.ndarray, side: int) -> np.ndarray:
    """A square of the picture at a random place; a smaller picture is mirrored at its edges first."""
    return _part(picture, _place(rng, picture, side), side)


def _place(rng: np.random.Generator, picture: np.ndarray, side: int) -> tuple[int, int]:
    top, left = (int(rng.integers(max(length - side, 0) + 1)) for length in picture.shape[1:])
    return top, left


def _part(picture: np.ndarray, place: tuple[int, int], side: int) -> np.ndarray:
    top, left = (min(first, max(length - side, 0)) for first, length in zip(place, picture.shape[1:]))
    part = picture[:, top : top + side, left : left + side]
    missing = [side - length for length in part.shape[1:]]
    if any(missing):
        part = np.pad(part, ((0, 0), (0, missing[0]), (0, missing[1])), mode="symmetric")
    return np.ascontiguousarray(part)


def _flipped(rng: np.random.Generator, *pictures: np.ndarray) -> list[np.ndarray]:
    """All of them alike: flips and a quarter turn."""
    for axis in (1, 2):
        if rng.random() < 0.5:
            pictures = tuple(np.flip(one, axis) for one in pictures)
    if rng.random() < 0.5:
        pictures = tuple(one.swapaxes(1, 2) for one in pictures)
    return [np.ascontiguousarray(one) for one in pictures]


def _low(picture: np.ndarray) -> np.ndarray:
    return degrade(picture.astype(np.float32) / 255).astype(np.float32)


def _in_folder(folder: Path, allowed: set[str] | None) -> list[Load]:
    inputs = sorted(path for path in (folder / "input").glob("*") if path.suffix.lower() in PICTURES)
    if allowed is not None:
        inputs = [path for path in inputs if path.name in allowed]
    if not inputs:
        raise InputError(
            f"{folder} holds no training pairs; wanted are {folder}/input/NAME and {folder}/ref/NAME, as in CUFED5's "
            "training set (github.com/ZZUTK/SRNTT)"
        )
    return [_from_files(path, _partner(path)) for path in inputs]


def _partner(path: Path) -> Path:
    """The reference of an input: of its name, or in CUFED5's way NNN_0.png beside NNN_1.png."""
    folder = path.parent.parent / "ref"
    same = folder / path.name
    return same if same.exists() else folder / path.name.replace("_0.", "_1.")


def _listed(root: Path, split: str, part: str = "train") -> set[str]:
    try:
        return set(json.loads((root / "splits.json").read_text())[part][split])
    except (OSError, ValueError, KeyError) as error:
        said = f"{root}/splits.json does not list '{split}' under '{part}' ({error}); list it, or name another"
        raise InputError(said) from error


def _from_files(first: Path, second: Path) -> Load:
    return lambda: (to_uint8(read_image(first)), to_uint8(read_image(second)))


def reduced_pair(first: Path, second: Path, longest: int = 320) -> Load:
    """Two files, each reduced by a whole factor until no side is longer than `longest`, cut to multiples of 4."""

    def load() -> Pair:
        small = (within(to_uint8(read_image(path)), longest) for path in (first, second))
        target, reference = (np.ascontiguousarray(crop_to_multiple(one, SCALE)) for one in small)
        return target, reference

    return load


def _scenes(words: str, first: int = 0) -> list[Load]:
    """The pairs that "rendered:N" stands for."""
    count = words.removeprefix(RENDERED)
    if not count.isdecimal():
        raise InputError(f"'{words}' names no number of scenes; write {RENDERED}100, say")
    return [_rendered(first + number) for number in range(int(count))]


def _rendered(number: int) -> Load:
    """Two moments of a scene of this project's own, rendered once."""

    @cache
    def load() -> Pair:
        rng = np.random.default_rng([7, number])
        scene, later = random_scene(rng, width=160), float(rng.uniform(1, 6))
        first, second = (to_uint8(render(scene, moment, Size(160, 160))) for moment in (0.0, later))
        return first, second

    return load
