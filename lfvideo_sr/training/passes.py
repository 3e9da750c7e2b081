"""What trainers of whole methods share: a pass through the three verbs, RRSR's reciprocal one, and their validation."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import nn

from ..media.resize import degrade
from ..method import Features, Match
from ..metrics import eight_bit, psnr_y
from .sources import LoadPair
from .task import Batch, Validation


class Verbs(Protocol):
    """A network with the verbs of its method."""

    @property
    def encoder(self) -> Callable[[torch.Tensor], Features]: ...

    @property
    def matcher(self) -> Callable[[torch.Tensor, Features], tuple[torch.Tensor, torch.Tensor]]: ...

    @property
    def restorer(self) -> Callable[[torch.Tensor, Sequence[Match]], torch.Tensor]: ...

    def parameters(self) -> Iterator[nn.Parameter]: ...


def restore(network: Verbs, frame: torch.Tensor, reference: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
    """One pass of the method; where `present` [B] is 0, with a reference that is relevant nowhere."""
    encoded = network.encoder(reference)
    positions, relevance = network.matcher(frame, encoded)
    there = present.repeat(len(relevance) // len(present))[:, None, None]  # AMSA matches at several scales
    return network.restorer(frame, [Match(encoded, positions, relevance * there)]).float()


def reciprocal_loss(network: Verbs, batch: Batch, restored: torch.Tensor) -> torch.Tensor:
    """RRSR Eq. 3: what was restored must serve as a reference for the reference seen from elsewhere (Eq. 2: as it is;
    the samples decide)."""
    again = restore(network, batch["turned_frame"], restored.clamp(0, 1), torch.ones_like(batch["present"]))
    return (again - batch["turned"].float() / 255).abs().mean()


def validate_pairs(pairs: Sequence[LoadPair], network: Verbs, scale: int = 4) -> Validation:
    """PSNR-Y over pairs never trained on, with the reference and without any; the first restored picture of both."""

    def restored(frame: torch.Tensor, reference: torch.Tensor) -> dict[str, torch.Tensor]:
        encoded = network.encoder(reference)
        match = Match(encoded, *network.matcher(frame, encoded))
        return {"with_reference": network.restorer(frame, [match]), "without": network.restorer(frame, [])}

    return _scored(pairs, network, restored, scale)


def validate_alone(pairs: Sequence[LoadPair], network: Verbs, scale: int = 4) -> Validation:
    """The same without any reference, for a stage that trains no other path."""
    return _scored(pairs, network, lambda frame, reference: {"without": network.restorer(frame, [])}, scale)


def _scored(
    pairs: Sequence[LoadPair],
    network: Verbs,
    restored: Callable[[torch.Tensor, torch.Tensor], dict[str, torch.Tensor]],
    scale: int,
) -> Validation:
    """Mean PSNR-Y of the pictures [1,3,H,W] that `restored` makes of a frame and a reference, by name; those of the
    first pair."""
    device = next(network.parameters()).device
    scores: dict[str, list[float]] = {}
    pictures: dict[str, np.ndarray] = {}
    for load in pairs:
        target, reference = (picture.astype(np.float32) / 255 for picture in load())
        frame = torch.from_numpy(degrade(target, scale))[None].to(device)
        for name, made in restored(frame, torch.from_numpy(reference)[None].to(device)).items():
            picture = made[0].float().clamp(0, 1).cpu().numpy()
            scores.setdefault(name, []).append(psnr_y(eight_bit(picture), target))
            pictures.setdefault(name, picture)
    return {name: float(np.mean(values)) for name, values in scores.items()}, pictures
