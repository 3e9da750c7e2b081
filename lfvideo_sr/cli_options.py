"""Options that several commands take, with their help."""

from typing import Annotated

import typer

Method = Annotated[
    str, typer.Option(help="stream_ref, flow_transfer, bicubic, c2_matching, rrsr, amsa, e2ent2 or refsr_net.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")]
Dtype = Annotated[str, typer.Option(help="auto, fp32, bf16, fp16.")]
Engine = Annotated[str, typer.Option(help="auto, torch, onnx, tensorrt.")]
Weights = Annotated[str | None, typer.Option(help="Weights by name, or a .safetensors file.")]
