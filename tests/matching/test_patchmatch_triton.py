"""PatchMatch by Triton's kernel: through Triton's interpreter on a CPU, and on a GPU where there is one."""

import pytest
from kernel_checks import check_kernel

pytest.importorskip("triton", reason="Triton comes with torch on Linux only")

CHECK = """
import torch
from lfvideo_sr.matching import patchmatch, patchmatch_triton
from lfvideo_sr.matching.patchmatch import PatchMatchPlan, plain_patchmatch, random_field

if DEVICE == "cpu":  # what the interpreter takes long for is the number of programs
    patchmatch_triton._PLACES = 256
    patchmatch.by_triton = lambda x: True
generator = torch.Generator().manual_seed(0)
for channels, sizes, plan in (
    (5, ((14, 20), (17, 11)), PatchMatchPlan(levels=(2, 1), rounds=(1, 2))),
    (130, ((9, 7), (6, 12)), PatchMatchPlan(levels=(1,), rounds=(1,), coherent=True)),
):
    # Small whole numbers: sums are exact in any order, so that equal candidates tie and unequal ones do not.
    query, reference = (torch.randint(-2, 3, (2, channels, *size), generator=generator).float() for size in sizes)
    initial = random_field(query, reference, seed=3) if len(plan.levels) == 1 else None
    expected = plain_patchmatch(query, reference, plan, initial=initial)
    arguments = query.to(DEVICE), reference.to(DEVICE), plan
    field = patchmatch.patchmatch(*arguments, initial=None if initial is None else initial.to(DEVICE))
    assert field.compared == 0, "this was not the kernel"
    assert field.index.dtype == torch.int64 and field.index.shape == expected.index.shape
    same = field.index.cpu() == expected.index
    assert same.float().mean() >= (1 if DEVICE == "cpu" else 0.98), same.float().mean()
    torch.testing.assert_close(field.score.cpu()[same], expected.score[same], rtol=1e-5, atol=1e-5)
    # A GPU rounds lengths otherwise: equal candidates may tie otherwise, and of few places one counts.
    torch.testing.assert_close(field.score.mean().cpu(), expected.score.mean(), rtol=2e-2, atol=1e-3)

query, reference = (torch.nn.functional.normalize(torch.randn(1, 64, *size, generator=generator)) for size in sizes)
field = patchmatch.patchmatch(query.to(DEVICE), reference.to(DEVICE), PatchMatchPlan(levels=(1,), rounds=(1,)))
exact = patchmatch.relevance(query, reference, field.index.cpu())
assert (field.score.cpu() - exact).abs().max() < 2e-4, "fp16 rounds more than is said"
print("equal")
"""


def test_the_kernel_equals_its_twin(kernel_device):
    check_kernel(CHECK, kernel_device)
