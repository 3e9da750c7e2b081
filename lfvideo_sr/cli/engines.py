"""The command line of exported methods: engine build, engine list, engine verify, engine clean."""

from pathlib import Path
from typing import Annotated

import typer

from .choices import PRECISIONS, listed
from .help import GroupedCommand, QuickGroup
from .options import Device, Weights

engine_app = typer.Typer(
    cls=QuickGroup,
    help="Export methods to ONNX, compile them for TensorRT, compare them with torch.",
    no_args_is_help=True,
)
Built = Annotated[str, typer.Option(help="tensorrt; or onnx, graphs alone, which run on any CPU.")]
LearnedMethod = Annotated[str, typer.Argument(metavar="METHOD", help="A learned method.")]


@engine_app.command("build", cls=GroupedCommand, epilog="lfvideo-sr engine build stream_ref --engine onnx")
def engine_build(
    method: LearnedMethod,
    shapes: Annotated[
        str, typer.Option(help="Low-resolution sizes that a plan takes: MIN:OPTIMUM:MAX.")
    ] = "64x64:480x270:960x540",
    precision: Annotated[
        str, typer.Option(help=f"{listed(PRECISIONS)}; default fp16, for graphs alone fp32.")
    ] = "auto",
    engine: Built = "tensorrt",
    weights: Weights = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Folder for a copy of the graphs.")] = None,
    device: Device = "auto",
    fresh: Annotated[bool, typer.Option("--fresh", help="Export again, even where graphs that fit exist.")] = False,
) -> None:
    """Export a method to ONNX and compile it. Graphs and plans that exist and fit are not built again."""
    from ..choose import EngineOptions
    from ..commands.engine import EngineBuild

    EngineBuild(EngineOptions(method, weights, device, precision, engine), shapes, output, fresh).run()


@engine_app.command("list", cls=GroupedCommand, epilog="lfvideo-sr engine list")
def engine_list() -> None:
    """List the graphs and plans in the cache."""
    from ..commands.engine import list_engines

    list_engines()


@engine_app.command("verify", cls=GroupedCommand, epilog="lfvideo-sr engine verify stream_ref")
def engine_verify(
    method: LearnedMethod,
    engine: Built = "onnx",
    precision: Annotated[str, typer.Option(help=f"{listed(PRECISIONS)}.")] = "auto",
    weights: Weights = None,
    sizes: Annotated[str, typer.Option(help="Low-resolution sizes to compare at.")] = "64x48,96x64,66x130",
    tolerance: Annotated[
        float | None, typer.Option(help="Fail where the outputs of encode, match or restore differ by more.")
    ] = None,
    device: Device = "auto",
) -> None:
    """Print the largest and mean difference from torch in fp32, for encode, match and restore, and the PSNR between the
    restored pictures."""
    from ..choose import EngineOptions
    from ..commands.engine import verify_engine

    verify_engine(EngineOptions(method, weights, device, precision, engine), sizes, tolerance)


@engine_app.command("clean", cls=GroupedCommand, epilog="lfvideo-sr engine clean")
def engine_clean() -> None:
    """Delete the graphs and plans in the cache."""
    from ..commands.engine import clean_engines

    clean_engines()
