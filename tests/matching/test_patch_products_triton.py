"""Products of patches by Triton's kernel: through Triton's interpreter on a CPU, and on a GPU where there is one."""

import pytest
from kernel_checks import check_kernel

pytest.importorskip("triton", reason="Triton comes with torch on Linux only")

CHECK = """
import torch
from lfvideo_sr.matching import patch_products_triton
from lfvideo_sr.matching.patch_products import patch_products
from lfvideo_sr.matching.patches import Patches
from lfvideo_sr.matching.patch_products_triton import pair_products

if DEVICE == "cpu":  # what the interpreter takes long for is the number of programs
    patch_products_triton._PAIRS = 128
generator = torch.Generator().manual_seed(0)
for channels in (5, 130):
    query, reference = (torch.randn(2, channels, *size, generator=generator) for size in ((5, 7), (6, 4)))
    patches, others = Patches(query), Patches(reference)
    theirs = Patches(query.to(DEVICE)), Patches(reference.to(DEVICE))
    numbers = torch.randint(0, 4, (2, 5, 7), generator=generator)
    which = torch.arange(2).view(-1, 1, 1).expand_as(numbers).flatten().repeat_interleave(numbers.flatten())
    corners = others.corners(which, torch.randint(0, 24, which.shape, generator=generator))
    expected = patch_products(patches, others, numbers, corners)
    places = torch.arange(35).view(1, 5, 7).expand_as(numbers).flatten().repeat_interleave(numbers.flatten())
    mine = patches.corners(which, places)
    products = pair_products(*theirs, mine.to(DEVICE), corners.to(DEVICE))
    assert torch.allclose(products.cpu(), expected, atol=1e-4), (products.cpu() - expected).abs().max()
    if DEVICE == "cuda":
        with torch.no_grad():
            assert torch.equal(patch_products(*theirs, numbers.to(DEVICE), corners.to(DEVICE)), products)
        by_matrices = patch_products(*theirs, numbers.to(DEVICE), corners.to(DEVICE))
        assert torch.allclose(by_matrices, products, atol=1e-4)
    assert not len(pair_products(*theirs, mine[:0].to(DEVICE), corners[:0].to(DEVICE)))
print("equal")
"""


def test_the_kernel_equals_its_twin(kernel_device):
    check_kernel(CHECK, kernel_device)
