"""Whitening: a last layer changed so that its features have no mean and are uncorrelated.

Descriptors of features that are all alike (those of a network that was not trained to distinguish things) are so close
to each other that a margin loss with hardest negatives pulls everything into one point. Whitened, they start apart.
"""

import torch

from ..nn.vgg import VGG

_FLOOR = 1e-3  # of the largest variance: directions of less are not blown up


@torch.no_grad()
def whiten(network: VGG, pictures: torch.Tensor) -> None:
    """Change the last convolution of `network` so that its features of `pictures` [B,3,H,W] have mean zero and, but
    for the floor, the identity as covariance."""
    layer = network.features[-1]
    assert isinstance(layer, torch.nn.Conv2d)
    features = network(pictures)[network.names[-1]].transpose(0, 1).flatten(1).double()  # [C,N]
    mean = features.mean(1, keepdim=True)
    spread, axes = torch.linalg.eigh((features - mean) @ (features - mean).T / features.shape[1])
    change = axes * (spread + _FLOOR * spread.max()).rsqrt() @ axes.T
    weight = layer.weight.double()
    layer.weight.copy_((change @ weight.flatten(1)).view_as(weight))
    assert layer.bias is not None
    layer.bias.copy_(change @ (layer.bias.double() - mean[:, 0]))
