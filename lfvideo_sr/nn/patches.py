"""The 3x3 patches of a feature map, compared or gathered without ever holding them all: that would be nine copies."""

import warnings
from collections.abc import Iterator

import torch
import torch.nn.functional as F

from .kernels import by_triton
from .matching import EPSILON

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


def patch_products(own: Patches, other: Patches, numbers: torch.Tensor, corners: torch.Tensor) -> torch.Tensor:
    """Inner products [n] of patches with others: as many for each of `own` as `numbers` [B,h,w] says, in that order,
    with those of `other` at `corners` [n].

    A patch's pixels lie at fixed steps from its corner, so this is nine times the same sparse sample of a product of
    two matrices, each time with both moved on by a step. Nothing is gathered. On CUDA, Triton does it where it is.
    """
    many = F.pad(numbers, (0, PATCH - 1, 0, PATCH - 1)).flatten()[: own.count]
    if by_triton(own.pixels) and own.pixels.dtype == torch.float32:
        from .patches_triton import pair_products

        mine = torch.arange(own.count, device=many.device).repeat_interleave(many, output_size=len(corners))
        return pair_products(own, other, mine, corners)
    if len(corners) > own.count * other.count:  # sampled_addmm refuses more samples than the product has numbers
        whole = torch.stack([mine @ theirs.T for mine, theirs in zip(own.moved(), other.moved())]).sum(0)
        return whole[torch.arange(own.count, device=many.device).repeat_interleave(many), corners]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
        sums = torch.sparse_csr_tensor(
            F.pad(many.cumsum(0), (1, 0)),
            corners,
            own.lengths.new_zeros(len(corners)),
            size=(own.count, other.count),
            check_invariants=False,
        )
    for mine, theirs in zip(own.moved(), other.moved()):
        sums = torch.sparse.sampled_addmm(sums, mine, theirs.T)
    return sums.values()


def _lengths(features: torch.Tensor) -> torch.Tensor:
    """[B,C,h,w] -> Euclidean length of the patch round every pixel, [B,h,w]."""
    squares = features.square().sum(1, keepdim=True)
    return (F.avg_pool2d(squares, PATCH, stride=1, padding=PATCH // 2) * PATCH**2)[:, 0].sqrt()
