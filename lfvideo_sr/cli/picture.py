"""The command line of single pictures: image."""

from pathlib import Path
from typing import Annotated

import typer

from .choices import BY_PARAMETER
from .options import (
    LPIPS,
    Device,
    Dtype,
    Engine,
    MaxPixels,
    Method,
    Overwrite,
    Quality,
    Reduction,
    Simulate,
    Weights,
)


def image(
    input: Annotated[Path, typer.Argument(metavar="IN", help="Picture: low resolution, or with --simulate sharp.")],
    ref: Annotated[
        list[Path] | None, typer.Option(help="Sharp picture of any size, or a folder of them; repeat it.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="PNG to write; default IN_x4.png beside IN.")
    ] = None,
    no_refs: Annotated[bool, typer.Option("--no-refs", help="Use no references.")] = False,
    method: Method = "stream_ref",
    quality: Quality = "best",
    weights: Weights = None,
    simulate: Simulate = False,
    white: Annotated[
        int | None, typer.Option(help="The sample that is white, of 16 bits; default: detected, as 1023 is.")
    ] = None,
    reduction: Reduction = "pillow",
    gt: Annotated[Path | None, typer.Option(help="The true picture, to score against.")] = None,
    lpips: LPIPS = None,
    report: Annotated[Path | None, typer.Option(help="JSON report to write.")] = None,
    max_pixels: MaxPixels = None,
    overwrite: Overwrite = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print errors only.")] = False,
    device: Device = "auto",
    dtype: Dtype = "auto",
    engine: Engine = "auto",
) -> None:
    """Super-resolve one picture x4 with the best of the references given."""
    from ..commands.first_checks import check_names

    check_names({"method": method, "quality": quality, "engine": engine}, BY_PARAMETER)
    from ..media.picture_claims import check_claim

    check_claim(input, enlarged=not simulate)  # before anything heavy is loaded
    from ..choose import EngineOptions
    from ..commands.image import ImageCommand

    running = EngineOptions(method, weights, device, dtype, engine, quality)
    ImageCommand(
        input, ref or [], output, no_refs=no_refs, simulate=simulate, reduction=reduction, gt=gt, engine=running,
        report=report, overwrite=overwrite, white=white, lpips=lpips, quiet=quiet,
    ).run()  # fmt: skip
