"""The command line of training and of weights: train, weights export, weights convert, weights list."""

from pathlib import Path
from typing import Annotated

import typer

from .help import GroupedCommand, QuickGroup
from .options import Overwrite

weights_app = typer.Typer(cls=QuickGroup, help="List weights, or make them from checkpoints.", no_args_is_help=True)


def _configs() -> list[str]:
    from ..commands.train import shipped_configs

    return list(shipped_configs())


def train(
    configs: Annotated[
        list[str],
        typer.Argument(
            metavar="CONFIG", help="Names of shipped configurations, or YAML files, in order.", autocompletion=_configs
        ),
    ],
    max_steps: Annotated[
        int | None, typer.Option(help="Stop after N steps, whatever max_steps of the configuration is.")
    ] = None,
    output: Annotated[
        str | None, typer.Option("-o", "--output", help="Folder of the run, instead of the configuration's.")
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            help="Continue the run in that folder; --no-resume removes the files of that run and starts over."
        ),
    ] = True,
) -> None:
    """Train a method, or several stages one after the other. A run that was killed continues from its last checkpoint,
    and one that is done is passed over."""
    from ..commands.train import run_trainings

    changes = {"max_steps": max_steps, "output": output, "resume": None if resume else False}
    run_trainings(configs, {key: value for key, value in changes.items() if value is not None})


@weights_app.command(
    "export",
    cls=GroupedCommand,
    epilog="lfvideo-sr weights export runs/stream_ref/last.pt -o mine.safetensors",
)
def weights_export(
    checkpoint: Annotated[Path, typer.Argument(help="last.pt of a training run.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Target .safetensors.")],
    half: Annotated[bool, typer.Option("--half", help="Store float16: half the size, rounded to 3 digits.")] = False,
    overwrite: Overwrite = False,
) -> None:
    """Write the averaged weights of a training run's checkpoint."""
    from ..trainers.export import export_weights

    typer.echo(f"{output}: {export_weights(checkpoint, output, overwrite=overwrite, half=half)}")


@weights_app.command(
    "convert",
    cls=GroupedCommand,
    epilog="lfvideo-sr weights convert feature_extraction.pth restoration_mse.pth vgg19.pth --method c2_matching "
    "-o c2.safetensors",
)
def weights_convert(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="The authors' checkpoints (.pth).")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Target .safetensors.")],
    method: Annotated[str, typer.Option(help="c2_matching or amsa.")],
    vgg19: Annotated[Path | None, typer.Option(help="torchvision's VGG19, if not among FILE.")] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Write those tensors of amsa that fit; the others stay untrained.")
    ] = False,
    overwrite: Overwrite = False,
) -> None:
    """Write checkpoints that a paper's authors published as weights of this project."""
    from ..commands.convert import run_conversion

    run_conversion(files, output, method, vgg19, partial, overwrite)


@weights_app.command("list", cls=GroupedCommand, epilog="lfvideo-sr weights list")
def weights_list() -> None:
    """List the weights in this installation."""
    from ..weights import fingerprint, read_about, shipped, weights_path

    for name in shipped():
        path = weights_path(name)
        typer.echo(f"{name}  {path.stat().st_size / 1e6:.1f} MB  {fingerprint(path)}  {read_about(path)}")
