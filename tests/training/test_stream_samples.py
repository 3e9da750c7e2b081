"""Training samples of stream_ref: pure functions of their numbers, with exact flow; rendered scenes are kept."""

import cv2
import numpy as np
import pytest

from lfvideo_sr.media.seed import pixel_grid
from lfvideo_sr.metrics import psnr_rgb
from lfvideo_sr.training.clips import Clip
from lfvideo_sr.training.scenes import load_scenes, rendered_views
from lfvideo_sr.training.stream_samples import ReferenceSamples, SampleSettings, Views, turned

SETTINGS = SampleSettings(crop=24, margin=4)


@pytest.fixture(scope="module")
def scene() -> Views:
    return rendered_views(np.random.default_rng(5), SETTINGS.window)


@pytest.fixture(scope="module")
def clip(scene) -> Clip:
    return Clip("rendered", np.repeat(scene.high, 4, 0), np.repeat(scene.low, 4, 0), 5.0)


def warped(picture, flow):
    x, y = np.meshgrid(*(np.arange(side, dtype=np.float32) for side in flow.shape[1::-1]))
    moved = cv2.remap(picture.transpose(1, 2, 0), x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR)
    return moved.transpose(2, 0, 1)


@pytest.mark.parametrize("seed", range(6))
def test_turning_keeps_exact_flow_exact(scene, seed):
    views = turned(np.random.default_rng(seed), scene)
    for slot in range(2):
        seen = views.visible[slot]
        moved = warped(np.ascontiguousarray(views.high[slot + 1]), np.ascontiguousarray(views.flow[slot]))
        error = np.abs(moved.astype(float) - views.high[0])[:, seen].mean()
        still = np.abs(views.high[slot + 1].astype(float) - views.high[0])[:, seen].mean()
        assert error < max(0.5 * still, 1.0)


def test_a_sample_is_a_pure_function_of_its_number(clip, scene):
    once, again = (ReferenceSamples([clip], [scene], SETTINGS, 3, rendered=0.5) for _ in range(2))
    for number in (0, 7):
        for key, value in once[number].items():
            assert np.array_equal(value, again[number][key])
    assert not np.array_equal(once[0]["frame"], once[1]["frame"])


def test_shapes_types_and_ranges(clip, scene):
    sample = ReferenceSamples([clip], [scene], SETTINGS, 0, rendered=0.5)[0]
    assert sample["frame"].shape == (3, 24, 24) and sample["frame"].dtype == np.float32
    assert sample["frame"].min() >= 0 and sample["frame"].max() <= 1
    assert sample["target"].shape == (3, 96, 96) and sample["target"].dtype == np.uint8
    assert sample["references"].shape == (2, 3, 128, 128) and sample["references"].dtype == np.uint8
    assert sample["seed"].shape == (2, 48, 48, 2) and sample["seed"].dtype == np.float32
    assert sample["flow"].shape == (2, 96, 96, 2) and sample["visible"].shape == (2, 96, 96)


def test_shares_of_missing_references(clip):
    samples = ReferenceSamples([clip], [], SETTINGS, 0, rendered=0.0)
    present = np.array([samples[number]["present"].sum() for number in range(200)])
    assert 0.05 < (present == 0).mean() < 0.22 and 0.04 < (present == 1).mean() < 0.2


def test_seeds_of_a_still_scene_point_at_themselves(clip):
    quiet = SampleSettings(24, 4, no_reference=0, wrong_reference=0, exposure_change=0, compressed=0, noisy_seed=0)
    still = Clip("still", np.repeat(clip.high[:1], 4, 0), np.repeat(clip.low[:1], 4, 0), 1.0)
    sample = ReferenceSamples([still], [], quiet, 0, rendered=0.0)[0]
    own = 2 * pixel_grid(*2 * [2 * SETTINGS.window])[8:56, 8:56] + 0.5
    assert np.abs(sample["seed"] - own).max() < 0.5
    inner = sample["references"][0, :, 16:112, 16:112]
    assert psnr_rgb(inner / 255.0, sample["target"] / 255.0) == np.inf


def test_scenes_are_rendered_once_and_kept(tmp_path):
    first = load_scenes(2, 24, tmp_path)
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npz")}
    again = load_scenes(2, 24, tmp_path)
    assert files == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npz")} and len(files) == 2
    assert all(np.array_equal(a.high, b.high) for a, b in zip(first, again))
