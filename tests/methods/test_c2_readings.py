"""C2-Matching as its published network departs from the paper: the options tap_flows, offsets_from, activation."""

import json

import pytest
import torch

from lfvideo_sr.method import Match
from lfvideo_sr.methods import c2_matching
from lfvideo_sr.methods.c2_matching import C2Matching, C2Size
from lfvideo_sr.nn import hypotheses
from lfvideo_sr.nn.dynamic_aggregation import Reading, fitted


def test_the_papers_reading_is_the_default():
    assert C2Size().reading == Reading() == Reading("shared", "fetched", "none")
    assert json.loads(json.dumps(C2Size().tap_flows)) == "shared"


def test_a_misspelt_reading_is_an_error_with_a_suggestion():
    with pytest.raises(ValueError, match="did you mean 'unmoved'"):
        C2Matching(C2Size(offsets_from="unmovd", textures=8, channels=4, descriptors=4, blocks=(1, 1, 1, 1)))


@pytest.mark.parametrize(("height", "width"), [(3, 9), (8, 2), (5, 5)])
def test_an_unmoved_reference_is_cut_or_filled_at_the_right_and_bottom(height, width):
    features = torch.rand(1, 2, 5, 5)
    fit = fitted(features, height, width)
    assert fit.shape == (1, 2, height, width)
    rows, columns = min(5, height), min(5, width)
    assert torch.equal(fit[:, :, :rows, :columns], features[:, :, :rows, :columns])
    assert fit[:, :, rows:].abs().sum() == fit[:, :, :, columns:].abs().sum() == 0


@pytest.mark.parametrize(
    "options", [{"tap_flows": "own"}, {"offsets_from": "unmoved"}, {"activation": "leaky"}], ids=str
)
def test_a_picture_in_strips_is_the_picture(options, monkeypatch):
    network = C2Matching(C2Size(4, (1, 1, 1, 1), 8, 4, **options))
    for parameter in network.restorer.parameters():
        parameter.data += 0.05 * torch.randn(parameter.shape)
    frame, features = torch.rand(1, 3, 24, 5), network.textures(torch.rand(1, 3, 80, 24))
    match = Match(features, torch.rand(1, 24, 5, 2) * 60, torch.ones(1, 24, 5))
    with torch.no_grad():
        whole = network.restorer(frame, [match])
        for module, name in ((hypotheses, "_ALIGNED"), (hypotheses, "_FUSED"), (c2_matching, "_FINISHED")):
            monkeypatch.setattr(module, name, 20)
        torch.testing.assert_close(network.restorer(frame, [match]), whole, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("frame", "reference"), [((4, 5), (40, 24)), ((4, 5), (8, 60)), ((1, 1), (16, 16))])
def test_references_of_any_size_and_gradients(frame, reference):
    size = C2Size(4, (1, 1, 1, 1), 8, 4, tap_flows="own", offsets_from="unmoved", activation="leaky")
    network = C2Matching(size)
    low, picture = torch.rand(1, 3, *frame), torch.rand(1, 3, *reference)
    positions = torch.rand(1, *frame, 2) * 16
    restored = network.restorer(low, [Match(network.textures(picture), positions, torch.ones(1, *frame))])
    assert restored.shape == (1, 3, 4 * frame[0], 4 * frame[1])
    restored.sum().backward()
    offsets = network.restorer.fusions[0].aggregation.aggregation.offsets.bias.grad
    assert offsets is not None and offsets.isfinite().all()
