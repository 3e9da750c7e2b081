"""C2-Matching's search finds what was moved where it was moved to: exactly or by PatchMatch, anew or from a start."""

import numpy as np
import torch
import torch.nn.functional as F
from small_networks import blurred, small_network

from lfvideo_sr.frames import Size
from lfvideo_sr.matching import policy
from lfvideo_sr.media.resize import bicubic
from lfvideo_sr.methods import c2_matching
from lfvideo_sr.methods.c2_matching import search

ROUNDING = 1e-5


def shifted(size=(12, 14), reference=(17, 20), shift=(3, 4), channels=16):
    """Noise for a reference, and a part of it for a frame: each place lies `shift` (row, column) further there."""
    other = torch.randn(2, channels, *reference, generator=torch.Generator().manual_seed(0))
    other = F.normalize(other, dim=1)
    query = other[:, :, shift[0] : shift[0] + size[0], shift[1] : shift[1] + size[1]]
    y, x = torch.meshgrid(torch.arange(size[0]), torch.arange(size[1]), indexing="ij")
    expected = torch.stack([x + shift[1], y + shift[0]], -1) * 4 + 1.5  # centres of places, in pixels
    return query, other, expected


def inner(field):
    """Without the edge, where patches of the frame are cut and the reference's are not."""
    return field[:, 1:-1, 1:-1]


def test_search_finds_what_was_moved():
    query, other, expected = shifted()
    positions, relevance = search(query, other)
    assert positions.dtype == relevance.dtype == torch.float32
    assert torch.equal(inner(positions), inner(expected.expand(2, -1, -1, -1)))
    assert torch.allclose(inner(relevance), torch.ones(()), atol=1e-4)
    assert relevance.shape == (2, 12, 14) and relevance.min() >= 0 and relevance.max() <= 1


def test_a_field_covers_the_frame_up_to_its_edge():
    query, _, _ = shifted(shift=(0, 0), reference=(12, 14))
    positions, relevance = search(query, query)
    y, x = torch.meshgrid(torch.arange(12), torch.arange(14), indexing="ij")
    assert torch.equal(positions[0], torch.stack([x, y], -1) * 4 + 1.5) and relevance.min() > 0.999


def test_patchmatch_agrees_on_an_easy_case(monkeypatch):
    """Smooth features that move as one."""
    other = F.avg_pool2d(torch.randn(1, 16, 30, 34, generator=torch.Generator().manual_seed(1)), 3, 1, 1)
    query = other[:, :, 2:26, 5:31]
    exact = search(query, other)
    monkeypatch.setattr(policy, "EXACT_UNTIL", 0)
    monkeypatch.setattr(c2_matching, "exact_search_to_the_edge", None)  # must not be used
    by_patchmatch = search(query, other)
    assert torch.equal(inner(by_patchmatch[0]), inner(exact[0]))
    assert torch.allclose(inner(by_patchmatch[1]), inner(exact[1]), atol=ROUNDING)
    assert by_patchmatch[0].shape == exact[0].shape and by_patchmatch[1].shape == exact[1].shape


def test_patchmatch_goes_on_from_where_it_is_told(monkeypatch):
    """Noise: no neighbour's match helps, so from anywhere nearly nothing is found; from right positions all is."""
    monkeypatch.setattr(policy, "EXACT_UNTIL", 0)
    query, other, expected = shifted(size=(30, 30), reference=(36, 36))
    expected = expected.float().expand(2, -1, -1, -1)
    nearly = expected + torch.tensor([1.9, -1.9])  # pixels; within the same places
    assert torch.equal(inner(search(query, other, nearly)[0]), inner(expected))
    outside = torch.full_like(expected, 1e4)
    assert search(query, other, outside)[0].amax() <= 4 * 36


@torch.no_grad()
def test_a_frame_is_found_where_its_picture_was_moved():
    network = small_network("c2_matching")
    whole, reference = blurred(26, 28)
    frame = whole[..., 2:24, 3:25]
    positions, relevance = network.matcher(frame, network.encoder(reference))
    y, x = torch.meshgrid(torch.arange(22), torch.arange(22), indexing="ij")
    expected = torch.stack([x + 3, y + 2], -1)[None] * 4 + 1.5
    far = slice(6, -6)  # from the edge, of which the extractor sees so much
    assert torch.equal(positions[:, far, far], expected[:, far, far])
    assert relevance[:, far, far].min() > 0.999


def test_frames_are_enlarged_to_8_bits_as_training_shows_them():
    frame, large = blurred(9, 11)
    eight = (frame[0] * 255).round().to(torch.uint8)
    levels = c2_matching.enlarged(c2_matching.BicubicEnlarge(4), eight[None] / 255) * 255
    assert torch.allclose(levels, levels.round(), atol=1e-4) and large.shape == (1, 3, 36, 44)
    expected = bicubic(eight.numpy(), Size(44, 36)).astype(np.float32)
    inside = (slice(None), slice(8, -8), slice(8, -8))  # at the edge Pillow does not repeat it
    assert np.abs(levels[0].numpy() - expected)[inside].max() <= 1  # and it rounds after each pass
