"""Every kind of input that the command line reads, with the command that reads it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import seeds
from seeds import BICUBIC, HIGH, LOW, STREAM

from lfvideo_sr.frames import Size


@dataclass(frozen=True)
class Kind:
    """A kind of input.

    make:      writes it, and what is needed beside it, into a folder.
    mutated:   patterns of the files that are damaged, of which each run damages one.
    arguments: the command.
    format:    as `damaged` in mutations.py has it.
    heavy:     loads torch, ONNX Runtime or a trainer: a second or more each.
    """

    make: Callable[[Path], None]
    mutated: tuple[str, ...]
    arguments: tuple[str, ...]
    format: str = "binary"
    heavy: bool = False


_FLOW = ("--method", "flow_transfer")
_LIGHTFIELD = ("lightfield", "in.h5", "-o", "out.h5", "--progress", "plain", *BICUBIC)
_GRID = ("--grid", "3x3", "--progress", "plain", *BICUBIC)
_LEARNED = ("image", "in.png", "-o", "out.png", "--device", "cpu")

KINDS: dict[str, Kind] = {
    **{
        name: Kind(
            seeds.video(f"in.{name}", codec, pixels, sound),
            (f"in.{name}",),
            ("stream", f"in.{name}", *STREAM, *BICUBIC),
        )
        for name, codec, pixels, sound in (
            ("mkv", "libx264", "yuv420p", "aac"),
            ("mp4", "libx264", "yuv420p", "aac"),
            ("mov", "mjpeg", "yuvj420p", None),
            ("webm", "libvpx-vp9", "yuv420p", None),
            ("avi", "mpeg4", "yuv420p", None),
            ("gif", "gif", "rgb8", None),
            ("ts", "mpeg2video", "yuv420p", "aac"),
            ("mpg", "mpeg2video", "yuv420p", None),
            ("flv", "libx264", "yuv420p", "aac"),
            ("apng", "apng", "rgba", None),
        )
    },
    "alpha in webm": Kind(
        seeds.video("in.webm", "libvpx-vp9", "yuva420p"), ("in.webm",), ("stream", "in.webm", *STREAM, *BICUBIC)
    ),
    "alpha in mov": Kind(
        seeds.video("in.mov", "prores_ks", "yuva444p10le"), ("in.mov",), ("stream", "in.mov", *STREAM, *BICUBIC)
    ),
    **{
        f"numbered {ending}": Kind(
            seeds.numbered(ending), (f"in/*.{ending}",), ("stream", "in", *STREAM, *BICUBIC, "--no-resume")
        )
        for ending in ("png", "tif", "exr", "dpx")
    },
    "track": Kind(
        seeds.video("in.mkv", "libx264", "yuv420p", None, (LOW, HIGH)),
        ("in.mkv",),
        ("stream", "in.mkv", *STREAM, *_FLOW),
    ),
    **{
        name: Kind(seeds.picture(f"in.{name}"), (f"in.{name}",), ("image", f"in.{name}", "-o", "out.png", *BICUBIC))
        for name in ("png", "jpg", "tiff", "webp", "bmp", "ppm", "avif")
    },
    "heic": Kind(seeds.heic, ("in.heic",), ("image", "in.heic", "-o", "out.png", *BICUBIC)),
    "deep tiff": Kind(seeds.deep_tiff, ("in.tif",), ("image", "in.tif", "-o", "out.png", *BICUBIC)),
    "reference": Kind(
        seeds.with_reference,
        ("ref.jpg",),
        ("image", "in.png", "--ref", "ref.jpg", "-o", "out.png", *_FLOW),
    ),
    "stills": Kind(seeds.stills, ("in.refs/t0.png", "in.refs/t0.16.jpg"), ("stream", "in.mkv", *STREAM, *_FLOW)),
    "manifest": Kind(seeds.manifest, ("in.refs/refs.csv",), ("stream", "in.mkv", *STREAM, *_FLOW), "text"),
    "manifest of frames": Kind(
        seeds.manifest_of_frames, ("in.refs/refs.csv",), ("stream", "in.mkv", *STREAM, *_FLOW), "text"
    ),
    "array references": Kind(
        seeds.array_references,
        ("refs.h5",),
        ("stream", "in.mkv", "--refs", "refs.h5", *STREAM, *_FLOW),
    ),
    **{
        name: Kind(make, ("in.h5",), _LIGHTFIELD)
        for name, make in (
            ("hci2013", seeds.hci2013),
            ("hci2016", seeds.hci2016),
            ("sintel", seeds.sintel),
            ("ato", seeds.ato),
            ("axes", seeds.axes),
        )
    },
    "field info": Kind(seeds.hci2016, ("in.h5",), ("lightfield", "info", "in.h5")),
    "matlab": Kind(
        seeds.matlab, ("in.mat",), ("lightfield", "in.mat", "-o", "out.mat", "--progress", "plain", *BICUBIC)
    ),
    "views": Kind(seeds.views, ("in/*.png",), ("lightfield", "in", "-o", "out", "--progress", "plain", *BICUBIC)),
    "parameters": Kind(
        seeds.views, ("in/parameters.cfg",), ("lightfield", "in", "-o", "out", "--progress", "plain", *BICUBIC), "text"
    ),
    "lenslets": Kind(
        seeds.tiles("in_eslf.png", True), ("in_eslf.png",), ("lightfield", "in_eslf.png", "-o", "out.png", *_GRID)
    ),
    "quilt": Kind(
        seeds.video("in.mp4", "libx264", "yuv420p", None, (Size(96, 72),)),
        ("in.mp4",),
        ("lightfield", "in.mp4", "-o", "out.mp4", *_GRID),
    ),
    "plan": Kind(seeds.planned, ("plan.json",), ("run-segment", "plan.json", "0", "--folder", "pieces"), "json"),
    "pieces": Kind(seeds.planned, ("out.mkv.pieces/000000.json", "plan.json"), ("join", "plan.json"), "json"),
    "journal": Kind(seeds.begun, ("out.mkv.work/journal.jsonl",), ("stream", "in.mkv", *STREAM, *BICUBIC), "json"),
    "config": Kind(  # one that is cut short may still be one, of many steps
        seeds.config, ("run.yaml",), ("train", "run.yaml", "--max-steps", "2"), "text", heavy=True
    ),
    "checkpoint": Kind(seeds.trained_run, ("run/last.pt",), ("train", "run.yaml"), heavy=True),
    "log": Kind(seeds.trained_run, ("run/log.csv",), ("train", "run.yaml"), "text", heavy=True),
    "exported": Kind(
        seeds.checkpoint, ("last.pt",), ("weights", "export", "last.pt", "-o", "out.safetensors"), heavy=True
    ),
    "weights": Kind(
        seeds.weights, ("w.safetensors",), (*_LEARNED, "--weights", "w.safetensors"), "safetensors", heavy=True
    ),
    "graphs.json": Kind(seeds.graphs, ("cache/*/graphs.json",), (*_LEARNED, "--engine", "onnx"), "json", heavy=True),
    "graphs": Kind(seeds.graphs, ("cache/*/*.onnx",), (*_LEARNED, "--engine", "onnx"), heavy=True),
}
