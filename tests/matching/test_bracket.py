"""Fields of compressed frames, corrected by the motion between the references around them."""

import cv2
import numpy as np
import pytest

from lfvideo_sr.matching.bracket import Bracket
from lfvideo_sr.matching.seed import FlowSeeder, in_pixels, pixel_grid

HEIGHT, WIDTH, STRIDE = 96, 160, 2
GRID = in_pixels(pixel_grid(HEIGHT, WIDTH), STRIDE)
ERROR = 2.0  # of a search, output pixels squared


def patchy(seed: int, squared: float = ERROR) -> np.ndarray:
    """What a search on compressed frames errs by: in patches, of this mean square; float32 [h,w,2]."""
    noise = np.random.default_rng(seed).normal(size=(HEIGHT, WIDTH, 2)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 4)
    return smooth * np.sqrt(squared / (smooth**2).sum(-1).mean())


def bracket(motion: np.ndarray, error: float = ERROR) -> Bracket:
    """Of two references between which each row moves evenly along itself, as `half_moving` has it."""
    cells = np.full((HEIGHT * STRIDE // 16, WIDTH * STRIDE // 16), error, np.float32)
    return Bracket(STRIDE, motion, -motion, cells)


def half_moving(by: float) -> np.ndarray:
    """Displacements along rows: none in the upper half, `by` in the lower one."""
    motion = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    motion[HEIGHT // 2 :, :, 0] = by
    return motion


def missed(positions: np.ndarray, motion: np.ndarray) -> float:
    """Root mean square distance from the truth, in output pixels, away from the border."""
    return float(np.sqrt(((positions - GRID - motion) ** 2).sum(-1)[8:-8, 8:-8].mean()))


@pytest.mark.parametrize("share", [0.25, 0.5, 0.7])
@pytest.mark.parametrize("ahead, drift", [(0.0, 0.0), (0.15, 0.0), (0.1, 3.0)])
def test_patches_of_error_go_and_edges_of_motion_stay(share, ahead, drift):
    """Also where the motion is faster at first than later, or the whole picture was shaken."""
    motion = half_moving(12.0)
    gone = share + ahead
    truth = [-gone * motion + np.float32(drift), (1 - gone) * motion + np.float32(drift)]
    error = patchy(1)
    found = [GRID + field + error for field in truth]  # the frame's own error, the same in both
    corrected = bracket(motion).corrected(*found, share)
    for mine, field, before, gap in zip(corrected, truth, found, (share, 1 - share)):
        assert missed(mine, field) < (1 - 0.8 * gap) * missed(before, field)  # a search over a short time errs less
        edge = (mine - GRID)[HEIGHT // 2 - 4 : HEIGHT // 2 + 4, 8:-8, 0].mean(1)
        assert np.abs(edge - field[HEIGHT // 2 - 4 : HEIGHT // 2 + 4, 0, 0]).max() < 1.0


def test_fields_of_clean_frames_stay_as_they_are():
    motion = half_moving(12.0)
    found = [GRID - 0.5 * motion + patchy(1), GRID + 0.5 * motion + patchy(2)]
    for mine, before in zip(bracket(motion, error=0.0).corrected(*found, 0.5), found):
        np.testing.assert_allclose(mine, before, atol=1e-4)


def test_what_moves_in_its_own_way_keeps_its_field():
    """A thing that was elsewhere in between: the motion from one reference to the other knows nothing of it."""
    motion = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    truth = motion.copy()
    truth[30:60, 60:100] = 14.0
    corrected, _ = bracket(motion).corrected(GRID + truth, GRID + truth, 0.5)
    moved = (corrected - GRID)[36:54, 68:92]
    assert np.abs(moved - 14.0).mean() < 1.0


def test_fields_that_contradict_each_other_stay_as_they_are():
    """One of the references does not show the place."""
    motion = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    lost = patchy(3, squared=4.0)
    lost[30:70, 50:110] += 40.0
    corrected, _ = bracket(motion).corrected(GRID + lost, GRID + motion, 0.5)
    assert np.abs(corrected - GRID - lost)[36:64, 60:100].max() < 0.5


def textured(seed: int = 0) -> np.ndarray:
    """A picture on the field's grid, uint8 [h,w]."""
    noise = cv2.GaussianBlur(np.random.default_rng(seed).random((HEIGHT, WIDTH), np.float32), (0, 0), 1.5)
    return (255 * (noise - noise.min()) / np.ptp(noise)).astype(np.uint8)


def warped(picture: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Each place shows what was `by` output pixels away."""
    at = (GRID + by - (STRIDE - 1) / 2) / STRIDE
    return cv2.remap(picture, at.astype(np.float32), None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


def test_the_error_of_a_search_is_that_of_the_decoded_frames_against_the_sharp_ones():
    first = textured()
    second = np.roll(first, 3, 1)
    seeder = FlowSeeder(4, STRIDE)
    exact = Bracket.of(seeder, (first, second), (first, second), coded=1.0)
    assert np.abs(np.median(exact.forth, (0, 1)) - [6, 0]).max() < 0.3
    assert np.abs(np.median(exact.back, (0, 1)) - [-6, 0]).max() < 0.3
    moved = warped(second, patchy(4))
    wrong = Bracket.of(seeder, (first, second), (first, moved), coded=1.0)
    assert np.median(exact.error) < 0.1
    assert 0.3 * ERROR < np.median(wrong.error) < 2 * ERROR
    half = Bracket.of(seeder, (first, second), (first, moved), coded=0.5)
    np.testing.assert_allclose(half.error, wrong.error / 2, rtol=1e-5)


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (8, 8), (17, 100)])
def test_small_pictures_pass(shape):
    flat = np.full(shape, 100, np.uint8)
    made = Bracket.of(FlowSeeder(4, STRIDE), (flat, flat), (flat, flat), coded=1.0)
    own = in_pixels(pixel_grid(*shape), STRIDE)
    for mine in made.corrected(own, own, 0.5):
        assert mine.shape == (*shape, 2) and mine.dtype == np.float32
        np.testing.assert_allclose(mine, own, atol=0.1)
