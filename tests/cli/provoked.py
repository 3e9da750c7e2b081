"""The messages of docs/troubleshooting.md, each with a command that a user might type and gets it from."""

import json
import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import h5py
import numpy as np
from small_clips import write_clip

from lfvideo_sr.frames import TimeStamp
from lfvideo_sr.media.images import write_png
from lfvideo_sr.stream.journal import FORMAT

Prepare = Callable[[Path], object]
STREAM = ["stream", "in.mkv", "-o", "out.mkv", "--method", "bicubic"]
FLOW = [*STREAM[:5], "flow_transfer"]
LEARNED = STREAM[:4]
IMAGE = ["image", "a.png", "--method", "bicubic"]
FIELD = ["lightfield", "views", "--method", "flow_transfer"]


def cut_off(folder: Path) -> None:
    """An MP4 without its index."""
    with av.open("whole.mp4", "w") as target:
        video = target.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 48, 32, "yuv420p"
        for packet in [*video.encode(av.VideoFrame(48, 32, "yuv420p")), *video.encode(None)]:
            target.mux(packet)
    whole = (folder / "whole.mp4").read_bytes()
    (folder / "cut.mp4").write_bytes(whole[: whole.rindex(b"moov") - 4])


def sound_only(folder: Path) -> None:
    with av.open("sound.mp4", "w") as target:
        sound = target.add_stream("aac", rate=16000, layout="mono")
        heard = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), format="fltp", layout="mono")
        heard.rate, heard.pts = 16000, 0
        for packet in [*sound.encode(heard), *sound.encode(None)]:
            target.mux(packet)


def interlaced(folder: Path) -> None:
    with av.open("fields.mkv", "w") as target:
        video = target.add_stream("mpeg2video", rate=25, options={"flags": "+ildct+ilme", "top": "1"})
        video.width, video.height, video.pix_fmt = 48, 32, "yuv420p"
        for number in range(3):
            frame = av.VideoFrame(48, 32, "yuv420p")
            frame.pts = number
            for packet in video.encode(frame):
                target.mux(packet)
        for packet in video.encode(None):
            target.mux(packet)


def rarely_coloured(folder: Path) -> None:
    """In YCgCo."""
    with av.open("rare.mkv", "w") as target:
        video = target.add_stream("ffv1", rate=25)
        video.width, video.height, video.pix_fmt, video.codec_context.colorspace = 48, 32, "yuv420p", 8
        for packet in [*video.encode(av.VideoFrame(48, 32, "yuv420p")), *video.encode(None)]:
            target.mux(packet)


def write(name: str, content: bytes | str = b"") -> Prepare:
    def prepare(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())

    return prepare


def make(name: str) -> Prepare:
    return lambda folder: (folder / name).mkdir()


def pictures(*names: str, size: tuple[int, int] = (16, 12), then: Prepare | None = None) -> Prepare:
    """Flat pictures of width and height `size`; the last one after another step."""

    def prepare(folder: Path) -> None:
        for name in names:
            (folder / name).parent.mkdir(exist_ok=True)
            write_png(folder / name, np.full((3, size[1], size[0]), 0.5, np.float32))
        if then is not None:
            then(folder)

    return prepare


PICTURE = pictures("a.png")
VIEWS = pictures(*(f"views/view_{row}_{column}.png" for row in range(3) for column in range(3)), then=PICTURE)


def arrays(**named: Any) -> Prepare:
    """refs.h5 with these data sets."""

    def prepare(folder: Path) -> None:
        with h5py.File(folder / "refs.h5", "w") as file:
            for name, values in named.items():
                file[name] = values

    return prepare


def endless(folder: Path) -> None:
    """A Matroska that states no length, as a browser's recorder writes it."""
    with av.open("endless.mkv", "w", options={"live": "1"}) as target:
        video = target.add_stream("ffv1", rate=25)
        video.width, video.height, video.pix_fmt = 48, 32, "yuv420p"
        for packet in [*video.encode(av.VideoFrame(48, 32, "yuv420p")), *video.encode(None)]:
            target.mux(packet)


def late(folder: Path) -> None:
    """late.mkv, which begins a minute later than in.mkv."""
    pixels = [np.zeros((3, 32, 48), np.float32)] * 2
    write_clip(folder / "late.mkv", pixels, lambda number: TimeStamp(60_000 + 40 * number, Fraction(1, 1000), 40))


def begun_before(folder: Path) -> None:
    """The folder of an unfinished run of another version."""
    for name, content in (("lock", ""), ("journal.jsonl", json.dumps({"journal": FORMAT, "asked": {"version": "0"}}))):
        write(f"out.mkv.work/{name}", content)(folder)


def both(*steps: Prepare) -> Prepare:
    def prepare(folder: Path) -> None:
        for step in steps:
            step(folder)

    return prepare


NOISE = bytes(range(256)) * 40
IMAGES = np.zeros((2, 16, 16, 3), np.uint8)
CUBE = np.zeros((3, 3, 16, 16, 3), np.uint8)
PROVOKED: dict[str, tuple[list[str], Prepare | None]] = {
    # names and options
    "no '...' in --method; did you mean": ([*STREAM, "--method", "bicubik"], None),
    "no '...' in --codec; did you mean": ([*STREAM, "--codec", "x256"], None),
    "no '...' in --preset": ([*STREAM, "--preset", "hasty"], None),
    "no '...' in --quality": ([*STREAM, "--quality", "ultra"], None),
    "no '...' in": ([*STREAM, "--ref-output", "both"], None),
    "No such option:": ([*STREAM, "--refz", "x"], None),
    "Missing argument 'IN'": (["stream"], None),
    "give a number above 0": ([*STREAM, "--max-refs", "0"], None),
    "is wanted": ([*FLOW, "--refs", "sharp.mkv", "--ref-index-base", "2"], None),
    "-e ... has no value": ([*STREAM, "-e", "tune"], None),
    "does not take": ([*STREAM, "-e", "profile=nonsense"], None),
    "--size is '...'": ([*STREAM, "--size", "large"], None),
    "--scale is": ([*STREAM, "--scale", "9"], None),
    "--size and --scale both say how large": ([*STREAM, "--size", "96x64", "--scale", "2"], None),
    "--ref-cache is '...'": ([*STREAM, "--ref-cache", "lots"], None),
    "give a number of pixels": ([*STREAM, "--max-pixels", "many"], None),
    "--no-refs contradicts": ([*STREAM, "--no-refs", "--require-refs"], None),
    "contradicts ...; drop one of them": ([*FLOW, "--refs", "sharp.mkv", "--ref-source", "anchor"], None),
    "--preview is '...'": ([*STREAM, "--preview", "long"], None),
    "--preview chooses the part itself": ([*STREAM, "--preview", "1s", "--from", "0"], None),
    "--dry-run writes nothing, and --preview a piece": ([*STREAM, "--preview", "1s", "--dry-run"], None),
    "--fps is for numbered pictures": ([*STREAM, "--fps", "24"], None),
    "--fps is ...; give frames per second": ([*STREAM, "--fps", "often"], None),
    "give seconds (90.5)": ([*STREAM, "--from", "later"], None),
    "give an end above 0": ([*STREAM, "--to", "0"], None),
    "give an end that is after the start": ([*STREAM, "--from", "3", "--to", "2"], None),
    "give a start inside it": ([*STREAM, "--from", "100"], None),
    "no frame is between --from": ([*STREAM, "--from", "0.01", "--to", "0.02"], None),
    "--lpips compares with a true": ([*STREAM, "--lpips", "alexnet.pth"], None),
    "--simulate takes the first track, opaque": ([*STREAM, "--simulate", "--track", "0"], None),
    "--simulate has the input itself as truth": ([*IMAGE, "--simulate", "--gt", "a.png"], PICTURE),
    "--audio is": ([*STREAM, "--audio", "libx264"], None),
    "names one file, and there are several clips": (["stream", "*.mkv", "--report", "r.json"], None),
    # the input
    "does not exist; check the name": (["stream", "nowhere.mp4"], None),
    "is empty; copy or record it again": (["stream", "empty.mp4"], write("empty.mp4")),
    "is a folder without pictures": (["stream", "folder"], make("folder")),
    "is a folder; give": (["simulate", "folder", "-o", "x.mkv"], make("folder")),
    "is not a media file that FFmpeg can open": (["stream", "noise.mkv"], write("noise.mkv", NOISE)),
    "is a list of other files": (["stream", "words.mp4"], write("words.mp4", "ffconcat version 1.0\nfile in.mkv\n")),
    "is an address, and only files are read": (["simulate", "https://example.com/a.mp4", "-o", "x.mkv"], None),
    "its index (moov) is missing": (["stream", "cut.mp4"], cut_off),
    "holds no video track": (["stream", "sound.mp4"], sound_only),
    "has no video track": ([*STREAM, "--track", "5"], None),
    "is interlaced; pass --deinterlace": (["stream", "fields.mkv", "--method", "bicubic"], interlaced),
    "is a pipe or a device": (["stream", "pipe.mkv"], lambda folder: os.mkfifo(folder / "pipe.mkv")),
    "matches no file": (["stream", "clips/*.mp4"], None),
    "colour matrix": (["stream", "rare.mkv", "--method", "bicubic"], rarely_coloured),
    "million pixels": ([*STREAM, "--max-pixels", "1000"], None),
    "cannot be read (": (["run-segment", "nowhere.json", "0"], None),
    "give --from and --to instead": (
        ["stream", "endless.mkv", "-o", "out.mkv", "--method", "bicubic", "--preview", "1s"], endless
    ),
    "it is damaged": (["lightfield", "noise.h5"], write("noise.h5", NOISE)),
    # numbered pictures
    "add it, or take the pictures as they follow": (
        ["stream", "frames"], pictures("frames/1.png", "frames/2.png", "frames/4.png")
    ),
    "holds more than one run of numbered pictures": (
        ["stream", "frames"], pictures("frames/a1.png", "frames/a2.png", "frames/b1.png", "frames/b2.png")
    ),
    "both have the number": (["stream", "frames/*.png"], pictures("frames/1.png", "frames/01.png")),
    "holds no picture called like": (["stream", "frames/%05d.png"], pictures("frames/1.png")),
    "is not a folder; check the name": (["stream", "nowhere/%05d.png"], None),
    "the pictures of a sequence have one size": (
        ["stream", "frames", "--method", "bicubic"],
        pictures("frames/1.png", then=pictures("frames/2.png", size=(20, 12))),
    ),
    "is the name of one picture, and a stream has many": (["stream", "in.mkv", "-o", "out.png"], None),
    "writes videos, not pictures": (["plan", "in.mkv", "-o", "out/%05d.png", "--method", "bicubic"], None),
    "cannot be written as": (
        ["stream", "frames", "-o", "out_%d.jpg", "--method", "bicubic", "--size", "70000x16"],
        pictures("frames/1.png", "frames/2.png"),
    ),
    "pictures are written as": (["stream", "in.mkv", "-o", "out/%05d.bmp"], None),
    # references
    "no references at": ([*STREAM, "--refs", "nowhere"], None),
    "no reference at": ([*IMAGE, "--ref", "nowhere.png"], PICTURE),
    "holds no pictures that can be read": (
        [*IMAGE[:3], "flow_transfer", "--ref", "folder"], both(PICTURE, write("folder/b.cr2", NOISE))
    ),
    "holds no stills; accepted names:": ([*FLOW, "--refs", "folder"], make("folder")),
    "holds no stills that can": ([*FLOW, "--refs", "stills"], write("stills/t0.0.cr2", NOISE)),
    "too small for a reference": (
        [*IMAGE[:3], "flow_transfer", "--ref", "b.png"], pictures("a.png", then=pictures("b.png", size=(2, 2)))
    ),
    "mixes names": ([*FLOW, "--refs", "stills"], pictures("stills/t0.0.png", "stills/0003.png")),
    "is out of range": ([*FLOW, "--refs", "stills"], pictures("stills/t99.0.png", size=(192, 128))),
    "both belong to": ([*FLOW, "--refs", "stills"], pictures("stills/t0.0.png", "stills/t0.00.png")),
    "the header of": ([*FLOW, "--refs", "refs.csv"], write("refs.csv", "picture,when\na.png,0\n")),
    "lists no stills": ([*FLOW, "--refs", "refs.csv"], write("refs.csv", "file,time\n")),
    "is no file; give a manifest": ([*FLOW, "--refs", "refs.csv"], make("refs.csv")),
    "is not a CSV file": ([*FLOW, "--refs", "refs.csv"], write("refs.csv", f"file,time\n{200_000 * 'a'},0\n")),
    "fills ...; file and one of": ([*FLOW, "--refs", "refs.csv"], write("refs.csv", "file,time\na.png,\n")),
    "cannot be read:": ([*FLOW, "--refs", "refs.csv"], both(PICTURE, write("refs.csv", "file,time\na.png,soon\n"))),
    "is given by view; a video needs": (
        [*FLOW, "--refs", "refs.csv"], both(PICTURE, write("refs.csv", 'file,view\na.png,"1,1"\n'))
    ),
    "which does not exist; paths are relative": (
        [*FLOW, "--refs", "refs.csv"], write("refs.csv", "file,time\nb.png,0\n")
    ),
    "outside of its folder; pass --trust-manifest": (
        [*FLOW, "--refs", "stills/refs.csv"], both(PICTURE, write("stills/refs.csv", "file,time\n../a.png,0\n"))
    ),
    "; wanted:": ([*FLOW, "--refs", "refs.h5"], arrays(other=np.zeros(3))),
    "; the clip": ([*FLOW, "--refs", "refs.h5"], arrays(images=IMAGES, frames=[0, 99])),
    "do not rise": ([*FLOW, "--refs", "refs.h5"], arrays(images=IMAGES, frames=[3, 3])),
    "or not as": ([*FLOW, "--refs", "refs.h5"], arrays(images=IMAGES, times=["soon", "later"])),
    "cannot be opened as HDF5": ([*FLOW, "--refs", "refs.h5"], write("refs.h5", NOISE)),
    "--ref-offset": (["stream", "two.mkv", "-o", "out.mkv", "--method", "flow_transfer", "--ref-offset", "1"], None),
    "--ref-source ...:": ([*FLOW, "--ref-source", "same-track"], None),
    "--require-refs:": ([*FLOW, "--require-refs"], None),
    "--ref-source track:": ([*FLOW, "--ref-source", "track"], None),
    "no true detail is added without references": (FLOW, None),
    # the output
    "exists; pass --overwrite": (STREAM, write("out.mkv", b"precious")),
    "another -o": (STREAM, write("out.mkv", b"precious")),
    "is no folder; make it": (["stream", "in.mkv", "-o", "nowhere/out.mkv", "--method", "bicubic"], None),
    "is read here; give another name": ([*STREAM, "--report", "in.mkv"], None),
    "is read here; write": (
        ["stream", "frames", "-o", "frames/%d.png", "--method", "bicubic"], pictures("frames/1.png", "frames/2.png")
    ),
    "is the input itself": (["simulate", "in.mkv", "-o", "in.mkv"], None),
    "is named twice, by": ([*STREAM, "--report", "out.mkv"], None),
    "its file system takes": (["stream", "in.mkv", "-o", f"{'long' * 70}.mkv", "--method", "bicubic"], None),
    "cannot be made (": (["stream", "in.mkv", "-o", "no/where/%05d.png", "--method", "bicubic"], None),
    "is there and is not the folder of a run": (STREAM, write("out.mkv.work", b"mine")),
    "is no container known here": (["stream", "in.mkv", "-o", "out.docx"], None),
    "cannot keep exact times": (["stream", "in.mkv", "-o", "out.avi"], None),
    "is no .mkv; a hybrid file is Matroska": (["simulate", "sharp.mkv", "-o", "out.mp4"], None),
    "end its name in .html": (["compare", "in.mkv", "sharp.mkv", "-o", "page.pdf"], None),
    "have no moment in common": (["compare", "in.mkv", "late.mkv", "-o", "page.html"], late),
    "is already done": (STREAM, None),
    "cannot hold ... video": ([*STREAM[:3], "out.webm", "--method", "bicubic", "--codec", "x264"], None),
    "use an even --size": ([*STREAM, "--codec", "svtav1", "--size", "97x65"], None),
    "do as at first, or": (STREAM, begun_before),
    "takes at most": ([*STREAM, "--size", "20000x64"], None),
    "does not open here: it needs": ([*STREAM, "--codec", "h264_nvenc"], None),
    "the truth ... is ..., the result": ([*STREAM, "--gt", "in.mkv"], None),
    "of that size": ([*FIELD, "--gt", "views"], VIEWS),
    # pipes, many clips, many machines
    "are for pipes and live streams; drop them": ([*STREAM, "--duration", "1"], None),
    "is read once and is nowhere on the disk": (["stream", "-"], None),
    "needs a file: ... is read once": (["stream", "-", "-o", "out.mkv", "--simulate"], None),
    "--input-format is for standard input": (["stream", "in.mkv", "-o", "-", "--input-format", "y4m"], None),
    "--duration ends a pipe": (["stream", "in.mkv", "-o", "-", "--duration", "1"], None),
    "the segments of a file": (["stream", "-", "-o", "out.mkv", "--ray", "local"], None),
    "nothing lies beside": (["stream", "-", "-o", "out.mkv", "--require-refs"], None),
    "--output-format is for -o -": (["stream", "-", "-o", "out.mkv", "--output-format", "nut"], None),
    "has a port that is no number": (["stream", "rtsp://camera:port/live", "-o", "out.mkv"], None),
    "--reconnect is": (["stream", "rtsp://camera/live", "-o", "out.mkv", "--reconnect", "-1"], None),
    "lists no clips": (["stream", "clips.txt", "-o", "out"], write("clips.txt", "\n\n")),
    "cannot be read as a list of clips": (["stream", "clips.txt", "-o", "out"], write("clips.txt", NOISE)),
    "would both become": (
        ["stream", "clips.txt", "-o", "out"], write("clips.txt", "a/in.mkv\nb/in.mkv\n")
    ),
    "is a file; name a folder for several clips": (["stream", "*.mkv", "-o", "in.mkv"], None),
    "clips failed": (["stream", "clips.txt", "-o", "out", "--method", "bicubic"], both(
        write("clips.txt", "empty.mkv\n"), write("empty.mkv"))),
    "is not a plan of this version": (["join", "plan.json"], write("plan.json", "{}")),
    "--ray does not score its result": ([*STREAM, "--ray", "local", "--gt", "sharp.mkv"], None),
    "suggestion": (
        ["refs", "suggest", "in.mkv", "-o", "todo"],
        write("todo/suggestions.json", '{"pictures": [{"file": "t0.png", "sha256": "0"}]}'),
    ),
    "is a file; give a folder with -o": (["refs", "suggest", "in.mkv", "-o", "in.mkv"], None),
    # pictures
    "is no picture that can be read": (["image", "noise.png", "--method", "bicubic"], write("noise.png", NOISE)),
    "give a picture of that size": ([*IMAGE, "--gt", "a.png"], PICTURE),
    # light fields
    "no light field at": (["lightfield", "nowhere"], None),
    "is no light field known here": (["lightfield", "noise.bin"], write("noise.bin", NOISE)),
    "holds no pictures; give a folder": (["lightfield", "folder"], make("folder")),
    "with --pattern which are views": (["lightfield", "shots"], pictures("shots/red.png", "shots/blue.png")),
    "named like": (["lightfield", "views", "--pattern", "shot_{row}_{column}.png"], VIEWS),
    "are both view": (
        ["lightfield", "views", "--pattern", "v{row}_{column}.png"], pictures("views/v1_1.png", "views/v01_1.png")
    ),
    "make all one size": (
        ["lightfield", "views", "--method", "bicubic"],
        pictures("views/view_0_0.png", then=pictures("views/view_0_1.png", size=(20, 12))),
    ),
    "which does not say how it holds its views": (["lightfield", "a.png"], PICTURE),
    "is of another; choose one of": (["lightfield", "a.png", "--layout", "hci2016"], PICTURE),
    "each axis once": (["lightfield", "a.png", "--layout", "row,row,y,x"], PICTURE),
    "name one and its axes": (["lightfield", "refs.h5"], arrays(one=CUBE, two=CUBE)),
    "names no data set after '::'": (["lightfield", "refs.h5::"], arrays(one=CUBE)),
    "--grid": (["lightfield", "a.png", "--layout", "mosaic", "--grid", "5x5"], PICTURE),
    "chooses no view": ([*FIELD, "--views", "9,9"], VIEWS),
    "is outside the grid": ([*FIELD, "--refs", "a.png", "--ref-view", "9,9"], VIEWS),
    "is not in ...; it has ... views": (
        [*FIELD, "--refs", "one", "--ref-view", "2,2"], both(VIEWS, pictures("one/view_0_0.png"))
    ),
    "where does each stand? Give as many": ([*FIELD, "--refs", "a.png", "--refs", "a.png", "--ref-view", "1,1"], VIEWS),
    "two pictures stand at the same --ref-view": (
        [*FIELD, *2 * ["--refs", "a.png", "--ref-view", "1,1"]], VIEWS
    ),
    "--refs mixes": ([*FIELD, "--refs", "a.png", "--refs", "views"], VIEWS),
    "--refs names several": ([*FIELD, "--refs", "views", "--refs", "views"], VIEWS),
    "by time; a light field wants": (
        [*FIELD, "--refs", "refs.csv"], both(VIEWS, write("refs.csv", "file,time\na.png,0\n"))
    ),
    "has no references; give a sharp view": ([*FIELD, "--require-refs"], VIEWS),
    "ends in ...; give another name": ([*FIELD, "--mosaic", "all.jpg"], VIEWS),
    "as the input;": ([*FIELD, "-o", "out.h5"], VIEWS),
    "which a view is called": ([*FIELD, "-o", "sr", "-y"], both(VIEWS, make("sr"), make("sr/view_0_0.png"))),
    "has no Cb and Cr": ([*FIELD, "--rgb", "rgb"], VIEWS),
    # engines
    "which is not installed": (STREAM, None),
    "pip install": (STREAM, None),
    "needs torch or its ONNX graphs": ([*LEARNED, "--method", "c2_matching"], None),
    "is classical": ([*STREAM, "--engine", "onnx"], None),
    "no ONNX graphs of": ([*LEARNED, "--method", "c2_matching", "--engine", "onnx"], None),
    "cannot be used (...); pass --device cpu": ([*LEARNED, "--device", "tpu"], None),
    "is not known to this ONNX Runtime": ([*LEARNED, "--engine", "onnx", "--device", "tpu"], None),
    "computes no bf16 on a CPU": ([*LEARNED, "--engine", "onnx", "--dtype", "bf16"], None),
    "pass --decode cpu": ([*STREAM, "--decode", "cuda"], None),
    "no dtype '...'": ([*LEARNED, "--dtype", "fp8"], None),
    "no weights named": ([*LEARNED, "--weights", "mine"], None),
    "no weights at": ([*LEARNED, "--weights", "mine.safetensors"], None),
    "is no weights file of this project": ([*LEARNED, "--weights", "bad.safetensors"], write("bad.safetensors", NOISE)),
    "holds weights of": ([*LEARNED, "--weights", "c2_matching"], None),
    "has one size; leave --quality out": ([*STREAM, "--quality", "fast"], None),
    "names shipped weights, and --weights others": (
        [*LEARNED, "--quality", "fast", "--weights", "mine.safetensors"], None
    ),
    "the anchor model": ([*LEARNED, "--anchor-model", "nowhere.onnx"], None),
    # data sets, training, weights
    "no data set and no folder of pictures": (["evaluate", "--dataset", "holidays", "--data", "."], None),
    "--data": (["evaluate", "--dataset", "cufed5", "--data", "nowhere"], None),
    "--weights belong to one method": (
        ["evaluate", "--dataset", "cufed5", "--data", ".", "--method", "all", "--weights", "x"], None
    ),
    "give the last.pt": (["weights", "export", "nowhere.pt", "-o", "mine.safetensors"], None),
    "a folder that exists": (["weights", "export", "last.pt", "-o", "no/mine.safetensors"], None),
    "give a published checkpoint": (
        ["weights", "convert", "nowhere.pth", "-o", "mine.safetensors", "--method", "amsa"], None
    ),
}  # fmt: skip
