"""LPIPS (Zhang et al., CVPR 2018): how far two pictures look apart, for results that PSNR says little about.

torchmetrics computes it; the package holds the metric's own small weights. Those of the network below are a file of
torchvision's that the user names: nothing is downloaded.
"""

import math
from pathlib import Path
from typing import Any, Literal

import numpy as np

from .checks import is_installed
from .errors import EngineError, InputError
from .tensor_files import load_tensors

_SMALLEST = 32  # pixels of a picture's shorter side, below which the networks pool everything away
_FILES = "torchvision's alexnet-owt-7be5be79.pth or vgg16-397923af.pth"


class PerceptualDistance:
    """LPIPS between pictures, 0 where they are equal; larger is worse. `network` is "alex" or "vgg", by the file."""

    def __init__(self, weights: Path):
        """Raises EngineError where torchmetrics or torch is missing, InputError for a file that is of neither
        network."""
        absent = [module for module in ("torch", "torchvision", "torchmetrics") if not is_installed(module)]
        if absent:
            raise EngineError(
                f"--lpips needs {absent[0]}, which is not installed; pip install 'lfvideo-sr[metrics]', or leave it out"
            )
        self._network, self.network = _loaded(weights)

    def __call__(self, picture: np.ndarray, truth: np.ndarray) -> float:
        """Of two RGB pictures [3,H,W] of one size in [0,1]; nan where a side is below 32 pixels."""
        import torch

        if min(truth.shape[1:]) < _SMALLEST:
            return math.nan
        pair = (np.ascontiguousarray(pixels, np.float32) for pixels in (picture, truth))
        with torch.inference_mode():
            return float(self._network(*(torch.from_numpy(pixels)[None] for pixels in pair), normalize=True))


def _loaded(path: Path) -> tuple[Any, str]:
    """The metric on the host, with the network's weights from a file, and the network's name."""
    from torchmetrics.functional.image import lpips

    tensors = _tensors(path)
    first, last = tensors.get("features.0.weight"), tensors.get("features.28.weight")
    name: Literal["alex", "vgg"] = "alex" if first is not None and first.shape[-1] == 11 else "vgg"
    if first is None or (name == "vgg" and (last is None or "features.34.weight" in tensors)):
        raise InputError(f"{path} holds neither AlexNet nor VGG16; give {_FILES}")
    network = lpips._LPIPS(net=name, pnet_rand=True)
    state = {key: tensors[f"features.{key.split('.', 1)[1]}"] for key in network.net.state_dict()}
    network.net.load_state_dict(state)
    return network.eval(), name


def _tensors(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise InputError(f"no weights for --lpips at {path}; give {_FILES}")
    try:
        return {name: tensor for name, tensor in load_tensors(path).items() if name.startswith("features.")}
    except Exception as error:  # whatever the reader raises, the file is not one
        raise InputError(f"{path} is no file of weights that torch can read; give {_FILES}") from error
