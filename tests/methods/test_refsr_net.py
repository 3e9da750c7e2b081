"""RefSR-Net's three verbs: the windowed match, the literal windows, the dense path, both scales."""

import pytest
import torch
from receptive_field import encoder_field, positive, receptive_field
from small_networks import SMALL_REFSR, count, filled, low, matched, picture, small_network

from lfvideo_sr.media.resize import degrade
from lfvideo_sr.method import Match
from lfvideo_sr.methods import refsr_net
from lfvideo_sr.methods.refsr_net import RefSRNet, RefSRSize, match_of
from lfvideo_sr.nn.ccnet import PHASE
from lfvideo_sr.nn.sliding import corners, smoothed

TWIN = 1e-5  # batched against literal windows


def network_of(**changes) -> RefSRNet:
    return filled(RefSRNet(RefSRSize(**{**SMALL_REFSR, **changes})))


@pytest.fixture(scope="module")
def small():
    return small_network("refsr_net")


def frame_of(sharp: torch.Tensor, scale: int) -> torch.Tensor:
    return torch.from_numpy(degrade(sharp[0].numpy(), scale))[None]


def test_parameters():
    """The paper states none."""
    with torch.device("meta"):
        papers = RefSRNet(RefSRSize(scale=8))
        assert [count(part) for part in (papers.correspondence, papers.restorer.low, papers.restorer.fuse)] == [
            205_056, 1_327_894, 894_178,
        ]  # fmt: skip
        assert count(papers) == 2_427_128 and count(RefSRNet()) == 2_167_534


@torch.no_grad()
@pytest.mark.parametrize("scale", [4, 8])
def test_matching_is_the_best_inner_product_within_reach(scale):
    """The first output pixel of every low-resolution pixel, looked for pixel by pixel round its own place."""
    network = network_of(scale=scale, reach=5)
    sharp, reference = picture(32, 48), picture(32, 48, seed=5)
    frame = frame_of(sharp, scale)
    match = matched(network, frame, reference)
    query = network.correspondence.query.everywhere(network.correspondence.enlarge(frame))[0]
    other = network.correspondence.reference.everywhere(reference)[0]
    for i in range(32 // scale):
        for j in range(48 // scale):
            y, x = scale * i + PHASE, scale * j + PHASE
            scores = torch.einsum("c,cij->ij", query[:, y, x], other)
            rows, columns = torch.meshgrid(torch.arange(32), torch.arange(48), indexing="ij")
            scores[((rows - y).abs() > 5) | ((columns - x).abs() > 5)] = -torch.inf
            row, column = divmod(int(scores.argmax()), 48)
            centre = (scale - 1) / 2 - PHASE  # a field's positions are those of low-resolution pixels' centres
            assert match.positions[0, i, j].tolist() == [column + centre, row + centre]
            cosine = torch.cosine_similarity(query[:, y, x], other[:, row, column], dim=0)
            assert float(match.relevance[0, i, j]) == pytest.approx(float(cosine.clamp(0, 1)), abs=1e-5)


@torch.no_grad()
def test_the_frame_beside_itself_is_found_where_it_is(small):
    """With the reference's features those of the enlarged frame, each place is among the best at its own."""
    frame = low(picture(32, 48))
    shown = small.correspondence.enlarge(frame)
    match = matched(small, frame, shown)
    query = small.correspondence.query.everywhere(shown)
    best = query.square().sum(1)[:, PHASE::4, PHASE::4]
    x, y = (match.positions - 1.5 + PHASE).long().unbind(-1)
    scores = (query[0][:, PHASE::4, PHASE::4] * query[0][:, y[0], x[0]]).sum(0)
    assert (scores >= best[0] - 1e-4).all()


def field(positions: torch.Tensor, relevance: float, reference: torch.Tensor) -> Match:
    return Match({"picture": reference}, positions, torch.full(positions.shape[:3], relevance))


def moved(height: int, width: int, scale: int, seed: int = 4) -> torch.Tensor:
    """A field with another whole displacement at every place, some of them beyond the reference."""
    ys, xs = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    unmoved = torch.stack([xs, ys], -1)[None] * scale + (scale - 1) / 2
    return unmoved + torch.randint(-9, 10, unmoved.shape, generator=torch.Generator().manual_seed(seed))


def literal(network: RefSRNet, frame: torch.Tensor, match: Match) -> torch.Tensor:
    """Section 4 window by window: cut, fetch the reference's patch, synthesise, smooth the mask, average."""
    size, reference = network.size, match.features["picture"][0]
    height, width = frame.shape[2:]
    features = network.restorer.low.features(frame)
    total = torch.zeros(3, size.scale * height, size.scale * width)
    weights = torch.zeros(1, size.scale * height, size.scale * width)
    for top, left in corners(height, width, size.patch, size.stride):
        middle = (top + size.patch // 2, left + size.patch // 2)
        x, y = (match.positions[0][middle] - torch.tensor(middle[::-1]) * size.scale - (size.scale - 1) / 2).tolist()
        patch = torch.zeros(1, 3, size.patch * size.scale, size.patch * size.scale)
        for j in range(patch.shape[2]):
            for i in range(patch.shape[3]):
                row = min(max(size.scale * top + round(y) + j, 0), reference.shape[1] - 1)
                column = min(max(size.scale * left + round(x) + i, 0), reference.shape[2] - 1)
                patch[0, :, j, i] = reference[:, row, column]
        made = network.restorer.fuse(features[:, :, top : top + size.patch, left : left + size.patch], patch)
        weight = smoothed(made.mask)[0] + 1e-3
        here = (..., slice(size.scale * top, size.scale * (top + size.patch)))
        here = (*here, slice(size.scale * left, size.scale * (left + size.patch)))
        total[here] += weight * made.picture[0]
        weights[here] += weight
    return total / weights


@torch.no_grad()
@pytest.mark.parametrize(("scale", "stride", "size"), [(4, 2, (11, 9)), (4, 5, (8, 14)), (8, 3, (9, 10))], ids=str)
def test_batched_windows_equal_literal_ones(scale, stride, size):
    network = network_of(scale=scale, stride=stride, windows=True)
    frame = picture(*size, seed=2)
    match = field(moved(*size, scale), 0.7, picture(scale * size[0] + 3, scale * size[1] - 5, seed=6))
    restored = network.restorer(frame, [match])
    assert restored.shape == (1, 3, scale * size[0], scale * size[1])
    assert torch.allclose(restored[0], literal(network, frame, match), atol=TWIN)


@torch.no_grad()
def test_a_batch_is_its_frames_one_by_one():
    network = network_of(windows=True)
    frames = torch.cat([picture(8, 11, seed) for seed in (1, 2)])
    match = field(torch.cat([moved(8, 11, 4, seed) for seed in (1, 2)]), 0.5, torch.cat(2 * [picture(32, 44)]))
    both = network.restorer(frames, [match])
    for number in range(2):
        alone = network.restorer(frames[number : number + 1], [match_of(match, number)])
        assert torch.allclose(both[number], alone[0], atol=TWIN)


@torch.no_grad()
def test_the_dense_path_fuses_the_warped_reference(small):
    frame, reference = picture(8, 11), picture(40, 36, seed=6)
    positions = moved(8, 11, 4)
    copy = torch.zeros(1, 3, 32, 44)
    for y in range(32):
        for x in range(44):
            across, down = (positions[0, y // 4, x // 4] - torch.tensor([x // 4, y // 4]) * 4 - 1.5).round().tolist()
            row, column = min(max(y + int(down), 0), 39), min(max(x + int(across), 0), 35)
            copy[0, :, y, x] = reference[0, :, row, column]
    expected = small.restorer.fuse(small.restorer.low.features(frame), copy).picture
    restored = small.restorer(frame, [field(positions, 0.4, reference)])
    assert torch.allclose(restored, expected, atol=TWIN)


@torch.no_grad()
@pytest.mark.parametrize("windows", [False, True])
def test_the_more_relevant_reference_is_taken_and_an_irrelevant_one_left(windows):
    network = network_of(windows=windows)
    frame, first, second = picture(8, 11), picture(32, 44, seed=6), picture(32, 44, seed=7)
    fields = [field(moved(8, 11, 4, seed), trust, shown) for seed, trust, shown in ((1, 0.6, first), (2, 0.3, second))]
    both = network.restorer(frame, fields)
    assert torch.equal(both, network.restorer(frame, fields[:1]))
    assert torch.equal(both, network.restorer(frame, fields[::-1]))
    nothing = network.restorer(frame, [field(moved(8, 11, 4), 0.0, first)])
    assert torch.equal(nothing, network.restorer(frame)) and not torch.equal(nothing, both)


@torch.no_grad()
def test_onto_the_enlarged_frame():
    frame = picture(8, 11)
    plain, onto = (network_of(onto_enlarged=onto_enlarged).restorer(frame) for onto_enlarged in (False, True))
    enlarged = torch.nn.functional.interpolate(frame, scale_factor=4, mode="bilinear", align_corners=False)
    assert torch.allclose(onto, plain + enlarged, atol=TWIN)


def test_how_far_the_verbs_see():
    """65x65 pixels round each of a cell's 4x4; on the frame, those that bilinear enlargement looks at round the pixel
    that is searched for."""
    network = network_of()
    assert encoder_field(refsr_net.build(network)) == (65 + 3) / 4

    def searched_for(generator):
        matcher = positive(network.matcher, generator)
        return lambda frame: [matcher.queries(frame)]

    assert receptive_field(searched_for) == 18


def test_a_method_is_built_round_a_network():
    method = refsr_net.build(refsr_net.network({**SMALL_REFSR, "scale": 8}))
    assert (method.info.name, method.info.scale, method.field_stride, method.warm) == ("refsr_net", 8, 8, False)
