"""Names and manifests of stills: which moment each means, and what is said where none is."""

from fractions import Fraction
from pathlib import Path
from unittest.mock import Mock

import cv2
import h5py
import numpy as np
import pytest
from hybrid_clips import SMALL, as_pixels, picture, pictures, write_still, write_tracks
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lfvideo_sr.errors import InputError, ReferencesMissing
from lfvideo_sr.frames import Size, StreamInfo
from lfvideo_sr.media.clock import Nearest, Timeline, frame_times
from lfvideo_sr.media.video import video_track
from lfvideo_sr.references.opening import ReferenceOptions, find_references
from lfvideo_sr.references.stills import read_places, stills_by_name

UNEVEN = [0, 40, 90, 210, 240, 500, 520, 560, 600]  # milliseconds of a clip of variable rate
TIMELINE = Timeline([Fraction(time, 1000) for time in UNEVEN])


def named(folder: Path, *names: str) -> Path:
    """Empty files: names are read without opening them."""
    for name in names:
        (folder / name).touch()
    return folder


def moments(folder: Path, index_base: int = 0) -> dict[str, float]:
    return {still.path.name: float(still.time) for still in stills_by_name(folder, TIMELINE, index_base).stills}


def find(clip: Path, refs: Path, **options):
    return find_references(clip, StreamInfo(clip.name, SMALL), ReferenceOptions(refs=refs, **options))


@pytest.fixture
def clip(tmp_path) -> Path:
    return write_tracks(tmp_path / "in.mkv", (pictures(9, SMALL), UNEVEN))


def test_a_plain_number_is_a_0_based_frame_index_with_that_frames_own_time(tmp_path):
    assert moments(named(tmp_path, "0.png", "frame_0003.png", "5-hr.jpg")) == {
        "0.png": 0, "frame_0003.png": 0.21, "5-hr.jpg": 0.5,
    }  # fmt: skip


def test_index_base_1_shifts_plain_numbers_only(tmp_path):
    (tmp_path / "numbers").mkdir()
    (tmp_path / "seconds").mkdir()
    assert moments(named(tmp_path / "numbers", "000001.png"), index_base=1) == {"000001.png": 0}
    assert moments(named(tmp_path / "seconds", "t0.5.png"), index_base=1) == {"t0.5.png": 0.5}


def test_seconds_in_a_name_take_the_frame_they_are_rounded_from(tmp_path):
    thirds = Timeline([Fraction(number, 30) for number in range(30)])
    still, between = stills_by_name(named(tmp_path, "t0.333.png", "t0.35.png"), thirds).stills
    assert still.time == Fraction(1, 3)
    assert between.time == Fraction("0.35")


@pytest.mark.parametrize("cut", [True, False], ids=["cut", "rounded"])
def test_milliseconds_in_a_name_mean_their_frame_whether_rounded_or_cut(tmp_path, cut):
    thirties = Timeline([Fraction(number, 30) for number in range(300)])
    milliseconds = [int(1000 * time) if cut else round(1000 * time) for time in thirties.times]
    names = [f"t{whole // 1000:02d}.{whole % 1000:03d}.png" for whole in milliseconds]
    assert [still.time for still in stills_by_name(named(tmp_path, *names), thirties).stills] == thirties.times


def test_seconds_count_from_the_first_frame(tmp_path):
    late = Timeline([Fraction(7, 5) + Fraction(number, 25) for number in range(25)])
    assert [still.time for still in stills_by_name(named(tmp_path, "t0.4.png"), late).stills] == [Fraction(9, 5)]


def test_mixed_names_show_both_readings(tmp_path):
    with pytest.raises(InputError, match=r"0-based frame index 3 = 0\.210 s; as seconds 3 is outside"):
        moments(named(tmp_path, "t0.1.png", "3.png"))


@pytest.mark.parametrize("name", ["9.png", "t0.7.png"])
def test_out_of_range_shows_both_readings_and_the_clip(tmp_path, name):
    with pytest.raises(InputError, match=r"as a 0-based frame index .*; as seconds .* 9 frames in 0\.640 s"):
        moments(named(tmp_path, name))


def test_frame_0_is_out_of_range_when_counting_from_1(tmp_path):
    with pytest.raises(InputError, match="1-based frame index 0 is no frame"):
        moments(named(tmp_path, "0.png"), index_base=1)


NAMELESS = ["cover.png", "IMG_20240101_120000.png", "t1.2.3.png", "IMG_0003.HEIC", "DSC00003.JPG", "_DSC0003.tif"]


@pytest.mark.parametrize("name", [*NAMELESS, "P1000003.jpg", "PXL_20240601_120000123.jpg", "GOPR0003.JPG"])
def test_a_name_without_a_place_and_a_cameras_number_tell_nothing(tmp_path, name):
    result = stills_by_name(named(tmp_path, name, "4.png"), TIMELINE)
    assert [path.name for path in result.unplaced] == [name] and [still.path.name for still in result.stills] == [
        "4.png"
    ]


def test_a_number_far_outside_the_clip_is_no_frame_and_says_how_it_was_read(tmp_path):
    result = stills_by_name(named(tmp_path, "01234.jpg", "t0.04.png"), TIMELINE)
    ((path, how),) = result.unplaced.items()
    assert path.name == "01234.jpg" and "0-based frame index 1234 is no frame" in how
    assert [float(still.time) for still in result.stills] == [0.04]


def test_an_offset_moves_seconds_and_not_frames(tmp_path):
    (tmp_path / "t").mkdir()
    (tmp_path / "n").mkdir()
    result = stills_by_name(named(tmp_path / "t", "t0.1.png", "t0.6.png"), TIMELINE, offset=Fraction("0.14"))
    assert [float(still.time) for still in result.stills] == [0.24]
    assert result.left_out == {tmp_path / "t" / "t0.6.png": "is outside the clip with --ref-offset +0.140"}
    (frame,) = stills_by_name(named(tmp_path / "n", "3.png"), TIMELINE, offset=Fraction(9)).stills
    assert float(frame.time) == 0.21


def test_two_stills_of_one_moment_are_refused(tmp_path):
    with pytest.raises(InputError, match="both belong to"):
        moments(named(tmp_path, "3.png", "003.png"))


def test_an_empty_folder_is_named_with_the_accepted_names(tmp_path, clip):
    (tmp_path / "empty").mkdir()
    named(tmp_path / "empty", "notes.txt", "._3.png")
    with pytest.raises(ReferencesMissing, match=r"empty holds no stills; .*refs\.csv"):
        find(clip, tmp_path / "empty")


def test_a_manifest_beats_names_and_counts_frames_or_seconds(tmp_path):
    named(tmp_path, "cover.png", "8.png")
    (tmp_path / "refs.csv").write_text("file, frame, time\ncover.png,3,\n8.png,,0.5\n")
    assert moments(tmp_path) == {"cover.png": 0.21, "8.png": 0.5}


def test_a_manifest_may_name_views_of_a_light_field(tmp_path):
    named(tmp_path, "centre.png")
    (tmp_path / "refs.csv").write_text('file,view\ncentre.png,"4,5"\n')
    assert read_places(tmp_path)[0].view == (4, 5)
    with pytest.raises(InputError, match="a video needs its time or frame"):
        moments(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,tme\na.png,1\n", "did you mean 'time'"),
        ("a.png,1\n", "no 'a.png' in the header"),
        ("", "file,time or file,frame is wanted"),
        ("file,time\n", "lists no stills"),
        ("file,time,frame\na.png,0.1,2\n", "line 2 .* fills file, time, frame"),
        ("file,time\nb.png,0.1\n", "b.png, which does not exist"),
        ("file,time\na.png,soon\n", "line 2 .* cannot be read"),
        ("file,time\na.png,nan\n", "line 2 .* cannot be read"),
        ("file,frame\na.png,-1\n", "out of range"),
    ],
)
def test_a_broken_manifest_names_its_line(tmp_path, text, message):
    named(tmp_path, "a.png")
    (tmp_path / "refs.csv").write_text(text)
    with pytest.raises((InputError, ValueError), match=message):
        moments(tmp_path)


def test_stills_of_4x_are_aligned_and_others_resampled_or_left(tmp_path, clip):
    folder = tmp_path / "stills"
    exact, double, tall = picture(1), picture(2, Size(256, 192)), picture(3, Size(60, 90))
    write_still(folder / "0.png", exact)
    write_still(folder / "2.png", double)
    write_still(folder / "5.png", tall)
    source = find(clip, folder)
    assert "3 stills" in source.description and "resampled to 128x96 where the aspect agrees" in source.description
    first, second, third = source
    assert [each.aligned for each in (first, second, third)] == [True, False, False]
    assert [float(each.time) for each in (first, second, third)] == [0, 0.09, 0.5]
    np.testing.assert_array_equal(first.load(), as_pixels(exact))
    assert second.load().shape == (3, 96, 128)
    assert third.load().shape == (3, 90, 60)
    assert first.origin.endswith("stills/0.png") and len({first, second, third}) == 3


def test_a_still_between_frames_is_not_aligned(tmp_path, clip):
    write_still(tmp_path / "stills" / "t0.123.png", picture(1))
    assert [each.aligned for each in find(clip, tmp_path / "stills")] == [False]


@pytest.mark.parametrize("kept", [0, 40, 0.5])
@pytest.mark.parametrize("ending", ["png", "jpg", "tif"])
def test_a_broken_still_is_left_out_by_name_and_the_others_serve(tmp_path, clip, kept, ending):
    path = write_still(tmp_path / "stills" / f"2.{ending}", picture(1))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept) if kept < 1 else kept])
    with pytest.raises(ReferencesMissing, match=rf"2\.{ending} is no picture that can be read"):
        find(clip, tmp_path / "stills")
    write_still(tmp_path / "stills" / "5.png", picture(1))
    source = find(clip, tmp_path / "stills")
    assert [Path(reference.origin).name for reference in source] == ["5.png"]
    assert [warning.partition(" that")[0] for warning in source.warnings] == [f"left out: 2.{ending} is no picture"]


def test_a_still_that_claims_far_more_than_its_file_holds_is_left_out(tmp_path, clip):
    write_still(tmp_path / "stills" / "5.png", picture(1))
    Image.new("1", (2000, 2000)).save(tmp_path / "stills" / "2.png")
    source = find(clip, tmp_path / "stills")
    assert len(list(source)) == 1 and "2.png claims 4 million pixels" in source.warnings[0]


def test_a_still_that_the_system_does_not_read_is_an_error(tmp_path, clip, monkeypatch):
    """It may be read the next time, and a run that goes on later has to have the same references."""
    write_still(tmp_path / "stills" / "2.png", picture(1))
    write_still(tmp_path / "stills" / "5.png", picture(1))
    monkeypatch.setattr(np, "fromfile", Mock(side_effect=OSError(5, "Input/output error")))
    with pytest.raises(InputError, match=r"\.png cannot be read \(Input/output error\)"):
        find(clip, tmp_path / "stills")


def test_stills_are_decoded_once_each_when_they_are_loaded(tmp_path, clip, monkeypatch):
    for index in (0, 2, 5):
        write_still(tmp_path / "stills" / f"{index}.{'jpg' if index else 'png'}", picture(index))
    decoded = []
    decode = cv2.imdecode
    monkeypatch.setattr(cv2, "imdecode", lambda *arguments: decoded.append(1) or decode(*arguments))
    references = list(find(clip, tmp_path / "stills"))
    assert len(references) == 3 and not decoded
    assert [reference.load().shape for reference in references] == [(3, 96, 128)] * 3 and len(decoded) == 3


def test_one_picture_may_be_named(tmp_path, clip):
    (reference,) = find(clip, write_still(tmp_path / "hr_0001.png", picture(1)), index_base=1)
    assert reference.time == 0


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels_last", [True, False])
def test_hdf5_pictures_are_read_by_frame_or_time(tmp_path, clip, dtype, channels_last):
    shown = np.stack(pictures(2)).astype(dtype) * (257 if dtype == np.uint16 else 1)
    with h5py.File(tmp_path / "refs.h5", "w") as file:
        file["images"] = shown if channels_last else shown.transpose(0, 3, 1, 2)
        file["frames" if channels_last else "times"] = [3, 5] if channels_last else [0.21, 0.5]
    source = find(clip, tmp_path / "refs.h5")
    references = list(source)
    assert [float(each.time) for each in references] == [0.21, 0.5] and all(each.aligned for each in references)
    np.testing.assert_allclose(references[1].load(), as_pixels(picture(1)), atol=1e-6)
    assert "2 pictures" in source.description and references[0].load().flags["C_CONTIGUOUS"]


@pytest.mark.parametrize("shape", [(2, 1), (1, 2)])
def test_hdf5_may_have_another_byte_order_and_its_moments_as_a_row_or_a_column(tmp_path, clip, shape):
    with h5py.File(tmp_path / "refs.h5", "w") as file:
        file["images"] = (np.stack(pictures(2)).astype(np.uint16) * 257).astype(">u2")
        file["frames"] = np.array([3, 5], ">i4").reshape(shape)
    references = list(find(clip, tmp_path / "refs.h5"))
    assert [float(each.time) for each in references] == [0.21, 0.5]
    np.testing.assert_allclose(references[1].load(), as_pixels(picture(1)), atol=1e-6)


@pytest.mark.parametrize(
    ("datasets", "message"),
    [
        ({"pictures": np.zeros((1, 4, 4, 3), np.uint8)}, "holds pictures; wanted: images"),
        ({"images": np.zeros((1, 4, 4, 3), np.uint8)}, "holds images; wanted: images"),
        ({"images": np.zeros((1, 4, 4, 3), np.float32), "frames": [0]}, "is float32"),
        ({"images": np.zeros((2, 4, 4, 3), np.uint8), "frames": [0]}, "give one each"),
        ({"images": np.zeros((1, 4, 4, 3), np.uint8), "frames": [9]}, "9 frames"),
        ({"images": np.zeros((1, 4, 4, 3), np.uint8), "times": [7.0]}, "lasts 0.640 s"),
        ({"images": np.zeros((2, 4, 4, 3), np.uint8), "frames": [3, 3]}, "do not rise"),
        ({"images": np.zeros((0, 4, 4, 3), np.uint8), "frames": np.zeros(0)}, "is empty"),
    ],
)
def test_a_wrong_hdf5_says_what_is_wanted(tmp_path, clip, datasets, message):
    with h5py.File(tmp_path / "refs.h5", "w") as file:
        for key, data in datasets.items():
            file[key] = data
    with pytest.raises(InputError, match=message):
        find(clip, tmp_path / "refs.h5")


def test_no_hdf5_at_all(tmp_path, clip):
    with pytest.raises(InputError, match="cannot be opened as HDF5"):
        find(clip, named(tmp_path, "refs.h5") / "refs.h5")


@pytest.mark.parametrize("ending", ["mkv", "mp4"])
def test_frame_times_are_those_of_the_decoded_frames(tmp_path, ending):
    path = write_tracks(tmp_path / f"clip.{ending}", (pictures(9, SMALL), UNEVEN))
    assert [float(time) for time in frame_times(video_track(path))] == [time / 1000 for time in UNEVEN]


@given(st.sets(st.integers(0, 1000), min_size=1), st.lists(st.integers(-10, 1010)), st.integers(0, 50))
def test_nearest_agrees_with_looking_at_everything(items, asked, tolerance):
    stream = Nearest(iter(sorted(items)), time_of=Fraction)
    for time in sorted(asked):
        nearest = stream.at(Fraction(time), Fraction(tolerance))
        best = min(abs(item - time) for item in items)
        assert abs(nearest - time) == best if best <= tolerance else nearest is None
