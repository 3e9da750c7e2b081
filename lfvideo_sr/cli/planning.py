"""The command line of runs that many machines share: plan, run-segment, join."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from .options import Overwrite
from .restore import command_of, stream

_PIPES = ("input_format", "output_format", "duration", "live_drop", "reconnect")  # a plan is of files
_OF_RUNS = (
    "report", "overwrite", "resume", "ray", "progress", "quiet", "verbose", "dry_run", "preview", "html", *_PIPES,
)  # fmt: skip

Plan = Annotated[Path, typer.Argument(metavar="PLAN", help="What lfvideo-sr plan printed.")]
Folder = Annotated[Path | None, typer.Option(help="Folder of the pieces; default OUTPUT.pieces beside the output.")]


def _with_options_of_stream(function: Callable[[dict[str, Any]], None]) -> Callable[..., None]:
    """A command with the parameters of `stream`, which are given to the function by name."""
    parameters = inspect.signature(stream).parameters
    kept = [parameter for name, parameter in parameters.items() if name not in _OF_RUNS]
    defaults = {name: parameters[name].default for name in _OF_RUNS}

    def command(**asked: Any) -> None:
        function(defaults | asked)

    command.__name__, command.__doc__ = function.__name__, function.__doc__
    command.__signature__ = inspect.Signature(kept)  # type: ignore[attr-defined]  # where typer looks first
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in kept}
    return command


@_with_options_of_stream
def plan(asked: dict[str, Any]) -> None:
    """Print the segments of a run as JSON, for many machines to restore: see run-segment and join."""
    from ..commands.plan import plan_of

    typer.echo(plan_of(command_of(asked)(Path(asked["input"]), asked["output"])).text(), nl=False)


def run_segment(
    plan: Plan,
    number: Annotated[int, typer.Argument(metavar="N", help="The segment, counted from 0.")],
    folder: Folder = None,
) -> None:
    """Restore one segment of a plan. One that is there and whole is not restored again."""
    from ..commands.plan import read_plan, run_planned_segment

    record = run_planned_segment(read_plan(plan), number, folder)
    typer.echo(f"segment     {record.number}: {record.frames} frames from {record.first} on, {record.file}")


def join(
    plan: Plan,
    folder: Folder = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="File to write; default the plan's.")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Join the segments of a plan into the output that one run would have written."""
    from ..commands.plan import join_planned, read_plan
    from ..errors import printable

    target, warnings = join_planned(read_plan(plan), folder, output, overwrite)
    for line in [*(f"warning     {warning}" for warning in warnings), f"output      {target}"]:
        typer.echo(printable(line))
