"""`lfvideo-sr refs suggest` as people meet it, and the way back: `stream --refs` on what became of the pictures."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_line import FAST, Outcome, report_of
from small_clips import CUT, FRAMES, HIGH, frames_of, stamp, uneven, write_clip

from lfvideo_sr.frames import Frame, Size
from lfvideo_sr.media.colour import ColourSpec
from lfvideo_sr.media.images import read_image, read_picture, write_png
from lfvideo_sr.media.resize import degrade, resized
from lfvideo_sr.media.sink import VideoSink
from lfvideo_sr.media.video import VideoSource
from lfvideo_sr.metrics import psnr_y


@pytest.fixture
def suggest(run, low_clip, tmp_path):
    """Runs it on the low-resolution clip, two scenes of 9 and 5 frames, into todo/."""

    def run_it(*arguments: object, clip: Path = low_clip) -> Outcome:
        return run("refs", "suggest", clip, "-o", tmp_path / "todo", *arguments)

    return run_it


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def listed(folder: Path) -> dict:
    return json.loads((folder / "suggestions.json").read_text())


def enhance(folder: Path, pictures: list[np.ndarray]) -> list[int]:
    """What somebody does who makes them sharp: the true pictures, under the same names. Gives back the frames."""
    frames = [(suggestion["file"], suggestion["frame"]) for suggestion in listed(folder)["suggestions"]]
    for name, frame in frames:
        write_png(folder / name, pictures[frame])
    return [frame for _, frame in frames]


def test_quiet_writes_the_pictures_and_prints_nothing(suggest, tmp_path):
    outcome = suggest("-n", 2, "-q")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "") and len(names(tmp_path / "todo")) == 3


def test_the_pictures_are_the_frames_they_say(suggest, low_clip, tmp_path):
    outcome = suggest("-n", 3)
    assert outcome.code == 0 and outcome.err == ""
    about, decoded = listed(tmp_path / "todo"), frames_of(low_clip)
    rows = about["suggestions"]
    assert len(rows) == 3 and {row["scene"] for row in rows} == {0, 1}
    assert names(tmp_path / "todo") == ["suggestions.json", *sorted(row["file"] for row in rows)]
    for row in rows:
        assert row["file"] == f"t{row['frame'] / 25:.6f}.png"
        assert np.abs(read_image(tmp_path / "todo" / row["file"]) - decoded[row["frame"]]).max() < 1e-6
        assert row["file"] in outcome.out and row["gain"] > 0
    assert about["gains"] == sorted(about["gains"]) and about["frames"] == FRAMES
    assert "more would add" in outcome.out and f"stream {low_clip} --refs" in outcome.out


@pytest.mark.parametrize("factor", [4, 3])
def test_what_is_made_sharp_is_taken_back(suggest, run, pictures, low_clip, high_clip, tmp_path, factor):
    suggest("-n", 2)
    size = Size(HIGH.width * factor // 4, HIGH.height * factor // 4)
    larger = [resized(picture, size) for picture in pictures]
    chosen = enhance(tmp_path / "todo", larger)
    sharp, plain = tmp_path / "sharp.mkv", tmp_path / "plain.mkv"
    for output, more in ((sharp, ("--refs", tmp_path / "todo")), (plain, ("--no-refs",))):
        assert run("stream", low_clip, "-o", output, *FAST, *more).code == 0
    assert len(report_of(sharp)["references"]) == 2
    helped, alone = frames_of(sharp), frames_of(plain)
    gained = [psnr_y(a, truth) - psnr_y(b, truth) for a, b, truth in zip(helped, alone, pictures)]
    others = [gain for number, gain in enumerate(gained) if number not in chosen]
    assert np.mean(others) > 0.5
    if factor == 4:
        for number in chosen:
            assert np.abs(helped[number] - pictures[number]).max() < 1.5 / 255  # its own pixels


def test_those_not_yet_made_sharp_are_left_out_and_said_so(suggest, run, pictures, low_clip, tmp_path):
    suggest("-n", 2)
    first, second = listed(tmp_path / "todo")["suggestions"]
    write_png(tmp_path / "todo" / first["file"], pictures[first["frame"]])
    outcome = run("stream", low_clip, "-o", tmp_path / "out.mkv", *FAST, "--refs", tmp_path / "todo")
    assert outcome.code == 0 and second["file"] in outcome.out and first["file"] not in outcome.out.split("left out")[1]
    origins = [reference["source"] for reference in report_of(tmp_path / "out.mkv")["references"]]
    assert [Path(origin).name for origin in origins] == [first["file"]]


def test_with_none_made_sharp_the_stream_says_what_to_do(suggest, run, low_clip, tmp_path):
    suggest("-n", 2)
    outcome = run("stream", low_clip, "-o", tmp_path / "out.mkv", *FAST, "--refs", tmp_path / "todo")
    assert outcome.code == 3 and "no larger than the clip's frames (48x32)" in outcome.line
    assert not (tmp_path / "out.mkv").exists()


def test_a_clip_of_uneven_rate(run, suggest, pictures, tmp_path):
    low = write_clip(tmp_path / "uneven.mkv", [degrade(picture) for picture in pictures], stamps=uneven)
    assert suggest("-n", 3, clip=low).code == 0
    rows = listed(tmp_path / "todo")["suggestions"]
    for row in rows:
        ticks = uneven(row["frame"]).ticks - uneven(0).ticks
        assert row["file"] == f"t{ticks / 1000:.6f}.png"
    chosen = enhance(tmp_path / "todo", pictures)
    output = tmp_path / "out.mkv"
    assert run("stream", low, "-o", output, *FAST, "--refs", tmp_path / "todo", "--ref-every", 1).code == 0
    restored = frames_of(output)
    for number in chosen:
        assert np.abs(restored[number] - pictures[number]).max() < 1.5 / 255


def test_a_second_run_refuses_and_overwriting_spares_what_was_changed(suggest, pictures, tmp_path):
    folder = tmp_path / "todo"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    write_png(folder / "t0.0400001.png", pictures[1])
    suggest("-n", 2)
    before = {name: (folder / name).read_bytes() for name in names(folder)}
    refused = suggest("-n", 2)
    assert refused.code == 3 and "--overwrite" in refused.line
    assert {name: (folder / name).read_bytes() for name in names(folder)} == before
    first, second = (suggestion["file"] for suggestion in listed(folder)["suggestions"])
    (folder / "t0.0400001.png").unlink()
    write_png(folder / first, pictures[0])
    sharp = (folder / first).read_bytes()
    outcome = suggest("-n", 1, "--overwrite", "--refs", folder)
    assert outcome.code == 0 and f"kept        {first}" in outcome.out
    assert (folder / first).read_bytes() == sharp and (folder / "notes.txt").read_text() == "mine"
    (row,) = listed(folder)["suggestions"]
    assert row["file"] != first and listed(folder)["given"] == 1
    assert (folder / row["file"]).exists() and (second == row["file"] or not (folder / second).exists())


def test_a_picture_of_somebody_else_is_never_replaced(suggest, tmp_path):
    suggest("-n", 1)
    name = listed(tmp_path / "todo")["suggestions"][0]["file"]
    (tmp_path / "todo" / name).write_bytes(b"mine")
    outcome = suggest("-n", 1, "--overwrite")
    assert outcome.code == 3 and name in outcome.line and (tmp_path / "todo" / name).read_bytes() == b"mine"


def test_json_is_all_that_is_printed(suggest, tmp_path):
    about = json.loads(suggest("-n", 2, "--json").out)
    pictures = listed(tmp_path / "todo")["pictures"]
    assert [suggestion["file"] for suggestion in about["suggestions"]] == [picture["file"] for picture in pictures]


def test_no_more_than_find_room(suggest):
    outcome = suggest("-n", 5, "--ref-every", 100)
    assert outcome.code == 0 and "only 2 of 5" in outcome.out and "no room for more" in outcome.out


def test_the_first_frames_only(suggest, tmp_path):
    suggest("-n", 3, "--frames", CUT)
    about = listed(tmp_path / "todo")
    assert about["frames"] == CUT and about["scenes"] == 1


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("-n", 0), 2, "-n is 0"),
        (("-n", 2, "--ref-every", 0), 2, "--ref-every is 0"),
        (("-n", 1, "--refs", "nowhere"), 3, "no references at nowhere"),
    ],
)
def test_refusals_leave_nothing(suggest, tmp_path, arguments, code, message):
    outcome = suggest(*arguments)
    assert outcome.code == code and message in outcome.line and not (tmp_path / "todo").exists()


def test_folders_that_cannot_be(run, low_clip, tmp_path):
    (tmp_path / "file").write_text("")
    assert "is a file" in run("refs", "suggest", low_clip, "-o", tmp_path / "file").line
    assert "no folder" in run("refs", "suggest", low_clip, "-o", tmp_path / "a" / "b").line
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "suggestions.json").write_text("[]")
    assert "no listing" in run("refs", "suggest", low_clip, "-o", tmp_path / "odd").line


def test_ten_bits_stay(run, pictures, tmp_path):
    low = write_clip(tmp_path / "low.mkv", [degrade(picture) for picture in pictures[:3]])
    video = replace(VideoSource(low).video, colour=ColourSpec(bit_depth=10), pixel_format="yuv420p10le")
    with VideoSink(tmp_path / "ten.mkv", video, video.size, codec="ffv1") as sink:
        for number, pixels in enumerate(pictures[:3]):
            sink.write(Frame(degrade(pixels), number, stamp(number)))
    assert run("refs", "suggest", tmp_path / "ten.mkv", "-n", 1, "-o", tmp_path / "todo").code == 0
    (name,) = (name for name in names(tmp_path / "todo") if name.endswith(".png"))
    assert read_picture(tmp_path / "todo" / name).bit_depth == 16
