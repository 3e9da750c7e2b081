"""`lfvideo-sr weights convert`."""

from collections.abc import Sequence
from pathlib import Path

import typer

from ..trainers.convert import Misfit, convert_weights


def run_conversion(
    files: Sequence[Path], output: Path, method: str, vgg19: Path | None, partial: bool, overwrite: bool
) -> None:
    """Convert, or list every tensor that does not fit."""
    try:
        about = convert_weights(files, output, method, vgg19, partial=partial, overwrite=overwrite)
    except Misfit as misfit:
        typer.echo("\n".join(misfit.problems))
        raise
    typer.echo(f"{output}: {about}")
    if "untrained" in about:
        typer.echo(f"{len(about['untrained'])} tensors stay untrained: this is a start for training, not a method")
