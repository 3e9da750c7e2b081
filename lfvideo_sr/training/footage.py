"""Clips as cameras and recorders make them small: other reductions than the papers', noise, and a real encoder."""

import hashlib
import json
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

import av
import numpy as np

from ..camera.reduction import WAYS, papers_taps, reduce_by, reduction_taps
from ..errors import InputError
from ..media.partial import whole_file
from ..media.pyav import open_media
from ..media.video import VideoSource
from .clips import Clip

_RATE = 25
_PRESETS = {"libx264": ("veryfast", "medium", "slow"), "libx265": ("ultrafast", "veryfast")}


@dataclass(frozen=True)
class Recording:
    """How a clip is made small and stored.

    way, phase_y, phase_x, spread: of the reduction, see camera/reduction.py.
    noise: standard deviation, levels of 255. codec: None stores the 8-bit picture as it is.
    options: of the encoder. bit_rate: bits per second, or 0: a constant quality (crf) is among the options.
    """

    way: str = "bicubic"
    phase_y: float = 0.0
    phase_x: float = 0.0
    spread: float = 2.0
    noise: float = 0.0
    codec: str | None = None
    options: tuple[tuple[str, str], ...] = ()
    bit_rate: int = 0

    @property
    def taps(self) -> np.ndarray:
        """float32 [2,24], along y and along x."""
        return np.stack([reduction_taps(self.way, phase, self.spread) for phase in (self.phase_y, self.phase_x)])


@dataclass(frozen=True, eq=False)
class Footage:
    """A clip's sharp frames and one recording of them: high [T,3,4h,4w] and low [T,3,h,w], uint8; taps [2,24]."""

    name: str
    high: np.ndarray
    low: np.ndarray
    taps: np.ndarray
    recording: Recording
    sharpness: float


def record_all(clips: list[Clip], versions: int, cache: Path) -> list[list[Footage]]:
    """For each clip its clean bicubic version and `versions` recordings drawn for it, made on first use."""
    return [[clean(clip), *(_recorded(clip, number, cache) for number in range(versions))] for clip in clips]


def clean(clip: Clip) -> Footage:
    """The papers' reduction of a clip, as it is."""
    return Footage(clip.name, clip.high, clip.low, papers_taps(), Recording(), clip.sharpness)


def random_recording(rng: np.random.Generator, pixels: int, compressed: bool) -> Recording:
    """A camera or recorder as people have them. pixels: of a low-resolution frame, for what a constant rate means."""
    bicubic = compressed and rng.random() < 0.5
    phases = rng.uniform(-0.5, 0.5, 2) if rng.random() < 0.35 else np.zeros(2)
    made = Recording(
        way="bicubic" if bicubic else str(rng.choice([way for way in WAYS if way != "bicubic" or compressed])),
        phase_y=round(float(phases[0]), 3),
        phase_x=round(float(phases[1]), 3),
        spread=round(float(rng.uniform(1.2, 2.6)), 2),
        noise=round(float(rng.uniform(0, 3)), 2) if rng.random() < 0.3 else 0.0,
    )
    if not compressed:
        return made
    codec = "libx264" if rng.random() < 0.7 else "libx265"
    options = {"preset": str(rng.choice(_PRESETS[codec])), "g": str(int(rng.choice([12, 25, 50, 250])))}
    if rng.random() < 0.25:
        options["bf"] = "0"
    bit_rate = 0
    if rng.random() < 0.2:
        bit_rate = int(pixels * _RATE * rng.uniform(0.03, 0.25))
    else:
        options["crf"] = str(int(rng.integers(18, 37)))
    if codec == "libx265":
        options["x265-params"] = "log-level=none"
    return Recording(**{**asdict(made), "codec": codec, "options": tuple(options.items()), "bit_rate": bit_rate})


def _recorded(clip: Clip, number: int, cache: Path) -> Footage:
    """The first of a clip's versions is another camera's without compression, the others are compressed."""
    seed = int.from_bytes(hashlib.sha256(f"{clip.name} {number}".encode()).digest()[:8], "little")
    height, width = (side // 8 * 8 for side in clip.high.shape[2:])  # even sides, as encoders of 4:2:0 want them
    recording = random_recording(np.random.default_rng(seed), height * width // 16, compressed=number > 0)
    made_from = f"{clip.name} {clip.high.shape} {json.dumps(asdict(recording), sort_keys=True)}"
    path = cache / "recordings" / f"{hashlib.sha256(made_from.encode()).hexdigest()[:16]}.npy"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        frames = (picture[:, :height, :width] for picture in clip.high)
        low = np.stack(list(recorded(frames, recording, np.random.default_rng([seed, 1]))))
        with whole_file(path) as unfinished:  # several runs may write the same one at once
            np.save(unfinished, low)
    low = np.load(path, mmap_mode="r")
    if len(low) != len(clip.high):
        raise InputError(f"{path} holds {len(low)} frames, {clip.name} {len(clip.high)}; remove it to make it anew")
    high = clip.high[:, :, :height, :width]
    return Footage(f"{clip.name} {number}", high, low, recording.taps, recording, clip.sharpness)


def recorded(frames: Iterator[np.ndarray], recording: Recording, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Sharp frames uint8 [3,4h,4w] -> what is decoded of the recording, uint8 [3,h,w]."""
    small = (_reduced(frame, recording, rng) for frame in frames)
    return small if recording.codec is None else _through_encoder(small, recording)


def _reduced(frame: np.ndarray, recording: Recording, rng: np.random.Generator) -> np.ndarray:
    low = reduce_by(recording.taps, frame)
    if recording.noise:
        low = low + rng.normal(0, recording.noise, low.shape).astype(np.float32)
    return (np.clip(low, 0, 255) + 0.5).astype(np.uint8)


def _through_encoder(frames: Iterator[np.ndarray], recording: Recording) -> Iterator[np.ndarray]:
    """As they come back from the encoder, in 4:2:0, read as the stream reads any file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "low.mkv"
        _encode(frames, recording, path)
        with closing(VideoSource(path, detect_cuts=False, untagged_matrix=601)) as source:
            for frame in source:
                yield np.round(frame.pixels * 255).astype(np.uint8)


def _encode(frames: Iterator[np.ndarray], recording: Recording, path: Path) -> None:
    assert recording.codec is not None, "asked for an encoder"
    first, options = next(frames), dict(recording.options)
    if "x265-params" in options:  # small pictures need no threads, and x265 does not always survive them
        options["x265-params"] += ":pools=none:frame-threads=1"
    with open_media(path, "w") as container:
        stream = container.add_stream(recording.codec, rate=_RATE, options=options)
        stream.height, stream.width = first.shape[1:]
        stream.pix_fmt = "yuv420p"
        stream.thread_count = 1
        if recording.bit_rate:
            stream.bit_rate = recording.bit_rate
        for pixels in (first, *frames):
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)), format="rgb24")
            container.mux(stream.encode(picture.reformat(format="yuv420p")))
        container.mux(stream.encode())
