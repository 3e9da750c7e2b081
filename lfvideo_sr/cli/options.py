"""Options that several commands take, with their help."""

from pathlib import Path
from typing import Annotated

import typer

from .choices import ENGINES, METHOD_NAMES, PRECISIONS, listed

# which method, and where it runs
Method = Annotated[str, typer.Option(help=f"{METHOD_NAMES}.")]
Weights = Annotated[str | None, typer.Option(help="Weights by name, a .safetensors file, or a run's last.pt.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")]
Dtype = Annotated[str, typer.Option(help=f"{listed(('auto', *PRECISIONS))}.")]
Engine = Annotated[str, typer.Option(help=f"{listed(ENGINES)}.")]

# what is read
Simulate = Annotated[bool, typer.Option("--simulate", help="IN is sharp: reduce it, restore it, and score the result.")]
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
Deinterlace = Annotated[bool, typer.Option("--deinterlace", help="Turn the fields of interlaced video into frames.")]

# references
RequireRefs = Annotated[bool, typer.Option("--require-refs", help="Fail where no references are found.")]
RefCache = Annotated[str, typer.Option(help="Memory for encoded references, such as 512MiB.")]

# what is written and printed
Output = Annotated[Path | None, typer.Option("-o", "--output", help="File to write; default IN_x4 beside IN.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a file that exists.")]
Report = Annotated[Path | None, typer.Option(help="JSON report to write; default <output stem>.report.json.")]
Preset = Annotated[str, typer.Option(help="Speed of the encoder, ultrafast to veryslow.")]
Progress = Annotated[str, typer.Option(help="How progress is shown: auto, plain, json or none.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON only.")]
