"""Clips recorded as cameras and recorders do: real encoders, made once, a pure function of clip and number."""

import numpy as np
import pytest

from lfvideo_sr.errors import InputError
from lfvideo_sr.frames import Size
from lfvideo_sr.media.resize import bicubic
from lfvideo_sr.training.clips import Clip
from lfvideo_sr.training.footage import Recording, random_recording, record_all, recorded
from lfvideo_sr.training.scenes import rendered_views


@pytest.fixture(scope="module")
def clip() -> Clip:
    high = rendered_views(np.random.default_rng(2), 64, 4).high
    return Clip("scene", high, np.stack([bicubic(picture, Size(64, 64)) for picture in high]), 5.0)


def recorded_as(clip, **what):
    return np.stack(list(recorded(iter(clip.high), Recording(**what), np.random.default_rng(0))))


def error(low, clip):
    return np.sqrt(np.mean((low.astype(float) - clip.low) ** 2))


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_an_encoder_takes_its_toll_by_its_quality(clip, codec):
    quick = ("preset", "ultrafast")
    quiet = (("x265-params", "log-level=none"),) if codec == "libx265" else ()
    good, poor = (recorded_as(clip, codec=codec, options=(("crf", crf), quick, *quiet)) for crf in ("18", "36"))
    assert good.shape == clip.low.shape and good.dtype == np.uint8
    assert 0.5 < error(good, clip) < 0.7 * error(poor, clip)
    assert np.abs((good.astype(float) - clip.low).mean((0, 2, 3))).max() < 1.5, "colours are read as they were written"


def test_without_an_encoder_a_recording_is_the_reduction(clip):
    assert error(recorded_as(clip), clip) < 0.7
    assert error(recorded_as(clip, way="gauss"), clip) > 2 * error(recorded_as(clip), clip)
    noisy = recorded_as(clip, noise=3.0)
    assert 2 < error(noisy, clip) < 4


def test_recordings_are_made_once_and_are_the_same_again(clip, tmp_path):
    first = record_all([clip], 2, tmp_path)[0]
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy")}
    again = record_all([clip], 2, tmp_path)[0]
    assert len(first) == 3 and len(files) == 2
    assert files == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy")}
    assert all(np.array_equal(footage.low, other.low) for footage, other in zip(first, again))
    assert first[1].recording.codec is None and first[2].recording.codec is not None
    anew = record_all([clip], 2, tmp_path / "elsewhere")[0]
    assert np.array_equal(anew[2].low, first[2].low)


def test_a_recording_of_another_length_in_the_cache_is_named(clip, tmp_path):
    record_all([clip], 1, tmp_path)
    (path,) = tmp_path.rglob("*.npy")
    np.save(path, np.load(path)[:-1])
    with pytest.raises(InputError, match=r"\.npy holds 5 frames, scene 6; remove it to make it anew"):
        record_all([clip], 1, tmp_path)


def test_cameras_are_drawn_from_what_people_have():
    rng = np.random.default_rng(0)
    drawn = [random_recording(rng, 30000, compressed=True) for _ in range(200)]
    assert {recording.codec for recording in drawn} == {"libx264", "libx265"}
    assert {recording.way for recording in drawn} >= {"bicubic", "area", "lanczos", "bilinear", "gauss"}
    crfs = [int(dict(recording.options)["crf"]) for recording in drawn if not recording.bit_rate]
    assert min(crfs) <= 20 and max(crfs) >= 34 and any(recording.bit_rate for recording in drawn)
    assert max(abs(recording.phase_x) for recording in drawn) <= 0.5
    assert all(random_recording(rng, 30000, compressed=False).codec is None for _ in range(20))
