"""Deformable aggregation against torchvision's kernel, and at sizes that kernel does not know."""

import pytest
import torch
from torch.autograd import gradcheck

from lfvideo_sr.errors import ShapeError
from lfvideo_sr.nn import deform
from lfvideo_sr.nn.deform import DeformAggregation, deform_aggregate, plain_deform_aggregate, tap_positions
from lfvideo_sr.nn.warp import grid_positions


@pytest.fixture(params=[1 << 22, 1], ids=["at once", "row by row"], autouse=True)
def strip(request, monkeypatch):
    monkeypatch.setattr(deform, "_STRIP", request.param)


def random_inputs(groups=2, size=(5, 7), source=(5, 7), channels=4, outputs=3, kernel=3, seed=0):
    """Everything random in float64; some positions lie beyond the edge."""
    rng = torch.Generator().manual_seed(seed)

    def random(*shape):
        return torch.randn(shape, generator=rng, dtype=torch.float64)

    taps = kernel**2
    field = grid_positions(*size).double() + 2 * random(2, *size, 2)
    return {
        "source": random(2, channels, *source),
        "positions": tap_positions(field, kernel),
        "weight": random(outputs, channels, kernel, kernel),
        "bias": random(outputs),
        "offsets": random(2, groups, taps, *size, 2),
        "mask": torch.sigmoid(random(2, groups, taps, *size)),
    }


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("left_out", [(), ("mask",), ("offsets",), ("mask", "offsets", "bias")], ids=str)
def test_equals_torchvision(groups, kernel, left_out):
    inputs = {name: value for name, value in random_inputs(groups, kernel=kernel).items() if name not in left_out}
    assert torch.allclose(deform_aggregate(**inputs), plain_deform_aggregate(**inputs), atol=1e-10)


def test_gradients_equal_torchvisions():
    gradients = []
    for aggregate in (deform_aggregate, plain_deform_aggregate):
        inputs = {name: value.clone().requires_grad_() for name, value in random_inputs().items()}
        aggregate(**inputs).square().sum().backward()
        gradients.append({name: value.grad for name, value in inputs.items()})
    for name, gradient in gradients[0].items():
        assert torch.allclose(gradient, gradients[1][name], atol=1e-9), name


def test_gradients_are_those_of_the_function():
    inputs = random_inputs(size=(2, 2), source=(3, 3), channels=2, outputs=1)
    names = list(inputs)
    values = [value.clone().requires_grad_() for value in inputs.values()]
    assert gradcheck(lambda *values: deform_aggregate(**dict(zip(names, values))), values, fast_mode=True)


def test_without_offsets_at_its_own_places_it_is_a_convolution():
    inputs = random_inputs()
    unmoved = tap_positions(grid_positions(5, 7).double()).expand(2, -1, -1, -1, -1)
    aggregated = deform_aggregate(inputs["source"], unmoved, inputs["weight"], inputs["bias"])
    expected = torch.nn.functional.conv2d(inputs["source"], inputs["weight"], inputs["bias"], padding=1)
    assert torch.allclose(aggregated, expected, atol=1e-10)


def test_a_reference_of_another_size():
    inputs = random_inputs(source=(9, 4))
    assert deform_aggregate(**inputs).shape == (2, 3, 5, 7)
    with pytest.raises(ShapeError, match="own size 4x9 only"):
        plain_deform_aggregate(**inputs)


def test_every_tap_may_have_a_position_of_its_own():
    inputs = random_inputs()
    inputs["positions"] = inputs["positions"] + torch.arange(9.0).double().view(1, 9, 1, 1, 1)
    assert torch.allclose(deform_aggregate(**inputs), plain_deform_aggregate(**inputs), atol=1e-10)


def test_the_module_learns_its_weight():
    inputs = random_inputs()
    module = DeformAggregation(4, 3).double()
    module(inputs["source"], inputs["positions"]).sum().backward()
    assert all(parameter.grad is not None for parameter in module.parameters())
    assert {name for name, _ in module.named_parameters()} == {"weight", "bias"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"positions": torch.zeros(2, 5, 7, 2)}, r"\[2,9,h,w,2\] is wanted"),
        ({"weight": torch.zeros(3, 5, 3, 3)}, "does not fit a source of 4 channels"),
        ({"mask": torch.zeros(2, 4, 9, 5, 7)}, "offsets and mask are"),
        ({"offsets": torch.zeros(2, 3, 9, 5, 7, 2), "mask": None}, "cannot be split into 3 offset groups"),
    ],
    ids=["positions", "weight", "groups differ", "groups do not divide"],
)
def test_what_does_not_fit_is_refused(change, message):
    with pytest.raises(ShapeError, match=message):
        deform_aggregate(**(random_inputs() | change))


def test_half_precision_reads_from_the_right_place():
    """bfloat16 cannot tell 470 from 471."""
    source = torch.zeros(1, 1, 2, 480)
    source[..., 470] = 1
    unmoved = tap_positions(grid_positions(2, 480), 1)
    read = deform_aggregate(source.bfloat16(), unmoved, torch.ones(1, 1, 1, 1, dtype=torch.bfloat16))
    assert read.dtype == torch.bfloat16 and torch.allclose(read.float(), source, atol=1e-3)
