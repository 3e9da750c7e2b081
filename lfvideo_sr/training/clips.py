"""Training clips as memory-mapped arrays: each clip is decoded once, at the scales where it is sharp enough."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..frames import Size, size_of
from ..media.partial import whole_file
from ..media.pyav import open_media
from ..media.resize import bicubic, crop_to_multiple
from ..media.video import VideoSource

SCALE = 4
_SCALES = (1.0, 0.75, 0.5)
_FEWEST_BITS = 0.1  # per pixel at the used scale: below it, compression has taken the detail that is to be learned


@dataclass(frozen=True, eq=False)
class Clip:
    """high [T,3,H,W] and low [T,3,H/4,W/4], both uint8; sharpness is the RMS of what bicubic x4 loses, in 0..255."""

    name: str
    high: np.ndarray
    low: np.ndarray
    sharpness: float


def load_clips(root: Path, names: tuple[str, ...], cache: Path, smallest: int, most_frames: int = 96) -> list[Clip]:
    """Open every clip at every scale that leaves `smallest` pixels on the short side and for which the file spends
    enough bits; a missing one is an InputError."""
    missing = [name for name in names if not (root / name).is_file()]
    if missing:
        raise InputError(
            f"{root} lacks {len(missing)} of {len(names)} training clips, first {missing[0]}; set LFVIDEO_DATA"
        )
    clips = []
    for name in names:
        for scale in _SCALES:
            clip = _cached(root / name, name, scale, cache, smallest, most_frames)
            if clip is not None:
                clips.append(clip)
    return clips


def _cached(path: Path, name: str, scale: float, cache: Path, smallest: int, most_frames: int) -> Clip | None:
    made_from = (name, path.stat().st_size, scale, smallest, most_frames, _FEWEST_BITS)
    folder = cache / hashlib.sha256(repr(made_from).encode()).hexdigest()[:16]
    if not (folder / "about.json").is_file():
        _decode(path, name, scale, folder, smallest, most_frames)
    about = json.loads((folder / "about.json").read_text())
    if not about["usable"]:
        return None
    high, low = (np.load(folder / f"{part}.npy", mmap_mode="r") for part in ("high", "low"))
    return Clip(f"{name}@{scale}", high, low, about["sharpness"])


def _decode(path: Path, name: str, scale: float, folder: Path, smallest: int, most_frames: int) -> None:
    """Write one clip at one scale to `folder`, about.json last. Every file gets its name when it is whole: several runs
    may write the same folder at once."""
    folder.mkdir(parents=True, exist_ok=True)
    about = {"name": name, "scale": scale, "usable": False}
    with VideoSource(path, frames=most_frames, detect_cuts=False) as source:
        size = source.info.size
        if min(size) * scale >= smallest and _bits_per_pixel(path) >= _FEWEST_BITS * scale**2:
            high = np.stack([_reduced(frame.pixels, scale) for frame in source])
            low = np.stack(
                [bicubic(picture, Size(picture.shape[2] // SCALE, picture.shape[1] // SCALE)) for picture in high]
            )
            for name_of_part, part in (("high", high), ("low", low)):
                with whole_file(folder / f"{name_of_part}.npy") as unfinished:
                    np.save(unfinished, part)
            about |= {"usable": True, "sharpness": _sharpness(high[0], low[0])}
    with whole_file(folder / "about.json") as unfinished:
        unfinished.write_text(json.dumps(about))


def _bits_per_pixel(path: Path) -> float:
    """Of the first video track as it is stored."""
    with open_media(path) as container:
        stream = container.streams.video[0]
        sizes = [packet.size for packet in container.demux(stream) if packet.size]
        return 8 * sum(sizes) / (len(sizes) * stream.width * stream.height)


def _reduced(pixels: np.ndarray, scale: float) -> np.ndarray:
    eight = np.round(pixels * 255).astype(np.uint8)
    height, width = eight.shape[-2:]
    return crop_to_multiple(bicubic(eight, Size(int(width * scale), int(height * scale))), SCALE)


def _sharpness(high: np.ndarray, low: np.ndarray) -> float:
    enlarged = bicubic(low, size_of(high))
    return float(np.sqrt(np.mean((high.astype(np.float32) - enlarged) ** 2)))
