"""The plainest change of colours that explains a difference is found, and a change that nobody sees is not made."""

import numpy as np
import pytest

from lfvideo_sr.camera.colour_transfer import IDENTITY, ColourTransfer, fit_colours, unclipped_blocks

COLOURS = np.random.default_rng(0).uniform(0.05, 0.85, (500, 3)).astype(np.float32)
OFFSET = np.array([5, 10, 3]) / 255
MATRIX = np.array([[0.7, 0.2, 0.1, 0.01], [0.1, 0.8, 0.05, 0], [0, 0.2, 0.75, -0.02]], np.float32)


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("gain 0.87", lambda colours: colours * 0.87),
        ("gamma 1.25", lambda colours: colours**1.25),
        ("gains 1.10 1.00 0.85", lambda colours: colours * [1.1, 1, 0.85]),
        ("gains 0.90 0.80 0.85, offset +5 +10 +3", lambda colours: colours * [0.9, 0.8, 0.85] + OFFSET),
        ("a colour matrix", lambda colours: colours @ MATRIX[:, :3].T + MATRIX[:, 3]),
    ],
)
def test_the_plainest_change_that_explains_it(text, change):
    transfer = fit_colours(COLOURS, change(COLOURS).astype(np.float32))
    assert text in str(transfer)
    assert np.abs(transfer.of_colours(COLOURS) - change(COLOURS)).max() < 0.01


def test_a_third_that_shows_something_else_counts_for_nothing():
    target = COLOURS * np.float32(0.8)
    target[::3] = COLOURS[::-1][::3]
    assert str(fit_colours(COLOURS, target)) == "gain 0.80"


def test_a_change_that_nobody_sees_is_not_made():
    assert fit_colours(COLOURS, COLOURS * np.float32(0.995)) is IDENTITY


def test_few_colours_tell_nothing():
    assert fit_colours(COLOURS[:5], 0.5 * COLOURS[:5]) is IDENTITY


def test_a_picture_changes_as_its_colours_do():
    picture = np.ascontiguousarray(COLOURS.T.reshape(3, 20, 25))
    transfer = ColourTransfer(MATRIX, 1.2)
    expected = np.clip(transfer.of_colours(COLOURS), 0, 1)
    assert np.abs(transfer(picture).reshape(3, -1).T - expected).max() < 1e-5
    assert IDENTITY(picture) is picture


def test_a_block_with_a_clipped_pixel_is_known():
    picture = np.full((3, 8, 12), 0.5, np.float32)
    picture[1, 5, 9] = 1
    assert unclipped_blocks(picture, 4).tolist() == [True, True, True, True, True, False]
