"""Which clips are trained on, and at which scales."""

import numpy as np
import pytest
from small_clips import rendered, write_clip

from lfvideo_sr.errors import InputError
from lfvideo_sr.frames import Size
from lfvideo_sr.training import clips
from lfvideo_sr.training.clips import load_clips


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A clip of 128x96."""
    path = tmp_path_factory.mktemp("data")
    write_clip(path / "scene.mkv", rendered(0, 3, seed=3, size=Size(128, 96)))
    return path


def scales(folder, cache, **limits):
    return [clip.name.split("@")[1] for clip in load_clips(folder, ("scene.mkv",), cache, **limits)]


def test_a_clip_is_used_at_every_scale_that_is_large_enough(folder, tmp_path):
    assert scales(folder, tmp_path, smallest=48) == ["1.0", "0.75", "0.5"]
    assert scales(folder, tmp_path, smallest=64) == ["1.0", "0.75"]


def test_a_strongly_compressed_clip_is_used_small_only(folder, tmp_path, monkeypatch):
    stored = clips._bits_per_pixel(folder / "scene.mkv")
    monkeypatch.setattr(clips, "_FEWEST_BITS", stored * 1.5)  # too much for 1.0, enough for 0.75: 1 / 0.75^2 = 1.8
    assert scales(folder, tmp_path, smallest=48) == ["0.75", "0.5"]
    monkeypatch.setattr(clips, "_FEWEST_BITS", stored * 5)
    assert scales(folder, tmp_path, smallest=48) == []


def test_bits_per_pixel_are_those_of_the_file(folder):
    size = (folder / "scene.mkv").stat().st_size
    assert clips._bits_per_pixel(folder / "scene.mkv") == pytest.approx(8 * size / (3 * 128 * 96), rel=0.15)


def test_pictures_and_their_reductions_are_kept(folder, tmp_path):
    (first, *_), again = (load_clips(folder, ("scene.mkv",), tmp_path, smallest=64) for _ in range(2))
    assert first.high.shape == (3, 3, 96, 128) and first.low.shape == (3, 3, 24, 32) and first.high.dtype == np.uint8
    assert np.array_equal(first.high, again[0].high) and first.sharpness > 0


def test_a_run_that_is_killed_leaves_no_half_of_a_clip_to_another(folder, tmp_path, monkeypatch):
    """Two trainings may decode the same clip at once; what has its name is whole."""

    def killed_half_way(path, pictures):
        save(path, pictures[:1])
        raise KeyboardInterrupt

    save = np.save
    monkeypatch.setattr(clips.np, "save", killed_half_way)
    with pytest.raises(KeyboardInterrupt):
        load_clips(folder, ("scene.mkv",), tmp_path, smallest=64)
    assert not list(tmp_path.rglob("*.npy"))


def test_a_missing_clip_is_named(tmp_path):
    with pytest.raises(InputError, match=r"lacks 1 of 1 training clips, first gone\.mp4"):
        load_clips(tmp_path, ("gone.mp4",), tmp_path, smallest=48)
