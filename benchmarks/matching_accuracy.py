"""How right each search is: its relevance beside exact search's, and its end-point error where the flow is known."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from matching_pairs import STRIDE, Pair, extract, flow_pairs, frames_of_scene, photo_pairs, rendered, sequences
from matching_searches import SEARCHES

from lfvideo_sr.frames import Size
from lfvideo_sr.matching.patchmatch import PatchMatchPlan, patchmatch, relevance
from lfvideo_sr.media.images import read_image

RENDERED = Size(640, 384)
NEAR = 8.0  # pixels
WARM = PatchMatchPlan(levels=(1,), rounds=(2,))  # a third of the paper's rounds on the finest level, and nothing before


@dataclass(frozen=True)
class Accuracy:
    """One search on one pair. of_exact: its mean relevance by exact search's. epe, near: mean end-point error in pixels
    and share of pixels with less than NEAR of it, over what has known flow and is visible; None without flow.
    "truth" is no search: its relevance is given as zero."""

    pair: str
    search: str
    relevance: float
    of_exact: float
    epe: float | None
    near: float | None


@dataclass(frozen=True)
class WarmStart:
    """One frame of a sequence matched in the sequence's first, by the paper's plan from nothing and by WARM from the
    match of the frame before (which was itself warm from the third frame on)."""

    sequence: str
    frame: int
    cold_relevance: float
    warm_relevance: float
    cold_compared: int
    warm_compared: int


def accuracies(folder: Path | None, channels: int) -> Iterator[Accuracy]:
    """Every search on the rendered pair and on the pairs below `folder`."""
    yield from compare(rendered(RENDERED), channels)
    if folder is not None:
        for pairs in (flow_pairs, photo_pairs):
            for pair in pairs(folder):
                yield from compare(pair, channels)


def compare(pair: Pair, channels: int) -> Iterator[Accuracy]:
    """Every search on one pair; "truth" is the true flow rounded to the features' grid, the best that any can do."""
    query, reference = extract(pair.first, channels), extract(pair.second, channels)
    true = None if pair.flow is None else _at_features(pair.flow, query)
    best = None
    for name, search in SEARCHES.items():
        index = search(query, reference).index
        score = float(relevance(query, reference, index).mean())
        best = score if best is None else best  # exact search comes first
        yield Accuracy(pair.name, name, round(score, 5), round(score / best, 5), *_errors(index, true, reference))
    if true is not None:
        rounded = (true / STRIDE).round() * STRIDE
        yield Accuracy(pair.name, "truth", 0.0, 0.0, *_summary(rounded - true))


def warm_starts(folder: Path | None, channels: int) -> Iterator[WarmStart]:
    """Frames of the rendered scene and of the sequences below `folder`."""
    yield from _follow("rendered", list(frames_of_scene(RENDERED, (0.0, 1.0, 2.0, 3.0, 4.0))), channels)
    if folder is not None:
        for name, files in sequences(folder):
            yield from _follow(name, [read_image(file) for file in files], channels)


def _follow(name: str, frames: list[np.ndarray], channels: int) -> Iterator[WarmStart]:
    reference, *queries = (extract(frame, channels) for frame in frames)
    before = None
    for number, query in enumerate(queries, start=1):
        cold = patchmatch(query, reference)
        if before is not None:
            warm = patchmatch(query, reference, WARM, initial=before)
            from_cold, from_warm = (round(float(field.score.mean()), 5) for field in (cold, warm))
            yield WarmStart(name, number, from_cold, from_warm, cold.compared, warm.compared)
        before = cold.index if before is None else warm.index


def _at_features(flow: np.ndarray, features: torch.Tensor) -> torch.Tensor:
    """Flow [H,W,2] averaged over each feature's stride, [h,w,2]; NaN where any of it is."""
    height, width = features.shape[2:]
    cells = flow[: height * STRIDE, : width * STRIDE].reshape(height, STRIDE, width, STRIDE, 2)
    return torch.from_numpy(cells.mean((1, 3)))


def _errors(index: torch.Tensor, true: torch.Tensor | None, reference: torch.Tensor) -> tuple[float | None, ...]:
    if true is None:
        return None, None
    height, width = index.shape[1:]
    columns = reference.shape[3]
    across = index[0] % columns - torch.arange(width)
    down = index[0] // columns - torch.arange(height)[:, None]
    return _summary(torch.stack([across, down], -1) * STRIDE - true)


def _summary(error: torch.Tensor) -> tuple[float, float]:
    """Mean length of errors [h,w,2] that are known, and share of them below NEAR."""
    length = error.norm(dim=-1)
    length = length[length.isfinite()]
    return round(float(length.mean()), 3), round(float((length < NEAR).double().mean()), 4)
