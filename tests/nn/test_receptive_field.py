"""Receptive fields of small stacks whose answer can be worked out by hand."""

import math

import pytest
import torch
from receptive_field import positive, receptive_field
from torch import nn

from lfvideo_sr.nn.residual import ResidualBlock


def field_of(module: nn.Module, **options) -> float | None:
    def drawn(generator: torch.Generator):
        copied = positive(module, generator)
        return lambda picture: [copied(picture)]

    return receptive_field(drawn, **options)


def conv(inputs: int, outputs: int, kernel: int = 3, **options) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, padding=options.get("dilation", 1) * (kernel // 2), **options)


STACKS = {
    "one pixel": (nn.Conv2d(3, 4, 1), 1),
    "3": (conv(3, 4), 3),
    "3, 5 with dilation 2": (nn.Sequential(conv(3, 4), nn.ReLU(), conv(4, 4, 5, dilation=2)), 3 + 8),
    "stride 2 between": (nn.Sequential(conv(3, 4), conv(4, 4, stride=2), conv(4, 4)), 3 + 2 + 4),
    "pooled": (nn.Sequential(conv(3, 4), nn.MaxPool2d(2), conv(4, 4)), 3 + 1 + 4),
    "three residual blocks": (nn.Sequential(conv(3, 4), *(ResidualBlock(4) for _ in range(3))), 3 + 3 * 4),
    "thirty residual blocks": (nn.Sequential(conv(3, 4), *(ResidualBlock(4) for _ in range(30))), 3 + 30 * 4),
    "ninety layers": (nn.Sequential(conv(3, 4), *(nn.Sequential(conv(4, 4), nn.ReLU()) for _ in range(89))), 181),
    # the outermost pixels of the cell reach one output pixel into the cells beside, and those one cell further
    "enlarged x4, then 3": (nn.Sequential(conv(3, 48), nn.PixelShuffle(4), conv(3, 3)), 5),
    "batch normalisation": (nn.Sequential(conv(3, 4), nn.BatchNorm2d(4), nn.PReLU(), conv(4, 4)), 5),
}


@pytest.mark.parametrize(("module", "expected"), STACKS.values(), ids=STACKS)
def test_stacks_with_a_known_answer(module, expected):
    assert field_of(module) == expected


@pytest.mark.parametrize(
    "module", [nn.AdaptiveAvgPool2d(1), nn.Sequential(conv(3, 4), nn.GroupNorm(1, 4))], ids=["mean", "normalised"]
)
def test_what_sees_everything(module):
    assert field_of(module) == math.inf


def test_no_dependence_is_none():
    assert receptive_field(lambda generator: lambda picture: [torch.ones(1, 1, 4, 4)]) is None
    assert receptive_field(lambda generator: lambda picture: [picture.detach() * 2]) is None


def test_cells_count_low_resolution_pixels():
    """The 4x4 pixels of a cell under a 9x9 kernel see 12 pixels: 3 cells."""
    assert field_of(conv(3, 4, 9), cell=4) == 3


def test_the_widest_of_several_outputs_counts():
    layers = [conv(3, 4), conv(3, 4, 7)]
    assert receptive_field(lambda generator: lambda picture: [layer(picture) for layer in layers]) == 7


def test_the_module_itself_is_left_alone():
    module = conv(3, 4)
    before = module.weight.detach().clone()
    threads = torch.get_num_threads()
    field_of(module)
    assert torch.equal(module.weight, before) and module.weight.requires_grad and module.training
    assert torch.get_num_threads() == threads
    first, second = positive((module, nn.Sequential(module)), torch.Generator())
    assert second[0] is first and (first.weight > 0).all()  # parts that are shared stay so
