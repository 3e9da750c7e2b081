"""Options that several commands take, with their help."""

import os
from pathlib import Path
from typing import Annotated

import typer

from ..media.codecs import PRESETS
from ..methods import METHODS
from .choices import ENGINES, METHOD_NAMES, PIPE_FORMATS, PRECISIONS, PROGRESS, QUALITIES, completed, listed


def _limit_pixels(text: str | None) -> str | None:
    """Set the limit for this process and those that it starts."""
    if text is not None:
        from ..media.limits import VARIABLE, parse_pixels

        os.environ[VARIABLE] = str(parse_pixels(text, "--max-pixels"))
    return text


# which method, and where it runs
Method = Annotated[str, typer.Option(help=f"{METHOD_NAMES}.", autocompletion=completed(METHODS))]
Weights = Annotated[str | None, typer.Option(help="Weights by name, a .safetensors file, or a run's last.pt.")]
Quality = Annotated[
    str,
    typer.Option(
        help=f"Size of stream_ref's network: {listed(QUALITIES)}; auto: best on a GPU, fast on a CPU.",
        autocompletion=completed(QUALITIES),
    ),
]
Device = Annotated[
    str,
    typer.Option(help="auto, cpu, cuda, cuda:N or mps.", autocompletion=completed(("auto", "cpu", "cuda", "mps"))),
]
Dtype = Annotated[
    str,
    typer.Option(help=f"{listed(('auto', *PRECISIONS))}.", autocompletion=completed(("auto", *PRECISIONS))),
]
Engine = Annotated[str, typer.Option(help=f"{listed(ENGINES)}.", autocompletion=completed(ENGINES))]

# what is read
Simulate = Annotated[bool, typer.Option("--simulate", help="IN is sharp: reduce it, restore it, and score the result.")]
Reduction = Annotated[
    str, typer.Option(help="What makes sharp pictures small, both bicubic: pillow, or matlab, as imresize does.")
]
LPIPS = Annotated[
    Path | None,
    typer.Option(
        "--lpips",
        help="Score by LPIPS too, by the network in torchvision's file of AlexNet or VGG16.",
    ),
]
Frames = Annotated[int | None, typer.Option(help="Stop after N frames.")]
Fps = Annotated[
    str | None, typer.Option(help="Frames per second of numbered pictures: 24, 23.976 or 24000/1001. Default 25.")
]
From = Annotated[
    str | None,
    typer.Option("--from", help="Begin at this time of the clip (90.5, MM:SS.mmm, HH:MM:SS.mmm) or frame (120f)."),
]
To = Annotated[str | None, typer.Option("--to", help="Stop before this time or frame; as --from.")]
MaxHeight = Annotated[int | None, typer.Option(help="Reduce input of more than N lines to N lines first.")]
MaxPixels = Annotated[
    str | None,
    typer.Option(callback=_limit_pixels, help="Largest picture to read or make, in pixels, like 500M; default 179M."),
]
Deinterlace = Annotated[bool, typer.Option("--deinterlace", help="Turn the fields of interlaced video into frames.")]

# references
RequireRefs = Annotated[bool, typer.Option("--require-refs", help="Fail where no references are found.")]
TrustManifest = Annotated[
    bool, typer.Option("--trust-manifest", help="Let a manifest of references list files outside of its folder.")
]
RefCache = Annotated[str, typer.Option(help="Memory for encoded references besides those in use, such as 512MiB.")]

# what is written and printed
Output = Annotated[Path | None, typer.Option("-o", "--output", help="File to write; default IN_x4 beside IN.")]
StreamOutput = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        help="File to write, numbered pictures (out/%05d.png, .tif, .jpg or .exr), or - (standard output); default "
        "IN_x4 beside IN.",
    ),
]
Overwrite = Annotated[bool, typer.Option("-y", "--overwrite", help="Replace a file that exists.")]
Resume = Annotated[
    bool, typer.Option("--resume/--no-resume", help="Go on from what an unfinished run of this command has done.")
]
Report = Annotated[Path | None, typer.Option(help="JSON report to write; default <output stem>.report.json.")]
Preset = Annotated[
    str, typer.Option(help="Speed of the encoder, ultrafast to veryslow.", autocompletion=completed(PRESETS))
]
Progress = Annotated[
    str, typer.Option(help=f"How progress is shown: {listed(PROGRESS)}.", autocompletion=completed(PROGRESS))
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run", help="Print what would be done, how long it takes and how large the output is, and stop."
    ),
]
Preview = Annotated[
    str | None,
    typer.Option(
        metavar="SECONDS",
        help="Restore this many seconds from the middle, such as 5s, into OUTPUT_preview, with a picture of them; then "
        "print how long the whole clip takes.",
    ),
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Print errors only, as --progress none.")]
Verbose = Annotated[
    bool, typer.Option("-v", "--verbose", help="Also print the time of each stage and the use of each reference.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON only.")]

# pipes and live streams
InputFormat = Annotated[
    str | None, typer.Option(help=f"Format of standard input: {listed(PIPE_FORMATS)}; default: recognised.")
]
OutputFormat = Annotated[
    str | None,
    typer.Option(
        help=f"Format of standard output: {listed(PIPE_FORMATS)}; mkv and mpegts are encoded by --codec. Default: y4m "
        "where the input is y4m, else nut."
    ),
]
Duration = Annotated[float | None, typer.Option(help="Stop a pipe or a live stream after N seconds.")]
LiveDrop = Annotated[
    bool, typer.Option("--live-drop/--no-live-drop", help="Leave out frames of a live stream that come too fast.")
]
Reconnect = Annotated[float, typer.Option(help="Seconds to look for a live stream that was lost; 0: end there.")]
