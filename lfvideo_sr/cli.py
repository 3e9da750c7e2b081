"""The command line. Every command is a thin layer on the library; heavy modules load only when a command runs."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from . import __version__
from .cli_lightfield import lightfield_app
from .cli_options import Device, Dtype, Engine, Method, Weights
from .errors import EngineError, LFVideoError, UsageError

app = typer.Typer(
    name="lfvideo-sr",
    help="Turn a low-resolution video plus a few sharp references into a sharp x4 stream.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
weights_app = typer.Typer(help="Look at weights, or make them of checkpoints.", no_args_is_help=True)
app.add_typer(weights_app, name="weights")
engine_app = typer.Typer(help="Export methods to ONNX, compile them for TensorRT, compare.", no_args_is_help=True)
app.add_typer(engine_app, name="engine")
bench_app = typer.Typer()
app.add_typer(bench_app, name="bench")
app.add_typer(lightfield_app, name="lightfield")
_INTERRUPTED = 130

Built = Annotated[str, typer.Option(help="tensorrt, or onnx: graphs alone, which run on any CPU.")]
LearnedMethod = Annotated[str, typer.Argument(metavar="METHOD", help="A learned method.")]


@app.callback()
def _common(debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False) -> None:
    os.environ["LFVIDEO_DEBUG"] = "1" if debug else os.environ.get("LFVIDEO_DEBUG", "")


@app.command()
def stream(
    input: Annotated[Path, typer.Argument(metavar="IN", help="Video: low resolution, or with --simulate high.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Target; default IN_x4 beside IN.")] = None,
    ref_every: Annotated[int, typer.Option(help="At most one reference per so many frames, and scene firsts.")] = 8,
    refs: Annotated[str | None, typer.Option(help="Folder of stills, video, FILE#v:1, manifest .csv or HDF5.")] = None,
    no_refs: Annotated[bool, typer.Option("--no-refs", help="Every frame by the single-image path.")] = False,
    ref_source: Annotated[
        str | None, typer.Option(help="Force a source: refs, track, same-track, sidecar, anchor or simulate.")
    ] = None,
    require_refs: Annotated[bool, typer.Option("--require-refs", help="Finding no references is an error.")] = False,
    ref_index_base: Annotated[int, typer.Option(help="What stills' plain numbers call the first frame: 0 or 1.")] = 0,
    ref_output: Annotated[str, typer.Option(help="At a reference's own time: pass its pixels, or sr.")] = "pass",
    ref_cache: Annotated[str, typer.Option(help="Memory for encoded references, e.g. 512MiB.")] = "256MiB",
    max_refs: Annotated[int, typer.Option(help="References per frame.")] = 2,
    causal: Annotated[bool, typer.Option("--causal", help="Past references only.")] = False,
    method: Method = "stream_ref",
    weights: Weights = None,
    simulate: Annotated[bool, typer.Option("--simulate", help="IN is sharp: degrade, restore, score.")] = False,
    scene_refs: Annotated[bool, typer.Option("--scene-refs", help="With --simulate: scene starts stay too.")] = False,
    gt: Annotated[str | None, typer.Option(help="High-resolution clip to score against.")] = None,
    report: Annotated[Path | None, typer.Option(help="Report; default <output stem>.report.json.")] = None,
    codec: Annotated[str, typer.Option(help="x264, x265, svtav1 or ffv1.")] = "libx264",
    crf: Annotated[int, typer.Option(help="Quality of lossy codecs; smaller is better.")] = 16,
    preset: Annotated[str, typer.Option(help="Speed of the encoder.")] = "medium",
    encoder_option: Annotated[list[str] | None, typer.Option("-e", help="Encoder option key=value; repeat it.")] = None,
    size: Annotated[str | None, typer.Option(help="Resize the x4 result to WxH.")] = None,
    scale: Annotated[float | None, typer.Option(help="Resize the x4 result to so many times the input.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing target.")] = False,
    frames: Annotated[int | None, typer.Option(help="Stop after so many frames.")] = None,
    max_height: Annotated[int | None, typer.Option(help="Reduce taller input to so many lines first.")] = None,
    deinterlace: Annotated[bool, typer.Option("--deinterlace", help="Turn fields into frames.")] = False,
    decode: Annotated[str, typer.Option(help="cpu, cuda (frames stay on the GPU), or auto.")] = "auto",
    device: Device = "auto",
    dtype: Dtype = "auto",
    engine: Engine = "auto",
    progress: Annotated[str, typer.Option(help="auto, plain, json or none.")] = "auto",
) -> None:
    """Super-resolve a video x4 with the references found for it."""
    from .commands.stream import EncodingOptions, StreamCommand, parse_bytes, parse_pairs, parse_size
    from .stream.job import StreamOptions

    options = StreamOptions(
        ref_every=ref_every, refs=refs, ref_source=ref_source, no_refs=no_refs, require_refs=require_refs,
        ref_index_base=ref_index_base, ref_output=ref_output, ref_cache=parse_bytes(ref_cache), max_refs=max_refs,
        causal=causal, simulate=simulate, scene_refs=scene_refs, gt=gt, frames=frames, max_height=max_height,
        deinterlace=deinterlace, decode=decode,
    )  # fmt: skip
    encoding = EncodingOptions(
        codec=codec, crf=crf, preset=preset, options=parse_pairs(encoder_option or []), size=parse_size(size),
        scale=scale,
    )  # fmt: skip
    StreamCommand(
        input, output, options, encoding, method=method, weights=weights, device=device, dtype=dtype, engine=engine,
        report=report, overwrite=overwrite, progress=progress,
    ).run()  # fmt: skip


@app.command()
def simulate(
    input: Annotated[Path, typer.Argument(metavar="IN", help="High-resolution video.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Two-track file to write (.mkv, lossless).")],
    ref_every: Annotated[int, typer.Option(help="Every so many frames one stays sharp.")] = 8,
    scene_refs: Annotated[bool, typer.Option("--scene-refs", help="Scene starts stay sharp too.")] = False,
    frames: Annotated[int | None, typer.Option(help="Stop after so many frames.")] = None,
    max_height: Annotated[int | None, typer.Option(help="Reduce taller input to so many lines first.")] = None,
    deinterlace: Annotated[bool, typer.Option("--deinterlace", help="Turn fields into frames.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing target.")] = False,
) -> None:
    """Write a hybrid file: a x4 smaller track of every frame, and a track of sparse sharp ones."""
    from .media.hybrid_file import write_hybrid
    from .media.video import VideoSource

    with VideoSource(input, frames=frames, max_height=max_height) as clip:
        write_hybrid(clip, output, ref_every, scene_refs=scene_refs, overwrite=overwrite)
    typer.echo(f"output      {output}")


@app.command()
def image(
    input: Annotated[Path, typer.Argument(metavar="IN", help="Picture: low resolution, or with --simulate sharp.")],
    ref: Annotated[
        list[Path] | None, typer.Option(help="Sharp picture of any size, or a folder of them; repeat it.")
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="PNG; default IN_x4.png beside IN.")] = None,
    no_refs: Annotated[bool, typer.Option("--no-refs", help="By the single-image path.")] = False,
    method: Method = "stream_ref",
    weights: Weights = None,
    simulate: Annotated[bool, typer.Option("--simulate", help="IN is sharp: degrade, restore, score.")] = False,
    report: Annotated[Path | None, typer.Option(help="JSON report to write.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing target.")] = False,
    device: Device = "auto",
    dtype: Dtype = "auto",
    engine: Engine = "auto",
) -> None:
    """Super-resolve one picture x4 with the best of the references given."""
    from .commands.image import ImageCommand

    ImageCommand(
        input, ref or [], output, no_refs=no_refs, simulate=simulate, method=method, weights=weights,
        device=device, dtype=dtype, engine=engine, report=report, overwrite=overwrite,
    ).run()  # fmt: skip


@app.command()
def train(
    config: Annotated[str, typer.Argument(help="Name of a shipped configuration, or a YAML file.")],
    max_steps: Annotated[int | None, typer.Option(help="Stop after so many steps instead.")] = None,
    output: Annotated[str | None, typer.Option("-o", "--output", help="Folder of the run instead.")] = None,
    resume: Annotated[bool, typer.Option(help="Continue the run in that folder, if there is one.")] = True,
) -> None:
    """Train a method. A killed run continues where its last checkpoint was."""
    from .commands.train import run_training

    changes = {"max_steps": max_steps, "output": output}
    run_training(config, {key: value for key, value in changes.items() if value is not None}, resume)


@bench_app.callback(invoke_without_command=True)
def bench(
    context: typer.Context,
    clip: Annotated[Path | None, typer.Option(help="Low-resolution clip; default a rendered one.")] = None,
    size: Annotated[str, typer.Option(help="Size of the rendered clip's low-resolution frames.")] = "480x270",
    frames: Annotated[int, typer.Option(help="Frames to run.")] = 24,
    method: Method = "stream_ref",
    weights: Weights = None,
    codec: Annotated[str, typer.Option(help="Encoder of the output.")] = "libx264",
    preset: Annotated[str, typer.Option(help="Speed of the encoder.")] = "medium",
    device: Device = "auto",
    dtype: Dtype = "auto",
    engine: Engine = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON only.")] = False,
) -> None:
    """Measure the whole stream, stage by stage, beside a 16-block 64-channel residual network of the same dtype."""
    if context.invoked_subcommand is not None:
        return
    from .bench import run_bench
    from .commands.stream import parse_size

    run_bench(
        clip, parse_size(size), frames, method=method, weights=weights, codec=codec, preset=preset,
        device=device, dtype=dtype, engine=engine, as_json=as_json,
    )  # fmt: skip


@bench_app.command("matching")
def bench_matching(
    sizes: Annotated[str | None, typer.Option(help="Sizes of feature maps instead, as 120x68,250x250.")] = None,
    channels: Annotated[int, typer.Option(help="Channels of the features.")] = 256,
    data: Annotated[
        Path | None, typer.Option(help="Folder with MPI Sintel, Middlebury flow or a pairs.csv: accuracy on these too.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON only.")] = False,
) -> None:
    """Measure exact search, PatchMatch, block and windowed search: multiply-adds, time, memory, accuracy."""
    from .bench_matching import run_matching_bench
    from .commands.stream import parse_size

    chosen = None if sizes is None else [parse_size(size) for size in sizes.split(",")]
    run_matching_bench(chosen, channels, data, as_json=as_json)


@app.command()
def evaluate(
    dataset: Annotated[
        str,
        typer.Option(
            help="cufed5, sun80, urban100, manga109, wr-sr, flickr1024, sintel, lightfields, refpairs, or a folder of "
            "pictures."
        ),
    ],
    method: Annotated[
        str, typer.Option(help="A method's name, as `lfvideo-sr stream --help` lists them, or all.")
    ] = "stream_ref",
    protocol: Annotated[str, typer.Option(help="c2, rrsr, masa, ttsr, amsa or e2ent2.")] = "c2",
    weights: Weights = None,
    data: Annotated[Path | None, typer.Option(help="Folder of data sets; default what LFVIDEO_DATA names.")] = None,
    refs: Annotated[
        str | None, typer.Option(help="best, all, none, or a level L1 .. L5; default the protocol's.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="The first so many pictures only.")] = None,
    save: Annotated[Path | None, typer.Option(help="Write result pictures to FOLDER/METHOD/ITEM.png.")] = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON only.")] = False,
) -> None:
    """Measure a method on a data set by a paper's protocol, beside bicubic and what the paper reports."""
    from .commands.evaluate import EvaluateOptions, run_evaluation

    run_evaluation(
        EvaluateOptions(
            method, dataset, protocol, weights, data, references=refs, limit=limit, device=device, dtype=dtype,
            save=save, as_json=as_json,
        )
    )  # fmt: skip


@app.command()
def info(
    method: Annotated[
        str | None, typer.Argument(help="A method: its parts, their size and reach, its weights.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON only.")] = False,
) -> None:
    """What this machine and installation can do (devices, dtypes, codecs, extras, weights), or what a method is."""
    from .commands.info import show_info, show_method

    show_info(as_json) if method is None else show_method(method, as_json)


@weights_app.command("export")
def weights_export(
    checkpoint: Annotated[Path, typer.Argument(help="last.pt of a training run.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Target .safetensors.")],
) -> None:
    """Write the averaged weights of a training run's checkpoint."""
    from .trainers.export import export_weights

    typer.echo(f"{output}: {export_weights(checkpoint, output)}")


@weights_app.command("convert")
def weights_convert(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="The authors' checkpoints (.pth).")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Target .safetensors.")],
    method: Annotated[str, typer.Option(help="c2_matching or amsa.")],
    vgg19: Annotated[Path | None, typer.Option(help="torchvision's VGG19, if not among FILE.")] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Write what fits of amsa; the rest stays untrained.")
    ] = False,
) -> None:
    """Write checkpoints that a paper's authors published as weights of this project."""
    from .commands.convert import run_conversion

    run_conversion(files, output, method, vgg19, partial)


@weights_app.command("list")
def weights_list() -> None:
    """The weights in this installation."""
    from .weights import fingerprint, read_about, shipped, weights_path

    for name in shipped():
        path = weights_path(name)
        typer.echo(f"{name}  {path.stat().st_size / 1e6:.1f} MB  {fingerprint(path)}  {read_about(path)}")


@engine_app.command("build")
def engine_build(
    method: LearnedMethod,
    shapes: Annotated[
        str, typer.Option(help="Low-resolution sizes MIN:OPT:MAX that a plan takes.")
    ] = "64x64:480x270:960x540",
    precision: Annotated[str, typer.Option(help="fp32, fp16, bf16; default fp16, of graphs alone fp32.")] = "auto",
    engine: Built = "tensorrt",
    weights: Weights = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Folder for a copy of the graphs.")] = None,
    device: Device = "auto",
    fresh: Annotated[bool, typer.Option("--fresh", help="Export anew, whatever is there or shipped.")] = False,
) -> None:
    """Export a method to ONNX and compile it; what is there or shipped and fits is kept."""
    from .commands.engine import EngineBuild

    EngineBuild(method, engine, shapes, precision, weights, output, device, fresh).run()


@engine_app.command("list")
def engine_list() -> None:
    """The graphs and plans in the cache."""
    from .commands.engine import list_engines

    list_engines()


@engine_app.command("verify")
def engine_verify(
    method: LearnedMethod,
    engine: Built = "onnx",
    precision: Annotated[str, typer.Option(help="fp32, fp16, bf16.")] = "auto",
    weights: Weights = None,
    sizes: Annotated[str, typer.Option(help="Low-resolution sizes to compare at.")] = "64x48,96x64,66x130",
    tolerance: Annotated[float | None, typer.Option(help="Fail where a verb differs by more.")] = None,
    device: Device = "auto",
) -> None:
    """Largest and mean difference from torch in fp32, verb by verb, and PSNR between the pictures."""
    from .commands.engine import verify_engine

    verify_engine(method, engine, precision, weights, sizes, device, tolerance)


@engine_app.command("clean")
def engine_clean() -> None:
    """Delete the graphs and plans in the cache."""
    from .commands.engine import clean_engines

    clean_engines()


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def main() -> None:
    """Entry point: errors become one line and the documented exit code."""
    try:
        code = app(standalone_mode=False)
        if code == _INTERRUPTED:  # typer turns an interrupt into a code that it returns
            _fail("interrupted", _INTERRUPTED)
    except KeyboardInterrupt:
        _fail("interrupted", _INTERRUPTED)
    except LFVideoError as error:
        _fail(str(error), error.exit_code, error)
    except typer.Exit as stop:
        sys.exit(stop.exit_code)
    except typer.Abort:
        _fail("interrupted", _INTERRUPTED)
    except ModuleNotFoundError as error:
        if (error.name or "lfvideo_sr").startswith("lfvideo_sr"):
            raise
        missing = f"this needs {error.name}, which is not installed; pip install {error.name}"
        _fail(missing, EngineError.exit_code, error)
    except Exception as error:
        if not hasattr(error, "format_message"):  # a usage error of the option parser has one
            raise
        _fail_usage(error.format_message(), error)


def _fail_usage(message: str, error: Exception) -> None:
    if message.startswith("Usage:"):  # a command without arguments: its help, on as many lines as it has
        print(message, file=sys.stderr)
        sys.exit(UsageError.exit_code)
    _fail(f"{message}; see lfvideo-sr --help", UsageError.exit_code, error)


def _fail(message: str, code: int, error: BaseException | None = None) -> None:
    if error is not None and os.environ.get("LFVIDEO_DEBUG"):
        raise error
    print(f"lfvideo-sr: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(code)
