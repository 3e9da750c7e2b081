"""The command line of light fields: `lightfield IN`, which is `lightfield restore IN`, and `lightfield info IN`."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from .choices import BY_PARAMETER, GRID_METHODS, completed, listed
from .help import GroupedCommand, QuickGroup
from .layout_lines import LAYOUT_LINES
from .options import (
    AsJson,
    Device,
    DryRun,
    Dtype,
    MaxPixels,
    Output,
    Overwrite,
    Progress,
    Quality,
    Quiet,
    RefCache,
    Report,
    RequireRefs,
    Resume,
    Simulate,
    TrustManifest,
    Verbose,
    Weights,
)


class _RestoreUnlessNamed(QuickGroup):
    """`lightfield IN` is `lightfield restore IN`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = ["restore", *args]
        return super().parse_args(ctx, args)


class _WithLayouts(GroupedCommand):
    """A command whose help ends with the layouts that are known: those of the table where it is loaded, else a copy."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        super().format_epilog(ctx, formatter)
        table = sys.modules.get("lfvideo_sr.lightfields.layouts")
        known = LAYOUT_LINES if table is None else {name: each.description for name, each in table.LAYOUTS.items()}
        with formatter.section("Layouts"):
            formatter.write_dl(list(known.items()))


lightfield_app = typer.Typer(
    cls=_RestoreUnlessNamed,
    no_args_is_help=True,
    help="Super-resolve a light field x4 (`lightfield IN` is `lightfield restore IN`), or look at one: info.",
)

Layout = Annotated[
    str | None,
    typer.Option(
        help="A name of the list below, or axes: row,~column,y,x,channel (~ runs backwards).",
        autocompletion=completed(LAYOUT_LINES),
    ),
]
GridShape = Annotated[
    str | None, typer.Option(help="ROWSxCOLUMNS, where the file, or the names of a folder, do not say.")
]
Item = Annotated[int | None, typer.Option(help="Number of the scene or frame, where the file has several.")]
Pattern = Annotated[
    str | None, typer.Option(help="Names of a folder's views, such as shot_{row}_{column}.png; {column} for a line.")
]
Transpose = Annotated[bool, typer.Option("--transpose", help="Exchange rows and columns of views.")]
Mirror = Annotated[
    list[str] | None, typer.Option(help="Reverse rows, or columns, that run backwards; repeat it for both.")
]
White = Annotated[
    int | None, typer.Option(help="The sample that is white, of 16 bits or floats; default: detected, as 1023 is.")
]
FollowLinks = Annotated[
    bool, typer.Option("--follow-links", help="Read what an HDF5 file keeps in files outside its folder, too.")
]
GridMethod = Annotated[
    str,
    typer.Option(
        help=f"{listed(GRID_METHODS)}; auto: stream_ref, with view_fusion where no view is sharp.",
        autocompletion=lambda: list(GRID_METHODS),
    ),
]


@lightfield_app.command(
    "restore",
    cls=_WithLayouts,
    epilog="lfvideo-sr lightfield scene.h5 --refs center_hr.png --ref-view 4,4 -o sr.h5",
)
def lightfield_restore(
    input: Annotated[
        str, typer.Argument(metavar="IN", help="HDF5 (FILE::/KEY), .mat, ESLF picture, or folder of views.")
    ],
    output: Output = None,
    refs: Annotated[
        list[str] | None,
        typer.Option(help="Sharp picture, folder of views, manifest .csv, or light field; repeat it for pictures."),
    ] = None,
    ref_view: Annotated[
        list[str] | None, typer.Option(help="ROW,COLUMN of a reference; default the centre; repeat it.")
    ] = None,
    no_refs: Annotated[bool, typer.Option("--no-refs", help="Use no references: restore each view by itself.")] = False,
    require_refs: RequireRefs = False,
    trust_manifest: TrustManifest = False,
    ref_output: Annotated[
        str,
        typer.Option(
            help="What a view with its own reference becomes: pass (the reference's pixels) or sr (restored)."
        ),
    ] = "pass",
    ref_cache: RefCache = "256MiB",
    max_refs: Annotated[int, typer.Option(help="References per view.")] = 2,
    ref_every: Annotated[int, typer.Option(help="Light-field video: N frames share references.")] = 8,
    views: Annotated[
        str | None,
        typer.Option(
            help="Only these views: ROW,COLUMN, or FIRST:LAST,FIRST:LAST for rows and columns, both ends included."
        ),
    ] = None,
    matching: Annotated[
        str, typer.Option(help="guided: search a few views and predict the others; free: search each view.")
    ] = "guided",
    epipolar: Annotated[
        float,
        typer.Option(help="Weight of each neighbouring view, 0 to 1, beside 1 for a view itself; 0 turns it off."),
    ] = 0.5,
    simulate: Simulate = False,
    gt: Annotated[str | None, typer.Option(help="Sharp light field to score against.")] = None,
    max_pixels: MaxPixels = None,
    layout: Layout = None,
    grid: GridShape = None,
    item: Item = None,
    pattern: Pattern = None,
    transpose: Transpose = False,
    mirror: Mirror = None,
    white: White = None,
    follow_links: FollowLinks = False,
    mosaic: Annotated[Path | None, typer.Option(help="Also write all views side by side, as a PNG.")] = None,
    video: Annotated[Path | None, typer.Option(help="Also write a walk through the views, as a video.")] = None,
    epi: Annotated[Path | None, typer.Option(help="Also write epipolar-plane images, as a PNG.")] = None,
    viewer: Annotated[Path | None, typer.Option(help="Also write a page to look at it, one .html file.")] = None,
    rgb: Annotated[
        Path | None, typer.Option(help="Also write a folder of views in RGB, where a file holds luma, Cb and Cr.")
    ] = None,
    method: GridMethod = "auto",
    quality: Quality = "best",
    weights: Weights = None,
    report: Report = None,
    overwrite: Overwrite = False,
    resume: Resume = True,
    dry_run: DryRun = False,
    device: Device = "auto",
    dtype: Dtype = "auto",
    progress: Progress = "auto",
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Super-resolve a light field x4 with one sharp view, or several; `restore` may be left out."""
    from ..commands.first_checks import check_light_field, check_names

    check_names({"method": method, "quality": quality}, BY_PARAMETER | {"method": GRID_METHODS})
    check_light_field(input, gt, refs or [])
    from ..media.unwritten import check_written

    check_written(input)  # before anything heavy is loaded
    from ..choose import EngineOptions
    from ..commands.lightfield import LightFieldCommand, Pictures, method_of_grid
    from ..commands.texts import parse_bytes
    from ..lightfields.grid import parse_grid
    from ..lightfields.opening import OpenOptions
    from ..stream.grid_options import GridOptions

    opening = OpenOptions(
        layout, parse_grid(grid) if grid else None, item, pattern, transpose, tuple(mirror or ()), white=white,
        follow_links=follow_links,
    )  # fmt: skip
    single, fusion = method_of_grid(method)
    options = GridOptions(
        open=opening, refs=tuple(refs or ()), ref_views=tuple(ref_view or ()), no_refs=no_refs,
        require_refs=require_refs, ref_output=ref_output, ref_cache=parse_bytes(ref_cache), max_refs=max_refs,
        ref_every=ref_every, views=views, matching=matching, epipolar=epipolar, simulate=simulate, gt=gt,
        trust_manifest=trust_manifest, view_fusion=fusion,
    )  # fmt: skip
    pictures = Pictures(mosaic, video, epi, viewer, rgb)
    LightFieldCommand(
        input, output, options, pictures, EngineOptions(single, weights, device, dtype, quality=quality),
        report=report, overwrite=overwrite, resume=resume, progress="none" if quiet else progress, dry_run=dry_run,
        verbose=verbose,
    ).run()  # fmt: skip


@lightfield_app.command("info", cls=_WithLayouts, epilog="lfvideo-sr lightfield info scene.h5")
def lightfield_info(
    input: Annotated[
        str, typer.Argument(metavar="IN", help="HDF5 (FILE::/KEY), .mat, ESLF picture, or folder of views.")
    ],
    layout: Layout = None,
    grid: GridShape = None,
    item: Item = None,
    pattern: Pattern = None,
    transpose: Transpose = False,
    mirror: Mirror = None,
    max_pixels: MaxPixels = None,
    white: White = None,
    follow_links: FollowLinks = False,
    as_json: AsJson = False,
) -> None:
    """Print layout, grid, size and disparity, and whether rows or columns are mirrored or exchanged."""
    from ..media.unwritten import check_written

    check_written(input)
    from ..commands.lightfield_info import show_light_field
    from ..lightfields.grid import parse_grid
    from ..lightfields.opening import OpenOptions

    opening = OpenOptions(
        layout, parse_grid(grid) if grid else None, item, pattern, transpose, tuple(mirror or ()), white=white,
        follow_links=follow_links,
    )  # fmt: skip
    show_light_field(input, opening, as_json)
