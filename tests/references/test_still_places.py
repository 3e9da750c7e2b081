"""Stills whose names tell no time are placed by their clock and by what they show; clocks that are off are found."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from small_stills import HIGH, LOW, RATE, framed_otherwise, scene, write_clip, write_photo

from lfvideo_sr.errors import InputError, UsageError
from lfvideo_sr.frames import Size, StreamInfo
from lfvideo_sr.media.clock import Timeline, frame_times
from lfvideo_sr.media.images import read_image
from lfvideo_sr.media.sequence_source import clip_info
from lfvideo_sr.references import placing
from lfvideo_sr.references.capture_time import CaptureTime, capture_time, moments_within, recording_starts
from lfvideo_sr.references.offset import parse_offset
from lfvideo_sr.references.opening import ReferenceOptions, find_references
from lfvideo_sr.references.still_references import StillReferences
from lfvideo_sr.references.thumbnails import Scale, thumbnail_of

BEGAN = datetime(2024, 6, 1, 10, 0, 0)  # UTC


def find(clip: Path, refs: Path, offset: str | None = None, size: Size = LOW):
    options = ReferenceOptions(refs=refs, offset=parse_offset(offset))
    return find_references(clip, StreamInfo(clip.name, size), options)


def frames(source) -> dict[str, float]:
    """The frame that each reference belongs to."""
    return {Path(reference.origin).name: round(float(reference.time) * RATE, 3) for reference in source}


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    return write_clip(tmp_path_factory.mktemp("placing") / "in.mkv")


# --- by content ------------------------------------------------------------------------------------------------------


def test_stills_of_another_exposure_and_framing_find_their_frames(tmp_path, clip):
    for number in (7, 30, 52):
        write_photo(tmp_path / "stills" / f"IMG_{number}.jpg", framed_otherwise(scene(number)))
    source = find(clip, tmp_path / "stills")
    assert isinstance(source, StillReferences)
    indices = frames(source)
    assert all(abs(indices[f"IMG_{number}.jpg"] - number) <= 1 for number in (7, 30, 52)), indices
    assert all(still.by == "content" and (still.sure or 0) > 0.6 for still in source.stills)
    assert source.estimates[0].startswith("IMG_7.jpg at 0.") and "(by content, sure 0." in source.estimates[0]


def test_a_clip_that_goes_away_while_it_is_searched_is_named(tmp_path):
    for number in range(3):
        write_photo(tmp_path / "clip" / f"{number}.png", scene(number))
    write_photo(tmp_path / "stills" / "a.jpg", scene(1))
    seen = placing.SeenClip(video := clip_info(tmp_path / "clip"), Timeline(frame_times(video)), Scale(1.5))
    for path in (tmp_path / "clip").iterdir():
        path.unlink()
    with pytest.raises(InputError, match=r"changed while it was searched: no frame decodes now; run the command again"):
        seen.find([thumbnail_of(read_image(tmp_path / "stills" / "a.jpg"))])
    with pytest.raises(InputError, match="the input changed while it was read, and has no frames now"):
        Timeline([])


def test_stills_of_other_aspects_find_their_frames(tmp_path, clip):
    write_photo(tmp_path / "stills" / "more.png", scene(21, margin=40))
    write_photo(tmp_path / "stills" / "less.png", np.ascontiguousarray(scene(35)[:, 48:-48]))
    indices = frames(find(clip, tmp_path / "stills"))
    assert abs(indices["more.png"] - 21) <= 1 and abs(indices["less.png"] - 35) <= 1


def test_stills_are_upright_and_the_clip_lies_on_its_side(tmp_path):
    clip = write_clip(tmp_path / "in.mp4", count=20, turns=1)
    write_photo(tmp_path / "stills" / "IMG_1.jpg", framed_otherwise(scene(13)))
    assert abs(frames(find(clip, tmp_path / "stills", size=Size(*LOW[::-1])))["IMG_1.jpg"] - 13) <= 1


def test_a_long_clip_is_seen_at_a_cadence_first(tmp_path, clip, monkeypatch):
    """Of 60 frames 15 are looked at, then those around the likely ones."""
    monkeypatch.setattr(placing, "_MOST", 15)
    for number in (6, 31, 53):
        write_photo(tmp_path / "stills" / f"IMG_{number}.jpg", framed_otherwise(scene(number)))
    indices = frames(find(clip, tmp_path / "stills"))
    assert all(abs(indices[f"IMG_{number}.jpg"] - number) <= 1 for number in (6, 31, 53)), indices


def test_sizes_of_a_clip_on_its_side_are_said_upright(tmp_path):
    clip = write_clip(tmp_path / "in.mp4", count=3, turns=1)
    write_photo(tmp_path / "stills" / "1.png", np.ascontiguousarray(scene(1)[: LOW.height, : LOW.width]))
    upright = r"1\.png is 96x64, no larger than the clip's frames \(96x64\)"
    with pytest.raises(InputError, match=upright):
        find(clip, tmp_path / "stills", size=Size(64, 96))


def test_two_stills_of_one_frame_both_serve(tmp_path, clip):
    for name in ("IMG_1.jpg", "IMG_2.jpg"):
        write_photo(tmp_path / "stills" / name, framed_otherwise(scene(20)))
    assert len(frames(find(clip, tmp_path / "stills"))) == 2


def test_times_in_names_are_taken_as_they_are_and_the_rest_is_estimated(tmp_path, clip):
    write_photo(tmp_path / "stills" / "3.png", scene(40))
    write_photo(tmp_path / "stills" / "DSC00012.JPG", framed_otherwise(scene(25)))
    source = find(clip, tmp_path / "stills")
    indices = frames(source)
    assert indices["3.png"] == 3 and abs(indices["DSC00012.JPG"] - 25) <= 1
    (line,) = source.estimates
    assert line.startswith("DSC00012.JPG at ") and line.endswith("; its number is taken for a camera's)")


def test_a_still_that_fits_nowhere_is_left_out_by_name(tmp_path, clip):
    noise = np.random.default_rng(9).integers(0, 256, (32, 48, 3)).astype(np.uint8)
    write_photo(tmp_path / "stills" / "IMG_1.jpg", framed_otherwise(scene(12)))
    write_photo(tmp_path / "stills" / "IMG_2.jpg", cv2.resize(noise, HIGH, interpolation=cv2.INTER_CUBIC))
    source = find(clip, tmp_path / "stills")
    assert list(frames(source)) == ["IMG_1.jpg"]
    (warning,) = source.warnings
    assert warning.startswith("left out: IMG_2.jpg fits nowhere in the clip (its number is taken for a camera's; ")
    (tmp_path / "stills" / "IMG_1.jpg").unlink()
    with pytest.raises(InputError, match=r"holds no still of in\.mkv: IMG_2\.jpg fits nowhere .*accepted names: t12"):
        find(clip, tmp_path / "stills")


# --- by clock --------------------------------------------------------------------------------------------------------


def blank(number: int) -> np.ndarray:
    """A picture of nothing in the clip, so that its clock alone can place it."""
    noise = np.random.default_rng(number).integers(0, 256, (32, 48, 3)).astype(np.uint8)
    return cv2.resize(noise, HIGH, interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize(
    ("tags", "shift", "offset"),
    [
        ({"creation_time": "2024-06-01T10:00:00Z"}, 0, "+00:00"),
        ({"creation_time": "2024-06-01T10:00:00Z"}, 2, ""),  # a camera that knows no time zone
        ({"creation_time": "2024-06-01T10:00:00Z"}, 5.5, ""),
        ({"creation_time": "2024-06-01T10:00:00Z"}, 5.5, "+05:30"),
        ({"com.apple.quicktime.creationdate": "2024-06-01T12:00:00+0200"}, 2, ""),
    ],
)
def test_exif_places_what_content_does_not(tmp_path, tags, shift, offset):
    local = BEGAN + timedelta(hours=shift)
    write_photo(tmp_path / "stills" / "IMG_1.jpg", blank(1), local + timedelta(seconds=1), offset, parts="20")
    clip = write_clip(tmp_path / "in.mov", **tags)
    source = find(clip, tmp_path / "stills")
    assert frames(source) == {"IMG_1.jpg": 30}
    assert source.estimates == ["IMG_1.jpg at 1.20 s (by EXIF; its number is taken for a camera's)"]


def test_content_says_which_end_of_the_recording_was_stamped(tmp_path):
    clip = write_clip(tmp_path / "in.mov", creation_time="2024-06-01T10:00:00Z")  # lasts 2.4 s, and that is its end
    for number in (10, 40):
        taken = BEGAN - timedelta(seconds=2.4) + timedelta(seconds=number / RATE)
        parts = f"{taken.microsecond // 10000:02d}"
        write_photo(tmp_path / "stills" / f"IMG_{number}.jpg", framed_otherwise(scene(number)), taken, "+00:00", parts)
    source = find(clip, tmp_path / "stills")
    indices = frames(source)
    assert all(abs(indices[f"IMG_{number}.jpg"] - number) <= 1 for number in (10, 40))
    assert all(still.by == "EXIF and content" for still in source.stills)


def test_a_name_with_a_date_serves_where_exif_is_missing(tmp_path):
    clip = write_clip(tmp_path / "in.mov", creation_time="2024-06-01T10:00:00Z")
    write_photo(tmp_path / "stills" / "PXL_20240601_120001200.png", blank(2))
    assert frames(find(clip, tmp_path / "stills")) == {"PXL_20240601_120001200.png": 30}


@pytest.mark.parametrize("ending", ["jpg", "png", "tif", "webp", "avif", "heic"])
def test_exif_is_read_of_every_format(tmp_path, ending):
    if ending == "heic":
        pytest.importorskip("pillow_heif").register_heif_opener()
    path = write_photo(tmp_path / f"a.{ending}", blank(3), datetime(2024, 6, 1, 12, 0, 5), "+02:00", "250")
    expected = Fraction(datetime(2024, 6, 1, 10, 0, 5, tzinfo=UTC).timestamp()) + Fraction(1, 4)
    assert capture_time(path) == CaptureTime(expected, zoned=True, origin="EXIF")


@pytest.mark.parametrize(
    ("name", "seconds"),
    [("IMG_20240601_100005.jpg", 5), ("20240601_100005.jpg", 5), ("PXL_20240601_100005500.jpg", 5.5),
     ("Screenshot 2024-06-01 at 10.00.05.png", 5), ("IMG_20249901_100005.jpg", None), ("IMG_0042.jpg", None)],
)  # fmt: skip
def test_times_in_names(tmp_path, name, seconds):
    (tmp_path / name).touch()
    captured = capture_time(tmp_path / name)
    began = BEGAN.replace(tzinfo=UTC).timestamp()
    assert (None if captured is None else float(captured.seconds) - began) == seconds


def test_a_clock_that_was_never_set_tells_nothing(tmp_path):
    clip = write_clip(tmp_path / "in.mov", creation_time="1970-01-01T00:00:00Z")
    assert recording_starts(clip, Fraction(2)) == []
    path = write_photo(tmp_path / "a.jpg", blank(4), datetime(1980, 1, 1))
    assert capture_time(path) is None


def test_one_shift_serves_all_and_a_named_zone_is_not_shifted():
    start = CaptureTime(Fraction(0), True, "creation_time")
    hour, length = 3600, Fraction(10)
    local = [CaptureTime(Fraction(2 * hour + at), False, "EXIF") for at in (1, 9)]
    assert moments_within(local, [start], length)[0] == [1, 9]
    zoned = CaptureTime(Fraction(2 * hour + 1), True, "EXIF")
    assert moments_within([zoned], [start], length) == []
    astray = CaptureTime(Fraction(9 * hour + 100), False, "EXIF")
    assert moments_within([*local, astray], [start], length) == [[1, 9, None]]


# --- --ref-offset ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", ["0.7", "auto"])
def test_a_track_whose_clock_is_off(tmp_path, clip, offset):
    """References begin 0.7 s (17.5 frames: taken between this clip's frames) into the clip, but say 0."""
    late = write_clip(tmp_path / "sharp.mkv", first=17.5, count=30, size=HIGH)
    source = find(clip, late, offset)
    first = next(iter(source))
    assert abs(float(first.time) - 0.7) <= (0.001 if offset == "0.7" else 0.03)
    assert ("--ref-offset auto: +0." in " ".join(source.estimates)) is (offset == "auto")


def test_an_offset_of_whole_frames_brings_references_to_their_frames(tmp_path, clip):
    late = write_clip(tmp_path / "sharp.mkv", first=20, count=30, size=HIGH)
    references = list(find(clip, late, "auto"))
    assert [round(float(reference.time) * RATE) for reference in references] == list(range(20, 50))
    assert all(reference.aligned for reference in references)


@pytest.mark.parametrize("offset", ["-0.7", "auto"])
def test_stills_whose_clock_is_off(tmp_path, clip, offset):
    for number in (5, 20, 35):
        write_photo(tmp_path / "stills" / f"t{number / RATE + 0.7:.3f}.jpg", framed_otherwise(scene(number)))
    indices = sorted(frames(find(clip, tmp_path / "stills", offset)).values())
    assert np.abs(np.array(indices) - [5, 20, 35]).max() <= 1


def test_an_offset_that_nothing_tells_is_0_with_a_warning(tmp_path, clip):
    write_photo(tmp_path / "stills" / "t0.4.png", blank(6))
    source = find(clip, tmp_path / "stills", "auto")
    assert frames(source) == {"t0.4.png": 10}
    assert source.warnings == ["--ref-offset auto: the pictures agree on no offset; 0 is used"]


def test_an_offset_for_references_of_the_clips_own_file_is_refused(clip):
    options = ReferenceOptions(source="simulate", offset=Fraction(1))
    with pytest.raises(UsageError, match="--ref-offset has nothing to move"):
        find_references(clip, StreamInfo(clip.name, LOW), options)


@pytest.mark.parametrize("text", ["soon", "nan", "1/0"])
def test_an_offset_that_is_no_number_is_refused(text):
    with pytest.raises(UsageError, match=r"--ref-offset is .*; seconds \(-0\.7\) or auto is wanted"):
        parse_offset(text)
