"""Small inputs that anyone can make, and whether two outputs are the same."""

import hashlib
import os
import subprocess
import sys
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import av
import cv2
import h5py
import numpy as np

RATE = 16000  # samples of sound a second


@lru_cache(4)
def texture(seed: int, width: int, height: int) -> np.ndarray:
    """uint8 [height,width,3], with detail of a few pixels. Not to be written to."""
    noise = np.random.default_rng(seed).random((height, width, 3)).astype(np.float32)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 1.2), None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


def drifting(number: int, size: tuple[int, int], scene: int = 120) -> np.ndarray:
    """The picture of a frame, uint8 [h,w,3]: a texture that drifts, another one after each `scene` frames."""
    width, height = size
    large = texture(number // scene, width + 256, height + 128)
    x, y = number % 120, number % 60
    return np.ascontiguousarray(large[y : y + height, x : x + width])


def write_video(path: Path, frames: int, size: tuple[int, int], codec: str = "ffv1", sound: bool = False) -> Path:
    """A clip of 25 frames a second, lossless unless a codec is named, with a tone as AAC beside it."""
    with av.open(str(path), "w") as container:
        video = container.add_stream(codec, 25, time_base=Fraction(1, 25))
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        heard = container.add_stream("aac", RATE, layout="mono") if sound else None
        for number in range(frames):
            picture = av.VideoFrame.from_ndarray(drifting(number, size), "rgb24")
            picture.pts, picture.time_base = number, Fraction(1, 25)
            container.mux(video.encode(picture))
            if heard is not None:
                container.mux(heard.encode(tone(number)))
        for stream in (video, heard):
            if stream is not None:
                container.mux(stream.encode(None))
    return path


def tone(number: int, fps: int = 25) -> av.AudioFrame:
    """The sound of a frame's turn."""
    count = RATE // fps
    times = np.arange(number * count, (number + 1) * count) / RATE
    sound = av.AudioFrame.from_ndarray(0.1 * np.sin(2765 * times).astype(np.float32)[None], "fltp", "mono")
    sound.rate, sound.pts, sound.time_base = RATE, number * count, Fraction(1, RATE)
    return sound


def write_hybrid(path: Path, frames: int, size: tuple[int, int], sound: bool = False) -> Path:
    """Small frames of `size`, and every eighth one sharp, four times as large, as a second track."""
    high = write_video(path.with_name("high.mkv"), frames, (4 * size[0], 4 * size[1]), sound=sound)
    command = [sys.executable, "-m", "lfvideo_sr", "simulate", str(high), "-o", str(path)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    high.unlink()
    return path


def write_pictures(folder: Path, count: int, size: tuple[int, int]) -> Path:
    folder.mkdir()
    for number in range(count):
        cv2.imwrite(str(folder / f"{number:04}.png"), drifting(number, size))
    return folder


def write_views(path: Path, side: int, size: tuple[int, int], frames: int = 1) -> Path:
    """A light field of side x side views as HDF5; of several frames it is a video, `images` of CrossNet's layout."""
    large = texture(7, size[0] + 40, size[1] + 40)
    views = np.empty((frames, side, side, size[1], size[0], 3), np.uint8)
    for frame, row, column in np.ndindex(frames, side, side):
        y, x = row + frame, column + 2 * frame
        views[frame, row, column] = large[y : y + size[1], x : x + size[0]]
    with h5py.File(path, "w") as file:
        if frames == 1:
            file["LF"] = views[0]
        else:
            file["img_LR_4"] = views.transpose(0, 1, 2, 5, 3, 4)
    return path


def write_sharp_view(path: Path, size: tuple[int, int], at: int) -> Path:
    """What is four times as sharp as the view in row and column `at` of `write_views`."""
    large = cv2.resize(texture(7, size[0] + 40, size[1] + 40), None, fx=4, fy=4, interpolation=cv2.INTER_LANCZOS4)
    part = large[4 * at : 4 * (at + size[1]), 4 * at : 4 * (at + size[0])]
    cv2.imwrite(str(path), np.ascontiguousarray(part[..., ::-1]))
    return path


def content(path: Path) -> object:
    """What an output holds, to be compared: packets of a video and their times, samples of a light field, pictures."""
    if path.is_dir():
        return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in path.iterdir() if file.is_file()}
    if path.suffix == ".h5":
        with h5py.File(path) as file:
            return {key: hashlib.sha256(np.asarray(file[key]).tobytes()).hexdigest() for key in file}
    with av.open(str(path)) as container:
        packets = [(packet.stream.type, packet.pts, bytes(packet)) for packet in container.demux() if packet.size]
    return sorted(packets, key=lambda packet: packet[0])


def plays(path: Path) -> int:
    """How many frames of a file decode; 0 where it does not open."""
    try:
        with av.open(str(path)) as container:
            return sum(1 for _ in container.decode(video=0))
    except (av.FFmpegError, IndexError, OSError):
        return 0


class Bystanders:
    """Files of somebody else around an output, which have to stay as they are."""

    def __init__(self, output: Path):
        folder, stem, ending = output.parent, output.stem.split("%")[0] or "out", output.suffix
        self._files = [folder / "thesis.txt", folder / f"{stem}.partial{ending}", folder / f"{stem}.work.txt"]
        self._link, self._folder = folder / "link", folder / f"{stem}.old"
        for file in self._files:
            file.write_text("mine")
        os.symlink(self._files[0], self._link)
        self._folder.mkdir()

    @property
    def unharmed(self) -> bool:
        whole = all(file.is_file() and file.read_text() == "mine" for file in self._files)
        return whole and self._link.is_symlink() and self._folder.is_dir()

    @property
    def names(self) -> set[str]:
        return {path.name for path in (*self._files, self._link, self._folder)}
