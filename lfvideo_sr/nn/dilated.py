"""CC-Net's features (RefSR-Net, Table 1): dilated convolutions at full resolution, one vector a pixel.

No layer skips pixels, so features move exactly as the picture does. Convolutions are valid ones: with filled edges a
network could learn where in a training window it is, and the true match is always in the middle.
"""

import torch
import torch.nn.functional as F
from torch import nn

CHANNELS = (16, 32, 64, 64, 64, 128)
DILATIONS = (1, 1, 2, 4, 8, 16)
DESCRIPTORS = 256
BORDER = sum(DILATIONS)  # pixels that valid convolutions take from each side
FIELD = 2 * BORDER + 1  # pixels along a side that one vector sees: 65


class DilatedFeatures(nn.Module):
    """RGB [B,3,H,W] in [0,1] -> [B,C,H-64,W-64]: what each pixel is, as seen within 65x65 pixels round it.

    width: of the channels of Table 1, in percent of the paper's. unit: vectors of length one, so that inner products
    are cosines; the paper's are as they come. It names no activation; ReLU follows each normalisation here, and the
    last layer has none.
    """

    def __init__(self, width: int = 100, unit: bool = False):
        super().__init__()
        self.unit = unit
        layers: list[nn.Module] = []
        channels = 3
        for paper, dilation in zip(CHANNELS, DILATIONS):
            following = scaled(paper, width)
            layers += [nn.Conv2d(channels, following, 3, dilation=dilation), nn.BatchNorm2d(following), nn.ReLU()]
            channels = following
        self.layers = nn.Sequential(*layers)
        self.tail = nn.Conv2d(channels, scaled(DESCRIPTORS, width), 1)  # "fc"

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        together = (2 * picture - 1).contiguous(memory_format=torch.channels_last)  # 2x as fast here
        features = self.tail(self.layers(together))
        return F.normalize(features.float(), dim=1) if self.unit else features

    def everywhere(self, picture: torch.Tensor) -> torch.Tensor:
        """Of all pixels, [B,C,H,W]; beyond the picture's edge its pixels are repeated."""
        return self(F.pad(picture, 4 * [BORDER], mode="replicate"))


def scaled(channels: int, width: int) -> int:
    """Channels of a network that is `width` percent as wide."""
    return max(1, channels * width // 100)
