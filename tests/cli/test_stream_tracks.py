"""`stream` with the options that choose tracks and streams; how often a run reads the start of its input; warnings."""

import numpy as np
import pytest
from command_line import FAST, report_of
from hybrid_clips import LARGE, SMALL, even, pictures, write_tracks
from odd_media import write_clip
from round_trips import clip_planes

from lfvideo_sr.frames import Size
from lfvideo_sr.media import probe
from lfvideo_sr.media.probe import video_track, video_tracks

BICUBIC = ("--method", "bicubic", "--codec", "ffv1")


def test_a_run_probes_its_input_once(run, tmp_path, monkeypatch):
    clip = write_tracks(tmp_path / "in.mkv", (pictures(6, SMALL), even(6)), (pictures(2, LARGE), even(2)))
    probed = []

    def counted(container, streams):
        probed.append(len(streams))
        return key_pictures(container, streams)

    key_pictures = probe.key_pictures
    monkeypatch.setattr(probe, "key_pictures", counted)
    assert run("stream", clip, "-o", tmp_path / "out.mkv", *FAST).code == 0
    assert probed == [2]


def test_another_film_in_the_second_track(run, tmp_path):
    """A small inset is no low-resolution version of the film; the film is restored, and the inset is named."""
    stripes = [
        np.repeat((np.arange(32) * 8 + 9 * number).astype(np.uint8)[None, :, None], 24, 0) for number in range(4)
    ]
    inset = [np.ascontiguousarray(picture.repeat(3, 2)) for picture in stripes]
    clip = write_tracks(tmp_path / "in.mkv", (pictures(4, Size(64, 48)), even(4)), (inset, even(4)))
    outcome = run("stream", clip, "-o", tmp_path / "out.mkv", *BICUBIC)
    assert outcome.code == 0 and video_track(tmp_path / "out.mkv").size == Size(256, 192)
    assert any("video track 1" in line for line in report_of(tmp_path / "out.mkv")["warnings"])
    assert outcome.out.index("video track 1") < outcome.out.index("frames      4")
    assert run("stream", clip, "-o", tmp_path / "inset.mkv", *BICUBIC, "--track", 1).code == 0
    assert [video.size for video in video_tracks(tmp_path / "inset.mkv")] == [SMALL.scaled(4)]


def test_a_hybrid_file_says_nothing_of_its_tracks(run, tmp_path):
    clip = write_tracks(tmp_path / "in.mkv", (pictures(4, SMALL), even(4)), (pictures(4, LARGE), even(4)))
    assert run("stream", clip, "-o", tmp_path / "out.mkv", *FAST).code == 0
    assert report_of(tmp_path / "out.mkv")["warnings"] == []


@pytest.mark.parametrize(("options", "named"), [(("--track", 7), "track 7"), (("--drop", "sound"), "--drop")])
def test_choices_that_cannot_be_are_refused(run, tmp_path, options, named):
    clip = write_clip(tmp_path / "in.mkv", clip_planes(2, Size(16, 16)))
    outcome = run("stream", clip, "-o", tmp_path / "out.mkv", *BICUBIC, *options)
    assert outcome.code in (2, 3) and named in outcome.line
    assert run("stream", clip, *BICUBIC, "--simulate", "--track", 0).code == 2


def test_sound_is_dropped_and_a_plan_joins_alike(run, tmp_path):
    clip = write_clip(tmp_path / "in.mkv", clip_planes(3, Size(16, 16)), audio="libopus", subtitles="subrip")
    plan, output = tmp_path / "plan.json", tmp_path / "out.mkv"
    done = run("plan", clip, "-o", output, *BICUBIC, "--drop", "subtitle", "--audio", "drop")
    plan.write_text(done.out)
    assert run("run-segment", plan, 0).code == 0 and run("join", plan).code == 0
    direct = run("stream", clip, "-o", tmp_path / "direct.mkv", *BICUBIC, "--drop", "subtitle", "--audio", "drop")
    assert direct.code == 0
    for file in (output, tmp_path / "direct.mkv"):
        with probe.open_input(file) as container:
            assert [stream.type for stream in container.streams] == ["video"]
