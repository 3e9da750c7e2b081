"""Perceptual and adversarial losses of the GAN variants (C2-Matching, Eq. 11 to 13, as SRNTT and RRSR use them too;
E2ENT2, Eq. 9 and 10)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import nn

from ..nn.vgg import VGG

PERCEPTUAL_LAYER = "relu5_1"
PENALTY = 10.0  # lambda of Eq. 13


def perceptual_loss(vgg: VGG, picture: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Eq. 11: Frobenius norms of the difference in each channel of relu5_1, summed, by the features' volume; mean over
    the batch. Pictures [B,3,H,W] in [0,1]; the truth's features carry no gradient."""
    difference = _apart(vgg, picture, truth)
    norms = torch.linalg.vector_norm(difference, dim=(2, 3))  # [B,C]
    return norms.sum(1).mean() / difference[0].numel()


def published_perceptual_loss(vgg: VGG, picture: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """What the code of C2-Matching and AMSA minimises in the place of Eq. 11: one Frobenius norm of the difference over
    the relu5_1 of the whole batch, undivided. At 3 pictures of 160x160 it is some 4,850 times Eq. 11, and its gradient
    at the weight of 1e-4 is 7 % of the reconstruction's; that of Eq. 11 has no effect."""
    return torch.linalg.vector_norm(_apart(vgg, picture, truth))


def _apart(vgg: VGG, picture: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """The difference of two pictures' features [B,C,h,w]."""
    with torch.no_grad():
        target = vgg(truth)[PERCEPTUAL_LAYER]
    return target - vgg(picture)[PERCEPTUAL_LAYER]


PerceptualLoss = Literal["printed", "published"]
CriticKind = Literal["plain", "published"]
PERCEPTUAL_LOSSES: dict[PerceptualLoss, Callable[[VGG, torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "printed": perceptual_loss,
    "published": published_perceptual_loss,
}


def generator_loss(judged: torch.Tensor) -> torch.Tensor:
    """Eq. 12, for the critic's scores of restored pictures [B]."""
    return -judged.mean()


def critic_loss(critic: Critic, restored: torch.Tensor, truth: torch.Tensor, penalty: float = PENALTY) -> torch.Tensor:
    """Eq. 13: WGAN with gradient penalty at random mixtures of the two."""
    share = torch.rand(len(truth), 1, 1, 1).to(truth.device)  # drawn on the host, whose random state a run saves
    mixed = (share * restored + (1 - share) * truth).requires_grad_()
    (slope,) = torch.autograd.grad(critic(mixed).sum(), mixed, create_graph=True)
    excess = (slope.flatten(1).norm(dim=1) - 1).square().mean()
    return critic(restored).mean() - critic(truth).mean() + penalty * excess


def relativistic_critic_loss(of_truth: torch.Tensor, of_restored: torch.Tensor) -> torch.Tensor:
    """E2ENT2 Eq. 9, for scores [B] of a critic: D(a, b) is the sigmoid of how far a's score is above b's mean."""
    return F.softplus(of_restored.mean() - of_truth).mean() + F.softplus(of_restored - of_truth.mean()).mean()


def relativistic_generator_loss(of_truth: torch.Tensor, of_restored: torch.Tensor) -> torch.Tensor:
    """E2ENT2 Eq. 10: the same with the parts exchanged."""
    return relativistic_critic_loss(of_restored, of_truth)


class Critic(nn.Module):
    """Pictures [B,3,H,W] of any size from 16x16 -> a score each, [B]: five pairs of convolutions, the second of each
    with stride 2, as in SRGAN but without normalisation, which a gradient penalty does not allow.

    published: as in the code of C2-Matching and AMSA, which normalises over the batch after each convolution all the
    same, and whose scores pass through a sigmoid.
    """

    def __init__(self, width: int = 32, published: bool = False):
        super().__init__()
        self.published = published
        layers: list[nn.Module] = []
        channels = 3
        for level in range(5):
            following = width * 2**level
            for inputs, stride in ((channels, 1), (following, 2)):
                normalised = [nn.BatchNorm2d(following)] if published else []
                layers += [nn.Conv2d(inputs, following, 3, stride, 1), *normalised, nn.LeakyReLU(0.2)]
            channels = following
        self.layers = nn.Sequential(*layers)
        self.judge = nn.Sequential(nn.Linear(channels, 32 * width), nn.LeakyReLU(0.2), nn.Linear(32 * width, 1))

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        pooled = F.adaptive_avg_pool2d(self.layers(pictures), 1).flatten(1)  # so that any size is taken
        judged = self.judge(pooled)[:, 0]
        return judged.sigmoid() if self.published else judged
