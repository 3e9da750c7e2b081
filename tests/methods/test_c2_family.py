"""What C2-Matching promises, and all methods that build on it, whatever their weights."""

import golden_files
import pytest
import torch
from small_networks import FAMILY, NETWORKS, low, matched, picture, small_network

from lfvideo_sr.methods import c2_matching
from lfvideo_sr.nn import hypotheses

ROUNDING = 1e-5
GOLDEN = 1e-4  # between machines and versions of torch


@pytest.fixture(scope="module", params=FAMILY)
def network(request):
    """What follows holds for all methods that build on this one."""
    return small_network(request.param)


@torch.no_grad()
def test_no_reference_is_as_good_as_an_irrelevant_one(network):
    sharp = picture(32, 40)
    frame = low(sharp)
    match = matched(network, frame, sharp)
    nothing = match._replace(relevance=torch.zeros_like(match.relevance))
    without = network.restorer(frame, [])
    assert torch.equal(network.restorer(frame, [nothing, nothing]), without)
    assert not torch.allclose(network.restorer(frame, [match]), without, atol=1e-3)


@torch.no_grad()
def test_an_irrelevant_reference_beside_another_changes_nothing(network):
    sharp = picture(32, 40)
    frame = low(sharp)
    match, other = matched(network, frame, sharp), matched(network, frame, picture(32, 40, seed=8))
    nothing = other._replace(relevance=torch.zeros_like(other.relevance))
    expected = network.restorer(frame, [match])
    assert torch.allclose(network.restorer(frame, [nothing, match]), expected, atol=ROUNDING)
    assert torch.allclose(network.restorer(frame, [match, nothing]), expected, atol=ROUNDING)


@torch.no_grad()
@pytest.mark.parametrize("size", [(16, 60), (48, 24), (37, 43)], ids=str)
def test_references_may_have_any_size(network, size):
    frame = low(picture(32, 40))
    match = matched(network, frame, picture(*size, seed=5))
    x, y = match.positions.unbind(-1)
    assert x.min() >= 0 and x.max() <= size[1] and y.min() >= 0 and y.max() <= size[0]
    restored = network.restorer(frame, [match])
    assert restored.shape == (1, 3, 32, 40) and restored.isfinite().all()


@torch.no_grad()
@pytest.mark.parametrize("method", ["c2_matching", "amsa"])
def test_strips_of_a_large_picture_equal_the_whole(method, monkeypatch):
    """Each is restored with all that it sees round it."""
    network, sharp = small_network(method), picture(96, 24)
    frame = low(sharp)
    match = matched(network, frame, sharp.roll(5, 2))
    whole = network.restorer(frame, [match])
    monkeypatch.setattr(hypotheses, "_ALIGNED", 3 * 24)
    monkeypatch.setattr(hypotheses, "_FUSED", 7 * 12)
    monkeypatch.setattr(c2_matching, "_FINISHED", 5 * 12)
    monkeypatch.setattr(network.restorer, "_finished", counted := Counting(network.restorer._finished))
    assert torch.allclose(network.restorer(frame, [match]), whole, atol=ROUNDING)
    assert counted.calls == 10  # 48 rows at stride 2, five at a time


class Counting:
    def __init__(self, called):
        self.called, self.calls = called, 0

    def __call__(self, *inputs):
        self.calls += 1
        return self.called(*inputs)


@torch.no_grad()
def test_samples_of_a_batch_do_not_meet(network):
    sharp = torch.cat([picture(32, 40), picture(32, 40, seed=3)])
    frame = torch.cat([low(pixels[None]) for pixels in sharp])
    together = network.restorer(frame, [matched(network, frame, sharp.flip(3))])
    for number in range(2):
        alone = network.restorer(
            frame[number : number + 1],
            [matched(network, frame[number : number + 1], sharp[number : number + 1].flip(3))],
        )
        assert torch.allclose(together[number], alone[0], atol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("method", NETWORKS)
def test_autocast_changes_no_match(method):
    """What is searched by is computed in float32, of frame and reference."""
    network, sharp = small_network(method), picture(48, 64, seed=3)
    frame, reference = low(sharp), sharp.roll(8, 3)
    plain = matched(network, frame, reference)
    with torch.autocast("cpu", torch.bfloat16):
        match = matched(network, frame, reference)
    assert torch.equal(match.positions, plain.positions) and torch.equal(match.relevance, plain.relevance)


@torch.no_grad()
def test_autocast_keeps_positions_in_float32(network):
    sharp = picture(32, 40)
    frame = low(sharp)
    plain = matched(network, frame, sharp)
    with torch.autocast("cpu", torch.bfloat16):
        match = matched(network, frame, sharp)
        restored = network.restorer(frame, [plain])
    assert match.positions.dtype == match.relevance.dtype == torch.float32
    assert restored.dtype == torch.float32
    assert torch.allclose(restored, network.restorer(frame, [plain]), atol=0.1)


@torch.no_grad()
@pytest.mark.parametrize("name", golden_files.METHODS)
def test_golden_forward(name):
    values, expected = golden_files.forward(name), golden_files.read(f"forward_{name}")
    assert values.keys() == expected.keys()
    for key in expected:
        assert values[key] == pytest.approx(expected[key], abs=GOLDEN), key
