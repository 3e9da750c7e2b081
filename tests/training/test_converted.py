"""Converted weights compute what the published network does, which is written down anew here from its tensors."""

import pytest
import torch
import torch.nn.functional as F
from published_networks import LEVELS, NARROW, loaded, published, published_restoration
from torchvision.ops import deform_conv2d

from lfvideo_sr.method import Match
from lfvideo_sr.methods import c2_matching
from lfvideo_sr.methods.c2_matching import STRIDES
from lfvideo_sr.nn.dynamic_aggregation import MaskedAggregation, Reading, positions_at
from lfvideo_sr.trainers.convert import reordered


def conv(state, name, x):
    return F.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], padding=1)


def leaky(x):
    return F.leaky_relu(x, 0.1)


def body(state, name, x, blocks):
    for block in range(blocks):
        x = x + conv(state, f"{name}.{block}.conv2", F.relu(conv(state, f"{name}.{block}.conv1", x)))
    return x


def nine_flows(flow, ratio):
    """Flow [h-2,w-2,2] of whole patches in places, by their first pixel -> [9,h*ratio,w*ratio,2] in finer places."""
    fine = F.pad(flow, (0, 0, 0, 2, 0, 2)).repeat_interleave(ratio, 0).repeat_interleave(ratio, 1) * ratio
    shifted = torch.zeros(9, *fine.shape)
    for tap in range(9):
        down, right = tap // 3 * ratio, tap % 3 * ratio
        shifted[tap, down:, right:] = fine[: fine.shape[0] - down, : fine.shape[1] - right]
    return shifted


def their_aggregation(state, level, content, reference, flows):
    owner = f"dyn_agg_restore.{level}"
    seen = leaky(conv(state, f"{owner}_offset_conv1", torch.cat([content, reference], 1)))
    read = conv(state, f"{owner}_dyn_agg.conv_offset_mask", leaky(conv(state, f"{owner}_offset_conv2", seen)))
    third = read.shape[1] // 3
    offsets, mask = read[:, : 2 * third].clone(), read[:, 2 * third :].sigmoid()
    for group in range(third // 9):
        for tap in range(9):
            offsets[:, 18 * group + 2 * tap] += flows[tap, ..., 1]
            offsets[:, 18 * group + 2 * tap + 1] += flows[tap, ..., 0]
    weight, bias = state[f"{owner}_dyn_agg.weight"], state[f"{owner}_dyn_agg.bias"]
    return leaky(deform_conv2d(reference, offsets, weight, bias, padding=1, mask=mask))


def their_restoration(state, frame, features, flow, blocks):
    x = body(state, "content_extractor.body", leaky(conv(state, "content_extractor.conv_first", frame)), blocks)
    for level, layer in LEVELS.items():
        flows = nine_flows(flow, 4 // STRIDES[layer])
        aggregated = their_aggregation(state, level, x, features[layer], flows)
        merged = leaky(conv(state, f"dyn_agg_restore.head_{level}.0", torch.cat([x, aggregated], 1)))
        x = body(state, f"dyn_agg_restore.body_{level}", merged, blocks) + x
        x = conv(state, f"dyn_agg_restore.tail_{level}.0", x)
        x = leaky(x if level == "large" else F.pixel_shuffle(x, 2))
    base = F.interpolate(frame, scale_factor=4, mode="bilinear", align_corners=False)
    return base + conv(state, "dyn_agg_restore.tail_large.2", x)


def matched(height, width, seed=5):
    """Where a frame's whole patches were found in as large a reference: their flow, and as a field of ours."""
    random = torch.Generator().manual_seed(seed)
    row = torch.randint(0, height - 2, (height - 2, width - 2), generator=random)
    column = torch.randint(0, width - 2, (height - 2, width - 2), generator=random)
    own_row, own_column = torch.meshgrid(torch.arange(height - 2), torch.arange(width - 2), indexing="ij")
    flow = torch.stack([column - own_column, row - own_row], -1).float()
    positions = torch.full((1, height, width, 2), 9.0)  # at the edge of ours: something, which theirs does not know
    positions[0, 1:-1, 1:-1] = torch.stack([column + 1, row + 1], -1).float() * 4 + 1.5
    return flow, positions


def test_converted_weights_compute_what_the_published_network_does(convert):
    files = published(NARROW)
    outcome, output = convert(files)
    assert outcome.code == 0, outcome.err + outcome.out
    network = loaded(c2_matching, output)
    random = torch.Generator().manual_seed(4)
    frame, reference = torch.rand(1, 3, 7, 9, generator=random), torch.rand(1, 3, 28, 36, generator=random)
    flow, positions = matched(7, 9)
    with torch.no_grad():
        features = network.textures(reference)
        ours = network.restorer(frame, [Match(features, positions, torch.ones(1, 7, 9))])
        theirs = their_restoration(files["restoration_mse.pth"], frame, features, flow, NARROW["blocks"])
    assert (theirs - F.interpolate(frame, scale_factor=4, mode="bilinear")).abs().mean() > 0.05  # it does something
    torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("level", LEVELS)
def test_the_layer_that_aggregates_is_theirs(level):
    layer = LEVELS[level]
    ratio = 4 // STRIDES[layer]
    state = published_restoration(6, 16, 1)  # of several groups at every level
    texture = len(state[f"dyn_agg_restore.{level}_dyn_agg.bias"])
    ours = MaskedAggregation(6, texture, Reading("own", "unmoved", "leaky"), ratio)
    parts = {
        "first": "_offset_conv1", "second": "_offset_conv2", "aggregate": "_dyn_agg",
        "offsets": "_dyn_agg.conv_offset_mask",
    }  # fmt: skip
    for part, theirs in parts.items():
        for kind in ("weight", "bias"):
            tensor = state[f"dyn_agg_restore.{level}{theirs}.{kind}"]
            getattr(ours, part).get_parameter(kind).data = reordered(tensor) if part == "offsets" else tensor
    assert ours.groups > 1
    flow, positions = matched(5, 6)
    content = torch.randn(1, 6, 5 * ratio, 6 * ratio, generator=state.random)
    reference = torch.randn(1, texture, 5 * ratio, 6 * ratio, generator=state.random)
    with torch.no_grad():
        aggregated = ours(content, reference, positions_at(positions, 4, STRIDES[layer]))
        theirs = their_aggregation(state, level, content, reference, nine_flows(flow, ratio))
    torch.testing.assert_close(aggregated, theirs, atol=1e-5, rtol=1e-4)
    plain = MaskedAggregation(6, texture, ratio=ratio)
    plain.load_state_dict(ours.state_dict())
    assert (plain(content, reference, positions_at(positions, 4, STRIDES[layer])) - theirs).abs().mean() > 0.01


@pytest.mark.parametrize(("number", "extractor"), [(1, "query"), (2, "reference")])
def test_extractors_and_textures_are_theirs(convert, number, extractor):
    files = published(NARROW)
    network = loaded(c2_matching, convert(files)[1])
    picture = torch.rand(1, 3, 16, 20)
    owner, state = f"feature_extraction_image{number}.model", files["feature_extraction.pth"]
    normal = (picture - state[f"feature_extraction_image{number}.mean"]) / state[
        f"feature_extraction_image{number}.std"
    ]
    x = F.relu(conv(state, f"{owner}.conv1_2", F.relu(conv(state, f"{owner}.conv1_1", normal))))
    x = F.relu(conv(state, f"{owner}.conv2_2", F.relu(conv(state, f"{owner}.conv2_1", F.max_pool2d(x, 2)))))
    x = conv(state, f"{owner}.conv3_1", F.max_pool2d(x, 2))
    with torch.no_grad():
        descriptors = getattr(network.correspondence, extractor)(picture)["conv3_1"]
        first = network.textures(picture)["relu1_1"]
    torch.testing.assert_close(descriptors, x)
    torch.testing.assert_close(first, F.relu(conv(files["vgg19.pth"], "features.0", normal)))
