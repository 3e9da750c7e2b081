"""References of what is read once come to the frames that they would have in a file."""

from fractions import Fraction
from pathlib import Path

import pytest
from small_clips import LOW, uneven, write_clip

from lfvideo_sr.errors import InputError, UsageError
from lfvideo_sr.media.clock import seconds_of
from lfvideo_sr.media.images import write_png
from lfvideo_sr.media.resize import degrade
from lfvideo_sr.media.video import VideoSource
from lfvideo_sr.references.arriving import ArrivingReferences, arriving_references
from lfvideo_sr.references.opening import ReferenceOptions, find_references
from lfvideo_sr.references.reference import Reference


def arriving(clip: VideoSource, named: Path, **options) -> ArrivingReferences:
    start = seconds_of(next(iter(clip)))
    return arriving_references(str(named), clip.video, start, LOW.scaled(4), **options)


def due_in(references: ArrivingReferences, clip: VideoSource) -> list[Reference]:
    frames = list(clip)
    due = [reference for frame in frames for reference in references.upto(frame)]
    return due + references.rest(seconds_of(frames[-1]) + Fraction(1, 25))


def placed(references) -> list[tuple]:
    return [(reference.origin, reference.time, reference.aligned) for reference in references]


@pytest.fixture(scope="module")
def late_clip(pictures, tmp_path_factory) -> Path:
    """Of variable rate, its first frame at 1 s; frame 5 is shown at 3.175 s."""
    return write_clip(tmp_path_factory.mktemp("late") / "late.mkv", [degrade(each) for each in pictures], uneven)


@pytest.mark.parametrize(
    "names",
    [("t0.04.png", "t2.175.png", "t2.34.png"), ("frame_0002.png", "0009.png"), ("t0.041.png", "t0.0996.png")],
    ids=" ".join,
)
def test_stills(names, late_clip, pictures, tmp_path):
    for name in names:
        write_png(tmp_path / name, pictures[0])
    clip = VideoSource(late_clip)
    of_the_file = find_references(late_clip, clip.info, ReferenceOptions(refs=tmp_path))
    assert of_the_file is not None
    references = arriving(clip, tmp_path)
    assert placed(due_in(references, clip)) == placed(of_the_file) != []
    assert references.description == of_the_file.description and references.warnings == []


def test_a_manifest_and_another_base(late_clip, pictures, tmp_path):
    write_png(tmp_path / "x.png", pictures[0])
    write_png(tmp_path / "y.png", pictures[1])
    (tmp_path / "refs.csv").write_text("file,frame\ny.png,9\nx.png,3\n")
    clip = VideoSource(late_clip)
    of_the_file = find_references(late_clip, clip.info, ReferenceOptions(refs=tmp_path, index_base=1))
    assert of_the_file is not None
    assert placed(due_in(arriving(clip, tmp_path, index_base=1), clip)) == placed(of_the_file) != []


@pytest.mark.parametrize("offset", [None, Fraction(8, 100)])
def test_the_frames_of_a_video(offset, low_clip, high_clip):
    clip = VideoSource(low_clip)
    of_the_file = find_references(low_clip, clip.info, ReferenceOptions(refs=high_clip, offset=offset))
    assert of_the_file is not None
    expected = [each for each in placed(of_the_file) if each[1] < Fraction(14, 25)]
    assert placed(due_in(arriving(clip, high_clip, offset=offset), clip)) == expected != []


def test_what_no_name_places_and_no_frame_meets_is_a_warning(low_clip, pictures, tmp_path):
    for name in ("t0.08.png", "t9.00.png", "IMG_0042.png"):
        write_png(tmp_path / name, pictures[2])
    write_png(tmp_path / "t0.16.png", degrade(pictures[4]))
    clip = VideoSource(low_clip)
    references = arriving(clip, tmp_path)
    assert [reference.time for reference in due_in(references, clip)] == [Fraction(8, 100)]
    warnings = " ".join(references.warnings)
    assert "IMG_0042.png has no time" in warnings and "t0.16.png is 48x32, no larger" in warnings
    assert f"ended before {tmp_path / 't9.00.png'}" in warnings


def test_what_cannot_be_placed_is_refused(low_clip, pictures, tmp_path):
    clip = VideoSource(low_clip)
    write_png(tmp_path / "sharp.png", pictures[0])
    with pytest.raises(InputError, match=r"no stills that can serve: sharp.png has no time"):
        arriving(clip, tmp_path)
    write_png(tmp_path / "t0.08.png", pictures[0])
    write_png(tmp_path / "3.png", pictures[0])
    with pytest.raises(InputError, match="mixes frame numbers and times"):
        arriving(clip, tmp_path)
    (tmp_path / "refs.h5").write_bytes(b"")
    with pytest.raises(UsageError, match=r"refs\.h5 serves files, and this input is read once; .* t12.345.png"):
        arriving(clip, tmp_path / "refs.h5")
