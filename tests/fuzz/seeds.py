"""Writers of small inputs of every kind that the command line reads, each into a folder."""

import json
import shutil
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
from lfvideo_sr.media.film_pictures import exr_bytes
from lfvideo_sr.media.images import write_png

LOW, HIGH, FRAMES = Size(32, 24), Size(128, 96), 6
BICUBIC = ("--method", "bicubic")
STREAM = ("-o", "out.mkv", "--codec", "ffv1", "--progress", "plain")


def _pictures(size: Size = LOW, count: int = FRAMES) -> list[np.ndarray]:
    """uint8 [H,W,3] RGB."""
    return [np.round(picture.transpose(1, 2, 0) * 255).astype(np.uint8) for picture in rendered(0, count, 3, size)]


def video(name: str, codec: str, pixels: str, sound: str | None = None, sizes: tuple[Size, ...] = (LOW,)):
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


def clip(folder: Path) -> None:
    video("in.mkv", "ffv1", "bgr0")(folder)


def picture(name: str):
    def make(folder: Path) -> None:
        Image.fromarray(_pictures(count=1)[0]).save(folder / name)

    return make


def numbered(ending: str):
    """Pictures of a clip; EXR and DPX by FFmpeg, PNG with transparency."""

    def make(folder: Path) -> None:
        (folder / "in").mkdir()
        for number, pixels in enumerate(_pictures(count=3)):
            (folder / "in" / f"{number}.{ending}").write_bytes(_picture_bytes(pixels, ending))

    return make


def _picture_bytes(pixels: np.ndarray, ending: str) -> bytes:
    """Of uint8 [H,W,3] RGB."""
    if ending == "exr":
        return exr_bytes(np.float32(pixels.transpose(2, 0, 1)) / 255)
    if ending == "dpx":
        encoder = av.CodecContext.create("dpx", "w")
        encoder.width, encoder.height = LOW
        encoder.pix_fmt, encoder.time_base = "gbrp10le", Fraction(1, 25)
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="gbrp10le")
        return b"".join(map(bytes, [*encoder.encode(frame), *encoder.encode(None)]))
    alpha = [np.full_like(pixels[..., :1], 99)] if ending == "png" else []
    return cv2.imencode(f".{ending}", np.concatenate([pixels[..., ::-1], *alpha], 2))[1].tobytes()


def heic(folder: Path) -> None:
    import pillow_heif

    pillow_heif.from_pillow(Image.fromarray(_pictures(Size(64, 48), 1)[0])).save(folder / "in.heic")


def deep_tiff(folder: Path) -> None:
    cv2.imwrite(str(folder / "in.tif"), _pictures(count=1)[0].astype(np.uint16) * 257)


def with_reference(folder: Path) -> None:
    picture("in.png")(folder)
    Image.fromarray(_pictures(HIGH, 1)[0]).save(folder / "ref.jpg")


def stills(folder: Path) -> None:
    clip(folder)
    (folder / "in.refs").mkdir()
    for number, name in ((0, "0.png"), (4, "t0.16.jpg")):
        Image.fromarray(_pictures(HIGH)[number]).save(folder / "in.refs" / name)
    (folder / "in.refs" / "0.png").rename(folder / "in.refs" / "t0.png")


def manifest(folder: Path) -> None:
    stills(folder)
    (folder / "in.refs" / "refs.csv").write_text("file,time\nt0.png,0.0\nt0.16.jpg,0.16\n")


def manifest_of_frames(folder: Path) -> None:
    stills(folder)
    (folder / "in.refs" / "refs.csv").write_text("file,frame\nt0.png,0\nt0.16.jpg,4\n")


def array_references(folder: Path) -> None:
    clip(folder)
    with h5py.File(folder / "refs.h5", "w") as file:
        file["images"] = np.stack(_pictures(HIGH)[::3])
        file["times"] = np.array([0.0, 0.12])


def _grid() -> np.ndarray:
    return rendered_grid(3, 3, Size(32, 24))


def hci2013(folder: Path) -> None:
    with h5py.File(folder / "in.h5", "w") as file:
        file.create_dataset("LF", data=as_bytes(_grid()), chunks=(1, 1, 24, 32, 3), compression="gzip")
        file.attrs.update(hRes=3, vRes=3, xRes=32, yRes=24, dH=0.5, dV=0.5, shift=1.0)
        file["LF"].attrs["note"] = "kept"


def hci2016(folder: Path) -> None:
    with h5py.File(folder / "in.h5", "w") as file:
        file["LF"] = as_bytes(_grid())
        file["disp_lowres"] = np.zeros((3, 3, 24, 32), np.float32)
        file["alias"] = h5py.SoftLink("/LF")


def sintel(folder: Path) -> None:
    with h5py.File(folder / "in.h5", "w") as file:
        file["img_HR"] = as_bytes(_grid())[0].transpose(0, 3, 1, 2)[None]
        file["frame_number"] = np.array([3])


def ato(folder: Path) -> None:
    with h5py.File(folder / "in.h5", "w") as file:
        file["img_HR"] = as_bytes(_grid())[None, ..., 0]
        file["img_size"] = np.array([[24, 32]])


def axes(folder: Path) -> None:
    with h5py.File(folder / "in.h5", "w") as file:
        file["views"] = as_bytes(_grid())
        file["views"].attrs["axes"] = "row column y x channel"


def matlab(folder: Path) -> None:
    savemat(folder / "in.mat", {"LF": as_bytes(_grid())}, do_compression=True)


def views(folder: Path) -> None:
    (folder / "in").mkdir()
    for row, column in np.ndindex(3, 3):
        write_png(folder / "in" / f"input_Cam{row * 3 + column:03}.png", _grid()[row, column])
    (folder / "in" / "parameters.cfg").write_text(
        "[intrinsics]\nimage_resolution_x_px = 32\nimage_resolution_y_px = 24\n[extrinsics]\nnum_cams_x = 3\n"
    )


def tiles(name: str, lenslets: bool):
    def make(folder: Path) -> None:
        views = _grid()
        order = (2, 3, 0, 4, 1) if lenslets else (2, 0, 3, 1, 4)
        write_png(folder / name, np.ascontiguousarray(views.transpose(order).reshape(3, 72, 96)))

    return make


def weights(folder: Path) -> None:
    picture("in.png")(folder)
    shutil.copy(str(files("lfvideo_sr.weights") / "stream_ref.safetensors"), folder / "w.safetensors")


def graphs(folder: Path) -> None:
    picture("in.png")(folder)
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


def config(folder: Path) -> None:
    (folder / "run.yaml").write_text(CONFIG)


def trained_run(folder: Path) -> None:
    """A run that was left off at its first step, by the trainer itself."""
    from forked import run_forked

    config(folder)
    (folder / "run.yaml").write_text(CONFIG + "stop_after: 1\n")
    ended = run_forked(["train", "run.yaml"], folder, 120.0, 8 << 30)
    assert ended.code == 0, ended.err
    config(folder)


def checkpoint(folder: Path) -> None:
    """A checkpoint of the shipped weights, as far as they are exported from it."""
    import torch
    from safetensors.torch import load_file

    from lfvideo_sr.weights import read_about, weights_path

    path = weights_path("stream_ref")
    torch.save({**read_about(path), "step": 5, "seconds": 2.0, "averaged": load_file(path)}, folder / "last.pt")


def planned(folder: Path) -> None:
    from forked import run_forked

    clip(folder)
    ended = run_forked(["plan", "in.mkv", "-o", "out.mkv", *BICUBIC, "--codec", "ffv1"], folder)
    assert ended.code == 0, ended.err
    (folder / "plan.json").write_text(ended.out)
    ended = run_forked(["run-segment", "plan.json", "0"], folder)
    assert ended.code == 0, ended.err


def begun(folder: Path) -> None:
    """A run of two segments that was interrupted after the first: its journal says so."""
    from forked import run_forked

    video("in.mkv", "ffv1", "bgr0")(folder)
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
