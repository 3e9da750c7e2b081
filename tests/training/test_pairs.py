"""Training pairs: what a sample is, and that it depends on its number alone."""

import cv2
import numpy as np
import pytest

from lfvideo_sr.frames import Size
from lfvideo_sr.media.resize import bicubic, degrade
from lfvideo_sr.trainers import restoration
from lfvideo_sr.training.pairs import (
    PairSettings,
    corners_moved,
    cut,
    pair_sample,
    perspective,
    warped,
)

SUBPIXEL = 0.05  # of the place of a bright dot
SIDE = 40


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (3, height, width), np.uint8)


def smooth(height, width, seed=0):
    small = np.random.default_rng(seed).random((3, height // 8 + 2, width // 8 + 2), np.float32)
    return (np.clip(bicubic(small, Size(width, height)), 0, 1) * 255).astype(np.uint8)


def same_place(height=64, width=64, seed=0):
    """A pair that shows the very same, so that what is done to one alone shows; a pixel's value tells its place."""
    picture = noise(height, width, seed)
    return lambda: (picture, picture.copy())


def alike(first, second):
    return first.keys() == second.keys() and all(np.array_equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize("turned", [False, True])
def test_what_a_sample_holds(turned):
    settings = PairSettings(side=32, reference_side=48, turned=turned)
    sample = pair_sample([same_place()], np.random.default_rng(0), settings)
    shapes = {name: (array.dtype, array.shape) for name, array in sample.items()}
    expected = {
        "target": (np.uint8, (3, 32, 32)),
        "frame": (np.float32, (3, 8, 8)),
        "reference": (np.uint8, (3, 48, 48)),
        "present": (np.float32, ()),
    }
    moved = {"turned": (np.uint8, (3, 32, 32)), "turned_frame": (np.float32, (3, 8, 8))}
    assert shapes == expected | (moved if turned else {})
    assert np.array_equal(sample["frame"], degrade(sample["target"].astype(np.float32) / 255).astype(np.float32))
    if turned:
        assert np.array_equal(
            sample["turned_frame"], degrade(sample["turned"].astype(np.float32) / 255).astype(np.float32)
        )


def test_what_is_turned_is_cut_where_the_target_is():
    """Both show much the same: they differ less than the target and the turned part of another picture."""
    settings = PairSettings(side=64, reference_side=256, turned=True)
    smooth = [bicubic(noise(8, 8, seed), Size(256, 256)) for seed in (0, 1)]  # nothing smaller than it is moved by
    apart = np.zeros(2)
    for number in range(8):
        made = [
            pair_sample([lambda picture=picture: (picture, picture)], np.random.default_rng(number), settings)
            for picture in smooth
        ]
        apart += [np.abs(sample["turned"].astype(float) - made[0]["target"]).mean() for sample in made]
    assert apart[0] < 0.6 * apart[1]


def test_without_perspective_the_reference_itself_is_restored_in_turn():
    """Equation 2 of RRSR: the same part of it as of the target, and nothing else of the sample changes."""
    settings = PairSettings(side=32, reference_side=64, turned=True, perspective=False)
    sample = pair_sample([same_place()], np.random.default_rng(0), settings)
    assert np.array_equal(sample["turned"], sample["target"])  # the two pictures are one
    other = pair_sample([same_place()], np.random.default_rng(0), PairSettings(side=32, reference_side=64, turned=True))
    assert all(np.array_equal(sample[name], other[name]) for name in ("target", "frame", "reference", "present"))
    assert not np.array_equal(sample["turned"], other["turned"])


def test_samples_are_functions_of_their_number():
    """Whatever was asked for before."""
    pairs = [same_place(seed=seed) for seed in range(3)]
    settings = PairSettings(32, 32, no_reference=0.5, turned=True)
    first = [restoration.sample(pairs, settings, 1, number) for number in range(4)]
    assert all(alike(restoration.sample(pairs, settings, 1, number), first[number]) for number in (3, 0, 2))
    assert not any(alike(first[0], other) for other in first[1:])
    assert not alike(restoration.sample(pairs, settings, 2, 0), first[0])


def test_flips_keep_the_pair():
    """Both pictures are turned alike: the part that was cut out is found in the whole reference, unturned to it."""
    settings, seen = PairSettings(side=16, reference_side=SIDE), set()
    plain = noise(SIDE, SIDE)
    turns = {(up, left, turn): _turned(plain, up, left, turn) for up in (0, 1) for left in (0, 1) for turn in (0, 1)}
    for number in range(100):
        sample = pair_sample([lambda: (plain, plain.copy())], np.random.default_rng(number), settings)
        (name,) = [name for name, turn in turns.items() if np.array_equal(turn, sample["reference"])]
        seen.add(name)
        whole, part = (np.ascontiguousarray(sample[key].transpose(1, 2, 0)) for key in ("reference", "target"))
        assert cv2.matchTemplate(whole, part, cv2.TM_SQDIFF).min() < 100  # rounding, where elsewhere millions stand
    assert seen == set(turns)  # flips and quarter turns


def _turned(picture, up, left, turn):
    picture = picture[:, ::-1] if up else picture
    picture = picture[:, :, ::-1] if left else picture
    return picture.swapaxes(1, 2) if turn else picture


def test_references_are_resized_without_keeping_their_shape():
    wide = smooth(40, 80)
    sample = pair_sample([lambda: (wide, wide)], np.random.default_rng(0), PairSettings(32, 24))
    small = bicubic(wide, Size(24, 24))
    turns = [_turned(small, up, left, turn) for up in (0, 1) for left in (0, 1) for turn in (0, 1)]
    assert sum(np.array_equal(sample["reference"], turn) for turn in turns) == 1


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_the_share_of_samples_without_a_reference(share):
    settings, load = PairSettings(16, 16, no_reference=share), same_place(16, 16)
    present = [float(pair_sample([load], np.random.default_rng(number), settings)["present"]) for number in range(200)]
    assert set(present) <= {0.0, 1.0}
    assert 1 - np.mean(present) == pytest.approx(share, abs=0.08)


def with_reference(pairs, number, side=SIDE, **shares):
    """A sample without a choice of place, so that shares change nothing but its reference."""
    return pair_sample(pairs, np.random.default_rng(number), PairSettings(side, side, **shares))


def test_another_exposure_is_a_function_of_the_value():
    pairs = [same_place(SIDE, SIDE)]
    for number in range(10):
        plain, other = with_reference(pairs, number), with_reference(pairs, number, exposure_change=1.0)
        assert np.array_equal(plain["target"], other["target"])
        assert not np.array_equal(plain["reference"], other["reference"])
        order = np.argsort(plain["reference"], axis=None)
        assert (np.diff(other["reference"].flatten()[order].astype(int)) >= 0).all()  # what was brighter still is


def test_a_reference_seen_from_elsewhere_shows_the_same_moved():
    pictures = [bicubic(noise(8, 8, seed), Size(160, 160)) for seed in (0, 1)]  # corners move by an eighth at most
    apart = np.zeros(2)
    for number in range(10):
        moved = with_reference([lambda: (pictures[0], pictures[0])], number, 160, seen_from_elsewhere=1.0)
        for which, photo in enumerate(pictures):
            plain = with_reference([lambda photo=photo: (photo, photo)], number, 160)
            apart[which] += np.abs(moved["reference"].astype(float) - plain["reference"]).mean()
    assert 0 < apart[0] < 0.8 * apart[1]


@pytest.mark.parametrize("share", [0.0, 0.6])
def test_the_share_of_wrong_references(share):
    """Of two pairs, every other wrong one is right by chance."""
    pairs = [lambda value=value: 2 * (np.full((3, SIDE, SIDE), value, np.uint8),) for value in (50, 200)]
    made = [with_reference(pairs, number, wrong_reference=share) for number in range(200)]
    wrong = np.mean([sample["target"][0, 0, 0] != sample["reference"][0, 0, 0] for sample in made])
    assert wrong == pytest.approx(share / 2, abs=0.08)


def test_cuts_reach_everywhere_and_small_pictures_are_mirrored():
    picture = noise(18, 20)
    seen = set()
    for number in range(120):
        part = cut(np.random.default_rng(number), picture, 16)
        (place,) = [
            (y, x) for y in range(3) for x in range(5) if np.array_equal(part, picture[:, y : y + 16, x : x + 16])
        ]
        seen.add(place)
    assert len(seen) == 15
    part = cut(np.random.default_rng(0), noise(5, 16), 16)
    assert np.array_equal(part[:, :5], noise(5, 16)) and np.array_equal(part[:, 5:10], noise(5, 16)[:, ::-1])


@pytest.mark.parametrize(("least", "most"), [(5, 20), (0, 10)])
def test_corners_move_by_so_many_pixels(least, most):
    corners = np.array([[[0, 0], [159, 0], [159, 119], [0, 119]]], np.float64)
    moves = []
    for number in range(200):
        homography = corners_moved(np.random.default_rng(number), (120, 160), least, most)
        moves.append(cv2.perspectiveTransform(corners, homography) - corners)
    moves = np.abs(moves), np.sign(moves)
    assert moves[0].min() >= least - 1e-3 and moves[0].max() <= most + 1e-3
    assert moves[0].min() < least + 0.5 and moves[0].max() > most - 0.5
    assert abs(moves[1].mean()) < 0.1  # either way


def dot(place, side=64):
    """A picture with one bright, round dot."""
    y, x = np.mgrid[:side, :side]
    bright = 250 * np.exp(-((x - place[0]) ** 2 + (y - place[1]) ** 2) / 8)
    return np.repeat(bright[None], 3, 0).astype(np.uint8)


def centre(picture):
    """(x, y) of what is bright."""
    weight = picture[0].astype(np.float64)
    y, x = np.mgrid[: weight.shape[0], : weight.shape[1]]
    return np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum()


def test_a_dot_moves_as_the_homography_says():
    for number in range(8):
        homography = corners_moved(np.random.default_rng(number), (64, 64), 1, 4)
        moved = centre(warped(dot((30, 24)), homography))
        expected = cv2.perspectiveTransform(np.array([[[30.0, 24.0]]]), homography)[0, 0]
        assert np.abs(moved - expected).max() < 3 * SUBPIXEL, number
        assert np.abs(moved - (30, 24)).max() > 0.3


def test_perspective_is_rrsrs():
    """Corners move by 5 to 20 pixels; the same box; mirrored beyond the edge, so that no black comes in."""
    picture = smooth(96, 80) // 2 + 100
    seen = perspective(np.random.default_rng(3), picture)
    homography = corners_moved(np.random.default_rng(3), (96, 80), 5, 20)
    assert np.array_equal(seen, warped(picture, homography))
    assert seen.shape == picture.shape and seen.min() >= 95
