"""Where references come from: the order of the places looked at, and what is found in each."""

from fractions import Fraction
from pathlib import Path

import h5py
import numpy as np
import pytest
from hybrid_clips import (
    CLOCKWISE,
    LARGE,
    SMALL,
    as_pixels,
    even,
    picture,
    pictures,
    write_changing,
    write_still,
    write_tracks,
)  # fmt: skip

from lfvideo_sr.errors import InputError, ReferencesMissing, UsageError
from lfvideo_sr.frames import Size, StreamInfo
from lfvideo_sr.media.video import VideoSource
from lfvideo_sr.references.opening import ReferenceOptions, find_references, lr_track
from lfvideo_sr.references.source import EVERY, ClipFit

FRAMES = 9


def find(clip: Path, **options):
    return find_references(clip, StreamInfo(clip.name, SMALL), ReferenceOptions(**options))


def kind(clip: Path, **options) -> str | None:
    source = find(clip, **options)
    return source and source.kind


def small_track() -> tuple:
    return pictures(FRAMES, SMALL), even(FRAMES)


def large_track(every: int = 4, size: Size = LARGE) -> tuple:
    return pictures(FRAMES, size)[::every], even(FRAMES, every)


@pytest.fixture
def plain(tmp_path) -> Path:
    return write_tracks(tmp_path / "in.mkv", small_track())


@pytest.fixture
def hybrid(tmp_path) -> Path:
    return write_tracks(tmp_path / "in.mkv", small_track(), large_track())


def changing(path: Path) -> Path:
    return write_changing(path, [picture(n, LARGE if n % 4 == 0 else SMALL) for n in range(FRAMES)])


def test_a_plain_clip_has_none(plain):
    assert find(plain) is None


def test_a_second_track_is_matched_by_time_and_bit_exact(hybrid):
    source = find(hybrid)
    assert source.kind == "track" and "in.mkv#v:1, 128x96" in source.description
    references = list(source)
    assert [each.time for each in references] == [Fraction(time, 1000) for time in even(FRAMES, 4)]
    assert all(each.aligned for each in references)
    for reference, shown in zip(references, large_track()[0]):
        np.testing.assert_allclose(reference.load(), as_pixels(shown), atol=1e-6)
    assert [each.key for each in source] == [each.key for each in references]
    source.close()


def test_every_source_says_its_cadence_estimates_and_warnings(hybrid, tmp_path):
    write_still(tmp_path / "stills" / "0.png", picture(1))
    with h5py.File(tmp_path / "refs.h5", "w") as file:
        file["images"], file["frames"] = np.stack(pictures(1)), [0]
    sources = [
        find(hybrid),
        find(changing(tmp_path / "changing.mp4")),
        find(hybrid, source="simulate"),
        find(hybrid, refs=tmp_path / "stills"),
        find(hybrid, refs=tmp_path / "refs.h5"),
    ]
    assert [source.kind for source in sources] == ["track", "same-track", "simulate", "refs", "refs"]
    assert [source.cadence for source in sources] == [EVERY, EVERY, EVERY, 0, 0]
    assert all(source.estimates == source.warnings == [] for source in sources)


@pytest.mark.parametrize("source", ["track", "same-track", "simulate"])
def test_only_references_that_are_loaded_are_converted_to_rgb(hybrid, tmp_path, monkeypatch, source):
    clip = changing(tmp_path / "changing.mp4") if source == "same-track" else hybrid
    converted = []
    convert = VideoSource._pixels
    monkeypatch.setattr(VideoSource, "_pixels", lambda *arguments: converted.append(1) or convert(*arguments))
    references = list(find(clip, source=source))
    assert len(references) >= 2 and not converted
    pixels = references[1].load()
    assert len(converted) == 1 and np.array_equal(references[1].load(), pixels)
    assert len(converted) == 1


def test_the_low_resolution_track_is_the_narrow_one_wherever_it_stands(tmp_path, plain):
    swapped = write_tracks(tmp_path / "swapped.mkv", large_track(), small_track())
    assert lr_track(swapped) == 1 and lr_track(plain) == 0
    assert [each.origin.endswith("#v:0") for each in find(swapped)] == [True] * 3
    alike = write_tracks(tmp_path / "alike.mkv", large_track(1, Size(40, 30)), small_track())
    assert lr_track(alike) == 0 and find(alike) is None


def test_a_track_off_the_frames_times_is_not_aligned(tmp_path):
    shown, _ = large_track()
    clip = write_tracks(tmp_path / "in.mkv", small_track(), (shown, [10, 160, 330]))
    assert [each.aligned for each in find(clip)] == [False, True, False]


def test_a_track_of_another_scale_is_resampled_and_said(tmp_path):
    clip = write_tracks(tmp_path / "in.mkv", small_track(), large_track(size=Size(64, 48)))
    source = find(clip)
    assert "64x48 resampled to 128x96" in source.description
    assert next(iter(source)).load().shape == (3, 96, 128)


@pytest.mark.parametrize("ending", ["mkv", "mp4"])
def test_cover_art_never_becomes_a_reference(tmp_path, ending):
    clip = write_tracks(tmp_path / f"in.{ending}", small_track(), cover=LARGE)
    assert find(clip) is None and lr_track(clip) == 0
    with pytest.raises(InputError, match="attached pictures do not count"):
        find(clip, source="track")


@pytest.mark.parametrize("ending", ["mkv", "mp4", "ts"])
def test_larger_frames_of_the_same_track_are_found(tmp_path, ending):
    source = find(changing(tmp_path / f"in.{ending}"))
    assert source.kind == "same-track" and "128x96, among those of 32x24" in source.description
    references = list(source)
    assert [float(each.time) for each in references] == pytest.approx([0, 0.16, 0.32])
    assert all(each.aligned for each in references)
    for number, reference in zip((0, 4, 8), references):
        assert np.abs(reference.load() - as_pixels(picture(number))).mean() < 0.03


@pytest.mark.parametrize("ending", [".refs", ".ref.mkv", ".ref.mp4"])
def test_a_sidecar_is_found(plain, ending):
    sidecar = plain.with_suffix(ending)
    if ending == ".refs":
        write_still(sidecar / "4.png", picture(4))
    else:
        write_tracks(sidecar, ([picture(4)], [160]))
    source = find(plain)
    assert source.kind == "sidecar" and sidecar.name in source.description
    (reference,) = source
    assert reference.time == Fraction(160, 1000) and reference.aligned
    np.testing.assert_allclose(reference.load(), as_pixels(picture(4)), atol=1e-6)


def test_the_first_place_wins(tmp_path, hybrid):
    """refs > track > same track > sidecar, taken away one by one."""
    stills = write_still(tmp_path / "stills" / "4.png", picture(4)).parent
    write_still(tmp_path / "in.refs" / "4.png", picture(4))
    assert kind(hybrid, refs=stills) == "refs"
    assert kind(hybrid) == "track"
    assert kind(hybrid, source="sidecar") == "sidecar"
    hybrid.unlink()
    assert kind(changing(hybrid)) == "same-track"
    hybrid.unlink()
    assert kind(write_tracks(hybrid, small_track())) == "sidecar"


def test_anchor_and_no_refs_look_nowhere(hybrid):
    assert find(hybrid, source="anchor") is None
    assert find(hybrid, no_refs=True) is None


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("refs", "pass --refs"),
        ("track", r"in\.mkv has no second video track at least 1\.5x wider"),
        ("same-track", r"no frames at least 1\.5x wider"),
        ("sidecar", r"no in\.refs, in\.ref\.mkv, in\.ref\.mp4 beside it"),
    ],
)
def test_a_forced_source_that_is_absent_is_named(plain, source, message):
    with pytest.raises(InputError, match=message):
        find(plain, source=source)


def test_forcing_looks_at_every_frame_for_a_change_of_size(tmp_path):
    late = write_changing(tmp_path / "in.mkv", [picture(0, SMALL)] * 50 + [picture(0, LARGE)])
    assert find(late) is None
    assert kind(late, source="same-track") == "same-track"


def test_requiring_references_names_every_place(plain):
    with pytest.raises(ReferencesMissing, match=r"no references named.*second video track.*in\.refs"):
        find(plain, require=True)


def test_a_named_video_a_track_of_it_and_a_missing_one(tmp_path, plain):
    other = write_tracks(tmp_path / "hr.mp4", small_track(), large_track())
    assert find(plain, refs=other).description == find(plain, refs=f"{other}#v:1").description
    small = find(plain, refs=f"{other}#v:0").description
    assert "32x24 resampled to 128x96, no larger than the input's 32x24" in small
    assert "no larger" not in find(plain, refs=other).description
    assert [each.aligned for each in find(plain, refs=other)] == [True] * 3
    with pytest.raises(InputError, match=r"no video track 2; it has 2, counted from 0"):
        find(plain, refs=f"{other}#v:2")
    with pytest.raises(ReferencesMissing, match=r"no references at .*none"):
        find(plain, refs=tmp_path / "none")


def test_other_time_bases_are_matched_within_their_rounding(tmp_path):
    """30000/1001 a second: Matroska rounds to milliseconds, MP4 does not."""
    exact = [round(number * 1001 / 30) for number in range(FRAMES)]
    clip = write_tracks(tmp_path / "in.mkv", (pictures(FRAMES, SMALL), exact))
    refs = write_tracks(tmp_path / "hr.mp4", (pictures(FRAMES)[::4], exact[::4]))
    references = list(find(clip, refs=refs))
    assert all(each.aligned for each in references)
    assert [each.time for each in references] == [Fraction(time, 1000) for time in exact[::4]]


def test_a_video_that_shares_no_moment_is_refused_and_an_early_one_is_said(tmp_path):
    clip = write_tracks(tmp_path / "in.mkv", (pictures(FRAMES, SMALL), [1400 + time for time in even(FRAMES)]))
    late = write_tracks(tmp_path / "late.mkv", ([picture(0)], [9000]))
    early = write_tracks(tmp_path / "early.mkv", (pictures(3), [0, 1400, 1440]))
    before = write_tracks(tmp_path / "before.mkv", (pictures(3), [0, 40, 80]))
    for other in (late, before):
        with pytest.raises(InputError, match=r"they share no moment; say by how much its clock is off"):
            find(clip, refs=other)
    source = find(clip, refs=early)
    assert "starts 1.400 s before the input" in source.description
    assert [each.aligned for each in source] == [False, True, True]


def test_an_upright_still_is_laid_on_its_side_beside_a_turned_clip(tmp_path):
    clip = write_tracks(tmp_path / "in.mkv", small_track(), matrix=CLOCKWISE)
    coded = picture(4)
    write_still(tmp_path / "upright" / "4.png", np.rot90(coded, -1))
    write_still(tmp_path / "coded" / "4.png", coded)
    for folder in ("upright", "coded"):
        (reference,) = find(clip, refs=tmp_path / folder)
        np.testing.assert_array_equal(reference.load(), as_pixels(coded))
        assert reference.aligned


def test_an_upright_video_is_laid_on_its_side_beside_a_turned_clip(tmp_path):
    clip = write_tracks(tmp_path / "in.mkv", small_track(), matrix=CLOCKWISE)
    upright = write_tracks(tmp_path / "hr.mkv", ([np.rot90(picture(4), -1).copy()], [160]))
    source = find(clip, refs=upright)
    (reference,) = source
    np.testing.assert_allclose(reference.load(), as_pixels(picture(4)), atol=1e-6)
    assert reference.aligned and source.description.endswith("128x96")


def test_pictures_of_oblong_samples_are_compared_as_they_are_shown():
    fit = ClipFit(Size(720 * 4, 576 * 4), shown=16 / 9)
    assert fit.describe([Size(1920, 1080)]) == "1920x1080 resampled to 2880x2304"
    assert fit.describe([Size(1440, 1152)]) == "1440x1152 resampled to 2880x2304"
    assert fit.describe([Size(1000, 1000)]) == "1000x1000, left so: another aspect than 2880x2304"
    assert fit.describe([Size(2880, 2304)]) == "2880x2304"
    assert fit(np.zeros((3, 108, 192), np.float32)).shape == (3, 2304, 2880)


def test_a_clip_that_changes_size_is_read_at_its_small_size(tmp_path):
    """What the pipeline restores beside the larger frames: every frame of the track, all of one size."""
    frames = list(VideoSource(changing(tmp_path / "in.mkv")))
    assert len(frames) == FRAMES and {frame.size for frame in frames} == {SMALL}


def test_a_damaged_end_does_not_keep_references_from_being_found(tmp_path):
    clip = write_tracks(tmp_path / "in.mkv", small_track())
    data = clip.read_bytes()
    clip.write_bytes(data[: len(data) * 2 // 3])
    write_still(tmp_path / "stills" / "2.png", picture(2))
    assert [float(each.time) for each in find(clip, refs=tmp_path / "stills")] == [0.08]


def test_a_file_that_is_no_video_is_an_input_error(tmp_path, plain):
    (tmp_path / "other.mkv").write_bytes(b"not a video" * 100)
    with pytest.raises(InputError, match=r"other\.mkv"):
        find(plain, refs=tmp_path / "other.mkv")
    with pytest.raises(InputError, match=r"other\.mkv"):
        find(tmp_path / "other.mkv")


@pytest.mark.parametrize(
    "options",
    [
        {"source": "tracks"},
        {"index_base": 2},
        {"no_refs": True, "require": True},
        {"no_refs": True, "refs": "x"},
        {"refs": "x", "source": "track"},
        {"source": "anchor", "require": True},
    ],
)
def test_contradictions_are_usage_errors(options):
    with pytest.raises(UsageError):
        ReferenceOptions(**options)
