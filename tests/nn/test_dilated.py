"""CC-Net's features against Table 1 of RefSR-Net, layer by layer."""

import pytest
import torch
from receptive_field import positive, receptive_field
from small_networks import count, filled, picture
from torch import nn

from lfvideo_sr.nn.ccnet import Bilinear, CCNet, CCNetSize
from lfvideo_sr.nn.dilated import FIELD, DilatedFeatures

ROUNDING = 1e-5
TABLE = [(16, 1, 3), (32, 1, 5), (64, 2, 9), (64, 4, 17), (64, 8, 33), (128, 16, 65)]  # channels, dilation, field


@pytest.fixture(scope="module")
def papers():
    return DilatedFeatures()


def field_of(module: nn.Module) -> float | None:
    """What one output sees; edges are filled, so that outputs stay where they are."""

    def drawn(generator: torch.Generator):
        copied = positive(module, generator)
        for layer in copied.modules():
            if isinstance(layer, nn.Conv2d):
                layer.padding = (layer.dilation[0] * (layer.kernel_size[0] // 2),) * 2
        return lambda pixels: [copied(pixels)]

    return receptive_field(drawn)


def test_layers_are_table_1(papers):
    convolutions = [layer for layer in papers.layers if isinstance(layer, nn.Conv2d)]
    layers = [
        (convolution.kernel_size, convolution.out_channels, convolution.dilation, convolution.stride)
        for convolution in convolutions
    ]
    assert layers == [((3, 3), channels, (dilation, dilation), (1, 1)) for channels, dilation, _ in TABLE]
    kinds = [type(layer) for layer in papers.layers]
    assert kinds == 6 * [nn.Conv2d, nn.BatchNorm2d, nn.ReLU]
    assert (papers.tail.kernel_size, papers.tail.out_channels) == ((1, 1), 256)


@pytest.mark.parametrize("layer", range(1, 7))
def test_receptive_fields_are_table_1(layer):
    whole = DilatedFeatures(width=12)
    assert field_of(whole.layers[: 3 * layer]) == TABLE[layer - 1][2]
    if layer == 6:
        assert field_of(whole) == FIELD == 65


def test_parameters(papers):
    """The paper states none: weights and biases, and two numbers a channel of each normalisation."""
    weights = 9 * (3 * 16 + 16 * 32 + 32 * 64 + 2 * 64 * 64 + 64 * 128) + 128 * 256
    biases, normalisations = 16 + 32 + 3 * 64 + 128 + 256, 2 * (16 + 32 + 3 * 64 + 128)
    assert count(papers) == weights + biases + normalisations == 205_056
    assert count(CCNet()) == 205_056 and count(CCNet(CCNetSize(siamese=False))) == 2 * 205_056
    assert count(DilatedFeatures(50)) == 51_712


def test_valid_convolutions_take_32_pixels_from_each_side(papers):
    assert papers(torch.rand(1, 3, 65, 70)).shape == (1, 256, 1, 6)
    assert filled(DilatedFeatures(12)).everywhere(torch.rand(1, 3, 9, 7)).shape == (1, 30, 9, 7)


@torch.no_grad()
def test_features_move_with_the_picture():
    features = filled(DilatedFeatures(12))
    whole = picture(90, 96)
    assert torch.allclose(features(whole)[:, :, 3:, 5:], features(whole[:, :, 3:, 5:]), atol=ROUNDING)
    assert torch.allclose(features.everywhere(whole)[:, :, 32:-32, 32:-32], features(whole), atol=ROUNDING)


def test_one_network_or_two():
    siamese, apart = CCNet(CCNetSize(12)), CCNet(CCNetSize(12, siamese=False))
    assert siamese.query is siamese.reference and apart.query is not apart.reference


def test_frames_are_enlarged_by_what_is_given():
    frame = picture(6, 8)
    expected = nn.functional.interpolate(frame, scale_factor=4, mode="bilinear", align_corners=False)
    assert torch.equal(CCNet(CCNetSize(12, scale=4)).enlarge(frame), expected)
    other = nn.Upsample(scale_factor=4)
    network = CCNet(CCNetSize(12, scale=4), other)
    assert torch.equal(network.enlarge(frame), other(frame)) and not torch.equal(network.enlarge(frame), expected)
    assert Bilinear(8)(frame).shape == (1, 3, 48, 64)
    further = nn.functional.interpolate(other(frame), scale_factor=2, mode="bilinear", align_corners=False)
    assert torch.equal(CCNet(CCNetSize(12, scale=8), other).enlarge(frame), further)  # a x4 network at scale 8
