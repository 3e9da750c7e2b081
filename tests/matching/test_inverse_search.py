"""Dense flow by inverse search, and its variational refinement: known motion is found."""

import pytest
import torch

from lfvideo_sr.matching.flow import DenseFlow, gray
from lfvideo_sr.matching.inverse_search import inverse_search, level_count
from lfvideo_sr.matching.variational import refined
from lfvideo_sr.nn.warp import grid_positions, sample


def picture(seed: int, height: int = 61, width: int = 90) -> torch.Tensor:
    """Smooth noise, 0 .. 255, [1,1,H,W]."""
    noise = torch.rand(1, 1, height // 4, width // 4, generator=torch.Generator().manual_seed(seed))
    return 255 * torch.nn.functional.interpolate(noise, (height, width), mode="bicubic").clamp(0, 1)


def moved(target: torch.Tensor, flow: torch.Tensor) -> torch.Tensor:
    """The picture that `flow` leads from."""
    return sample(target, grid_positions(*target.shape[2:]) + flow.permute(0, 2, 3, 1), "bicubic")


def waves(height: int, width: int, size: float) -> torch.Tensor:
    """A smooth displacement, [1,2,H,W]."""
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1.5, width), indexing="ij")
    return size * torch.stack([torch.sin(x + y), torch.cos(x - y)])[None]


def test_smooth_motion_is_found_to_a_tenth_of_a_pixel():
    target = picture(1)
    flow = waves(61, 90, 4.0)
    apart = (inverse_search(moved(target, flow), target) - flow)[:, :, 8:-8, 8:-8].norm(dim=1)
    assert apart.median() < 0.1
    assert apart.quantile(0.9) < 0.3


def test_it_is_as_exact_as_opencvs():
    target = picture(2)
    flow = waves(61, 90, 3.0)
    source = moved(target, flow)
    ours = inverse_search(source, target)
    pictures = (gray(levels[0].repeat(3, 1, 1).numpy() / 255) for levels in (source, target))
    theirs = torch.from_numpy(DenseFlow()(*pictures)).permute(2, 0, 1)[None]
    errors = [float((measured - flow)[:, :, 8:-8, 8:-8].norm(dim=1).mean()) for measured in (ours, theirs)]
    assert errors[0] < 1.1 * errors[1]


def test_a_start_leads_where_the_pyramid_does_not():
    target = picture(3, 60, 200)
    flow = torch.zeros(1, 2, 60, 200)
    flow[:, 0] = 60.0
    source = moved(target, flow)
    known = (inverse_search(source, target, flow + 1.5) - flow)[:, :, 8:-8, 8:120].norm(dim=1)
    assert known.median() < 0.1


def test_refinement_lowers_the_error_of_a_rough_flow():
    target = picture(4)
    flow = waves(61, 90, 2.0)
    rough = flow + 0.4 * torch.randn(flow.shape, generator=torch.Generator().manual_seed(0))
    fine = refined(rough, moved(target, flow), target, 4)
    before, after = ((candidate - flow)[:, :, 4:-4, 4:-4].norm(dim=1).mean() for candidate in (rough, fine))
    assert after < 0.5 * before


def test_a_batch_is_its_pictures_one_by_one():
    pairs = [(picture(5), picture(6)), (picture(7), picture(7))]
    together = inverse_search(*(torch.cat(pictures) for pictures in zip(*pairs)))
    alone = torch.cat([inverse_search(*pair) for pair in pairs])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    ("size", "levels"), [((540, 960), 6), ((8, 8), 1), ((5, 300), 1), ((16, 2000), 2), ((1, 1), 1)]
)
def test_levels(size, levels):
    assert level_count(*size) == levels


@pytest.mark.parametrize("size", [(1, 1), (5, 7), (9, 70)])
def test_tiny_pictures_give_a_flow(size):
    flow = inverse_search(picture(8)[:, :, : size[0], : size[1]], picture(9)[:, :, : size[0], : size[1]])
    assert flow.shape == (1, 2, *size)
    assert torch.isfinite(flow).all()
