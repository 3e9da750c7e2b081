"""Where training pairs and photos come from: folders, clips, and this project's own scenes.

A run names its sources in words: a folder below the data folder; "rendered:N" for N pairs of this project's own scenes;
"clips:LIST" for pairs of moments of the clips that splits.json keeps under LIST ("train", "permissive", ...). To
validate, "set:NAME" stands for a data set that `lfvideo-sr evaluate` knows, each picture with its first reference.
Pictures are uint8 [3,H,W], read when a load is called.
"""

import csv
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from pathlib import Path

import numpy as np

from ..datasets import open_dataset
from ..datasets.items import Item
from ..errors import InputError, UsageError
from ..frames import Size
from ..media.images import read_image
from ..media.resize import crop_to_multiple, to_uint8, within
from ..media.video import VideoSource
from ..synthetic import random_scene, render
from .clips import Clip, load_clips
from .data_folders import INPUT, PICTURES, REF, pairs_folder, photo_files

SCALE = 4
RENDERED, CLIPS, SET = "rendered:", "clips:", "set:"
SIDE = 160  # of rendered pairs and of those from clips, as of CUFED5's
PAIRS_OF_A_CLIP = 24  # of one of mean sharpness; sharper ones give more
LONGEST_STEP = 24  # frames between the two moments of a clip
JITTER = 16  # pixels by which the second moment is cut elsewhere, at most
Pair = tuple[np.ndarray, np.ndarray]
LoadPair = Callable[[], Pair]
LoadPhoto = Callable[[], np.ndarray]


def pairs_of(root: Path, sources: Sequence[str], cached: Path, split: str = "") -> list[LoadPair]:
    """Pairs of the same name in FOLDER/input and FOLDER/ref, as CUFED5's training set has them, of clips, and of
    rendered scenes. FOLDER may also be found as FOLDER/train or train/FOLDER. With `split`, of folders only names that
    this key of splits.json under `root` lists for training. Decoded clips are kept in the folder `cached`."""
    if not sources:
        raise UsageError("no pairs to train on; name their folders as `pairs`, or [rendered:100]")
    pairs: list[LoadPair] = []
    for words in sources:
        if words.startswith(RENDERED):
            pairs += _scenes(words)
        elif words.startswith(CLIPS):
            pairs += _moments(root, words, cached)
        else:
            pairs += _in_folder(pairs_folder(root, words), _listed(root, split) if split else None)
    return pairs


def photos_of(root: Path, sources: Sequence[str], cached: Path, *, held_out: bool = False) -> list[LoadPhoto]:
    """All pictures below the folders, but for those of pairs and of data sets to measure on; of "clips:LIST",
    "rendered:N" and "set:NAME" the first of each pair. A half of pairs that is named itself, as CUFED/train/input, is
    taken. held_out: they are for validation, where alone a data set to measure on may be named."""
    if not sources:
        raise UsageError("no photos to train on; name their folders as `photos`, or [rendered:100]")
    photos: list[LoadPhoto] = []
    for words in sources:
        if words.startswith((RENDERED, CLIPS)):
            photos += [partial(_first, load) for load in pairs_of(root, [words], cached)]
        elif words.startswith(SET) and not held_out:
            raise UsageError(f"'{words}' is there to measure on, not to train on; name other photos")
        elif words.startswith(SET):
            photos += [partial(_read, item.path) for item in _items(root, words)]
        else:
            photos += [partial(_read, path) for path in photo_files(root, words)]
    return photos


def photos_key(root: Path, sources: Sequence[str]) -> str:
    """Hash of what `photos_of` reads, for the names of what is made of it: sources, names and sizes of their files."""
    made_from: list[object] = []
    for words in sources:
        if words.startswith(CLIPS):
            files = [root / name for name in _clip_names(root, words.removeprefix(CLIPS))]
        else:
            files = [] if words.startswith((RENDERED, SET)) else photo_files(root, words)
        made_from += [words, files_key(root, files)]
    return _hash_of(made_from)


def files_key(root: Path, files: Iterable[Path]) -> str:
    """Hash of files' names below `root` and of their sizes, in any order."""
    return _hash_of(sorted((os.path.relpath(file, root), file.stat().st_size) for file in files))


def _hash_of(made_from: object) -> str:
    return hashlib.sha256(repr(made_from).encode()).hexdigest()[:16]


def held_out_photos(root: Path, sources: Sequence[str], cached: Path) -> list[LoadPhoto]:
    """The photos of a validation; none where no sources are named."""
    return photos_of(root, sources, cached, held_out=True) if sources else []


def validation_pairs(root: Path, source: str, longest: int = 320) -> list[LoadPair]:
    """Of each scene that splits.json keeps for validation, the first line of FOLDER/pairs.csv (where the most similar
    reference should be), reduced by a whole factor until no side is longer than `longest`. "rendered:N" as for
    pairs_of, but other scenes; "clips:validation": of each clip that is kept for it, frame 4 with frame 0; "set:NAME":
    each picture of a data set with its first reference, not reduced."""
    if source.startswith(RENDERED):
        return _scenes(source, first=10_000)
    if source.startswith(CLIPS):
        return [_held_out(root / name, longest) for name in _clip_names(root, source.removeprefix(CLIPS))]
    if source.startswith(SET):
        return [_whole(item.path, item.references[0]) for item in _items(root, source) if item.references]
    kept = _listed(root, source, "validation")
    rows: dict[str, tuple[str, str]] = {}
    with (root / source / "pairs.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if f"{source}/{row['scene']}" in kept:
                rows.setdefault(row["scene"], (row["input"], row["ref"]))
    folder = root / source
    return [reduced_pair(folder / first, folder / second, longest) for first, second in rows.values()]


def _items(root: Path, words: str) -> tuple[Item, ...]:
    """The pictures of "set:NAME", which may be in a folder of the data folder that is named otherwise."""
    return open_dataset(words.removeprefix(SET), root).items


def _whole(first: Path, second: Path) -> LoadPair:
    """Two files, cut to multiples of 4."""

    def load() -> Pair:
        target, reference = (np.ascontiguousarray(crop_to_multiple(_read(path), SCALE)) for path in (first, second))
        return target, reference

    return load


def reduced_pair(first: Path, second: Path, longest: int = 320) -> LoadPair:
    """Two files, each reduced by a whole factor until no side is longer than `longest`, cut to multiples of 4."""

    def load() -> Pair:
        small = (within(_read(path), longest) for path in (first, second))
        target, reference = (np.ascontiguousarray(crop_to_multiple(picture, SCALE)) for picture in small)
        return target, reference

    return load


def _in_folder(folder: Path, allowed: set[str] | None) -> list[LoadPair]:
    inputs = sorted(path for path in (folder / INPUT).glob("*") if path.suffix.lower() in PICTURES)
    if allowed is not None:
        inputs = [path for path in inputs if path.name in allowed]
    if not inputs:
        raise InputError(
            f"{folder} holds no training pairs; wanted are {folder}/input/NAME and {folder}/ref/NAME, as in CUFED5's "
            "training set (github.com/ZZUTK/SRNTT); LFVIDEO_DATA names the folder above"
        )
    references = {path.name: path for path in (folder / REF).glob("*")}
    partners = [references.get(path.name) or references.get(path.name.replace("_0.", "_1.")) for path in inputs]
    alone = [path for path, partner in zip(inputs, partners) if partner is None]
    if alone:
        raise InputError(
            f"{folder / REF} lacks the references of {len(alone)} of {len(inputs)} inputs, the first is of "
            f"{alone[0].name}; add them, or take the inputs away"
        )
    return [_from_files(path, partner) for path, partner in zip(inputs, partners) if partner is not None]


def kept_for_validation(root: Path, split: str) -> set[str]:
    """What splits.json under `root`, if there is one, keeps under this key; it is never trained on."""
    listing = root / "splits.json"
    if not listing.is_file():
        return set()
    try:
        return set(json.loads(listing.read_text())["validation"].get(split, ()))
    except (ValueError, KeyError) as error:
        raise InputError(f"{listing} names nothing as 'validation' ({error}); add it") from error


def _listed(root: Path, split: str, part: str = "train") -> set[str]:
    try:
        return set(json.loads((root / "splits.json").read_text())[part][split])
    except (OSError, ValueError, KeyError) as error:
        message = f"{root}/splits.json does not list '{split}' under '{part}' ({error}); list it, or name another"
        raise InputError(message) from error


def _from_files(first: Path, second: Path) -> LoadPair:
    return lambda: (_read(first), _read(second))


def _read(path: Path) -> np.ndarray:
    return to_uint8(read_image(path))


def _first(load: LoadPair) -> np.ndarray:
    return load()[0]


def _scenes(words: str, first: int = 0) -> list[LoadPair]:
    """The pairs of "rendered:N"."""
    return [_rendered(first + number) for number in range(scenes_in(words))]


def scenes_in(words: str) -> int:
    """The N of "rendered:N"."""
    count = words.removeprefix(RENDERED)
    if not count.isdecimal():
        raise InputError(f"'{words}' names no number of scenes; write a number, as in {RENDERED}100")
    return int(count)


def _rendered(number: int) -> LoadPair:
    """Two moments of a scene of this project's own, rendered once."""

    @cache
    def load() -> Pair:
        rng = np.random.default_rng([7, number])
        scene, later = random_scene(rng, width=SIDE), float(rng.uniform(1, 6))
        first, second = (to_uint8(render(scene, moment, Size(SIDE, SIDE))) for moment in (0.0, later))
        return first, second

    return load


def _moments(root: Path, words: str, cached: Path) -> list[LoadPair]:
    """The pairs of "clips:LIST": more of the sharper clips. None of them is kept for validation."""
    held_out = _clip_names(root, "validation")
    names = [name for name in _clip_names(root, words.removeprefix(CLIPS)) if name not in held_out]
    clips = load_clips(root, tuple(names), cached, SIDE + 2 * JITTER)
    if not clips:
        raise InputError(
            f"'{words}' leaves no clip to train on; name a list of splits.json with sharp clips of its own"
        )
    mean = np.mean([clip.sharpness for clip in clips])
    counts = [max(1, round(PAIRS_OF_A_CLIP * clip.sharpness / mean)) for clip in clips]
    return [_moment(clip, number) for clip, count in zip(clips, counts) for number in range(count)]


def _moment(clip: Clip, number: int) -> LoadPair:
    """Two moments of a clip, cut at nearly the same place."""

    def load() -> Pair:
        rng = np.random.default_rng([11, number])
        frames, _, height, width = clip.high.shape
        step = int(rng.integers(1, LONGEST_STEP + 1)) * int(rng.choice([-1, 1]))
        first = int(rng.integers(frames))
        second = first + step if 0 <= first + step < frames else max(0, min(frames - 1, first - step))
        place = rng.integers(JITTER, (height - SIDE - JITTER + 1, width - SIDE - JITTER + 1))
        other = place + rng.integers(-JITTER, JITTER + 1, 2)
        return _cut(clip.high[first], place), _cut(clip.high[second], other)

    return load


def _cut(picture: np.ndarray, place: np.ndarray) -> np.ndarray:
    top, left = place
    return np.array(picture[:, top : top + SIDE, left : left + SIDE])


def _held_out(path: Path, longest: int) -> LoadPair:
    """Frame 4 of a clip with frame 0, reduced as photos are."""

    def load() -> Pair:
        with VideoSource(path, frames=5, detect_cuts=False) as source:
            frames = [to_uint8(within(frame.pixels, longest)) for frame in source]
        target, reference = (np.ascontiguousarray(crop_to_multiple(frames[at], SCALE)) for at in (4, 0))
        return target, reference

    return load


def _clip_names(root: Path, part: str) -> list[str]:
    return sorted(_listed(root, "video", part))
