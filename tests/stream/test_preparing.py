"""References on their way to the engine: brought to the frame of their moment, beside its decoded picture."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from lfvideo_sr.camera.reduction import papers_taps, reduce_by, reduction_taps
from lfvideo_sr.frames import Frame, Size, TimeStamp
from lfvideo_sr.media.resize import bicubic
from lfvideo_sr.references.reference import Reference
from lfvideo_sr.stream.preparing import Preparation
from lfvideo_sr.synthetic import random_scene, render

SIZE = Size(384, 256)
AREA, GAUSS = (np.stack([reduction_taps(way)] * 2) for way in ("area", "gauss"))


@pytest.fixture(scope="module")
def scene():
    return random_scene(np.random.default_rng(4), width=SIZE.width)


@pytest.fixture(scope="module")
def sharp(scene) -> np.ndarray:
    return render(scene, 0.0, SIZE).astype(np.float32)


def frame_of(sharp, index=0, taps=None) -> Frame:
    low = np.clip(reduce_by(papers_taps() if taps is None else taps, sharp), 0, 1)
    return Frame(np.round(low * 255).astype(np.float32) / 255, index, TimeStamp(index, Fraction(1, 25)))


def reference(pixels, frame, late=Fraction(0), **more) -> Reference:
    time = frame.stamp.seconds + late
    return Reference(("test", float(time), pixels.shape), time, "test", lambda: pixels, frame=frame, **more)


def test_an_exact_reference_passes_as_it_is_beside_its_own_frame(sharp):
    frame = frame_of(sharp)
    prepared = Preparation(4)(reference(sharp, frame))
    assert prepared.picture is not None and np.array_equal(prepared.picture.pixels, sharp)
    assert prepared.reference.side.low is frame.pixels
    assert prepared.changes == prepared.why == ""


def test_another_exposure_passes_in_the_frames_colours(sharp):
    brighter = np.clip(sharp * 1.15, 0, 1)
    prepared = Preparation(4)(reference(brighter, frame_of(sharp)))
    assert prepared.picture is not None and "colours" in prepared.changes
    assert np.abs(prepared.picture.pixels - sharp).mean() < 0.15 * np.abs(brighter - sharp).mean()


def test_a_reference_is_asked_once_for_detail_that_its_frame_lacks(sharp):
    frame = frame_of(sharp)
    loads = []

    def asked(pixels, **more):
        made = replace(reference(pixels, frame, **more), load=lambda: loads.append(1) or pixels)
        preparation = Preparation(4)
        return [preparation.adds_detail(made, frame) for _ in range(2)]

    enlarged = np.clip(bicubic(frame.pixels, SIZE), 0, 1)
    assert asked(sharp) == [True, True] and asked(enlarged) == [False, False] and len(loads) == 2
    assert asked(enlarged, generated=True) == [True, True]  # an anchor


def test_a_reference_that_shows_something_else_gets_no_side(sharp, scene):
    other = render(random_scene(np.random.default_rng(9), width=SIZE.width), 0.0, SIZE).astype(np.float32)
    prepared = Preparation(4)(reference(other, frame_of(sharp)))
    assert prepared.picture is None and prepared.reference.side is None
    assert "something else" in prepared.why
    assert prepared.reference.load() is other


def test_between_two_frames_a_reference_stands_beside_what_the_camera_makes_of_it(sharp):
    frame = frame_of(sharp)
    prepared = Preparation(4)(reference(sharp, frame, late=Fraction(1, 50)))
    assert prepared.picture is None and prepared.why == ""
    assert prepared.reference.side.low is not frame.pixels
    assert np.abs(prepared.reference.side.low - frame.pixels).max() < 0.01


def test_pixels_that_are_not_known_to_be_the_frames_are_not_passed(sharp):
    prepared = Preparation(4)(reference(sharp, frame_of(sharp), aligned=False))
    assert prepared.picture is None and prepared.reference.side is not None


def test_an_anchor_is_what_was_made_of_its_frame(sharp):
    frame = frame_of(sharp)
    prepared = Preparation(4)(reference(sharp, frame, generated=True))
    assert prepared.picture.pixels is sharp and prepared.reference.side.low is frame.pixels


def test_the_camera_is_learned_from_the_references(scene):
    preparation = Preparation(4)
    assert preparation.camera is None
    for index in (0, 8, 16):
        sharp = render(scene, float(index), SIZE).astype(np.float32)
        prepared = preparation(reference(sharp, frame_of(sharp, index, AREA)))
        assert prepared.picture is not None
    assert preparation.camera.startswith("area")
    low, taps, _ = prepared.reference.side  # of the camera, and of what its frames are filtered by
    errors = [np.square(reduce_by(kernel, sharp) - low)[:, 4:-4, 4:-4].mean() for kernel in (taps, papers_taps())]
    assert errors[0] < 0.2 * errors[1]


def test_frames_and_sides_are_equalised_once_the_first_reference_has_shown_how(sharp, scene):
    preparation = Preparation(4)
    frame = frame_of(sharp, taps=GAUSS)
    assert preparation.equalised(frame) is frame
    side = preparation(reference(sharp, frame)).reference.side
    equalised = preparation.equalised(frame)
    assert side.decoded and np.array_equal(side.low, equalised.pixels)
    aim = reduce_by(papers_taps(), sharp)
    assert np.square(equalised.pixels - aim).mean() < 0.2 * np.square(frame.pixels - aim).mean()
    found = preparation.equaliser
    preparation(reference(sharp, frame, late=Fraction(1, 50)))  # of no moment of its own: as bicubic makes it
    for index in (8, 16):
        later = render(scene, float(index), SIZE).astype(np.float32)
        preparation(reference(later, frame_of(later, index, GAUSS)))
    assert preparation.equaliser is found and preparation.camera.startswith("gauss")
    assert preparation.camera.endswith("frames brought to bicubic")


def test_a_reference_that_had_to_be_moved_shows_nothing_of_the_filter(sharp):
    preparation = Preparation(4)
    turned = np.ascontiguousarray(np.roll(sharp, 9, 2))
    preparation(reference(turned, frame_of(sharp, taps=GAUSS)))
    assert preparation.equaliser is None


def test_the_papers_frames_stay_as_they_are(sharp):
    preparation = Preparation(4)
    frame = frame_of(sharp)
    preparation(reference(sharp, frame))
    assert preparation.equaliser is None and preparation.equalised(frame) is frame


def test_a_reference_is_prepared_once_while_it_is_in_use(sharp):
    frame, loads = frame_of(sharp), []
    reference = Reference(("once",), Fraction(0), "test", lambda: loads.append(1) or sharp, frame=frame)
    preparation = Preparation(4)
    assert preparation(reference) is preparation(reference) and loads == [1]
