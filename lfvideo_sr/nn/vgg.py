"""The convolutional layers of VGG16 and VGG19 (Simonyan and Zisserman), as feature extractors tapped at named layers.

Layers are numbered as in torchvision, so that its weights load. `width` scales all channels: 64 is the real network;
a narrower one is the stand-in that this project trains itself, for users who do not have the real weights.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from ..errors import InputError
from ..tensor_files import load_tensors

CONVOLUTIONS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}  # in each block, a pooling between two blocks
_CHANNELS = (1, 2, 4, 8, 8)  # of each block, in widths
MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's RGB in [0,1]


class VGG(nn.Module):
    """RGB [B,3,H,W] in [0,1] -> features by layer name, as {"relu1_1": [B,64,H,W], "conv3_1": [B,256,H/4,W/4]}.

    A layer "convI_J" is taken before its ReLU. Nothing beyond the last wanted layer is built.
    """

    def __init__(self, kind: str, taps: tuple[str, ...], width: int = 64):
        super().__init__()
        self.taps = taps
        names = layer_names(kind)
        count = 1 + max(names.index(name) for name in taps)
        self.names = names[:count]
        layers: list[nn.Module] = []
        channels = 3
        for name in self.names:
            if name.startswith("conv"):
                following = width * _CHANNELS[int(name[4]) - 1]
                layers.append(nn.Conv2d(channels, following, 3, padding=1))
                channels = following
            else:
                layers.append(nn.MaxPool2d(2) if name.startswith("pool") else nn.ReLU())
        self.features = nn.Sequential(*layers)
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("spread", torch.tensor(SPREAD).view(3, 1, 1), persistent=False)

    mean: torch.Tensor
    spread: torch.Tensor

    def forward(self, pictures: torch.Tensor) -> dict[str, torch.Tensor]:
        x = (pictures - self.mean) / self.spread
        features: dict[str, torch.Tensor] = {}
        in_place = not torch.is_grad_enabled() and not torch.compiler.is_exporting()
        for name, layer in zip(self.names, self.features):
            spare = in_place and isinstance(layer, nn.ReLU) and name.replace("relu", "conv") not in features
            x = x.relu_() if spare else layer(x)  # spares a second copy of what are the largest features
            if name in self.taps:
                features[name] = x
        return features


def layer_names(kind: str) -> list[str]:
    """conv1_1, relu1_1, conv1_2, ..., pool1, conv2_1, ... in torchvision's order."""
    names = []
    for block, count in enumerate(CONVOLUTIONS[kind], start=1):
        for number in range(1, count + 1):
            names += [f"conv{block}_{number}", f"relu{block}_{number}"]
        names.append(f"pool{block}")
    return names


def channels_of(layer: str, width: int = 64) -> int:
    """Channels of a named layer."""
    return width * _CHANNELS[int(layer[4]) - 1]


def load_vgg(network: VGG, source: str | Path) -> None:
    """Fill `network` from torchvision's weights (.pth), this project's (.safetensors), or a run's checkpoint (last.pt).

    Deeper layers in the file are left out. Raises InputError for a file that is missing, that is no such file, or that
    does not fit.
    """
    state = _features(_tensors(Path(source)))
    layers = network.features.state_dict()
    wrong = [key for key, value in layers.items() if key not in state or state[key].shape != value.shape]
    if wrong:
        reason = f"layer features.{wrong[0]} is missing or of another shape"
        raise InputError(f"{source} does not fit: {reason}; give VGG weights of this width")
    network.features.load_state_dict({key: state[key] for key in layers})


def _features(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {key.removeprefix("features."): value for key, value in state.items() if key.startswith("features.")}


def _tensors(path: Path) -> Mapping[str, torch.Tensor]:
    if not path.is_file():
        raise InputError(
            f"no VGG weights at {path}; give torchvision's file, vgg16-397923af.pth or vgg19-dcbb9e9d.pth, or the "
            "last.pt of a run of features_small"
        )
    try:
        state = load_tensors(path)
        return state.get("averaged", state)
    except Exception as error:  # whatever the reader raises, the file is not one
        raise InputError(f"{path} holds no VGG weights that can be read; give torchvision's .pth") from error
