"""Runs an engine over a data set by a protocol: a generator of rows, what they come to, and what a paper reports."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial

import numpy as np

from . import picture
from .datasets import Dataset, Item
from .engine import Engine
from .errors import InputError, UsageError
from .media.images import read_image
from .media.reductions import REDUCTIONS
from .method import MethodInfo
from .protocols import PROTOCOLS, SCALE, EvaluationPair, compose, prepare, prepare_with_low, score
from .published import PUBLISHED
from .references.reference import Reference

Distance = Callable[[np.ndarray, np.ndarray], float]
_SMALL = {"pillow": "8-bit bicubic x{}", "matlab": "8-bit bicubic x{} as MATLAB's imresize has it"}
LEVELS = ("L1", "L2", "L3", "L4", "L5")
CHOICES = ("best", "all", "none", *LEVELS)


@dataclass(frozen=True)
class Row:
    """One picture's result; `error` says why there is none. PSNR in dB, inf where nothing differs.

    references: how many were fused, without those that a method finds worthless.
    lpips, bicubic_lpips: where they are asked for; smaller is better.
    seconds:    encoding references, matching and restoring; not reading, reducing and comparing.
    """

    item: str
    psnr: float = math.nan
    ssim: float = math.nan
    bicubic_psnr: float = math.nan
    seconds: float = math.nan
    references: int = 0
    error: str | None = None
    lpips: float = math.nan
    bicubic_lpips: float = math.nan


@dataclass(frozen=True)
class Totals:
    """Means over the `count` rows that have a result; what equals the truth has no PSNR and is left out of its mean."""

    count: int
    failed: int
    psnr: float
    ssim: float
    bicubic_psnr: float
    seconds: float
    lpips: float = math.nan
    bicubic_lpips: float = math.nan


@dataclass(frozen=True)
class PaperComparison:
    """A quoted figure and by how much ours is higher; None where it was measured by another protocol.

    caveat: what else is not alike; may be empty. reduced: how the paper's pictures were reduced, where ours were
    reduced otherwise; may be empty.
    """

    psnr: float
    ssim: float
    protocol: str
    source: str
    psnr_delta: float | None
    ssim_delta: float | None
    caveat: str
    reduced: str = ""


@dataclass(frozen=True)
class Evaluation:
    """What is measured and how: a data set, a protocol by name, one of CHOICES, and one of REDUCTIONS, which counts
    where the data set has no low-resolution pictures. scale: of the methods that are measured. distance: between two
    pictures [3,H,W], LPIPS where it is asked for."""

    dataset: Dataset
    protocol: str
    references: str
    reduction: str = "pillow"
    scale: int = SCALE
    distance: Distance | None = None

    @classmethod
    def of(
        cls, dataset: Dataset, protocol: str, references: str | None = None, limit: int | None = None,
        reduction: str = "pillow", scale: int = SCALE,
    ) -> "Evaluation":  # fmt: skip
        """`references` None: what the protocol says for such a data set. `limit`: the first items only."""
        by_protocol = PROTOCOLS[protocol].references if dataset.ranked else "best"
        chosen = references or by_protocol
        chosen = "best" if chosen == "L1" else chosen
        return cls(replace(dataset, items=dataset.items[:limit]), protocol, chosen, reduction, scale)

    def rows(self, engine: Engine) -> Iterator[tuple[Row, np.ndarray | None]]:
        """The row of each item in order, and its result [3,H,W]. An item that fails, for whatever reason, gives a row
        with its error and None: the others are still worth having."""
        for item in self.dataset.items:
            measured: tuple[Row, np.ndarray | None]
            try:
                measured = self._measured(engine, item)
            except Exception as error:
                measured = Row(item.name, error=" ".join((str(error) or type(error).__name__).split())), None
            yield measured

    def _measured(self, engine: Engine, item: Item) -> tuple[Row, np.ndarray]:
        protocol = PROTOCOLS[self.protocol]
        if engine.info.scale != self.scale:
            raise UsageError(f"{engine.info.name} is of scale {engine.info.scale}, not {self.scale}; measure it alone")
        prepared = self._prepared(item)
        pictures = self.reference_pictures(item, prepared, engine.info.references)
        started = time.perf_counter()
        restored, used = restore(engine, prepared.low, item.name, pictures)
        seconds = time.perf_counter() - started
        result = prepared.cut(restored)
        psnr, ssim = score(result, prepared.truth, protocol)
        enlarged = prepared.cut(prepared.enlarged())
        bicubic_psnr, _ = score(enlarged, prepared.truth, protocol)
        row = Row(item.name, psnr, ssim, bicubic_psnr, seconds, used)
        if self.distance is not None:
            apart = self.distance(result, prepared.truth)
            row = replace(row, lpips=apart, bicubic_lpips=self.distance(enlarged, prepared.truth))
        return row, result

    def _prepared(self, item: Item) -> EvaluationPair:
        protocol = PROTOCOLS[self.protocol]
        if item.low is None:
            return prepare(item.picture(), protocol, REDUCTIONS[self.reduction], self.scale)
        return prepare_with_low(item.picture(), read_image(item.low), protocol, self.scale)

    @property
    def rule(self) -> str:
        """How small pictures come about and what is measured, in one line."""
        is_reduced = all(item.low is None for item in self.dataset.items)
        small = (
            _SMALL[self.reduction].format(self.scale) if is_reduced else "low-resolution pictures of the data set's own"
        )
        return f"{small}; {PROTOCOLS[self.protocol].rule}"

    def reference_pictures(self, item: Item, prepared: EvaluationPair, most: int) -> list[np.ndarray]:
        """What a method that fuses `most` references is given: pictures [3,H,W], several joined where the protocol
        does so."""
        if not most:
            return []
        canvas = PROTOCOLS[self.protocol].canvas
        itself = self.dataset.self_reference
        loaders = [lambda: prepared.low] if itself else [partial(read_image, path) for path in item.references]
        selected = select(loaders, self.references, item.name)
        if canvas is None or len(selected) < 2:
            return [load() for load in selected[:most]]
        return [compose([load() for load in selected[: len(LEVELS)]], canvas)]

    def compare(self, info: MethodInfo, ours: Totals) -> PaperComparison | None:
        """With what a paper reports for the method on the data set; None: nothing is known to be reported."""
        whole = self.dataset.whole
        quoted = PUBLISHED.get((info.name, self.dataset.name, self.references if info.references else "none"))
        if quoted is None:
            return None
        partly = whole is not None and ours.count != whole
        same_size = self.scale == SCALE and self.reduction == "pillow"
        alike = quoted.protocol == self.protocol and same_size and ours.count > 0
        return PaperComparison(
            *quoted,
            psnr_delta=ours.psnr - quoted.psnr if alike else None,
            ssim_delta=ours.ssim - quoted.ssim if alike else None,
            caveat=f"ours over {ours.count} of {whole} pictures" if partly else "",
            reduced="" if self.reduction == "pillow" else " of pictures that Pillow reduced",
        )


def select(references: Sequence[Callable], choice: str, name: str) -> Sequence[Callable]:
    """Those that one of CHOICES means; raises InputError for a level that an item does not have."""
    if choice not in LEVELS:
        return {"none": (), "best": references[:1], "all": references}[choice]
    level = LEVELS.index(choice)
    if level >= len(references):
        raise InputError(f"{name} has {len(references)} references and {choice} is wanted; choose another --refs")
    return references[level : level + 1]


def restore(engine: Engine, low: np.ndarray, name: str, pictures: Sequence[np.ndarray]) -> tuple[np.ndarray, int]:
    """The result for one picture [3,h,w], as many times larger as the method says, and how many references went into
    it; see picture.restore. Unlike those of `lfvideo-sr image`, references are taken as they are."""
    references = [
        Reference((name, number), Fraction(number), f"{name}, {number}", partial(_given, pixels), aligned=False)
        for number, pixels in enumerate(pictures)
    ]
    restored = picture.restore(engine, low, references, as_they_are=True)
    return restored.pixels, sum(reference.used for reference in restored.references)


def _given(pixels: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(pixels, np.float32)


def totals(rows: Iterable[Row]) -> Totals:
    """Of some rows; a mean over none is nan."""
    rows = list(rows)
    good = [row for row in rows if row.error is None]
    names = ("psnr", "ssim", "bicubic_psnr", "seconds", "lpips", "bicubic_lpips")
    means = (_mean(getattr(row, name) for row in good) for name in names)
    return Totals(len(good), len(rows) - len(good), *means)


def _mean(values: Iterable[float]) -> float:
    finite = [value for value in values if math.isfinite(value)]
    return float(np.mean(finite)) if finite else math.nan
