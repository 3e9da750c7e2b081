"""The command line of references: refs suggest."""

from pathlib import Path
from typing import Annotated

import typer

from .help import GroupedCommand, QuickGroup
from .options import AsJson, Deinterlace, Frames, MaxPixels, Progress, Quiet, TrustManifest

refs_app = typer.Typer(cls=QuickGroup, help="Find out which frames to make sharp by other means.", no_args_is_help=True)


@refs_app.callback()
def _references() -> None:
    """With a callback the only command keeps its name."""


@refs_app.command("suggest", cls=GroupedCommand, epilog="lfvideo-sr refs suggest in.mp4 -n 10 -o todo/")
def suggest(
    input: Annotated[Path, typer.Argument(metavar="IN", help="Low-resolution video.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the pictures.")],
    count: Annotated[int, typer.Option("-n", "--count", help="References to suggest.")] = 10,
    refs: Annotated[
        str | None, typer.Option(help="References that exist already, as `stream` takes them: suggest more.")
    ] = None,
    ref_index_base: Annotated[
        int, typer.Option(help="The number that plain numbers of stills give the first frame: 0 or 1.")
    ] = 0,
    trust_manifest: TrustManifest = False,
    ref_every: Annotated[int, typer.Option(help="At most one reference per N frames of a scene.")] = 1,
    causal: Annotated[
        bool, typer.Option("--causal", help="Use only references from before a frame, as in `stream`.")
    ] = False,
    frames: Frames = None,
    max_pixels: MaxPixels = None,
    deinterlace: Deinterlace = False,
    overwrite: Annotated[
        bool,
        typer.Option(
            "-y", "--overwrite", help="Replace the pictures of an earlier run, except those that were changed since."
        ),
    ] = False,
    progress: Progress = "auto",
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Write the frames whose sharp versions would help most; make them sharp and give the folder to stream --refs."""
    from ..commands.suggest import SuggestCommand

    SuggestCommand(
        input, output, count, refs, ref_index_base, ref_every, causal, frames=frames, deinterlace=deinterlace,
        overwrite=overwrite, as_json=as_json, progress="none" if quiet else progress, trust_manifest=trust_manifest,
    ).run()  # fmt: skip
