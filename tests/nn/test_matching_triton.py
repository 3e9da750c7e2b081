"""The Triton kernel: through Triton's interpreter on a CPU, and on a GPU where there is one."""

import pytest
from kernel_checks import check_kernel

pytest.importorskip("triton", reason="Triton comes with torch on Linux only")

CHECK = """
import torch
from lfvideo_sr.nn.matching import exact_search
from lfvideo_sr.nn.matching_triton import triton_exact_search

def features(*shape, seed):
    given = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return (given / given.norm(dim=1, keepdim=True)).to(DEVICE)

for size, other, channels, patch in SIZES:
    query, reference = features(2, channels, *size, seed=0), features(2, channels, *other, seed=1)
    fast = triton_exact_search(query, reference, patch=patch, tile=16)
    plain = exact_search(query, reference, patch=patch)
    assert fast.index.shape == plain.index.shape and fast.index.dtype == torch.int64
    assert (fast.index == plain.index).float().mean() > 0.999, (size, other)
    assert torch.allclose(fast.score, plain.score, atol=1e-5), (size, other)

tile = torch.randint(-3, 4, (1, 4, 3, 3), generator=torch.Generator().manual_seed(0)).float().to(DEVICE)
tied = triton_exact_search(tile, tile.repeat(1, 1, 3, 4), tile=16)
assert tied.index.item() == 13, tied.index  # the first of twelve equal patches
print("equal")
"""
SMALL = [((7, 9), (6, 11), 5, 3), ((5, 5), (4, 4), 20, 1)]


def test_the_kernel_equals_its_twin(kernel_device):
    larger = [((60, 50), (45, 70), 256, 3)] if kernel_device == "cuda" else []
    check_kernel(CHECK, kernel_device, SIZES=[*SMALL, *larger])
