"""What a manifest of references may list, and numbers in it that nobody means."""

import shutil
from fractions import Fraction

import numpy as np
import pytest

from lfvideo_sr.errors import InputError, UsageError
from lfvideo_sr.media.images import write_png
from lfvideo_sr.references.offset import parse_offset
from lfvideo_sr.references.still_names import check_below, parse_seconds, read_manifest

METHOD = ("--method", "flow_transfer", "--codec", "ffv1", "--frames", "2")


@pytest.fixture
def clip(low_clip, high_clip, tmp_path):
    """A clip with a folder of references beside it, and a private picture elsewhere."""
    folder = tmp_path / "in.refs"
    folder.mkdir()
    (tmp_path / "private").mkdir()
    for path in (folder / "own.png", tmp_path / "private" / "x.png"):
        write_png(path, np.full((3, 128, 192), 0.5, np.float32))
    return shutil.copy(low_clip, tmp_path / "in.mkv")


@pytest.mark.parametrize("name", ["../private/x.png", "sub/../../private/x.png", "{private}/x.png"])
def test_a_manifest_lists_nothing_outside_of_its_folder_unless_it_is_trusted(name, clip, run, tmp_path):
    (tmp_path / "in.refs" / "sub").mkdir()
    manifest = tmp_path / "in.refs" / "refs.csv"
    manifest.write_text("file,time\n" + name.format(private=tmp_path / "private") + ",0\n")
    for refs in ([], ["--refs", manifest], ["--refs", tmp_path / "in.refs"]):
        outcome = run("stream", clip, "-o", tmp_path / "out.mkv", *METHOD, *refs)
        assert outcome.code == 3 and "outside of its folder; pass --trust-manifest" in outcome.line
        assert not (tmp_path / "out.mkv").exists()
    assert run("stream", clip, "-o", tmp_path / "out.mkv", *METHOD, "--trust-manifest").code == 0


@pytest.mark.parametrize("name", ["own.png", "./own.png", "sub/../own.png", "{folder}/own.png"])
def test_however_a_file_inside_is_named_it_is_read(name, clip, tmp_path):
    (tmp_path / "in.refs" / "sub").mkdir()
    manifest = tmp_path / "in.refs" / "refs.csv"
    manifest.write_text("file,time\n" + name.format(folder=tmp_path / "in.refs") + ",0\n")
    check_below(manifest)
    assert read_manifest(manifest)[0].path.samefile(tmp_path / "in.refs" / "own.png")


def test_a_light_field_has_its_manifest_checked_too(run, clip, tmp_path):
    views = tmp_path / "views"
    views.mkdir()
    for column in range(3):
        write_png(views / f"view_0_{column}.png", np.full((3, 24, 32), 0.5, np.float32))
    manifest = tmp_path / "in.refs" / "refs.csv"
    manifest.write_text('file,view\n../private/x.png,"0,1"\n')
    command = ("lightfield", views, "--refs", manifest, "-o", tmp_path / "out", "--method", "flow_transfer")
    outcome = run(*command)
    assert outcome.code == 3 and "--trust-manifest" in outcome.line
    assert run(*command, "--trust-manifest").code == 0


@pytest.mark.parametrize("text", ["1e999999999", "1e400", "9" * 5000, "0x10", "nan", "inf", "1/0", "1e", "", "one"])
def test_a_time_that_no_clip_reaches_is_refused_at_once(text, clip, tmp_path):
    with pytest.raises((ValueError, ZeroDivisionError)):
        parse_seconds(text)
    with pytest.raises(UsageError, match="--ref-offset is"):
        parse_offset(text)
    manifest = tmp_path / "in.refs" / "refs.csv"
    manifest.write_text(f"file,time\nown.png,{text}\n")
    with pytest.raises(InputError) as caught:
        read_manifest(manifest)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(("column", "text"), [("frame", "9" * 400), ("frame", "1.5"), ("view", f"0,{'9' * 400}")])
def test_an_index_that_no_clip_reaches_is_refused(column, text, clip, tmp_path):
    manifest = tmp_path / "in.refs" / "refs.csv"
    manifest.write_text(f'file,{column}\nown.png,"{text}"\n')
    with pytest.raises(InputError, match="cannot be read"):
        read_manifest(manifest)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("12.345", Fraction("12.345")), ("-0.7", Fraction("-0.7")), (" 1/30 ", Fraction(1, 30)), ("1.5e1", Fraction(15))],
)
def test_times_as_people_write_them(text, seconds):
    assert parse_seconds(text) == seconds


def test_names_in_a_manifest_are_bytes(clip, tmp_path):
    name = "stra\udcdfe.png"  # as Latin-1 has it
    (tmp_path / "in.refs" / "own.png").rename(tmp_path / "in.refs" / name)
    (tmp_path / "in.refs" / "refs.csv").write_bytes(b"file,time\nstra\xdfe.png,0\n")
    assert read_manifest(tmp_path / "in.refs" / "refs.csv")[0].path.name == name


def test_a_manifest_that_is_no_file_is_not_waited_for(tmp_path):
    import os

    os.mkfifo(tmp_path / "refs.csv")
    with pytest.raises(InputError, match="is no file"):
        read_manifest(tmp_path / "refs.csv")
