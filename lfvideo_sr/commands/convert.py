"""`lfvideo-sr weights convert`."""

from collections.abc import Sequence
from pathlib import Path

import typer

from ..errors import InputError
from ..weights import check_target


def run_conversion(
    files: Sequence[Path], output: Path, method: str, vgg19: Path | None, partial: bool, overwrite: bool
) -> None:
    """Convert, or list every tensor that does not fit."""
    read = [*files, *([] if vgg19 is None else [vgg19])]
    check_target(output, read, overwrite)
    for file in read:
        if not file.is_file():
            raise InputError(f"no file at {file}; give a published checkpoint")
    from ..trainers.convert import Misfit, convert_weights  # which loads torch

    try:
        about = convert_weights(files, output, method, vgg19, partial=partial, overwrite=overwrite)
    except Misfit as misfit:
        typer.echo("\n".join(misfit.problems))
        raise
    typer.echo(f"{output}: {about}")
    if "untrained" in about:
        typer.echo(f"{len(about['untrained'])} tensors stay untrained: this is a start for training, not a method")
