"""Inner products of pairs of patches: by Triton where it is, else by sparse samples of a product of two matrices."""

import warnings

import torch
import torch.nn.functional as F

from ..nn.kernels import by_triton
from .patches import PATCH, Patches


def patch_products(query: Patches, reference: Patches, numbers: torch.Tensor, corners: torch.Tensor) -> torch.Tensor:
    """Inner products [n] of patches with others: as many for each of `query` as `numbers` [B,h,w] says, in that order,
    with those of `reference` at `corners` [n].

    A patch's pixels lie at fixed steps from its corner, so this is nine times the same sparse sample of a product of
    two matrices, each time with both moved on by a step. Nothing is gathered. On CUDA, Triton does it where it is.
    """
    many = F.pad(numbers, (0, PATCH - 1, 0, PATCH - 1)).flatten()[: query.count]
    if by_triton(query.pixels) and query.pixels.dtype == torch.float32:
        from .patch_products_triton import pair_products

        mine = torch.arange(query.count, device=many.device).repeat_interleave(many, output_size=len(corners))
        return pair_products(query, reference, mine, corners)
    if len(corners) > query.count * reference.count:  # sampled_addmm refuses more samples than the product has numbers
        whole = torch.stack([mine @ theirs.T for mine, theirs in zip(query.moved(), reference.moved())]).sum(0)
        return whole[torch.arange(query.count, device=many.device).repeat_interleave(many), corners]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
        sums = torch.sparse_csr_tensor(
            F.pad(many.cumsum(0), (1, 0)),
            corners,
            query.lengths.new_zeros(len(corners)),
            size=(query.count, reference.count),
            check_invariants=False,
        )
    for mine, theirs in zip(query.moved(), reference.moved()):
        sums = torch.sparse.sampled_addmm(sums, mine, theirs.T)
    return sums.values()
