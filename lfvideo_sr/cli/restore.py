"""The command line of video: stream, simulate."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..media.codecs import listed_codecs
from .choices import BY_PARAMETER, CODEC_NAMES, REFERENCE_SOURCES, STREAM_KINDS, completed, listed
from .options import (
    LPIPS,
    Deinterlace,
    Device,
    DryRun,
    Dtype,
    Duration,
    Engine,
    Fps,
    Frames,
    From,
    InputFormat,
    LiveDrop,
    MaxHeight,
    MaxPixels,
    Method,
    OutputFormat,
    Overwrite,
    Preset,
    Preview,
    Progress,
    Quality,
    Quiet,
    Reconnect,
    RefCache,
    Report,
    RequireRefs,
    Resume,
    Simulate,
    StreamOutput,
    To,
    TrustManifest,
    Verbose,
    Weights,
)

if TYPE_CHECKING:
    from ..choose import EngineOptions
    from ..commands.pipe import PipeCommand
    from ..commands.stream import StreamCommand
    from ..stream.options import StreamOptions
    from ..stream.output import EncodingOptions


def stream(
    input: Annotated[
        str,
        typer.Argument(
            metavar="IN",
            help="Video, numbered pictures (a folder, in/%05d.png or 'in/*.png'), a quoted pattern of videos "
            "('in/*.mp4'), a list of videos (.txt), - (standard input), a live stream (rtsp://..., rtmp, srt, udp, "
            "http) or a camera (camera:0).",
        ),
    ],
    output: StreamOutput = None,
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
        str | None,
        typer.Option(
            help=f"Take references from this source only: {listed(REFERENCE_SOURCES)}.",
            autocompletion=completed(REFERENCE_SOURCES),
        ),
    ] = None,
    require_refs: RequireRefs = False,
    ref_index_base: Annotated[
        int | None,
        typer.Option(
            help="The number that plain numbers of stills give the first frame: 0 or 1. Default 0; of numbered "
            "pictures, the number of the first one."
        ),
    ] = None,
    trust_manifest: TrustManifest = False,
    ref_output: Annotated[
        str,
        typer.Option(
            help="What a frame at a reference's own time becomes: pass (the reference's pixels), blend (the same, "
            "eased into the frames around it) or sr (restored).",
            autocompletion=completed(("pass", "blend", "sr")),
        ),
    ] = "pass",
    ref_cache: RefCache = "256MiB",
    max_refs: Annotated[int, typer.Option(help="References per frame.")] = 2,
    causal: Annotated[bool, typer.Option("--causal", help="Use only references from before a frame.")] = False,
    method: Method = "stream_ref",
    quality: Quality = "auto",
    weights: Weights = None,
    anchor_model: Annotated[
        Path | None,
        typer.Option(
            help="Restore anchors, of which other frames take their detail, by this network: an .onnx file, or one "
            "that spandrel loads (.safetensors, .pth). Implies --ref-source anchor."
        ),
    ] = None,
    simulate: Simulate = False,
    scene_refs: Annotated[
        bool, typer.Option("--scene-refs", help="With --simulate: the first frame of each scene stays sharp too.")
    ] = False,
    gt: Annotated[str | None, typer.Option(help="High-resolution clip to score against.")] = None,
    lpips: LPIPS = None,
    report: Report = None,
    codec: Annotated[str, typer.Option(help=f"{listed_codecs()}.", autocompletion=completed(CODEC_NAMES))] = "libx264",
    crf: Annotated[int, typer.Option(help="Quality of lossy codecs; smaller is better.")] = 16,
    preset: Preset = "medium",
    encoder_option: Annotated[list[str] | None, typer.Option("-e", help="Encoder option key=value; repeat it.")] = None,
    size: Annotated[str | None, typer.Option(help="Resize the x4 result to WxH.")] = None,
    scale: Annotated[float | None, typer.Option(help="Resize the x4 result to N times the input.")] = None,
    drop: Annotated[
        list[str] | None, typer.Option(help=f"Leave out streams, by kind ({listed(STREAM_KINDS)}) or index; repeat it.")
    ] = None,
    audio: Annotated[
        str, typer.Option(help="What becomes of sound: copy, drop, or an encoder such as aac, opus or flac.")
    ] = "copy",
    alpha: Annotated[
        str, typer.Option(help="What becomes of transparency: keep (where the codec can), drop, or a colour '#RRGGBB'.")
    ] = "keep",
    overwrite: Overwrite = False,
    resume: Resume = True,
    html: Annotated[
        Path | None, typer.Option(help="Also write a page that shows and measures the result, one .html file.")
    ] = None,
    dry_run: DryRun = False,
    preview: Preview = None,
    ray: Annotated[
        str | None,
        typer.Option(help="Share the work among the workers of a Ray cluster: its address, local, or auto."),
    ] = None,
    fps: Fps = None,
    start: From = None,
    end: To = None,
    frames: Frames = None,
    max_height: MaxHeight = None,
    max_pixels: MaxPixels = None,
    deinterlace: Deinterlace = False,
    track: Annotated[int | None, typer.Option(help="Restore video track N, counted from 0 without cover art.")] = None,
    decode: Annotated[
        str, typer.Option(help="Where the video is decoded: cpu, cuda (frames stay on the GPU) or auto.")
    ] = "auto",
    device: Device = "auto",
    dtype: Dtype = "auto",
    engine: Engine = "auto",
    progress: Progress = "auto",
    quiet: Quiet = False,
    verbose: Verbose = False,
    input_format: InputFormat = None,
    output_format: OutputFormat = None,
    duration: Duration = None,
    live_drop: LiveDrop = True,
    reconnect: Reconnect = 30.0,
) -> None:
    """Super-resolve a video x4 with the references found for it."""
    asked = locals() | ({"progress": "none"} if quiet else {})
    _begin(asked)
    if not simulate and max_height is None:
        from ..media.stated_sizes import check_stated

        check_stated(Path(input))  # before anything heavy is loaded
    from ..commands.pipe import is_piped

    if is_piped(input, output):
        _refuse(asked, "dry_run", "preview", "html", why="is for files; a pipe or a live stream is read once")
        piped_command_of(asked).run()
        return
    if ray is not None:
        _refuse(asked, "dry_run", "preview", "html", why="runs on this machine; leave out --ray")
    command = command_of(asked)
    from ..commands.cluster import ClusterRun
    from ..commands.first_checks import check_not_of_pipes
    from ..commands.preview import PreviewCommand, parse_length
    from ..commands.progress import make_progress
    from ..commands.queue import Run, queued, run_queue
    from ..errors import UsageError

    def run_of(path: Path, target: Path | None) -> Run:
        whole = command(path, target)
        if preview is not None:
            return PreviewCommand(whole, parse_length(preview))
        return whole if ray is None else ClusterRun(whole, ray)

    check_not_of_pipes(asked)
    clips = queued(Path(input))
    if clips is None:
        run_of(Path(input), output).run()
        return
    if report is not None:
        raise UsageError("--report names one file, and there are several clips; leave it out, each gets its own")
    _refuse(asked, "html", why="names one file, and there are several clips; run lfvideo-sr compare on each")
    run_queue(clips, output, codec, run_of, make_progress(asked["progress"]))


def _begin(asked: Mapping[str, Any]) -> None:
    """Refuse names that are wrong, and print the first line, before what a run needs is loaded."""
    from ..commands.first_checks import check_stream
    from ..commands.progress import make_progress

    check_stream(asked, BY_PARAMETER)
    progress = make_progress(asked["progress"])
    if str(asked["output"]) != "-":  # standard output is for pictures then
        progress.say(f"opening     {asked['input']}")


def _refuse(asked: Mapping[str, Any], *names: str, why: str) -> None:
    """Raise UsageError where one of these options is given."""
    from ..errors import UsageError

    for name in names:
        if asked[name]:
            raise UsageError(f"--{name.replace('_', '-')} {why}")


def command_of(asked: Mapping[str, Any]) -> Callable[[Path, Path | None], "StreamCommand"]:
    """What `stream` does with a clip and its target, given the values of its parameters by name."""
    from ..commands.stream import StreamCommand

    options, encoding, engine = _options_of(asked)
    running = {
        name: asked[name] for name in ("report", "overwrite", "resume", "progress", "verbose", "dry_run", "html")
    }
    return lambda path, target: StreamCommand(path, target, options, encoding, engine, **running)


def piped_command_of(asked: Mapping[str, Any]) -> "PipeCommand":
    """What `stream` does with what is read once, or for standard output, given its parameters by name."""
    from ..commands.pipe import PipeCommand, PipeOptions
    from ..errors import UsageError
    from ..media.live_video import LiveOptions

    if asked["ray"] is not None:
        raise UsageError("--ray shares out the segments of a file; a pipe or a live stream has none")
    live = LiveOptions(asked["live_drop"], asked["reconnect"])
    pipes = PipeOptions(asked["input_format"], asked["output_format"], asked["duration"], live)
    running = {name: asked[name] for name in ("report", "overwrite", "progress", "verbose")}
    return PipeCommand(asked["input"], asked["output"], *_options_of(asked), pipes, **running)


def _options_of(asked: Mapping[str, Any]) -> "tuple[StreamOptions, EncodingOptions, EngineOptions]":
    """The options of a run, from the values of the parameters of `stream`."""
    from ..choose import EngineOptions
    from ..commands.texts import parse_bytes, parse_pairs, parse_size
    from ..stream.options import StreamOptions
    from ..stream.output import EncodingOptions

    def some(*names: str) -> dict[str, Any]:
        return {name: asked[name] for name in names}

    options = StreamOptions(
        ref_cache=parse_bytes(asked["ref_cache"]),
        ref_source=_source_of(asked),
        **some("ref_every", "refs", "no_refs", "require_refs", "ref_index_base", "ref_offset"),
        **some("ref_output", "max_refs", "causal", "simulate", "scene_refs", "gt", "frames", "max_height"),
        **some("deinterlace", "decode", "trust_manifest", "track", "alpha", "fps", "start", "end"),
        lpips=None if asked["lpips"] is None else str(asked["lpips"]),
    )
    size = None if asked["size"] is None else parse_size(asked["size"])
    encoder_options = parse_pairs(asked["encoder_option"] or [])
    encoding = EncodingOptions(
        options=encoder_options,
        size=size,
        drop=tuple(asked["drop"] or ()),
        **some("codec", "crf", "preset", "scale", "audio"),
    )
    model = asked["anchor_model"]
    engine = EngineOptions(
        anchor_model=None if model is None else str(model),
        **some("method", "weights", "device", "dtype", "engine", "quality"),
    )
    return options, encoding, engine


def _source_of(asked: Mapping[str, Any]) -> str | None:
    """Where references come from; anchors where a network for them is named."""
    from ..errors import UsageError

    source = asked["ref_source"]
    if asked["anchor_model"] is None:
        return source
    for name, is_given in (
        ("--refs", asked["refs"]),
        ("--no-refs", asked["no_refs"]),
        ("--require-refs", asked["require_refs"]),
        (f"--ref-source {source}", source not in (None, "anchor")),
    ):
        if is_given:
            raise UsageError(f"--anchor-model contradicts {name}; drop one of them")
    return "anchor"


def simulate(
    input: Annotated[Path, typer.Argument(metavar="IN", help="High-resolution video.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Two-track file to write (.mkv, lossless).")],
    ref_every: Annotated[int, typer.Option(help="One in N frames stays sharp.")] = 8,
    scene_refs: Annotated[
        bool, typer.Option("--scene-refs", help="The first frame of each scene stays sharp too.")
    ] = False,
    frames: Frames = None,
    max_height: MaxHeight = None,
    max_pixels: MaxPixels = None,
    deinterlace: Deinterlace = False,
    overwrite: Overwrite = False,
) -> None:
    """Write a hybrid file: one track with every frame, x4 smaller, and one with a few sharp frames."""
    from ..errors import printable
    from ..media.video import VideoSource
    from ..references.hybrid_file import write_hybrid

    with VideoSource(input, frames=frames, max_height=max_height, deinterlace=deinterlace) as clip:
        warnings = write_hybrid(clip, output, ref_every, scene_refs=scene_refs, overwrite=overwrite)
    for line in [*(f"warning     {text}" for text in warnings), f"output      {output}"]:
        typer.echo(printable(line))
