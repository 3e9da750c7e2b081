"""--from and --to: the frames, sound, chapters and references of a part, as a run over the whole clip has them."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from command_line import FAST, report_of
from odd_media import packet_times, packets, write_clip
from round_trips import clip_planes, seconds
from small_clips import EVERY, frames_of

from lfvideo_sr.media.video import VideoSource

BICUBIC = ("--method", "bicubic", "--codec", "ffv1", "--progress", "plain")


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    """50 frames with sound, chapters at 0, 0.4 and up to 0.9 s, and subtitles at 0.1 and 0.5 s."""
    path = tmp_path_factory.mktemp("part") / "in.mkv"
    words = {"audio": "pcm_s16le", "subtitles": "subrip", "chapters": True}
    return write_clip(path, clip_planes(50, (32, 16)), codec="libx264", **words)


@pytest.mark.parametrize(("start", "end"), [("0.6", "35f"), ("00:00.6", "00:00:01.4")])
def test_a_part_is_what_the_whole_has_there(start, end, clip, tmp_path, run):
    assert run("stream", clip, "-o", tmp_path / "whole.mkv", *BICUBIC).code == 0
    done = run("stream", clip, "-o", tmp_path / "part.mkv", "--from", start, "--to", end, *BICUBIC)
    assert done.code == 0 and "20 frames from frame 15 on, 0.600 s to 1.400 s" in done.out
    assert seconds(tmp_path / "part.mkv") == [Fraction(number, 25) for number in range(20)]
    whole, part = frames_of(tmp_path / "whole.mkv"), frames_of(tmp_path / "part.mkv")
    assert all(np.array_equal(frame, other) for frame, other in zip(whole[15:35], part))
    heard = [time - Fraction(3, 5) for time in packet_times(clip, "audio") if 0.6 <= time < 1.4]
    assert packet_times(tmp_path / "part.mkv", "audio") == heard and heard
    assert set(packets(tmp_path / "part.mkv", "audio")) <= set(packets(clip, "audio"))
    with av.open(str(tmp_path / "part.mkv")) as made:
        chapters = [(each["start"] * each["time_base"], each["end"] * each["time_base"]) for each in made.chapters()]
    assert chapters == [(0, Fraction(3, 10))] and packets(tmp_path / "part.mkv", "subtitle") == []
    assert report_of(tmp_path / "part.mkv")["frames"] == 20


def test_a_part_to_the_end_and_from_the_beginning(clip, tmp_path, run):
    assert run("stream", clip, "-o", tmp_path / "end.mkv", "--from", "45f", *BICUBIC).code == 0
    assert len(seconds(tmp_path / "end.mkv")) == 5 and seconds(tmp_path / "end.mkv")[0] == 0
    heard = packet_times(tmp_path / "end.mkv", "audio")
    assert heard and len(heard) == sum(time >= Fraction(9, 5) for time in packet_times(clip, "audio"))
    assert run("stream", clip, "-o", tmp_path / "begin.mkv", "--to", "0.4", "--frames", "4", *BICUBIC).code == 0
    assert seconds(tmp_path / "begin.mkv") == [Fraction(number, 25) for number in range(4)]


def test_a_part_is_another_thing_than_the_whole(clip, tmp_path, run):
    command = ("stream", clip, "-o", tmp_path / "out.mkv", *BICUBIC)
    assert run(*command, "--from", "5f").code == 0
    assert "already done" in run(*command, "--from", "5f").out
    assert "exists" in run(*command, "--from", "6f").line and "exists" in run(*command).line
    for words, reason in (
        (("--from", "x"), "--from is x; give seconds"),
        (("--from", "3", "--to", "2"), "--to is 2 and --from 3"),
        (("--from", "9"), "has 50 frames in 2.000 s"),
    ):
        refused = run("stream", clip, "-o", tmp_path / "no.mkv", *words, *BICUBIC)
        assert refused.code == 2 and reason in refused.line


def test_references_from_outside_of_a_part_serve_it(hybrid_clip, tmp_path, run):
    """Frames 5 to 7: the sharp frames 4 and 8 serve them as in a run over all."""
    for words, name in (((), "whole.mkv"), (("--from", "5f", "--to", "8f"), "part.mkv")):
        assert run("stream", hybrid_clip, "-o", tmp_path / name, *FAST, "--ref-every", EVERY, *words).code == 0
    uses = report_of(tmp_path / "part.mkv")["references"]
    assert [round(use["time"], 3) for use in uses] == [0.16, 0.32] and all(use["frames_served"] == 3 for use in uses)
    whole, part = frames_of(tmp_path / "whole.mkv")[5:8], frames_of(tmp_path / "part.mkv")
    assert len(part) == 3 and max(np.abs(one - other).max() for one, other in zip(whole, part)) < 0.05


def test_the_truth_is_read_at_the_same_part(hybrid_clip, high_clip, tmp_path, run):
    words = ("--gt", high_clip, "--method", "bicubic", "--codec", "ffv1")
    assert run("stream", hybrid_clip, "-o", tmp_path / "whole.mkv", *words).code == 0
    assert run("stream", hybrid_clip, "-o", tmp_path / "part.mkv", *words, "--from", "5f", "--to", "8f").code == 0
    whole = report_of(tmp_path / "whole.mkv")["metrics"]["frames"][5:8]
    part = report_of(tmp_path / "part.mkv")["metrics"]["frames"]
    assert [frame["psnr_y"] for frame in part] == [frame["psnr_y"] for frame in whole]
    assert [frame["index"] for frame in part] == [0, 1, 2]


def test_a_part_of_a_simulation_has_its_references_in_itself(high_clip, tmp_path, run):
    words = ("--simulate", "--ref-every", "2", "--from", "3f", "--to", "7f", *FAST)
    assert run("stream", high_clip, "-o", tmp_path / "part.mkv", *words).code == 0
    metrics = report_of(tmp_path / "part.mkv")["metrics"]
    assert [frame["is_reference"] for frame in metrics["frames"]] == [True, False, True, False]


def test_a_part_of_pictures_counts_their_numbers_on(tmp_path, run):
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(1001, 1011):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((8, 8, 3), number - 1000, np.uint8))
    done = run("stream", folder, "--from", "0.25", "--to", "0.5", "--fps", "10", "--method", "bicubic")
    assert done.code == 0, done.err
    assert sorted(path.name for path in (tmp_path / "in_x4").iterdir()) == ["1004.png", "1005.png"]
    assert (cv2.imread(str(tmp_path / "in_x4" / "1004.png")) == 4).all()


def test_pieces_of_a_planned_part_are_joined_to_what_one_run_makes(clip, tmp_path, run):
    words = ("--from", "0.6", "--to", "1.4", "--method", "bicubic", "--codec", "ffv1")
    assert run("stream", clip, "-o", tmp_path / "one.mkv", *words).code == 0
    printed = run("plan", clip, "-o", tmp_path / "joined.mkv", *words)
    assert printed.code == 0 and '"start": "0.6"' in printed.out, printed.err
    (tmp_path / "plan.json").write_text(printed.out)
    assert run("run-segment", tmp_path / "plan.json", 0).code == 0
    assert run("join", tmp_path / "plan.json").code == 0
    for kind in ("video", "audio"):
        assert packets(tmp_path / "joined.mkv", kind) == packets(tmp_path / "one.mkv", kind)
    assert [frame.stamp for frame in VideoSource(tmp_path / "joined.mkv")] == [
        frame.stamp for frame in VideoSource(tmp_path / "one.mkv")
    ]
