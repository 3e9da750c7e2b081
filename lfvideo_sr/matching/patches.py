"""The 3x3 patches of a feature map, compared or gathered without ever holding them all: that would be nine copies."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F

from .search import EPSILON

PATCH = 3


def row_and_column(index: torch.Tensor, columns: int) -> tuple[torch.Tensor, torch.Tensor]:
    """index = row * columns + column, taken apart; a graph knows no remainder of a size of its own."""
    row = torch.div(index, columns, rounding_mode="floor")
    return row, index - row * columns


class Patches:
    """Patches by where their pixels lie. A patch is named by its centre, or by its corner: its top left pixel.

    pixels: of the features [B,C,h,w] with an edge of zeros, [B * (h+2) * (w+2), C]. width: of a row of these.
    lengths: of the patches round all pixels, Euclidean, [B,h,w], with EPSILON added. count: so many pixels have one
    right and below of them to make a patch (some across an edge).
    """

    def __init__(self, features: torch.Tensor):
        channels, height, width = features.shape[1:]
        padded = F.pad(features, 4 * [PATCH // 2])
        self.pixels = padded.permute(0, 2, 3, 1).reshape(-1, channels).contiguous()
        self.lengths = _lengths(features) + EPSILON
        self._size, self.width = (height, width), padded.shape[-1]
        self._steps = [row * padded.shape[-1] + column for row in range(PATCH) for column in range(PATCH)]
        self.count = len(self.pixels) - self._steps[-1]

    def corners(self, which: torch.Tensor, centre: torch.Tensor) -> torch.Tensor:
        """Where in `pixels` the corners of the patches round `centre` (row * w + column) of pictures `which` lie."""
        height, width = self._size
        row, column = centre // width, centre % width
        return (which * (height + PATCH - 1) + row) * (width + PATCH - 1) + column

    def moved(self) -> Iterator[torch.Tensor]:
        """For each of a patch's pixels: that pixel of all `count` patches, by their corners, [count,C]; no copies."""
        return (self.pixels[step : step + self.count] for step in self._steps)

    def at(self, centre: torch.Tensor) -> torch.Tensor:
        """Patches of unit length of the first picture, round pixels `centre` [n,p] -> [n,p,9C]."""
        corners = self.corners(torch.zeros_like(centre), centre)[..., None]
        pixels = F.embedding(corners + corners.new_tensor(self._steps), self.pixels)
        return pixels.flatten(-2) / self.lengths[0].flatten()[centre][..., None]


def _lengths(features: torch.Tensor) -> torch.Tensor:
    """[B,C,h,w] -> Euclidean length of the patch round every pixel, [B,h,w]."""
    squares = features.square().sum(1, keepdim=True)
    return (F.avg_pool2d(squares, PATCH, stride=1, padding=PATCH // 2) * PATCH**2)[:, 0].sqrt()
