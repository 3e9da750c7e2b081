"""Validation during training: a few frames of clips that are never trained on, by the hybrid-video protocol."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ..media.resize import crop_to_multiple, degrade, to_uint8
from ..media.video import VideoSource
from ..method import Match
from ..methods.stream_ref import StreamRef
from ..metrics import eight_bit, psnr_y
from .stream_samples import seed_positions

MOST_LINES = 272  # the middle of a frame is enough to see which way a run goes


@dataclass(frozen=True, eq=False)
class HybridClip:
    """Frame 4 between the references 0 and 8: high [3,3,H,W] (target, past, future) in [0,1] and low [3,3,H/4,W/4]."""

    name: str
    high: np.ndarray
    low: np.ndarray

    @classmethod
    def load(cls, path: Path, max_height: int = 540) -> "HybridClip":
        """Frame 4 of a clip between its references, frames 0 and 8."""
        with VideoSource(path, frames=9, max_height=max_height, detect_cuts=False) as source:
            frames = [_middle(frame.pixels) for frame in source]
        high = np.stack([frames[number] for number in (4, 0, 8)])
        return cls(path.stem, high, np.stack([degrade(one) for one in high]))


def _middle(pixels: np.ndarray) -> np.ndarray:
    """The middle of [3,H,W], a multiple of 8 in size."""
    _, height, width = pixels.shape
    high, wide = min(height, MOST_LINES), min(width, 2 * MOST_LINES)
    top, left = (height - high) // 2, (width - wide) // 2
    return crop_to_multiple(pixels[:, top : top + high, left : left + wide], 8)


@torch.no_grad()
def validate(network: StreamRef, clips: list[HybridClip]) -> dict[str, float]:
    """Mean PSNR-Y with both references and without any."""
    device = next(network.parameters()).device
    scores: dict[str, list[float]] = {"with_references": [], "without": []}
    for clip in clips:
        frame = torch.from_numpy(clip.low[:1]).to(device)
        found = [_match(network, clip, slot) for slot in (1, 2)]
        for name, used in (("with_references", found), ("without", [])):
            picture = network.restorer(frame, used)[0].float().cpu().numpy()
            scores[name].append(psnr_y(eight_bit(picture), clip.high[0]))
    return {name: float(np.mean(values)) for name, values in scores.items()}


def _match(network: StreamRef, clip: HybridClip, slot: int) -> Match:
    device = next(network.parameters()).device
    seed = torch.from_numpy(seed_positions(*(to_uint8(clip.low[n]) for n in (0, slot))))[None].to(device)
    encoded = network.encoder(torch.from_numpy(clip.high[slot : slot + 1]).to(device))
    return Match(encoded, *network.matcher(torch.from_numpy(clip.low[:1]).to(device), encoded, seed))
