"""`lfvideo-sr image`: restores one picture x4 with sharp ones, writes it and a report, and prints a summary."""

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..choose import EngineOptions, choose_engine
from ..engine import Engine
from ..engines.host_memory import prepare_process
from ..errors import OutputError, ReferencesMissing, UsageError
from ..frames import Size, size_of
from ..media.images import is_transparent, read_picture, write_png
from ..media.picture_formats import READABLE, pictures_in, shown_unreadable
from ..picture import (
    PictureScore,
    ReferenceVerdict,
    RestoredPicture,
    picture_references,
    restore,
    score,
    simulated,
)
from ..report import write_json
from .targets import REPORT, beside, check_targets
from .texts import shown_score


@dataclass(frozen=True)
class ImageCommand:
    """The options of the command; `references` are pictures and folders of pictures."""

    input: Path
    references: Sequence[Path] = ()
    output: Path | None = None
    no_refs: bool = False
    simulate: bool = False
    engine: EngineOptions = field(default_factory=EngineOptions)
    report: Path | None = None
    overwrite: bool = False
    white: float | None = None  # of pictures of 16 bits

    def run(self) -> None:
        """Write the picture and the report; raises LFVideoError with nothing half-written left."""
        if self.no_refs and self.references:
            raise UsageError("--no-refs contradicts --ref; drop one of them")
        output = self.output or default_output(self.input)
        references = reference_pictures(self.references, skip=(self.input, output))
        self._check_targets(output, references)
        picture = read_picture(self.input, self.white)
        restored, report = self._restored(picture.pixels, references)
        report |= {"output": str(output), "bit_depth": picture.bit_depth, "white": picture.white}
        report["warnings"] += [f"left out: {line}" for line in unreadable_among(self.references)]
        if is_transparent(self.input):
            report["warnings"].append(f"the transparency of {self.input} is left out")
        write_png(output, restored.pixels, picture.bit_depth)
        if self.report is not None:
            write_json(self.report, report)
        print("\n".join(summary_lines(report)), flush=True)

    def _restored(self, pixels: np.ndarray, references: Sequence[Path]) -> tuple[RestoredPicture, dict[str, Any]]:
        """The result and its report."""
        truth, low = simulated(pixels) if self.simulate else (None, pixels)
        changes: list[str] = []  # of the engine, in the middle
        with choose_engine(self.engine, size_of(low), changes.append).engine as engine:
            prepare_process(engine.device)
            started = time.monotonic()
            sharp = picture_references(references, size_of(low), engine.info.scale, self.white)
            restored = restore(engine, low, sharp)
            report = self._report(engine, size_of(low), restored, time.monotonic() - started)
            report |= {"engine": engine.name, "warnings": report["warnings"] + changes}
        if truth is not None:
            report["metrics"] = metrics(score(restored.pixels, low, truth))
        return restored, report

    def _check_targets(self, output: Path, references: Sequence[Path]) -> None:
        """Refuse before anything is loaded: a target that exists, has no folder or is no PNG, and what is read."""
        if output.suffix.lower() != ".png":
            raise OutputError(f"{output}: pictures are written as PNG; end -o in .png")
        if output.is_dir():
            raise OutputError(f"{output} is a folder; give a file name with -o")
        targets = {"-o": output} | ({} if self.report is None else {REPORT: self.report})
        check_targets(targets, (self.input, *references), self.overwrite)

    def _report(self, engine: Engine, low: Size, restored: RestoredPicture, seconds: float) -> dict[str, Any]:
        return {
            "input": str(self.input),
            "input_size": str(low),
            "output_size": str(restored.size),
            "simulated": self.simulate,
            "references": [_row(reference) for reference in restored.references],
            "seconds": round(seconds, 3),
            "method": engine.info.name,
            "device": engine.device,
            "dtype": engine.precision.value,
            "version": __version__,
            "warnings": self._warnings(engine, restored),
        }

    def _warnings(self, engine: Engine, restored: RestoredPicture) -> list[str]:
        if self.references and not engine.info.references:
            return [f"{engine.info.name} takes no references: those given were not used"]
        if self.no_refs or not engine.info.references:
            return []
        if not self.references:
            return ["no true detail is added without references: give sharp pictures with --ref"]
        if not any(reference.used for reference in restored.references):
            return [f"no reference shows what {self.input} shows: it came out as without references"]
        return []


def default_output(path: Path) -> Path:
    """`<stem>_x4.png` beside the input."""
    return beside(path, "_x4.png")


def reference_pictures(named: Sequence[Path], skip: Sequence[Path] = ()) -> list[Path]:
    """The pictures named and those in the folders named, each once; `skip` is left out of folders."""
    left_out = {path.resolve() for path in skip}
    pictures: dict[Path, Path] = {}
    for path in named:
        if not path.exists():
            raise ReferencesMissing(f"no reference at {path}; give a picture or a folder of pictures with --ref")
        for picture in _in_folder(path, left_out) if path.is_dir() else [path]:
            pictures.setdefault(picture.resolve(), picture)
    return list(pictures.values())


def unreadable_among(named: Sequence[Path]) -> list[str]:
    """A line for each kind of picture in the folders named that is not read here."""
    return [line for path in named if path.is_dir() for line in shown_unreadable(pictures_in(path)[1])]


def _in_folder(folder: Path, left_out: set[Path]) -> list[Path]:
    readable, unreadable = pictures_in(folder)
    pictures = [path for path in readable if path.resolve() not in left_out]
    if not pictures:
        why = "; ".join([*shown_unreadable(unreadable), f"give pictures as {READABLE}"])
        raise ReferencesMissing(f"{folder} holds no pictures that can be read: {why}")
    return pictures


def metrics(scores: PictureScore) -> dict[str, float | None]:
    """For the report; a score that is infinite or not known is null."""
    return {name: round(value, 4) if math.isfinite(value) else None for name, value in asdict(scores).items()}


def summary_lines(report: dict[str, Any]) -> list[str]:
    """A finished picture in a few lines for people."""
    references = report["references"]
    used = sum(reference["used"] for reference in references)
    lines = [f"references  {used} of {len(references)} used" if references else "references  none"]
    lines += [f"            {_outcome(reference)}" for reference in references]
    if "metrics" in report:
        lines.append("quality     " + _quality(report["metrics"]))
    lines += [f"warning     {text}" for text in report["warnings"]]
    run = f"{report['seconds']:.1f} s, {report['method']}, {report['device']}, {report['dtype']}"
    sizes = f"{report['input_size']} -> {report['output_size']}, {report['bit_depth']} bit"
    if report["white"] != (1 << report["bit_depth"]) - 1:
        sizes += f", white {report['white']} in the input"
    return [*lines, f"output      {report['output']} ({sizes}; {run})"]


def _outcome(reference: dict[str, Any]) -> str:
    line = f"{reference['source']} {reference['size']}, relevance {reference['relevance']:.3f}"
    if reference["used"]:
        return line
    return f"{line}: dropped, it shows something else" if reference["worthless"] else f"{line}: others are better"


def _row(verdict: ReferenceVerdict) -> dict[str, Any]:
    return {
        "source": verdict.origin,
        "size": str(verdict.size),
        "relevance": round(verdict.relevance, 4),
        "used": verdict.used,
        "worthless": verdict.worthless,
    }


def _quality(scores: dict[str, float | None]) -> str:
    psnr, bicubic_psnr = (shown_score(scores[name], 2) for name in ("psnr_y", "bicubic_psnr_y"))
    ssim, bicubic_ssim = (shown_score(scores[name], 4) for name in ("ssim_y", "bicubic_ssim_y"))
    return f"PSNR-Y {psnr} dB (bicubic {bicubic_psnr}), SSIM-Y {ssim} (bicubic {bicubic_ssim})"
