#!/usr/bin/env python3
"""The methods in one table: what a reference is worth to each, on photos and clips never trained on.

usage: LFVIDEO_DATA=FOLDER benchmarks/equal_budget.py [--methods NAME[=WEIGHTS]...] [--jpeg QUALITY] [--json FILE]

The folder holds refpairs/pairs.csv, the clips, sr_bench/Urban100, and a splits.json that lists the scenes and clips for
validation. Pictures are restored as `lfvideo-sr image` restores them: references are brought to the picture's framing,
and dropped where they show something else. PSNR-Y (crop 4, 8 bit), mean in dB:

photos     every input of the validation scenes, with its most similar reference (rank 1); pictures are reduced by a
           whole factor until no side is longer than 320 pixels
clips      frame 4 of each validation clip, with frame 0; reduced likewise
Urban100   the pictures at hand as the papers measure them, with the low-resolution picture itself as reference

without: no reference. reference: that of the list. another: a reference of another scene. itself: the sharp picture.
used: how many of the references, and how many of another scene's, went into the results. gain: of the reference over
none, and its standard error over the pairs.

--jpeg     the small photos and frames are compressed to this quality, 4:2:0; Urban100 is left out.
--methods  weights by name or file; default: as shipped.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from data_folder import data_folder
from papers import as_floats, validation_rows

from lfvideo_sr.choose import make_engine
from lfvideo_sr.datasets import open_dataset
from lfvideo_sr.engine import Engine
from lfvideo_sr.evaluate import Evaluation, totals
from lfvideo_sr.frames import size_of
from lfvideo_sr.media.resize import degrade, to_float, to_uint8
from lfvideo_sr.metrics import eight_bit, psnr_y
from lfvideo_sr.picture import restore
from lfvideo_sr.references.pictures import picture_references
from lfvideo_sr.training.sources import reduced_pair, validation_pairs
from lfvideo_sr.training.view_grids import compressed

METHODS = ("bicubic", "c2_matching", "rrsr", "amsa", "e2ent2", "refsr_net", "stream_ref")
Reduce = Callable[[np.ndarray], np.ndarray]


class Pair(NamedTuple):
    """A target and its reference, float [3,H,W] in [0,1]."""

    scene: str
    target: np.ndarray
    reference: np.ndarray


def photo_pairs(root: Path) -> list[Pair]:
    """The inputs of the validation scenes, each with its reference of rank 1."""
    folder = root / "refpairs"
    rows = [row for row in validation_rows(root) if row["rank"] == "1"]
    return [Pair(row["scene"], *as_floats(reduced_pair(folder / row["input"], folder / row["ref"])())) for row in rows]


def clip_pairs(root: Path) -> list[Pair]:
    """Two moments of each clip."""
    loads = validation_pairs(root, "clips:validation")
    return [Pair(f"clip {number}", *as_floats(load())) for number, load in enumerate(loads)]


def small(target: np.ndarray, quality: int | None) -> np.ndarray:
    """A picture reduced by bicubic, and compressed where a quality is given; float [3,h,w] in [0,1]."""
    return to_float(compressed(to_uint8(degrade(target)), quality))


def means(engine: Engine, name: str, pairs: Sequence[Pair], reduce: Reduce) -> Iterator[tuple[str, float]]:
    """The columns of one set of pairs."""
    others = [next(other.reference for other in pairs[::-1] if other.scene != pair.scene) for pair in pairs]
    given: dict[str, list[np.ndarray | None]] = {
        "without": [None] * len(pairs),
        "reference": [pair.reference for pair in pairs],
        "another": list(others),
        "itself": [pair.target for pair in pairs],
    }
    scores: dict[str, np.ndarray] = {}
    for what, references in given.items():
        results = [restored(engine, reduce(pair.target), beside) for pair, beside in zip(pairs, references)]
        scores[what] = np.array([psnr_y(eight_bit(picture), pair.target) for (picture, _), pair in zip(results, pairs)])
        yield f"{name}, {what}", round(float(scores[what].mean()), 2)
        if what in ("reference", "another"):
            yield f"{name}, {what} used", sum(used for _, used in results)
    gains = scores["reference"] - scores["without"]
    yield f"{name}, gain", round(float(gains.mean()), 3)
    yield f"{name}, gain error", round(float(gains.std(ddof=1) / len(gains) ** 0.5), 3)


def restored(engine: Engine, low: np.ndarray, beside: np.ndarray | None) -> tuple[np.ndarray, int]:
    """The picture, and how many references went into it."""
    picture = restore(engine, low, picture_references([] if beside is None else [beside], size_of(low)))
    return picture.pixels, sum(reference.used for reference in picture.references)


def urban(engine: Engine, root: Path) -> float:
    """As `lfvideo-sr evaluate --dataset urban100` measures."""
    evaluation = Evaluation.of(open_dataset("urban100", root / "sr_bench"), "c2")
    return round(totals(row for row, _ in evaluation.rows(engine)).psnr, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", default=METHODS)
    parser.add_argument("--jpeg", type=int)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    root = data_folder()
    reduce = partial(small, quality=options.jpeg)
    sets = {"photos": photo_pairs(root), "clips": clip_pairs(root)}
    print(*(f"{len(pairs)} {name}" for name, pairs in sets.items()), sep=", ", flush=True)
    rows: dict[str, dict[str, float]] = {}
    for method in options.methods:
        name, _, weights = method.partition("=")
        engine = make_engine(name, weights=weights or None)
        rows[method] = row = {}
        for kind, pairs in sets.items():
            row |= dict(means(engine, kind, pairs, reduce))
        if options.jpeg is None:
            row["Urban100"] = urban(engine, root)
        print(method, *(f"  {column:26} {value:g}" for column, value in row.items()), sep="\n", flush=True)
        if options.json:
            options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
