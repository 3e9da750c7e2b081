"""Training samples of stream_ref: pure functions of their numbers, with exact flow; rendered scenes are kept."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from torch.utils.data import ConcatDataset

from lfvideo_sr.camera.reduction import papers_taps, reduction_taps
from lfvideo_sr.matching.seed import pixel_grid
from lfvideo_sr.metrics import psnr_rgb
from lfvideo_sr.training.footage import Footage, Recording
from lfvideo_sr.training.scenes import load_grids, load_scenes, rendered_views
from lfvideo_sr.training.stream_samples import ReferenceSamples, SampleSettings, Views, turned

SETTINGS = SampleSettings(frames=3, crop=24, margin=4)
QUIET = replace(
    SETTINGS, at_reference=0, no_reference=0, one_reference=0, wrong_reference=0, alone=0, exposure_change=0,
    small_change=0, moved=0, noisy_seed=0,
)  # fmt: skip


@pytest.fixture(scope="module")
def scene() -> Views:
    return rendered_views(np.random.default_rng(5), SETTINGS.window, SETTINGS.frames)


@pytest.fixture(scope="module")
def clip(scene) -> list[Footage]:
    return [footage(np.repeat(scene.high, 4, 0), np.repeat(scene.low, 4, 0))]


def footage(high, low) -> Footage:
    return Footage("rendered", high, low, papers_taps(), Recording(), 5.0)


def warped(picture, flow):
    x, y = np.meshgrid(*(np.arange(side, dtype=np.float32) for side in flow.shape[1::-1]))
    moved = cv2.remap(picture.transpose(1, 2, 0), x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR)
    return moved.transpose(2, 0, 1)


@pytest.mark.parametrize("seed", range(6))
def test_turning_keeps_exact_flow_exact(scene, seed):
    views = turned(np.random.default_rng(seed), scene)
    for target, slot in np.ndindex(SETTINGS.frames, 2):
        seen, reference = views.visible[target, slot], views.high[SETTINGS.frames + slot]
        moved = warped(np.ascontiguousarray(reference), np.ascontiguousarray(views.flow[target, slot]))
        error = np.abs(moved.astype(float) - views.high[target])[:, seen].mean()
        still = np.abs(reference.astype(float) - views.high[target])[:, seen].mean()
        assert error < max(0.5 * still, 1.0)


def test_a_sample_is_a_pure_function_of_its_number(clip, scene):
    once, again = (ReferenceSamples([clip], [scene], SETTINGS, 3, rendered=0.5) for _ in range(2))
    for number in (0, 7):
        for key, value in once[number].items():
            assert np.array_equal(value, again[number][key])
    assert not np.array_equal(once[0]["frames"], once[1]["frames"])


def test_shapes_types_and_ranges(clip, scene):
    sample = ReferenceSamples([clip], [scene], SETTINGS, 0, rendered=0.5)[0]
    assert sample["frames"].shape == (3, 3, 24, 24) and sample["frames"].dtype == np.float32
    assert sample["frames"].min() >= 0 and sample["frames"].max() <= 1
    assert sample["targets"].shape == (3, 3, 96, 96) and sample["targets"].dtype == np.uint8
    assert sample["references"].shape == (2, 3, 128, 128) and sample["references"].dtype == np.uint8
    assert sample["sides"].shape == (2, 3, 32, 32) and sample["taps"].shape == (2, 24)
    assert sample["seeds"].shape == (3, 2, 48, 48, 2) and sample["seeds"].dtype == np.float32
    assert sample["follow"].shape == (3, 48, 48, 2)
    assert sample["flow"].shape == (3, 2, 96, 96, 2) and sample["visible"].shape == (3, 2, 96, 96)


def test_shares_of_missing_references(clip):
    samples = ReferenceSamples([clip], [], SETTINGS, 0, rendered=0.0)
    present = np.array([samples[number]["present"].sum() for number in range(100)])
    assert 0.1 < (present == 0).mean() < 0.3 and 0.04 < (present == 1).mean() < 0.2


def test_seeds_of_a_still_scene_point_at_themselves(clip):
    still = footage(np.repeat(clip[0].high[:1], 12, 0), np.repeat(clip[0].low[:1], 12, 0))
    sample = ReferenceSamples([[still]], [], QUIET, 0, rendered=0.0)[0]
    places = 2 * pixel_grid(*2 * [2 * SETTINGS.window])[8:56, 8:56] + 0.5
    assert np.abs(sample["seeds"] - places).max() < 0.5
    assert np.abs(sample["follow"] - (places - 16)).max() < 0.5
    inner = sample["references"][0, :, 16:112, 16:112]
    assert psnr_rgb(inner / 255.0, sample["targets"][0] / 255.0) == np.inf


def test_references_stand_beside_their_own_frames_or_beside_what_the_camera_would_make_of_them(clip):
    """Recorded darker than the truth: only a reference that stands alone has a side as bright as itself."""
    dark = footage(clip[0].high, clip[0].low // 2)
    with_frames, alone = (
        ReferenceSamples([[dark]], [], replace(QUIET, alone=share), 0, rendered=0.0)[3] for share in (0, 1)
    )
    bright = with_frames["references"].mean() / 255
    assert with_frames["sides"].mean() == pytest.approx(bright / 2, rel=0.1)
    assert alone["sides"].mean() == pytest.approx(bright, rel=0.1)


def test_a_camera_off_the_middle_never_goes_without_references(clip):
    taps = np.stack([reduction_taps("area", phase=0.3)] * 2)
    samples = ReferenceSamples([[replace(clip[0], taps=taps)]], [], SETTINGS, 0, rendered=0.0)
    assert all(samples[number]["present"].any() for number in range(60))


def test_scenes_are_rendered_once_and_kept(tmp_path):
    first = [load_scenes(2, 24, 1, tmp_path)[number] for number in range(2)]
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npz")}
    again = [load_scenes(2, 24, 1, tmp_path)[number] for number in range(2)]
    assert files == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npz")} and len(files) == 2
    assert all(np.array_equal(a.high, b.high) for a, b in zip(first, again))


def test_only_scenes_that_are_asked_for_are_rendered_and_a_line_says_so(tmp_path, capsys):
    scenes = ConcatDataset([load_scenes(300, 24, 1, tmp_path), load_grids(200, 24, 1, tmp_path)])
    assert len(scenes) == 500 and capsys.readouterr().out == "" and list(tmp_path.rglob("*.npz")) == []
    samples = ReferenceSamples([], scenes, SampleSettings(frames=1, crop=8, margin=8, wrong_reference=0), 0, rendered=1)
    samples[0]
    (made,) = tmp_path.rglob("*.npz")
    printed = capsys.readouterr().out
    assert printed.startswith("rendering   ") and str(made.parent) in printed
    samples[0]
    assert capsys.readouterr().out == "" and [made] == list(tmp_path.rglob("*.npz"))
