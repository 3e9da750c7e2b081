"""The precision that a comparison needs, whatever autocast makes of the features."""

import torch


def at_least_float32(features: torch.Tensor) -> torch.Tensor:
    """In float32 at least: in half precision the length of an empty patch has no inverse."""
    return features.to(torch.promote_types(features.dtype, torch.float32))
