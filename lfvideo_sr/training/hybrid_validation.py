"""Validation during training: a few frames of clips that are never trained on, as the papers reduce and as people have
them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ..camera.reduction import papers_taps
from ..matching.seed import FlowSeeder
from ..media.resize import crop_to_multiple, to_uint8
from ..media.video import VideoSource
from ..method import Match
from ..methods.stream_ref import SCALE, StreamRef
from ..metrics import eight_bit, psnr_y
from .footage import Recording, recorded

MOST_LINES = 272  # the middle of a frame is enough to see which way a run goes
SHOWN = (3, 4)  # the frames that are restored, between references 0 and 8
RECORDINGS = {
    "clean": Recording(),
    "crf28": Recording(codec="libx264", options=(("crf", "28"), ("preset", "medium"))),
    "area": Recording("area"),
}
SCORES = ("mean", *(f"{name}_{how}" for name in RECORDINGS for how in ("refs", "alone")))


@dataclass(frozen=True, eq=False)
class HybridClip:
    """Frames 0 .. 8 of a clip: high [9,3,H,W] in [0,1], and for each recording low [9,3,H/4,W/4]."""

    name: str
    high: np.ndarray
    low: dict[str, np.ndarray]

    @classmethod
    def load(cls, path: Path, max_height: int = 540) -> "HybridClip":
        with VideoSource(path, frames=9, max_height=max_height, detect_cuts=False) as source:
            high = np.stack([_middle(frame.pixels) for frame in source])
        eight = [to_uint8(picture) for picture in high]
        rng = np.random.default_rng(0)
        low = {name: np.stack(list(recorded(iter(eight), recording, rng))) for name, recording in RECORDINGS.items()}
        return cls(path.stem, high, {name: frames.astype(np.float32) / 255 for name, frames in low.items()})


def _middle(pixels: np.ndarray) -> np.ndarray:
    """The middle of [3,H,W], a multiple of 8 in size."""
    _, height, width = pixels.shape
    high, wide = min(height, MOST_LINES), min(width, 2 * MOST_LINES)
    top, left = (height - high) // 2, (width - wide) // 2
    return crop_to_multiple(pixels[:, top : top + high, left : left + wide], 8)


@torch.no_grad()
def validate(network: StreamRef, clips: list[HybridClip]) -> dict[str, float]:
    """Mean PSNR-Y of each recording with both references and without any, each frame after the one before it; first the
    mean of all."""
    scores: dict[str, list[float]] = {}
    for clip in clips:
        for name, low in clip.low.items():
            scores.setdefault(f"{name}_refs", []).append(_score(network, clip, low, (0, 8)))
            scores.setdefault(f"{name}_alone", []).append(_score(network, clip, low, ()))
    means = {name: float(np.mean(values)) for name, values in scores.items()}
    return {"mean": float(np.mean(list(means.values()))), **means}


def _score(network: StreamRef, clip: HybridClip, low: np.ndarray, references: tuple[int, ...]) -> float:
    """PSNR-Y of the last of the frames shown."""
    device = next(network.parameters()).device
    seeder = FlowSeeder(SCALE, network.size.stride, network.size.seed_level)
    prepared = {number: seeder.prepare(to_uint8(low[number])) for number in (*SHOWN, *references)}

    def tensor(values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(values))[None].to(device)

    def seed(number: int, other: int) -> torch.Tensor:
        return tensor(seeder(prepared[number], prepared[other], None))

    taps = tensor(papers_taps())
    encoded = {
        reference: network.encoder(tensor(clip.high[reference]), tensor(low[reference]), taps)
        for reference in references
    }
    picture: torch.Tensor | None = None
    for number in SHOWN:
        frame = tensor(low[number])
        matches = [
            Match(encoded[reference], *network.matcher(frame, encoded[reference], seed(number, reference)))
            for reference in references
        ]
        last = None
        if picture is not None:
            places = tensor(seeder.follow(prepared[number], prepared[number - 1]))
            made_of = {"picture": picture, "frame": tensor(low[number - 1])}
            last = Match(made_of, places, torch.ones_like(places[..., 0]))
        picture = network.restorer(frame, matches, last).float().clamp(0, 1)
    assert picture is not None, "some frames are shown"
    return psnr_y(eight_bit(picture[0].cpu().numpy()), clip.high[SHOWN[-1]])
