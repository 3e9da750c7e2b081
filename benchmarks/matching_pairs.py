"""What is matched: a rendered scene at two moments, and real pictures of a folder, with their true flow or without.

Features are those of a fixed random network at stride 4, the same for every search, so that the search alone differs.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from lfvideo_sr.frames import Size
from lfvideo_sr.media.flow_files import find_flow_pairs, frames_around, read_flow
from lfvideo_sr.media.images import read_image
from lfvideo_sr.media.resize import within
from lfvideo_sr.synthetic import flow, random_scene, render

STRIDE = 4
_LONGEST = 1024  # pixels: photos are reduced to it, since exact search takes the fourth power of the side


@dataclass(frozen=True, eq=False)
class Pair:
    """Two pictures float32 [3,H,W] in [0,1] and the flow from the first to the second, float32 [H,W,2] in pixels, NaN
    where it is unknown or what moves is hidden; None for pictures without."""

    name: str
    first: np.ndarray
    second: np.ndarray
    flow: np.ndarray | None = None


def extract(picture: np.ndarray, channels: int) -> torch.Tensor:
    """Features of unit length [1,C,h,w] of a picture [3,4h,4w]: of whole strides only."""
    height, width = (side - side % STRIDE for side in picture.shape[1:])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = torch.nn.Sequential(
            torch.nn.Conv2d(3, 64, 5, 2, 2), torch.nn.ReLU(), torch.nn.Conv2d(64, channels, 5, 2, 2)
        )
    with torch.no_grad():
        return F.normalize(network(torch.from_numpy(picture)[None, :, :height, :width] - 0.5), dim=1)


def rendered(size: Size) -> Pair:
    """A scene of moving planes at two moments three frames apart, with its exact flow."""
    scene = _scene(size)
    first, second = (render(scene, moment, size) for moment in (0.0, 3.0))
    true, visible = flow(scene, 0.0, 3.0, size)
    return Pair("rendered", first, second, np.where(visible[..., None], true, np.nan))


def frames_of_scene(size: Size, moments: tuple[float, ...]) -> Iterator[np.ndarray]:
    """The rendered scene at several moments."""
    scene = _scene(size)
    return (render(scene, moment, size) for moment in moments)


def flow_pairs(folder: Path) -> Iterator[Pair]:
    """Every pair of frames with true flow below `folder` (MPI Sintel, Middlebury)."""
    for files in find_flow_pairs(folder):
        true = read_flow(files.flow)
        if files.occlusion is not None:
            true[read_image(files.occlusion)[0] > 0.5] = np.nan
        name = f"{files.flow.parent.relative_to(folder)}/{files.flow.stem}"
        yield Pair(name, read_image(files.first), read_image(files.second), true)


def photo_pairs(folder: Path) -> Iterator[Pair]:
    """The first input of each scene with its most similar reference, of every pairs.csv below `folder`."""
    for table in sorted(folder.rglob("pairs.csv")):
        seen = set()
        with table.open(newline="") as rows:
            for row in csv.DictReader(rows):
                if row["scene"] not in seen:
                    seen.add(row["scene"])
                    yield Pair(
                        row["scene"],
                        *(within(read_image(table.parent / row[key]), _LONGEST) for key in ("input", "ref")),
                    )


def sequences(folder: Path) -> Iterator[tuple[str, list[Path]]]:
    """Runs of consecutive frames in the folders of frames with true flow: a name and the files."""
    runs = {tuple(frames_around(files)): None for files in find_flow_pairs(folder)}
    return ((str(run[0].parent.relative_to(folder)), list(run)) for run in runs)


def _scene(size: Size):
    return random_scene(np.random.default_rng(1), width=size.width)
