"""What is reported of a run: report.json for programs, a summary for people, and whether a target is already done."""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import __version__
from .errors import OutputError
from .media.partial import whole_file
from .media.picture_sequence import find_sequence

if TYPE_CHECKING:  # a picture's report needs no stream, and a stream's no light field
    from .stream.grid_job import GridJob
    from .stream.job import StreamJob


def stream_report(job: "StreamJob", output: Path, seconds: float, warnings: list[str]) -> dict[str, Any]:
    """The report of a finished run; times in seconds, stages in milliseconds, an infinite metric is null."""
    from .stream.still_uses import shown_uses

    report = _run_report(job, output, seconds, warnings)
    if job.frame_uses is not None:
        report["per_frame"] = job.frame_uses.reported(list(job.resolver.uses))
    loss = job.source.loss
    report |= {"frames_missing": loss.frames, "seconds_missing": round(float(loss.seconds), 3)}
    if uses := job.still_uses():
        report |= {"stills": [use.reported() for use in uses], "stills_used": shown_uses(uses)}
    return report | _metrics(job)


def _metrics(job: "StreamJob | GridJob") -> dict[str, Any]:
    return {} if job.scorer is None else {"metrics": job.scorer.summary()}


def _run_report(job: "StreamJob | GridJob", output: Path, seconds: float, warnings: list[str]) -> dict[str, Any]:
    """What the reports of streams and of light fields have alike."""
    return {
        "input": str(job.path),
        "output": str(output),
        "input_size": str(job.info.size),
        "output_size": str(job.size),
        "reference_source": job.reference_kind,
        "reference_description": job.reference_description,
        "frames": job.frames,
        "frames_repeated": job.resolver.repeated,
        "seconds": round(seconds, 3),
        "frames_per_second": round(job.frames / seconds, 3) if seconds else None,
        "references": [
            {
                "source": use.origin,
                "time": float(use.time),
                "frames_served": use.frames_served,
                "frames_dropped": use.frames_dropped,
                "mean_relevance": None if use.mean_relevance is None else round(use.mean_relevance, 4),
                "changes": use.changes,
                "not_passed": use.not_passed,
            }
            for use in job.resolver.uses.values()
        ],
        "camera": job.resolver.preparation.camera,
        "cache": asdict(job.cache.statistics) | {"hit_rate": round(job.cache.statistics.hit_rate, 4)},
        "stages": job.watch.summary(),
        "method": job.engine.info.name,
        "device": job.engine.device,
        "dtype": job.engine.precision.value,
        "version": __version__,
        "warnings": [*warnings, *_worthless(job)],
    }


def grid_report(job: "GridJob", output: Path | None, seconds: float) -> dict[str, Any]:
    """As `stream_report`, with what is a light field's own: layout, grid, matching, and quality over view distance."""
    from .stream.scoring import by_distance

    info = job.source.info
    report = _run_report(job, output or Path("-"), seconds, job.warnings) | _metrics(job)
    report |= {
        "output": None if output is None else str(output),
        "layout": info.layout,
        "layout_decided": info.decided,
        "grid": {"rows": list(info.grid.rows), "columns": list(info.grid.columns), "restored": len(job.grid)},
        "samples": info.samples,
        "lightfield_frames": info.frames,
        "epipolar": {"weight": job.options.epipolar, "agreed": job.counts.agreed},
        "matching": {"guided": job.counts.guided, "searched": job.counts.searched},
    }
    if job.scorer is not None:
        views = [reference.view for reference in job.references.placed] or [info.grid.centre]
        report["metrics"]["by_distance"] = by_distance(job.scorer.scores, views)
    return report


@dataclass(frozen=True)
class Fingerprint:
    """What an output depends on: the version, the files that are read and every option that changes the result.

    text: a short hash of it all. asked: the same by name, for saying what differs.
    """

    text: str
    asked: dict[str, Any] = field(compare=False)

    @classmethod
    def of(cls, files: Iterable[Path], options: Any, extra: dict[str, Any]) -> "Fingerprint":
        """Of files and of folders of files; one that is not there counts as such."""
        read = {str(path): _states(path) for path in files}
        asked = {"version": __version__, **read, **asdict(options), **extra}
        return cls(hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16], asked)


def _states(path: Path) -> list[tuple[str, int, int]]:
    """Name, bytes and time of change of a file, or of each file in a folder; of numbered pictures a hash of all."""
    if not path.exists() and (sequence := find_sequence(path)):
        states = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in sequence.paths]
        digest = hashlib.sha256(json.dumps(states).encode()).hexdigest()[:16]
        return [(digest, sum(size for _, size, _ in states), len(states))]
    files = sorted(path.iterdir()) if path.is_dir() else [path] * path.exists()
    return [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]


def bytes_of(path: Path) -> int:
    """Of a file, or of all in a folder."""
    return sum(file.stat().st_size for file in (path.iterdir() if path.is_dir() else [path]))


def is_done(output: Path, report: Path, fingerprint: Fingerprint) -> bool:
    """Whether `output` is the finished result of the same input and options, by its report."""
    if not (output.exists() and report.is_file()):
        return False
    try:
        content = json.loads(report.read_text())
        return content["fingerprint"] == fingerprint.text and content["output_bytes"] == bytes_of(output)
    except (ValueError, KeyError, TypeError):
        return False


def is_report(path: Path) -> bool:
    """Whether a file is the report of an earlier run."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and {"version", "method", "output"} <= content.keys()


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write whole or not at all. What is no regular file, such as /dev/null, is written to, not replaced."""
    text = json.dumps(values, indent=1) + "\n"
    try:
        if path.exists() and not path.is_file():
            path.write_text(text)
            return
        with whole_file(path) as partial:
            partial.write_text(text)
    except OSError as error:
        raise OutputError(f"the report {path} cannot be written ({error.strerror}); give another --report") from error


def detail_lines(report: dict[str, Any]) -> list[str]:
    """What `--verbose` adds: the use of each reference, and the time of each stage."""
    lines = []
    for use in report["references"]:
        relevance = "" if use["mean_relevance"] is None else f", mean relevance {use['mean_relevance']:.2f}"
        dropped = f", dropped from {use['frames_dropped']}" if use["frames_dropped"] else ""
        lines.append(f"reference   {use['source']}: served {use['frames_served']} frames{dropped}{relevance}")
    for stage, taken in report["stages"].items():
        lines.append(f"stage       {stage}: {taken['median_ms']:.1f} ms (median), {taken['p95_ms']:.1f} ms (p95)")
    return lines


def summary_lines(report: dict[str, Any], unit: str = "frames") -> list[str]:
    """A finished run in a few lines for people; `unit` is what it counted."""
    served = [reference for reference in report["references"] if reference["frames_served"]]
    cache, rate = report["cache"], report["frames_per_second"] or math.nan
    per_second = "fps" if unit == "frames" else "a second"
    lines = [
        f"references  {report['reference_source']}: {report['reference_description']}",
        f"            {len(served)} used; encoded once each, cache hit rate {cache['hit_rate']:.0%}",
        f"{unit:<11} {report['frames']} in {report['seconds']:.1f} s = {rate:.2f} {per_second}"
        f" ({report['method']}, {report['device']}, {report['dtype']})",
    ]
    if report["frames_repeated"]:
        lines.append(f"            {report['frames_repeated']} repeat the frame before and have its picture")
    if not served:
        lines[1:2] = []
    lines[1:1] = [*_brought(report["references"]), *([f"camera      {report['camera']}"] if report["camera"] else [])]
    if "stills_used" in report:
        lines.insert(1, f"            {report['stills_used']}")
    if "metrics" in report:
        lines.append("quality     " + _quality(report["metrics"], unit))
        if "steadiness" in report["metrics"]:
            lines.append("steadiness  " + _steadiness(report["metrics"]["steadiness"]))
    lines += [f"warning     {text}" for text in report["warnings"]]
    return [*lines, f"output      {report['output']} ({report['output_size']})"]


def _brought(references: list[dict[str, Any]]) -> list[str]:
    """What was done to references, and why some did not replace their own frames: each reason once, counted."""
    changed = [reference["changes"] for reference in references if reference["changes"]]
    refused = Counter(reference["not_passed"] for reference in references if reference["not_passed"])
    lines = []
    if changed:
        more = f" (and {len(changed) - 1} more were changed)" if len(changed) > 1 else ""
        lines.append(f"            {changed[0]}{more}")
    for why, count in refused.most_common(3):
        lines.append(f"            not passed: {why}" + (f" ({count} references)" if count > 1 else ""))
    return lines


def _worthless(job: "StreamJob | GridJob") -> list[str]:
    """A warning where no reference served a frame: none has detail, or none shows what the frames show."""
    uses = job.resolver.uses.values()
    if job.reference_kind == "none" or not uses or any(use.frames_served for use in uses):
        return []
    if not any(use.adds_detail for use in uses):
        return [f"no reference has detail that {job.info.name} lacks: all came out as without references"]
    return [f"no reference shows what {job.info.name} shows: all came out as without references"]


def _quality(metrics: dict[str, Any], unit: str) -> str:
    if not metrics["count"]:
        return f"no {unit[:-1]} to score besides references"
    if metrics["equal"] == metrics["count"]:
        return f"equal to the truth on all {metrics['count']} {unit} that are no references"
    mean, bicubic, ssim = (
        _shown(score["mean"]) for score in (metrics["psnr_y"], metrics["bicubic"]["psnr_y"], metrics["ssim_y"])
    )
    looks = ""
    if "lpips" in metrics:
        pair = (metrics["lpips"]["mean"], metrics["bicubic"]["lpips"]["mean"])
        looks = ", LPIPS {} (bicubic {})".format(*map(_shown, pair))
    count = f"{metrics['count']} {unit} that are no references"
    return f"PSNR-Y {mean} dB (bicubic {bicubic}), SSIM-Y {ssim}{looks} over {count}"


def _steadiness(measured: dict[str, Any]) -> str:
    """A line: how much of it there is, and how much of that is at references."""
    there, elsewhere = measured["at_references"], measured["elsewhere"]
    ratio, flicker = measured["warping_error"]["ratio"], measured["flicker"]
    line = f"warping error {_to_hundredths(ratio)} of the truth's, flicker {_to_hundredths(flicker)} levels"
    if not there["pairs"]:
        return line
    psnr, sharpness = (
        f"{_to_hundredths(there[step])} ({_to_hundredths(elsewhere[step])} elsewhere)"
        for step in ("psnr_step", "sharpness_step")
    )
    return f"{line}; steps at references: PSNR-Y {psnr} dB, sharpness {sharpness}"


def _to_hundredths(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}" if value <= 1 else f"{value:.2f}"
