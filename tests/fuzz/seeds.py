"""Small inputs of every kind that the command line reads, each with the command that reads it."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from importlib.resources import files
from pathlib import Path

import av
import cv2
import h5py
import numpy as np
from PIL import Image
from scipy.io import savemat
from small_clips import rendered
from small_grids import as_bytes, rendered_grid

from lfvideo_sr.frames import Size
from lfvideo_sr.media.images import write_png

LOW, HIGH, FRAMES = Size(32, 24), Size(128, 96), 6
BICUBIC = ("--method", "bicubic")
STREAM = ("-o", "out.mkv", "--codec", "ffv1", "--progress", "plain")


@dataclass(frozen=True)
class Kind:
    """A kind of input.

    make:      writes it, and what is needed beside it, into a folder.
    mutated:   patterns of the files that are damaged, of which each run damages one.
    arguments: the command.
    format:    as `damaged` in mutations.py has it.
    heavy:     loads torch, ONNX Runtime or a trainer: a second or more each.
    cache:     the folder's part `cache` is this program's cache.
    """

    make: Callable[[Path], None]
    mutated: tuple[str, ...]
    arguments: tuple[str, ...]
    format: str = "binary"
    heavy: bool = False
    cache: bool = False


def _pictures(size: Size = LOW, count: int = FRAMES) -> list[np.ndarray]:
    """uint8 [H,W,3] RGB."""
    return [np.round(picture.transpose(1, 2, 0) * 255).astype(np.uint8) for picture in rendered(0, count, 3, size)]


def _video(name: str, codec: str, pixels: str, sound: str | None = None, sizes: tuple[Size, ...] = (LOW,)):
    def make(folder: Path) -> None:
        with av.open(str(folder / name), "w") as target:
            streams = [target.add_stream(codec, 25) for _ in sizes]
            for stream, size in zip(streams, sizes):
                (stream.width, stream.height), stream.pix_fmt = size, pixels
            heard = None if sound is None else target.add_stream(sound, rate=16000, layout="mono")
            for stream, size in zip(streams, sizes):
                for number, picture in enumerate(_pictures(size)):
                    frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                    frame.pts, frame.time_base = number, Fraction(1, 25)
                    target.mux(stream.encode(frame))
                target.mux(stream.encode(None))
            if heard is not None:
                frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), format="fltp", layout="mono")
                frame.rate, frame.pts = 16000, 0
                target.mux(heard.encode(frame))
                target.mux(heard.encode(None))

    return make


def _clip(folder: Path) -> None:
    _video("in.mkv", "ffv1", "bgr0")(folder)


def _picture(name: str):
    def make(folder: Path) -> None:
        Image.fromarray(_pictures(count=1)[0]).save(folder / name)

    return make


def _heic(folder: Path) -> None:
    import pillow_heif

    pillow_heif.from_pillow(Image.fromarray(_pictures(Size(64, 48), 1)[0])).save(folder / "in.heic")


def _deep_tiff(folder: Path) -> None:
    cv2.imwrite(str(folder / "in.tif"), _pictures(count=1)[0].astype(np.uint16) * 257)


def _with_reference(folder: Path) -> None:
    _picture("in.png")(folder)
    Image.fromarray(_pictures(HIGH, 1)[0]).save(folder / "ref.jpg")


def _stills(folder: Path) -> None:
    _clip(folder)
    (folder / "in.refs").mkdir()
    for number, name in ((0, "0.png"), (4, "t0.16.jpg")):
        Image.fromarray(_pictures(HIGH)[number]).save(folder / "in.refs" / name)
    (folder / "in.refs" / "0.png").rename(folder / "in.refs" / "t0.png")


def _manifest(folder: Path) -> None:
    _stills(folder)
    (folder / "in.refs" / "refs.csv").write_text("file,time\nt0.png,0.0\nt0.16.jpg,0.16\n")


def _manifest_of_frames(folder: Path) -> None:
    _stills(folder)
    (folder / "in.refs" / "refs.csv").write_text("file,frame\nt0.png,0\nt0.16.jpg,4\n")


def _array_references(folder: Path) -> None:
    _clip(folder)
    with h5py.File(folder / "refs.h5", "w") as file:
        file["images"] = np.stack(_pictures(HIGH)[::3])
        file["times"] = np.array([0.0, 0.12])


def _grid() -> np.ndarray:
    return rendered_grid(3, 3, Size(32, 24))


def _hci2013(folder: Path) -> None:
    with h5py.File(folder / "in.h5", "w") as file:
        file.create_dataset("LF", data=as_bytes(_grid()), chunks=(1, 1, 24, 32, 3), compression="gzip")
        file.attrs.update(hRes=3, vRes=3, xRes=32, yRes=24, dH=0.5, dV=0.5, shift=1.0)
        file["LF"].attrs["note"] = "kept"


def _hci2016(folder: Path) -> None:
    with h5py.File(folder / "in.h5", "w") as file:
        file["LF"] = as_bytes(_grid())
        file["disp_lowres"] = np.zeros((3, 3, 24, 32), np.float32)
        file["alias"] = h5py.SoftLink("/LF")


def _sintel(folder: Path) -> None:
    with h5py.File(folder / "in.h5", "w") as file:
        file["img_HR"] = as_bytes(_grid())[0].transpose(0, 3, 1, 2)[None]
        file["frame_number"] = np.array([3])


def _ato(folder: Path) -> None:
    with h5py.File(folder / "in.h5", "w") as file:
        file["img_HR"] = as_bytes(_grid())[None, ..., 0]
        file["img_size"] = np.array([[24, 32]])


def _axes(folder: Path) -> None:
    with h5py.File(folder / "in.h5", "w") as file:
        file["views"] = as_bytes(_grid())
        file["views"].attrs["axes"] = "row column y x channel"


def _matlab(folder: Path) -> None:
    savemat(folder / "in.mat", {"LF": as_bytes(_grid())}, do_compression=True)


def _views(folder: Path) -> None:
    (folder / "in").mkdir()
    for row, column in np.ndindex(3, 3):
        write_png(folder / "in" / f"input_Cam{row * 3 + column:03}.png", _grid()[row, column])
    (folder / "in" / "parameters.cfg").write_text(
        "[intrinsics]\nimage_resolution_x_px = 32\nimage_resolution_y_px = 24\n[extrinsics]\nnum_cams_x = 3\n"
    )


def _tiles(name: str, lenslets: bool):
    def make(folder: Path) -> None:
        views = _grid()
        order = (2, 3, 0, 4, 1) if lenslets else (2, 0, 3, 1, 4)
        write_png(folder / name, np.ascontiguousarray(views.transpose(order).reshape(3, 72, 96)))

    return make


def _weights(folder: Path) -> None:
    _picture("in.png")(folder)
    shutil.copy(str(files("lfvideo_sr.weights") / "stream_ref.safetensors"), folder / "w.safetensors")


def _graphs(folder: Path) -> None:
    _picture("in.png")(folder)
    (folder / "cache").mkdir(mode=0o700)
    for shipped in Path(str(files("lfvideo_sr.weights") / "graphs")).iterdir():
        shutil.copytree(shipped, folder / "cache" / shipped.name, copy_function=shutil.copyfile)
    for path in (folder / "cache").rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)


CONFIG = """trainer: features
photos: [rendered:2]
width: 4
side: 32
batch: 1
max_steps: 2
report_every: 1
validate_every: 1000
learning_rate: 1e-3
precision: 32-true
output: run
cache: photos
"""


def _config(folder: Path) -> None:
    (folder / "run.yaml").write_text(CONFIG)


def _trained(folder: Path) -> None:
    """A run that was left off at its first step, by the trainer itself."""
    from forked import run_forked

    _config(folder)
    (folder / "run.yaml").write_text(CONFIG + "stop_after: 1\n")
    ended = run_forked(["train", "run.yaml"], folder, 120.0, 8 << 30)
    assert ended.code == 0, ended.err
    _config(folder)


def _checkpoint(folder: Path) -> None:
    """A checkpoint of the shipped weights, as far as they are exported from it."""
    import torch
    from safetensors.torch import load_file

    from lfvideo_sr.weights import read_about, weights_path

    path = weights_path("stream_ref")
    torch.save({**read_about(path), "step": 5, "seconds": 2.0, "averaged": load_file(path)}, folder / "last.pt")


def _planned(folder: Path) -> None:
    from forked import run_forked

    _clip(folder)
    ended = run_forked(["plan", "in.mkv", "-o", "out.mkv", *BICUBIC, "--codec", "ffv1"], folder)
    assert ended.code == 0, ended.err
    (folder / "plan.json").write_text(ended.out)
    ended = run_forked(["run-segment", "plan.json", "0"], folder)
    assert ended.code == 0, ended.err


def _begun(folder: Path) -> None:
    """A run of two segments that was interrupted after the first: its journal says so."""
    from forked import run_forked

    _video("in.mkv", "ffv1", "bgr0")(folder)
    ended = run_forked(["stream", "in.mkv", *STREAM, *BICUBIC], folder)
    assert ended.code == 0, ended.err
    work = folder / "out.mkv.work"
    work.mkdir()
    (work / "lock").touch()
    report = json.loads((folder / "out.report.json").read_text())
    line = {"journal": "lfvideo-sr journal 1", "target": "out.mkv", "asked": {"fingerprint": report["fingerprint"]}}
    segment = {
        "number": 0,
        "first": 0,
        "frames": 6,
        "file": "000000.nut",
        "bytes": 3,
        "sha256": "00",
        "shown": [[0, 1]],
    }
    (work / "journal.jsonl").write_text("\n".join(json.dumps(each) for each in (line, segment | {"uses": []})) + "\n")
    (work / "000000.nut").write_bytes(b"nut")
    (folder / "out.mkv").unlink()
    (folder / "out.report.json").unlink()


_LIGHTFIELD = ("lightfield", "in.h5", "-o", "out.h5", "--progress", "plain", *BICUBIC)
_ONE = ("--grid", "3x3", "--progress", "plain", *BICUBIC)
_LEARNED = ("image", "in.png", "-o", "out.png", "--device", "cpu")

KINDS: dict[str, Kind] = {
    **{
        name: Kind(
            _video(f"in.{name}", codec, pixels, sound), (f"in.{name}",), ("stream", f"in.{name}", *STREAM, *BICUBIC)
        )
        for name, codec, pixels, sound in (
            ("mkv", "libx264", "yuv420p", "aac"),
            ("mp4", "libx264", "yuv420p", "aac"),
            ("mov", "mjpeg", "yuvj420p", None),
            ("webm", "libvpx-vp9", "yuv420p", None),
            ("avi", "mpeg4", "yuv420p", None),
            ("gif", "gif", "rgb8", None),
            ("ts", "mpeg2video", "yuv420p", "aac"),
        )
    },
    "track": Kind(
        _video("in.mkv", "libx264", "yuv420p", None, (LOW, HIGH)),
        ("in.mkv",),
        ("stream", "in.mkv", *STREAM, "--method", "flow_transfer"),
    ),
    **{
        name: Kind(_picture(f"in.{name}"), (f"in.{name}",), ("image", f"in.{name}", "-o", "out.png", *BICUBIC))
        for name in ("png", "jpg", "tiff", "webp", "bmp", "ppm", "avif", "gif.png")
        if name != "gif.png"
    },
    "heic": Kind(_heic, ("in.heic",), ("image", "in.heic", "-o", "out.png", *BICUBIC)),
    "deep tiff": Kind(_deep_tiff, ("in.tif",), ("image", "in.tif", "-o", "out.png", *BICUBIC)),
    "reference": Kind(
        _with_reference,
        ("ref.jpg",),
        ("image", "in.png", "--ref", "ref.jpg", "-o", "out.png", "--method", "flow_transfer"),
    ),
    "stills": Kind(
        _stills, ("in.refs/t0.png", "in.refs/t0.16.jpg"), ("stream", "in.mkv", *STREAM, "--method", "flow_transfer")
    ),
    "manifest": Kind(
        _manifest, ("in.refs/refs.csv",), ("stream", "in.mkv", *STREAM, "--method", "flow_transfer"), "text"
    ),
    "manifest of frames": Kind(
        _manifest_of_frames, ("in.refs/refs.csv",), ("stream", "in.mkv", *STREAM, "--method", "flow_transfer"), "text"
    ),
    "array references": Kind(
        _array_references,
        ("refs.h5",),
        ("stream", "in.mkv", "--refs", "refs.h5", *STREAM, "--method", "flow_transfer"),
    ),
    **{
        name: Kind(make, ("in.h5",), _LIGHTFIELD)
        for name, make in (
            ("hci2013", _hci2013),
            ("hci2016", _hci2016),
            ("sintel", _sintel),
            ("ato", _ato),
            ("axes", _axes),
        )
    },
    "field info": Kind(_hci2016, ("in.h5",), ("lightfield", "info", "in.h5")),
    "matlab": Kind(_matlab, ("in.mat",), ("lightfield", "in.mat", "-o", "out.mat", "--progress", "plain", *BICUBIC)),
    "views": Kind(_views, ("in/*.png",), ("lightfield", "in", "-o", "out", "--progress", "plain", *BICUBIC)),
    "parameters": Kind(
        _views, ("in/parameters.cfg",), ("lightfield", "in", "-o", "out", "--progress", "plain", *BICUBIC), "text"
    ),
    "lenslets": Kind(
        _tiles("in_eslf.png", True), ("in_eslf.png",), ("lightfield", "in_eslf.png", "-o", "out.png", *_ONE)
    ),
    "quilt": Kind(
        _video("in.mp4", "libx264", "yuv420p", None, (Size(96, 72),)),
        ("in.mp4",),
        ("lightfield", "in.mp4", "-o", "out.mp4", *_ONE),
    ),
    "plan": Kind(_planned, ("plan.json",), ("run-segment", "plan.json", "0", "--folder", "pieces"), "json"),
    "pieces": Kind(_planned, ("out.mkv.pieces/000000.json", "plan.json"), ("join", "plan.json"), "json"),
    "journal": Kind(_begun, ("out.mkv.work/journal.jsonl",), ("stream", "in.mkv", *STREAM, *BICUBIC), "json"),
    "config": Kind(_config, ("run.yaml",), ("train", "run.yaml"), "text", heavy=True),
    "checkpoint": Kind(_trained, ("run/last.pt",), ("train", "run.yaml"), heavy=True),
    "log": Kind(_trained, ("run/log.csv",), ("train", "run.yaml"), "text", heavy=True),
    "exported": Kind(_checkpoint, ("last.pt",), ("weights", "export", "last.pt", "-o", "out.safetensors"), heavy=True),
    "weights": Kind(_weights, ("w.safetensors",), (*_LEARNED, "--weights", "w.safetensors"), "safetensors", heavy=True),
    "graphs.json": Kind(
        _graphs, ("cache/*/graphs.json",), (*_LEARNED, "--engine", "onnx"), "json", heavy=True, cache=True
    ),
    "graphs": Kind(_graphs, ("cache/*/*.onnx",), (*_LEARNED, "--engine", "onnx"), heavy=True, cache=True),
}
