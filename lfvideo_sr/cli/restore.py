"""The command line of video and pictures: stream, simulate, image."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..media.codecs import listed_codecs
from .choices import REFERENCE_SOURCES, listed
from .options import (
    Deinterlace,
    Device,
    Dtype,
    Engine,
    Fps,
    Frames,
    From,
    MaxHeight,
    Method,
    Overwrite,
    Preset,
    Progress,
    RefCache,
    Report,
    RequireRefs,
    Simulate,
    To,
    Weights,
)

if TYPE_CHECKING:
    from ..commands.stream import StreamCommand


def stream(
    input: Annotated[
        Path,
        typer.Argument(
            metavar="IN",
            help="Video, numbered pictures (a folder, in/%05d.png or 'in/*.png'), a quoted pattern of videos "
            "('in/*.mp4'), or a list of videos (.txt).",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="File to write, or numbered pictures (out/%05d.png, .tif, .jpg or .exr); default IN_x4 beside IN.",
        ),
    ] = None,
    ref_every: Annotated[
        int | None,
        typer.Option(
            help="At most one reference per N frames, and the first of each scene. Default 8; of stills, all."
        ),
    ] = None,
    refs: Annotated[str | None, typer.Option(help="Folder of stills, video, FILE#v:1, manifest .csv or HDF5.")] = None,
    ref_offset: Annotated[
        str | None,
        typer.Option(help="Seconds to add to the times of stills or of another file's track; auto finds them."),
    ] = None,
    no_refs: Annotated[
        bool, typer.Option("--no-refs", help="Use no references: restore each frame by itself.")
    ] = False,
    ref_source: Annotated[
        str | None, typer.Option(help=f"Take references from this source only: {listed(REFERENCE_SOURCES)}.")
    ] = None,
    require_refs: RequireRefs = False,
    ref_index_base: Annotated[
        int | None,
        typer.Option(
            help="The number that plain numbers of stills give the first frame: 0 or 1. Default 0; of numbered "
            "pictures, the number of the first one."
        ),
    ] = None,
    ref_output: Annotated[
        str,
        typer.Option(help="At a reference's own time: pass its pixels on, blend them into the frames around, or sr."),
    ] = "pass",
    ref_cache: RefCache = "256MiB",
    max_refs: Annotated[int, typer.Option(help="References per frame.")] = 2,
    causal: Annotated[bool, typer.Option("--causal", help="Use only references from before a frame.")] = False,
    method: Method = "stream_ref",
    weights: Weights = None,
    simulate: Simulate = False,
    scene_refs: Annotated[
        bool, typer.Option("--scene-refs", help="With --simulate: the first frame of each scene stays sharp too.")
    ] = False,
    gt: Annotated[str | None, typer.Option(help="High-resolution clip to score against.")] = None,
    report: Report = None,
    codec: Annotated[str, typer.Option(help=f"{listed_codecs()}.")] = "libx264",
    crf: Annotated[int, typer.Option(help="Quality of lossy codecs; smaller is better.")] = 16,
    preset: Preset = "medium",
    encoder_option: Annotated[list[str] | None, typer.Option("-e", help="Encoder option key=value; repeat it.")] = None,
    size: Annotated[str | None, typer.Option(help="Resize the x4 result to WxH.")] = None,
    scale: Annotated[float | None, typer.Option(help="Resize the x4 result to N times the input.")] = None,
    overwrite: Overwrite = False,
    resume: Annotated[
        bool, typer.Option("--resume/--no-resume", help="Go on from what an unfinished run of this command has done.")
    ] = True,
    ray: Annotated[
        str | None,
        typer.Option(help="Share the work among the workers of a Ray cluster: its address, local, or auto."),
    ] = None,
    fps: Fps = None,
    start: From = None,
    end: To = None,
    frames: Frames = None,
    max_height: MaxHeight = None,
    deinterlace: Deinterlace = False,
    decode: Annotated[
        str, typer.Option(help="Where the video is decoded: cpu, cuda (frames stay on the GPU) or auto.")
    ] = "auto",
    device: Device = "auto",
    dtype: Dtype = "auto",
    engine: Engine = "auto",
    progress: Progress = "auto",
) -> None:
    """Super-resolve a video x4 with the references found for it."""
    command = command_of(locals())
    from ..commands.cluster import ClusterRun
    from ..commands.progress import make_progress
    from ..commands.queue import Run, queued, run_queue
    from ..errors import UsageError

    def run_of(path: Path, target: Path | None) -> Run:
        return command(path, target) if ray is None else ClusterRun(command(path, target), ray)

    clips = queued(input)
    if clips is None:
        run_of(input, output).run()
        return
    if report is not None:
        raise UsageError("--report names one file, and there are several clips; leave it out, each gets its own")
    run_queue(clips, output, codec, run_of, make_progress(progress))


def command_of(asked: Mapping[str, Any]) -> Callable[[Path, Path | None], "StreamCommand"]:
    """What `stream` does with a clip and its target, given the values of its parameters by name."""
    from ..choose import EngineOptions
    from ..commands.stream import StreamCommand
    from ..commands.texts import parse_bytes, parse_pairs, parse_size
    from ..stream.job import StreamOptions
    from ..stream.output import EncodingOptions

    def some(*names: str) -> dict[str, Any]:
        return {name: asked[name] for name in names}

    options = StreamOptions(
        ref_cache=parse_bytes(asked["ref_cache"]),
        **some("ref_every", "refs", "ref_source", "no_refs", "require_refs", "ref_index_base", "ref_offset"),
        **some("ref_output", "max_refs", "causal", "simulate", "scene_refs", "gt", "frames", "max_height"),
        **some("deinterlace", "decode", "fps", "start", "end"),
    )
    size = None if asked["size"] is None else parse_size(asked["size"])
    encoder_options = parse_pairs(asked["encoder_option"] or [])
    encoding = EncodingOptions(options=encoder_options, size=size, **some("codec", "crf", "preset", "scale"))
    engine = EngineOptions(**some("method", "weights", "device", "dtype", "engine"))
    running = some("report", "overwrite", "resume", "progress")
    return lambda path, target: StreamCommand(path, target, options, encoding, engine, **running)


def simulate(
    input: Annotated[Path, typer.Argument(metavar="IN", help="High-resolution video.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Two-track file to write (.mkv, lossless).")],
    ref_every: Annotated[int, typer.Option(help="One in N frames stays sharp.")] = 8,
    scene_refs: Annotated[
        bool, typer.Option("--scene-refs", help="The first frame of each scene stays sharp too.")
    ] = False,
    frames: Frames = None,
    max_height: MaxHeight = None,
    deinterlace: Deinterlace = False,
    overwrite: Overwrite = False,
) -> None:
    """Write a hybrid file: one track with every frame, x4 smaller, and one with a few sharp frames."""
    from ..media.video import VideoSource
    from ..references.hybrid_file import write_hybrid

    with VideoSource(input, frames=frames, max_height=max_height, deinterlace=deinterlace) as clip:
        warnings = write_hybrid(clip, output, ref_every, scene_refs=scene_refs, overwrite=overwrite)
    for line in [*(f"warning     {text}" for text in warnings), f"output      {output}"]:
        typer.echo(line)


def image(
    input: Annotated[Path, typer.Argument(metavar="IN", help="Picture: low resolution, or with --simulate sharp.")],
    ref: Annotated[
        list[Path] | None, typer.Option(help="Sharp picture of any size, or a folder of them; repeat it.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="PNG to write; default IN_x4.png beside IN.")
    ] = None,
    no_refs: Annotated[bool, typer.Option("--no-refs", help="Use no references.")] = False,
    method: Method = "stream_ref",
    weights: Weights = None,
    simulate: Simulate = False,
    report: Annotated[Path | None, typer.Option(help="JSON report to write.")] = None,
    overwrite: Overwrite = False,
    device: Device = "auto",
    dtype: Dtype = "auto",
    engine: Engine = "auto",
) -> None:
    """Super-resolve one picture x4 with the best of the references given."""
    from ..choose import EngineOptions
    from ..commands.image import ImageCommand

    running = EngineOptions(method, weights, device, dtype, engine)
    ImageCommand(
        input, ref or [], output, no_refs=no_refs, simulate=simulate, engine=running, report=report, overwrite=overwrite
    ).run()
