"""The camera of a stream is found from pairs of picture and frame: clean, compressed, with things that move."""

from pathlib import Path

import av
import numpy as np
import pytest
from small_clips import rendered

from lfvideo_sr.camera.fit import CameraFit
from lfvideo_sr.camera.model import CameraModel
from lfvideo_sr.errors import ShapeError
from lfvideo_sr.frames import Size
from lfvideo_sr.media.resize import to_float, to_uint8
from lfvideo_sr.metrics import psnr_y

PICTURES = rendered(0, 2, seed=3, size=Size(512, 384)) + rendered(0, 1, seed=11, size=Size(512, 384))
NAMES = ("bicubic", "area", "lanczos", "bilinear", "gauss 2")


def frame_of(picture: np.ndarray, camera: CameraModel) -> np.ndarray:
    """As a camera gives it, rounded to 8 bits."""
    return to_float(to_uint8(camera.reduce(picture)))


def fitted(camera: CameraModel, *pictures: np.ndarray) -> CameraFit:
    fit = CameraFit()
    for picture in pictures:
        assert fit.add(frame_of(picture, camera), picture)
    return fit


def error(estimate: CameraModel, true: CameraModel) -> float:
    return float(np.linalg.norm(estimate.taps - true.taps) / np.linalg.norm(true.taps))


def through_encoder(frames: list[np.ndarray], path: Path, crf: int) -> list[np.ndarray]:
    with av.open(str(path), "w") as target:
        stream = target.add_stream("libx264", 25, options={"crf": str(crf)})
        stream.height, stream.width, stream.pix_fmt = *frames[0].shape[1:], "yuv444p"
        for frame in frames:
            rgb = np.ascontiguousarray(to_uint8(frame).transpose(1, 2, 0))
            target.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        target.mux(stream.encode())
    with av.open(str(path)) as source:
        return [to_float(frame.to_ndarray(format="rgb24")).transpose(2, 0, 1) for frame in source.decode(video=0)]


def test_without_pairs_it_is_the_papers_camera():
    fit = CameraFit()
    assert fit.pairs == 0
    assert np.array_equal(fit.model.taps, CameraModel.papers().taps)


@pytest.mark.parametrize("phase", [0.0, 0.5])
@pytest.mark.parametrize("name", NAMES)
def test_each_known_kernel_is_found(name, phase):
    camera = CameraModel.named(name, phase)
    estimate = fitted(camera, PICTURES[0]).model
    assert error(estimate, camera) < 0.03
    assert str(estimate) == str(camera)


def test_a_kernel_nobody_named_is_found():
    """Sharper than any: free taps follow it, which no known kernel could."""
    lanczos, gauss = CameraModel.named("lanczos").taps, CameraModel.named("gauss 3").taps
    camera = CameraModel((1.5 * lanczos - 0.5 * gauss).astype(np.float32))
    estimate = fitted(camera, *PICTURES).model
    nearest = min(error(CameraModel.named(name), camera) for name in NAMES)
    assert error(estimate, camera) < 0.5 * nearest


def test_a_gain_is_found_and_said():
    camera = CameraModel(CameraModel.named("area").taps, np.eye(3, 4, dtype=np.float32) * np.float32(0.87))
    assert str(fitted(camera, PICTURES[0]).model) == "area, phase 0.0, gain 0.87"


@pytest.mark.parametrize(("name", "crf"), [("bicubic", 28), ("area", 20)])
def test_a_compressed_frame_is_not_taken_for_a_blurrier_camera(name, crf, tmp_path):
    camera = CameraModel.named(name)
    clean = [frame_of(picture, camera) for picture in PICTURES]
    fit = CameraFit()
    for frame, picture in zip(through_encoder(clean, tmp_path / "low.mkv", crf), PICTURES):
        assert fit.add(frame, picture)
    assert error(fit.model, camera) < 0.1
    assert psnr_y(fit.model.reduce(PICTURES[0]), clean[0]) > 45


def test_what_has_moved_between_the_two_counts_for_nothing():
    camera = CameraModel.named("bilinear")
    picture = PICTURES[0].copy()
    picture[:, 100:220, 150:330] = np.roll(picture[:, 100:220, 150:330], (5, 9), (1, 2))
    fit = CameraFit()
    assert fit.add(frame_of(PICTURES[0], camera), picture)
    assert error(fit.model, camera) < 0.05


def test_a_pair_in_which_everything_has_moved_is_left_out():
    camera = CameraModel.named("area")
    fit = fitted(camera, PICTURES[0], PICTURES[2])
    fit.add(frame_of(np.roll(PICTURES[1], 2, 2), camera), PICTURES[1])
    assert fit.pairs == 2
    assert error(fit.model, camera) < 0.03


def test_pictures_of_something_else_and_flat_ones_are_not_used():
    fit, camera = CameraFit(), CameraModel.papers()
    assert not fit.add(frame_of(PICTURES[0], camera), PICTURES[2])
    flat = np.full_like(PICTURES[0], 0.5)
    assert not fit.add(frame_of(flat, camera), flat)
    assert fit.pairs == 0


def test_no_more_than_eight_pairs_are_kept():
    camera = CameraModel.named("area")
    small = [np.ascontiguousarray(PICTURES[0][:, :128, 16 * k : 16 * k + 192]) for k in range(9)]
    assert fitted(camera, *small).pairs == 8


def test_a_picture_of_another_size_is_refused():
    with pytest.raises(ShapeError, match="64x48 is wanted: conform it first"):
        CameraFit().add(np.zeros((3, 12, 16), np.float32), np.zeros((3, 48, 60), np.float32))
