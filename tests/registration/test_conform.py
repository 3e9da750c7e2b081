"""A reference as it comes is brought to its frame, left alone where it is exact, and judged."""

import cv2
import numpy as np
import pytest
from small_clips import rendered

from lfvideo_sr.camera.model import CameraModel
from lfvideo_sr.errors import ShapeError
from lfvideo_sr.frames import Size
from lfvideo_sr.media.resize import bicubic, degrade
from lfvideo_sr.registration.conform import Conformed, conform

SIZE = Size(512, 384)
PICTURE = rendered(0, 1, seed=3, size=SIZE)[0] * np.float32(0.8)
FRAME = degrade(PICTURE)
OTHER = rendered(0, 1, seed=11, size=SIZE)[0]
MIDDLE = (SIZE.width / 2, SIZE.height / 2)


def seen_through(transform: np.ndarray, size: Size = SIZE) -> np.ndarray:
    """The picture as another framing shows it: what lies at p is seen at transform(p)."""
    flags, border = cv2.INTER_LANCZOS4, cv2.BORDER_REFLECT
    seen = [cv2.warpAffine(plane, transform, size, flags=flags, borderMode=border) for plane in PICTURE]
    return np.clip(np.stack(seen), 0, 1)


def shift(across: float, down: float) -> np.ndarray:
    return np.array([[1, 0, across], [0, 1, down]], np.float64)


def fidelity(conformed: Conformed) -> float:
    """PSNR in dB of what is valid against the exact picture, 8 pixels from the edge."""
    assert conformed.picture.shape == PICTURE.shape
    off = ((conformed.picture - PICTURE) ** 2)[:, 8:-8, 8:-8]
    if conformed.valid is not None:
        off = off[:, conformed.valid[8:-8, 8:-8]]
    return float(-10 * np.log10(off.mean() + 1e-12))


def test_an_exact_picture_comes_back_bit_for_bit():
    conformed = conform(FRAME, PICTURE)
    assert conformed.picture is PICTURE
    assert conformed.agrees and not conformed.changed
    assert (conformed.valid, conformed.why, conformed.changes()) == (None, "", "")


def test_noise_of_an_encoder_does_not_make_an_exact_picture_fail():
    rng = np.random.default_rng(0)
    noisy = np.clip(FRAME + rng.normal(0, 6 / 255, FRAME.shape), 0, 1).astype(np.float32)
    conformed = conform(noisy, PICTURE)
    assert conformed.agrees and conformed.picture is PICTURE


def test_another_phase_of_the_camera_is_no_displacement():
    camera = CameraModel.named("area", 0.5)
    frame = camera.reduce(PICTURE)
    assert conform(frame, PICTURE, camera).picture is PICTURE
    assert conform(frame, PICTURE).transform is not None


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("gain 0.87", lambda picture: picture * 1.15),
        ("gamma", lambda picture: picture**0.8),
        ("gains", lambda picture: picture * np.array([1.1, 1, 0.85], np.float32)[:, None, None]),
    ],
)
def test_other_colours_become_the_frames(name, changed):
    picture = np.clip(changed(PICTURE), 0, 1).astype(np.float32)
    conformed = conform(FRAME, picture)
    assert conformed.agrees and conformed.transform is None
    assert name in conformed.changes()
    assert fidelity(conformed) > 38 > 32 > float(-10 * np.log10(((picture - PICTURE) ** 2).mean()))


def test_where_a_bright_picture_was_clipped_stands_the_frame():
    picture = np.clip(PICTURE * 1.6, 0, 1).astype(np.float32)
    clipped = picture == 1
    assert clipped.mean() > 0.01
    conformed = conform(FRAME, picture)
    gain = float(conformed.colours.matrix[0, 0])
    flat = np.abs(gain - PICTURE)[clipped].mean()
    assert np.abs(conformed.picture - PICTURE)[clipped].mean() < 0.5 * flat


@pytest.mark.parametrize(
    ("text", "transform"),
    [
        ("moved by 60.", shift(60, 0)),
        ("moved by 2.", shift(2, 0)),
        ("turned by -1.0", cv2.getRotationMatrix2D(MIDDLE, 1, 1.03)),
        ("scaled by 1.08", cv2.getRotationMatrix2D(MIDDLE, -3, 0.925)),
    ],
)
def test_another_framing_becomes_the_frames(text, transform):
    conformed = conform(FRAME, seen_through(transform))
    assert conformed.agrees, conformed.why
    assert text.split()[0] in conformed.changes()
    assert fidelity(conformed) > 34
    mapped = conformed.transform @ [100, 90, 1]
    assert mapped == pytest.approx(transform @ [100, 90, 1], abs=0.3)


def test_where_the_picture_shows_nothing_is_not_valid():
    conformed = conform(FRAME, seen_through(shift(-40, 0)))
    assert conformed.valid is not None
    assert not conformed.valid[:, :38].any() and conformed.valid[:, 44:].all()
    enlarged = np.clip(bicubic(FRAME, SIZE), 0, 1)
    assert np.abs(conformed.picture - enlarged)[:, :, :36].mean() < 0.02


def test_a_larger_picture_of_another_aspect():
    """Twice the scale, and more above and below than the frame shows."""
    wide = np.ascontiguousarray(PICTURE[:, 48:336])
    large = np.clip(bicubic(PICTURE, Size(1024, 768)), 0, 1).astype(np.float32)
    conformed = conform(degrade(wide), large)
    assert conformed.agrees, conformed.why
    assert conformed.picture.shape == wide.shape
    assert float(-10 * np.log10(((conformed.picture - wide) ** 2).mean())) > 32


def test_something_else_is_said_and_left_alone():
    conformed = conform(FRAME, OTHER)
    assert not conformed.agrees and not conformed.changed
    assert conformed.picture is OTHER
    assert "something else" in conformed.why


def test_what_moved_between_the_two_is_left_where_it_is():
    picture = PICTURE.copy()
    picture[:, 100:260, 150:400] = np.roll(picture[:, 100:260, 150:400], (6, 10), (1, 2))
    conformed = conform(FRAME, picture)
    assert conformed.picture is picture
    assert not conformed.agrees
    assert "another moment" in conformed.why


def test_a_flat_picture_is_only_coloured():
    flat = np.full_like(FRAME, 0.4)
    conformed = conform(flat, np.full_like(PICTURE, 0.5))
    assert conformed.transform is None


@pytest.mark.parametrize(
    ("frame", "picture", "scale"),
    [((3, 4), (3, 16, 16), 4), ((3, 4, 4), (1, 16, 16), 4), ((3, 4, 4), (3, 8, 8), 2)],
)
def test_other_shapes_are_refused(frame, picture, scale):
    with pytest.raises(ShapeError, match="are wanted"):
        conform(np.zeros(frame, np.float32), np.zeros(picture, np.float32), scale=scale)
