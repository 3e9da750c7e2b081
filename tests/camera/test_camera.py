"""The camera model reduces as the kernels it is named after, up to the edges, and says which they are."""

import numpy as np
import pytest
from small_clips import rendered

from lfvideo_sr.camera.model import CameraModel
from lfvideo_sr.errors import ShapeError
from lfvideo_sr.frames import Size
from lfvideo_sr.media.resize import bicubic

PICTURE = rendered(0, 1, seed=3, size=Size(192, 128))[0]
KERNELS = ("bicubic", "area", "lanczos", "bilinear", "gauss 2")


def test_the_papers_camera_reduces_as_the_papers():
    assert np.abs(CameraModel.papers().reduce(PICTURE) - bicubic(PICTURE, Size(48, 32))).max() < 1e-6


def test_area_is_the_mean_of_what_a_pixel_covers():
    means = PICTURE.reshape(3, 32, 4, 48, 4).mean((2, 4))
    assert np.abs(CameraModel.named("area").reduce(PICTURE) - means).max() < 1e-6


def test_half_a_phase_is_two_output_pixels():
    moved = CameraModel.named("lanczos", 0.5).reduce(PICTURE)[:, 4:-4, 4:-4]
    expected = CameraModel.named("lanczos").reduce(np.roll(PICTURE, (-2, -2), (1, 2)))[:, 4:-4, 4:-4]
    assert np.abs(moved - expected).max() < 0.01  # the outermost lobes of a moved lanczos are cut off


@pytest.mark.parametrize("phase", [-1.0, 0.0, 0.5, 1.0])
@pytest.mark.parametrize("name", KERNELS)
def test_a_flat_picture_stays_flat_up_to_its_edges(name, phase):
    reduced = CameraModel.named(name, phase).reduce(np.full((3, 16, 24), 0.4, np.float32))
    assert reduced.shape == (3, 4, 6)
    assert reduced.dtype == np.float32
    assert np.abs(reduced - 0.4).max() < 1e-5


def test_axes_have_taps_of_their_own():
    taps = np.stack([CameraModel.named("area").taps[0], CameraModel.papers().taps[1]])
    turned = CameraModel(taps[::-1].copy()).reduce(np.ascontiguousarray(PICTURE.swapaxes(1, 2))).swapaxes(1, 2)
    assert np.abs(CameraModel(taps).reduce(PICTURE) - turned).max() < 1e-6


def test_colours_are_changed_after_the_reduction():
    colours = np.array([[0.9, 0.1, 0, 0.02], [0, 0.8, 0, 0], [0, 0, 1.1, -0.05]], np.float32)
    plain = CameraModel.papers()
    changed = CameraModel(plain.taps, colours).reduce(PICTURE)
    assert changed[0] == pytest.approx(0.9 * plain.reduce(PICTURE)[0] + 0.1 * plain.reduce(PICTURE)[1] + 0.02, abs=1e-5)


@pytest.mark.parametrize(
    ("name", "phase", "text"),
    [
        ("bicubic", 0.0, "bicubic, phase 0.0"),
        ("area", 0.5, "area, phase 0.5"),
        ("lanczos", 0.0, "lanczos, phase 0.0"),
        ("bilinear", -0.25, "bilinear, phase -0.2"),
        ("gauss 2", 0.0, "gauss sigma 2, phase 0.0"),
    ],
)
def test_it_names_its_kernel(name, phase, text):
    assert str(CameraModel.named(name, phase)) == text


def test_it_says_what_becomes_of_colours():
    dimmed = np.eye(3, 4, dtype=np.float32) * np.float32(0.87)
    assert str(CameraModel(CameraModel.named("area").taps, dimmed)) == "area, phase 0.0, gain 0.87"


def test_two_pixels_apart_are_no_known_kernel():
    taps = np.zeros((2, 24), np.float32)
    taps[:, [6, 17]] = 0.5
    assert str(CameraModel(taps)) == "unknown kernel, phase 0.0"


@pytest.mark.parametrize("shape", [(3, 15, 16), (3, 16, 18), (16, 16)])
def test_a_picture_of_another_shape_is_refused(shape):
    with pytest.raises(ShapeError, match=r"\[C,4h,4w\] is wanted"):
        CameraModel.papers().reduce(np.zeros(shape, np.float32))


def test_other_taps_are_refused():
    with pytest.raises(ShapeError, match=r"\[2,24\]"):
        CameraModel(np.zeros((2, 16), np.float32))
