"""`lfvideo-sr compare A B`, and the page of `stream --html`: two videos of one scene, side by side and measured."""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..checks import check_positive
from ..errors import InputError, OutputError
from ..frames import Frame, Size
from ..media.clock import Nearest, seconds_of
from ..media.sequence_source import open_clip
from ..references.simulated import GroundTruth
from ..stream.job import StreamSource
from ..stream.match_record import FRAMES, MatchRecord
from .compare_matches import PageMatches
from .compare_page import Page
from .compare_walk import MeasuredFrame, Scores, Walk
from .plots import Curve, Plot
from .progress import Progress
from .targets import beside, check_targets
from .texts import shown_bytes

_SUFFIXES = (".html", ".htm")


@dataclass(frozen=True)
class CompareCommand:
    """names: of the first and the second video, for people. open_first, open_second: open their frames; the second
    one's size counts. Where the first one is a part of a clip, its times begin at 0.

    open_truth: opens the true frames of a size; None: there are none. report: of the run that made the second video.
    matches: of that run. read: files that the page must not replace. frames: how many frames the page shows at most,
    evenly spread.
    """

    names: tuple[str, str]
    open_first: Callable[[], StreamSource]
    open_second: Callable[[], StreamSource]
    output: Path
    open_truth: Callable[[Size], GroundTruth] | None = None
    report: Path | None = None
    read: tuple[Path, ...] = ()
    frames: int = FRAMES
    overwrite: bool = False
    matches: MatchRecord | None = None

    def __post_init__(self) -> None:
        check_positive("--frames", self.frames)

    def run(self, progress: Progress) -> None:
        """Measure, and write the page; raises LFVideoError with nothing half-written left."""
        self.check()
        report = {} if self.report is None else read_report(self.report)
        walk, rate, size = self._walk(report, progress)
        page = Page(
            " and ".join(self.names), *self.names, walk.shown, len(walk.rows), round(rate, 3),
            plots_of(walk.rows, self.names, report), walk.crops(), tables_of(report),
            None if self.matches is None else PageMatches(self.matches, size),
        )  # fmt: skip
        page.write(self.output)
        for line in [*means_of(walk.rows, self.names), str(self.output)]:
            progress.say(f"page        {line}")

    def check(self) -> None:
        """Refuse a name that the page cannot have."""
        check_page(self.output)
        check_targets({"-o": self.output}, [path for path in self.read if path.is_file()], self.overwrite)

    def _walk(self, report: Mapping[str, Any], progress: Progress) -> tuple[Walk, float, Size]:
        """Both videos, seen and measured, how many of the frames that the page shows make a second, and the size of the
        second video."""
        with ExitStack() as opened:
            second, first = (opened.enter_context(closing(source())) for source in (self.open_second, self.open_first))
            rate = second.info.rate or Fraction(25)
            count = second.info.frames or round((second.info.seconds or 0) * rate) or self.frames
            every = 1 if self.matches is None else self.matches.every
            stride = every * math.ceil(count / (self.frames * every))
            truth = None if self.open_truth is None else self.open_truth(second.info.size)
            opened.callback(truth.close if truth is not None else lambda: None)
            walk = Walk(self.names, stride, labels_of(report))
            begin = Fraction(0) if first.part is None else first.part.start
            pairs = in_step(first, second, begin, 1 / (2 * rate))
            for before, after in progress.over(pairs, second.info.frames):
                walk.add(before, after, None if truth is None else truth.of(after))
        if not walk.rows:
            raise InputError(f"{' and '.join(self.names)} have no moment in common; give videos of one scene")
        return walk, float(rate) / stride, second.info.size


def compare_files(first: Path, second: Path, truth: Path | None, output: Path, **options: Any) -> CompareCommand:
    """The comparison of two videos, or of numbered pictures; a report beside the second one is used."""
    names = (first.name, second.name) if first.name != second.name else (str(first), str(second))
    return CompareCommand(
        names, lambda: open_clip(first, detect_cuts=False), lambda: open_clip(second), output,
        open_truth=None if truth is None else lambda size: GroundTruth(truth, size),
        report=beside(second, ".report.json"), read=(first, second, *([] if truth is None else [truth])), **options,
    )  # fmt: skip


def check_page(path: Path) -> None:
    """Refuse a name that is not that of a page."""
    if path.suffix.lower() not in _SUFFIXES:
        raise OutputError(f"{path}: a page is written; end its name in .html")


def read_report(path: Path) -> dict[str, Any]:
    """The report of a run; {} where there is none."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) and "references" in content else {}


def in_step(
    first: Iterable[Frame], second: Iterable[Frame], shift: Fraction, tolerance: Fraction
) -> Iterator[tuple[Frame, Frame]]:
    """Each frame of the second video with that of the first at its time; those without one are left out."""
    nearest = Nearest(iter(first), time_of=lambda frame: seconds_of(frame) - shift)
    for frame in second:
        before = nearest.at(seconds_of(frame), tolerance)
        if before is not None:
            yield before, frame


def labels_of(report: Mapping[str, Any]) -> dict[int, str]:
    """What each frame was made from, by its index."""
    labels = {}
    for row in report.get("per_frame") or []:
        count = len(row["references"])
        used = f"{count} reference{'s' * (count != 1)}"
        labels[row["index"]] = (
            ", a reference's own pixels" if row["passed"] else f", {used if count else 'no reference'}"
        )
    return labels


def plots_of(rows: list[MeasuredFrame], names: tuple[str, str], report: Mapping[str, Any]) -> list[Plot]:
    """Curves over all frames; what has no values is left out by the page."""
    per_frame = {row["index"]: row for row in report.get("per_frame") or []}
    marks = [place for place in range(len(rows)) if per_frame.get(place, {}).get("passed")]

    def both(value: Callable[[Scores], float | None]) -> list[Curve]:
        of = [[None if scores is None else value(scores) for scores in pair] for pair in _pairs(rows)]
        return [Curve(name, [pair[number] for pair in of]) for number, name in enumerate(names)]

    relevance = [
        max(filter(None, per_frame.get(place, {}).get("relevance", [])), default=None) for place in range(len(rows))
    ]
    plots = [
        Plot("PSNR-Y, dB", both(lambda scores: scores.psnr), marks),
        Plot("SSIM-Y", both(lambda scores: scores.ssim), marks),
        Plot("Flicker, levels", both(lambda scores: scores.flicker), marks),
        Plot("Relevance of references", [Curve("best reference", relevance)], marks),
    ]
    if all(plot.is_empty for plot in plots[:2]):
        plots.append(Plot("PSNR-Y between the two, dB", [Curve("both", [row.apart for row in rows])], marks))
    return plots


def _pairs(rows: Iterable[MeasuredFrame]) -> Iterator[tuple[Scores | None, Scores | None]]:
    return ((row.first, row.second) for row in rows)


def tables_of(report: Mapping[str, Any]) -> dict[str, list[list[str]]]:
    """What the run reports: times of stages, the cache of references, and each reference."""
    if not report:
        return {}
    references = [
        [
            use["source"],
            f"{use['time']:.2f} s",
            f"served {use['frames_served']} frames",
            use["not_passed"] or use["changes"],
        ]
        for use in report["references"][:200]
    ]
    stages = [
        [stage, f"{taken['median_ms']:.1f} ms (median)", f"{taken['p95_ms']:.1f} ms (p95)"]
        for stage, taken in report.get("stages", {}).items()
    ]
    run = [
        [key, str(report[key])] for key in ("method", "engine", "device", "dtype", "frames_per_second") if key in report
    ]
    return {
        "Run": run, "Time of each stage, for a frame": stages, "Cache of references": _cache_rows(report.get("cache")),
        "References": references,
    }  # fmt: skip


def _cache_rows(cache: Mapping[str, Any] | None) -> list[list[str]]:
    if not cache:
        return []
    return [
        ["references encoded", f"{cache['misses']} times"],
        ["encoded references reused", f"{cache['hits']} times"],
        ["hit rate", f"{cache['hit_rate']:.0%}"],
        ["most memory held", shown_bytes(cache["peak_bytes"])],
    ]


def means_of(rows: list[MeasuredFrame], names: tuple[str, str]) -> list[str]:
    """A line for each video beside the truth, else one about how far apart they are."""
    lines = []
    for name, scores in zip(names, zip(*_pairs(rows))):
        known = [each for each in scores if each is not None]
        if known:
            psnr = _mean(each.psnr for each in known)
            lines.append(f"{name}: PSNR-Y {psnr:.2f} dB, SSIM-Y {_mean(each.ssim for each in known):.4f}")
    return lines or [f"{len(rows)} frames, PSNR-Y {_mean(row.apart for row in rows):.2f} dB between the two"]


def _mean(values: Iterable[float]) -> float:
    """Of the finite ones; infinite where there are no others."""
    finite = [value for value in values if math.isfinite(value)]
    return sum(finite) / len(finite) if finite else math.inf
