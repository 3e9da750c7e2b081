"""`lfvideo-sr image`: restores one picture x4 with sharp ones, writes it and a report, and prints a summary."""

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..checks import check_choice
from ..choose import EngineOptions, choose_engine, scale_of
from ..engine import Engine
from ..engines.host_memory import prepare_process
from ..errors import InputError, OutputError, UsageError, printable
from ..frames import Size, size_of
from ..media.images import Picture, read_image, read_picture
from ..media.limits import check_memory, check_size
from ..media.picture_formats import shown_unreadable
from ..media.png_strips import PngStrips
from ..media.reductions import REDUCTIONS
from ..perceptual import PerceptualDistance
from ..picture import (
    MatchedPicture,
    PictureScore,
    ReferenceVerdict,
    match_references,
    score,
    simulated,
)
from ..references.pictures import named_pictures, picture_references
from ..report import write_json
from ..strips import with_alpha
from .targets import REPORT, beside, check_targets
from .texts import shown_score, shown_training

_RESTORING = 40  # bytes of memory for each pixel of the result


@dataclass(frozen=True)
class ImageCommand:
    """The options of the command; `references` are pictures and folders of pictures.

    gt: the true picture, to score against. reduction: of REDUCTIONS, how `simulate` reduces.
    """

    input: Path
    references: Sequence[Path] = ()
    output: Path | None = None
    no_refs: bool = False
    simulate: bool = False
    reduction: str = "pillow"
    gt: Path | None = None
    engine: EngineOptions = field(default_factory=EngineOptions)
    report: Path | None = None
    overwrite: bool = False
    white: float | None = None  # of pictures of 16 bits
    lpips: Path | None = None  # weights of the network that also compares the result with the truth
    quiet: bool = False

    def run(self) -> None:
        """Write the picture and the report; raises LFVideoError with nothing half-written left."""
        if self.no_refs and self.references:
            raise UsageError("--no-refs contradicts --ref; drop one of them")
        if self.simulate and self.gt is not None:
            raise UsageError("--simulate has the input itself as truth; drop --gt")
        if self.lpips is not None and not (self.simulate or self.gt):
            raise UsageError("--lpips compares with a true picture; give one by --gt, or --simulate")
        check_choice("--reduction", self.reduction, list(REDUCTIONS))
        distance = None if self.lpips is None else PerceptualDistance(self.lpips)
        scale = scale_of(self.engine)
        output = self.output or default_output(self.input, scale)
        truth_read = () if self.gt is None else (self.gt,)
        references = named_pictures(self.references, skip=(self.input, output, *truth_read))
        self._check_targets(output, (*truth_read, *references.pictures))
        picture = read_picture(self.input, self.white, alpha=True)
        truth, low = self._truth(picture.pixels, scale)
        check_result(size_of(low).scaled(scale), f"the result of {self.input}", whole=truth is not None)
        scored = Scored(truth, distance)
        report = self._restored(low, picture, scored, references.pictures, output) | {"white": picture.white}
        report["warnings"] += [f"left out: {line}" for line in shown_unreadable(references.left_out)]
        if self.simulate and picture.is_transparent:
            report["warnings"].append(f"the transparency of {self.input} is left out")
        if self.report is not None:
            write_json(self.report, report)
        if not self.quiet:
            print("\n".join(map(printable, summary_lines(report))), flush=True)

    def _truth(self, pixels: np.ndarray, scale: int) -> tuple[np.ndarray | None, np.ndarray]:
        """The true picture, or None where there is none to score against; and the low-resolution picture."""
        if self.simulate:
            return simulated(pixels, scale, REDUCTIONS[self.reduction])
        return None if self.gt is None else true_picture(self.gt, size_of(pixels), self.white, scale), pixels

    def _restored(
        self, low: np.ndarray, picture: Picture, scored: "Scored", references: Sequence[Path], output: Path
    ) -> dict[str, Any]:
        """Write the result of the picture, which is `low` or was reduced to it; returns the report."""
        alpha = picture.alpha if picture.is_transparent and not self.simulate else None
        changes: list[str] = []  # of the engine, in the middle
        with choose_engine(self.engine, size_of(low), changes.append, one_picture=True).engine as engine:
            prepare_process(engine.device)
            started = time.monotonic()
            asked = picture_references(references, size_of(low), engine.info.scale, self.white)
            matched = match_references(engine, low, asked)
            scores = write_picture(matched, output, picture.bit_depth, scored, alpha)
            report = self._report(engine, size_of(low), matched, time.monotonic() - started)
            report |= {"engine": engine.name, "warnings": report["warnings"] + changes}
            report |= {"weights_trained": engine.info.trained} if engine.info.trained else {}
        report |= {"output": str(output), "bit_depth": picture.bit_depth}
        return report if scores is None else report | {"metrics": metrics(scores)}

    def _check_targets(self, output: Path, references: Sequence[Path]) -> None:
        """Refuse before anything is loaded: a target that exists, has no folder or is no PNG, and what is read."""
        if output.suffix.lower() != ".png":
            raise OutputError(f"{output}: pictures are written as PNG; end -o in .png")
        if output.is_dir():
            raise OutputError(f"{output} is a folder; give a file name with -o")
        targets = {"-o": output} | ({} if self.report is None else {REPORT: self.report})
        check_targets(targets, (self.input, *references), self.overwrite)

    def _report(self, engine: Engine, low: Size, matched: MatchedPicture, seconds: float) -> dict[str, Any]:
        return {
            "input": str(self.input),
            "input_size": str(low),
            "output_size": str(matched.size),
            "simulated": self.simulate,
            "references": [_row(reference) for reference in matched.references],
            "seconds": round(seconds, 3),
            "method": engine.info.name,
            "device": engine.device,
            "dtype": engine.precision.value,
            "version": __version__,
            "warnings": self._warnings(engine, matched),
        }

    def _warnings(self, engine: Engine, matched: MatchedPicture) -> list[str]:
        if self.references and not engine.info.references:
            return [f"{engine.info.name} takes no references: those given were not used"]
        if self.no_refs or not engine.info.references:
            return []
        if not self.references:
            return ["no true detail is added without references: give sharp pictures with --ref"]
        if not any(reference.adds_detail for reference in matched.references):
            return [f"no reference has detail that {self.input} lacks: it came out as without references"]
        if not any(reference.used for reference in matched.references):
            return [f"no reference shows what {self.input} shows: it came out as without references"]
        return []


def check_result(size: Size, name: str, whole: bool) -> None:
    """Refuse a picture before it is made: InputError above the limit of pixels, EngineError where it is held whole and
    there is no memory for it."""
    check_size(size, name)
    if whole:
        check_memory(_RESTORING * size.width * size.height, name)


@dataclass(frozen=True, eq=False)
class Scored:
    """What a result is scored against: the truth [3,H,W], if there is one, and by LPIPS too where that is asked for."""

    truth: np.ndarray | None = None
    distance: PerceptualDistance | None = None


def write_picture(
    matched: MatchedPicture, output: Path, bit_depth: int, scored: Scored = Scored(), alpha: np.ndarray | None = None
) -> PictureScore | None:
    """Restore a picture into a PNG, held whole only where there is a truth to score it against.

    alpha: of the low-resolution picture, float32 [h,w], which is enlarged; None: the PNG has no transparency.
    """
    with PngStrips(output, matched.size, bit_depth, alpha is not None) as file:
        strips = matched.strips() if scored.truth is None else iter([matched.restored().pixels])
        pixels = None
        for pixels in strips if alpha is None else with_alpha(strips, alpha):
            file.write(pixels)
    if scored.truth is None or pixels is None:
        return None
    return score(pixels[:3], matched.frame.pixels, scored.truth, scored.distance)


def true_picture(path: Path, low: Size, white: float | None = None, scale: int = 4) -> np.ndarray:
    """The true picture of a low-resolution picture of size `low`, `scale` times as large, float32 [3,H,W]; what it has
    more at the right and bottom, fewer than `scale` pixels, is cut. Raises InputError for any other size. white: as of
    `read_picture`."""
    truth, size = read_image(path, white), low.scaled(scale)
    if not all(0 <= side - shown < scale for side, shown in zip(size_of(truth), size)):
        raise InputError(f"the truth {path} is {size_of(truth)}, the result {size}; give a picture of that size")
    return truth[:, : size.height, : size.width]


def default_output(path: Path, scale: int = 4) -> Path:
    """`<stem>_x4.png` beside the input, or with another scale."""
    return beside(path, f"_x{scale}.png")


def metrics(scores: PictureScore) -> dict[str, float | None]:
    """For the report; a score that is infinite or not known is null, and one that was not asked for is left out."""
    asked = {name: value for name, value in asdict(scores).items() if value is not None}
    return {name: round(value, 4) if math.isfinite(value) else None for name, value in asked.items()}


def summary_lines(report: dict[str, Any]) -> list[str]:
    """A finished picture in a few lines for people."""
    references = report["references"]
    used = sum(reference["used"] for reference in references)
    lines = shown_training(report.get("weights_trained", ""))
    lines.append(f"references  {used} of {len(references)} used" if references else "references  none")
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
        return line + (f": {reference['changes']}" if reference["changes"] else "")
    if not reference["adds_detail"]:
        return f"{reference['source']} {reference['size']}: dropped, it has no detail that the picture lacks"
    return f"{line}: dropped, it shows something else" if reference["worthless"] else f"{line}: others are better"


def _row(verdict: ReferenceVerdict) -> dict[str, Any]:
    return {
        "source": verdict.origin,
        "size": str(verdict.size),
        "relevance": round(verdict.relevance, 4),
        "used": verdict.used,
        "worthless": verdict.worthless,
        "adds_detail": verdict.adds_detail,
        "changes": verdict.changes,
    }


def _quality(scores: dict[str, float | None]) -> str:
    psnr, bicubic_psnr = (shown_score(scores[name], 2) for name in ("psnr_y", "bicubic_psnr_y"))
    ssim, bicubic_ssim = (shown_score(scores[name], 4) for name in ("ssim_y", "bicubic_ssim_y"))
    line = f"PSNR-Y {psnr} dB (bicubic {bicubic_psnr}), SSIM-Y {ssim} (bicubic {bicubic_ssim})"
    if "lpips" not in scores:
        return line
    lpips, bicubic_lpips = (shown_score(scores[name], 4) for name in ("lpips", "bicubic_lpips"))
    return f"{line}, LPIPS {lpips} (bicubic {bicubic_lpips})"
