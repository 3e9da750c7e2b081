"""The command line of measuring: bench, evaluate."""

from pathlib import Path
from typing import Annotated

import typer

from .choices import DATASETS, METHOD_NAMES, PROTOCOLS, listed
from .options import (
    LPIPS,
    AsJson,
    Device,
    Dtype,
    Engine,
    MaxPixels,
    Method,
    Overwrite,
    Preset,
    Progress,
    Quality,
    Quiet,
    Reduction,
    Weights,
)


def bench(
    clip: Annotated[
        Path | None, typer.Option(help="Low-resolution clip; default a clip that is rendered for the purpose.")
    ] = None,
    size: Annotated[str, typer.Option(help="Size of the rendered clip's low-resolution frames.")] = "480x270",
    frames: Annotated[int, typer.Option(help="Frames to run.")] = 24,
    method: Method = "stream_ref",
    quality: Quality = "auto",
    weights: Weights = None,
    codec: Annotated[str, typer.Option(help="Encoder of the output.")] = "libx264",
    preset: Preset = "medium",
    device: Device = "auto",
    dtype: Dtype = "auto",
    engine: Engine = "auto",
    as_json: AsJson = False,
) -> None:
    """Measure the whole stream, stage by stage, beside a 16-block 64-channel residual network of the same dtype."""
    from ..bench import run_bench
    from ..choose import EngineOptions
    from ..commands.texts import parse_size

    run_bench(
        clip, parse_size(size), frames, EngineOptions(method, weights, device, dtype, engine, quality), codec=codec,
        preset=preset, as_json=as_json,
    )  # fmt: skip


def compare(
    first: Annotated[Path, typer.Argument(metavar="A", help="Video or numbered pictures, of any size.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="The same scene, such as the result of stream.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Page to write, one .html file.")],
    gt: Annotated[Path | None, typer.Option(help="The true video, of the size of B, to score both against.")] = None,
    frames: Annotated[int, typer.Option(help="Frames that the page shows at most, evenly spread.")] = 120,
    max_pixels: MaxPixels = None,
    overwrite: Overwrite = False,
    progress: Progress = "auto",
    quiet: Quiet = False,
) -> None:
    """Write a page that shows two videos in step, with a line between them to drag, and measures them."""
    from ..commands.first_checks import check_clip

    for path in (first, second, *([] if gt is None else [gt])):
        check_clip(path)
    from ..commands.compare import compare_files
    from ..commands.progress import make_progress

    command = compare_files(first, second, gt, output, frames=frames, overwrite=overwrite)
    command.run(make_progress("none" if quiet else progress))


def evaluate(
    dataset: Annotated[
        str,
        typer.Option(help=f"{', '.join(DATASETS)}, or a folder of pictures."),
    ],
    method: Annotated[str, typer.Option(help=f"{METHOD_NAMES}; or all.")] = "stream_ref",
    protocol: Annotated[str, typer.Option(help=f"How the paper measured: {listed(PROTOCOLS)}.")] = "c2",
    weights: Weights = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder of data sets; default the one that LFVIDEO_DATA names.")
    ] = None,
    refs: Annotated[
        str | None,
        typer.Option(help="Which references: best, all, none, or a level L1 to L5; default as the protocol says."),
    ] = None,
    reduction: Reduction = "pillow",
    limit: Annotated[int | None, typer.Option(help="Measure the first N pictures only.")] = None,
    lpips: LPIPS = None,
    save: Annotated[Path | None, typer.Option(help="Write result pictures to FOLDER/METHOD/ITEM.png.")] = None,
    max_pixels: MaxPixels = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    as_json: AsJson = False,
) -> None:
    """Measure a method on a data set by a paper's protocol, beside bicubic and what the paper reports."""
    from ..commands.evaluate import EvaluateOptions, run_evaluation

    run_evaluation(
        EvaluateOptions(
            method, dataset, protocol, weights, data, references=refs, limit=limit, device=device, dtype=dtype,
            save=save, as_json=as_json, reduction=reduction, lpips=lpips,
        )
    )  # fmt: skip
