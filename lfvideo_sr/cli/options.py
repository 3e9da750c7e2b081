"""Options that several commands take, with their help."""

from pathlib import Path
from typing import Annotated

import typer

# which method, and where it runs
Method = Annotated[
    str, typer.Option(help="stream_ref, flow_transfer, bicubic, c2_matching, rrsr, amsa, e2ent2 or refsr_net.")
]
Weights = Annotated[str | None, typer.Option(help="Weights by name, a .safetensors file, or a run's last.pt.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")]
Dtype = Annotated[str, typer.Option(help="auto, fp32, bf16, fp16.")]
Engine = Annotated[str, typer.Option(help="auto, torch, onnx, tensorrt.")]

# what is read
Simulate = Annotated[bool, typer.Option("--simulate", help="IN is sharp: degrade, restore, score.")]
Frames = Annotated[int | None, typer.Option(help="Stop after so many frames.")]
MaxHeight = Annotated[int | None, typer.Option(help="Reduce taller input to so many lines first.")]
Deinterlace = Annotated[bool, typer.Option("--deinterlace", help="Turn fields into frames.")]

# references
RequireRefs = Annotated[bool, typer.Option("--require-refs", help="Finding no references is an error.")]
RefCache = Annotated[str, typer.Option(help="Memory for encoded references, e.g. 512MiB.")]

# what is written and said
Output = Annotated[Path | None, typer.Option("-o", "--output", help="Target; default IN_x4 beside IN.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing target.")]
Report = Annotated[Path | None, typer.Option(help="Report; default <output stem>.report.json.")]
Preset = Annotated[str, typer.Option(help="Speed of the encoder.")]
Progress = Annotated[str, typer.Option(help="auto, plain, json or none.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON only.")]
