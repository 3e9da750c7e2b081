"""How the published code of C2-Matching and AMSA fills a network before its first step."""

import math
from typing import Literal

from torch import nn

from ..nn.deform import DeformAggregation
from ..nn.dynamic_aggregation import offset_predictors
from ..nn.residual import zeroed

SPREAD = 0.02  # standard deviation of weights
Initialisation = Literal["torch", "published"]  # torch: as the layers' classes start


def initialise_as_published(network: nn.Module) -> None:
    """Convolutions and linear layers from N(0, 0.02), gains of normalisations from N(1, 0.02), deformable aggregations
    uniform within 1 / sqrt(inputs of a sum) of 0, all biases 0; the layers that give learned offsets 0 throughout."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear | nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0 if isinstance(module, nn.BatchNorm2d) else 0.0, SPREAD)
        elif isinstance(module, DeformAggregation):
            reach = 1 / math.sqrt(module.weight[0].numel())
            nn.init.uniform_(module.weight, -reach, reach)
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    for predictor in offset_predictors(network):
        zeroed(predictor[-1])
