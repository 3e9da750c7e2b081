"""How much detail can be carried between frames: on rendered scenes, and on frames made to be right or wrong."""

import numpy as np
import pytest
from small_clips import rendered

from lfvideo_sr.frames import Size
from lfvideo_sr.media.resize import bicubic, degrade
from lfvideo_sr.stream.carrying import GRID, carried_both_ways, texture_of

LARGE = Size(640, 448)


@pytest.fixture(scope="module")
def moments() -> dict[int, np.ndarray]:
    """Low-resolution frames of one moving scene, by their moments."""
    return {moment: degrade(rendered(moment, 1, seed=3, size=LARGE)[0]) for moment in (0, 1, 4, 12)}


def mean_share(frame: np.ndarray, other: np.ndarray) -> float:
    """Of the first one's detail."""
    look = texture_of(frame)
    share, _ = carried_both_ways(look, texture_of(other))
    return float((share * look.detail).sum() / look.detail.sum())


def test_a_frame_has_all_of_itself_and_less_the_further_away(moments):
    shares = [mean_share(moments[0], moments[distance]) for distance in (0, 1, 4, 12)]
    assert shares[0] > 0.99
    assert shares[0] > shares[1] > shares[2] > shares[3]
    assert shares[1] > 0.6


def test_another_scene_has_next_to_nothing(moments):
    assert mean_share(moments[0], degrade(rendered(0, 1, seed=11, size=LARGE)[0])) < 0.25


def test_what_has_left_the_picture_cannot_be_carried(moments):
    wide = degrade(rendered(0, 1, seed=3, size=Size(800, 448))[0])
    left, right = wide[:, :, :184].copy(), wide[:, :, 16:].copy()
    share, _ = carried_both_ways(texture_of(left), texture_of(right))
    assert share[:, 0].mean() < 0.4 < 0.8 < share[:, 1:].mean()


def test_a_blurred_frame_has_little_to_give_but_can_be_given(moments):
    height, width = moments[0].shape[1:]
    small = bicubic(moments[0], Size(width // 3, height // 3))
    blurred = np.clip(bicubic(small, Size(width, height)), 0, 1).astype(np.float32)
    assert texture_of(blurred).detail.mean() < 0.3 * texture_of(moments[0]).detail.mean()
    assert mean_share(moments[0], blurred) < 0.15 < 0.4 < mean_share(blurred, moments[0])


def test_a_flat_frame_has_no_detail():
    flat = texture_of(np.full((3, 40, 60), 0.5, np.float32))
    assert flat.detail == pytest.approx(0, abs=1e-3)
    for share in carried_both_ways(flat, flat):
        assert np.isfinite(share).all()


@pytest.mark.parametrize("size", [(1, 1), (5, 300), (300, 5), (90, 1000), (7, 7)])
def test_any_size_is_looked_at(size):
    pixels = np.random.default_rng(0).random((3, *size), np.float32)
    look = texture_of(pixels)
    assert max(look.luma.shape) <= 192 and look.texture.shape == look.luma.shape
    for share in carried_both_ways(look, texture_of(pixels[:, ::-1].copy())):
        assert share.shape == GRID and ((share >= 0) & (share <= 1)).all()
