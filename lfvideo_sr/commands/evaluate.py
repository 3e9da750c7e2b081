"""`lfvideo-sr evaluate`: methods on a data set by a paper's protocol, as a table or as JSON."""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from .. import __version__
from ..checks import check_choice, check_positive
from ..choose import EngineOptions, make_engine, scale_of
from ..datasets import open_dataset
from ..engine import Engine
from ..engines.host_memory import prepare_process
from ..errors import InputError, OutputError, UsageError, printable
from ..evaluate import CHOICES, Evaluation, PaperComparison, Row, Totals, totals
from ..media.images import write_png
from ..media.reductions import REDUCTIONS
from ..methods import METHODS
from ..perceptual import PerceptualDistance
from ..protocols import PROTOCOLS, SCALE
from .texts import shown_training

Say = Callable[[str], None]


@dataclass(frozen=True)
class EvaluateOptions:
    """What the command was asked for.

    method:     a name of METHODS, or "all".
    references: one of CHOICES; None: what the protocol says.
    save:       folder for result pictures, METHOD/ITEM.png.
    reduction:  one of REDUCTIONS, which makes pictures small.
    lpips:      weights of the network by which results are also compared as people see them.
    """

    method: str
    dataset: str
    protocol: str = "c2"
    weights: str | None = None
    data: Path | None = None
    references: str | None = None
    limit: int | None = None
    device: str = "auto"
    dtype: str = "auto"
    save: Path | None = None
    as_json: bool = False
    reduction: str = "pillow"
    lpips: Path | None = None


def run_evaluation(options: EvaluateOptions) -> None:
    """Measure and print; raises InputError, after all is printed, where nothing at all could be measured."""
    evaluation = _evaluation(options)
    if not options.as_json:
        print("\n".join(_head(evaluation)))
    results = [_result(name, evaluation, options) for name in _methods(options.method)]
    if options.as_json:
        print(json.dumps(_finite(_about(evaluation) | {"results": results}), indent=1, allow_nan=False))
    if not any(result["totals"] and result["totals"]["count"] for result in results):
        first = next(_errors(results), "there are no pictures")
        raise InputError(f"nothing could be evaluated on {evaluation.dataset.name}; first: {first}")


def _evaluation(options: EvaluateOptions) -> Evaluation:
    check_choice("--method", options.method, [*METHODS, "all"])
    check_choice("--protocol", options.protocol, list(PROTOCOLS))
    check_choice("--reduction", options.reduction, list(REDUCTIONS))
    if options.references is not None:
        check_choice("--refs", options.references, CHOICES)
    if options.method == "all" and options.weights is not None:
        raise UsageError("--weights belong to one method; give its name as --method instead of all")
    if options.limit is not None:
        check_positive("--limit", options.limit)
    evaluation = Evaluation.of(
        open_dataset(options.dataset, options.data), options.protocol, options.references, options.limit,
        options.reduction, _scale(options),
    )  # fmt: skip
    return evaluation if options.lpips is None else replace(evaluation, distance=PerceptualDistance(options.lpips))


def _scale(options: EvaluateOptions) -> int:
    """Of the method that is measured; a method without weights is a row that says so."""
    try:
        return SCALE if options.method == "all" else scale_of(EngineOptions(options.method, options.weights))
    except InputError:
        return SCALE


def _methods(name: str) -> list[str]:
    return list(METHODS) if name == "all" else [name]


def _result(name: str, evaluation: Evaluation, options: EvaluateOptions) -> dict[str, Any]:
    """One method's part of the JSON; without --json its table is printed on the way."""
    say: Say = _silent if options.as_json else _aloud
    try:
        engine = make_engine(name, weights=options.weights, device=options.device, dtype=options.dtype)
    except InputError as error:
        return _not_run(name, "weights absent", str(error), say)
    except ModuleNotFoundError as error:
        if options.method != "all":
            raise
        return _not_run(name, f"{error.name} absent", f"{error.name} is not installed", say)
    prepare_process(engine.device)
    with engine:
        return _measured(engine, evaluation, options.save, say)


def _not_run(name: str, status: str, error: str, say: Say) -> dict[str, Any]:
    say(f"{name:40}  not run: {status} ({error})")
    return {
        "method": name, "status": f"not run: {status}", "error": error, "rows": [], "totals": None, "published": None,
    }  # fmt: skip


def _measured(engine: Engine, evaluation: Evaluation, save: Path | None, say: Say) -> dict[str, Any]:
    by_looks = evaluation.distance is not None
    columns = _COLUMNS + (_LPIPS_COLUMNS if by_looks else "")
    say(f"{engine.info.name} ({engine.device}, {engine.precision.value})")
    for line in [*shown_training(engine.info.trained), columns]:
        say(line)
    rows = []
    for row in _saved_rows(engine, evaluation, save):
        rows.append(row)
        say(_line(row) + (_lpips(row) if by_looks and row.error is None else ""))
    ours = totals(rows)
    comparison = evaluation.compare(engine.info, ours)
    mean, *quoted = _foot(ours, comparison)
    say("\n".join([mean + (_lpips(ours) if by_looks else ""), *quoted]))
    return {
        "method": engine.info.name,
        "status": "done" if ours.count else "failed",
        "error": None,
        "device": engine.device,
        "dtype": engine.precision.value,
        "rows": [asdict(row) for row in rows],
        "totals": asdict(ours),
        "published": None if comparison is None else {"quoted": True, **asdict(comparison)},
    }


def _saved_rows(engine: Engine, evaluation: Evaluation, folder: Path | None) -> Iterator[Row]:
    for row, picture in evaluation.rows(engine):
        if folder is not None and picture is not None:
            _save(folder / engine.info.name / f"{row.item.replace('/', '_')}.png", picture)
        yield row


def _save(path: Path, picture) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path.parent} cannot be made ({error.strerror}); give another --save") from error
    write_png(path, picture)


def _silent(line: str) -> None:
    pass


def _aloud(line: str) -> None:
    print(printable(line), flush=True)


def _errors(results: list[dict[str, Any]]) -> Iterator[str]:
    for result in results:
        yield from [result["error"]] if result["error"] else []
        yield from (f"{row['item']}: {row['error']}" for row in result["rows"] if row["error"])


def _about(evaluation: Evaluation) -> dict[str, Any]:
    dataset, protocol = evaluation.dataset, PROTOCOLS[evaluation.protocol]
    return {
        "version": __version__,
        "dataset": {
            "name": dataset.name, "pictures": len(dataset.items), "whole": dataset.whole, "note": dataset.note,
        },
        "protocol": {"name": evaluation.protocol, "rule": evaluation.rule, "note": protocol.note},
        "scale": evaluation.scale,
        "references": evaluation.references,
    }  # fmt: skip


def _finite(value: Any) -> Any:
    """Numbers that JSON cannot hold become null, others are rounded."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    if isinstance(value, float):
        return round(value, 4) if math.isfinite(value) else None
    return value


_COLUMNS = f"{'item':40}  {'PSNR':>7} {'SSIM':>7} {'bicubic':>8} {'refs':>5} {'seconds':>8}"


_LPIPS_COLUMNS = f" {'LPIPS':>7} {'bicubic':>8}"


def _lpips(scores: Row | Totals) -> str:
    return f" {scores.lpips:7.4f} {scores.bicubic_lpips:8.4f}"


def _head(evaluation: Evaluation) -> Iterator[str]:
    dataset, protocol = evaluation.dataset, PROTOCOLS[evaluation.protocol]
    whole = "" if dataset.whole in (None, len(dataset.items)) else f" of {dataset.whole}"
    yield f"data set    {dataset.name}: {len(dataset.items)}{whole} pictures, references: {evaluation.references}"
    if dataset.note:
        yield f"            {dataset.note}"
    yield f"protocol    {evaluation.protocol}: {evaluation.rule}"
    if protocol.note:
        yield f"            {protocol.note}"


def _line(row: Row) -> str:
    if row.error is not None:
        return f"{row.item:40}  failed: {row.error}"
    return (
        f"{row.item:40}  {row.psnr:7.2f} {row.ssim:7.4f} {row.bicubic_psnr:8.2f} {row.references:5} {row.seconds:8.2f}"
    )


def _foot(ours: Totals, comparison: PaperComparison | None) -> Iterator[str]:
    failed = f", {ours.failed} failed" if ours.failed else ""
    name = f"mean of {ours.count}{failed}"
    yield f"{name:40}  {ours.psnr:7.2f} {ours.ssim:7.4f} {ours.bicubic_psnr:8.2f} {'':5} {ours.seconds:8.2f}"
    if comparison is None:
        return
    quoted = f"quoted      {comparison.psnr:.2f} / {comparison.ssim:.3f}, {comparison.source}"
    if comparison.psnr_delta is None or comparison.ssim_delta is None:
        yield f"{quoted}: by protocol {comparison.protocol}{comparison.reduced}, not to be set beside this"
        return
    caveat = f"; {comparison.caveat}" if comparison.caveat else ""
    yield f"{quoted}: ours {comparison.psnr_delta:+.2f} dB / {comparison.ssim_delta:+.3f} (same protocol{caveat})"
