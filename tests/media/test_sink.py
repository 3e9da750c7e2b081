"""Output that is refused before the first frame, and what a write that fails leaves: nothing."""

import os
import subprocess
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from odd_media import write_clip
from round_trips import FAST, blank, clip_planes, files, seconds

from lfvideo_sr.errors import OutputError, UsageError
from lfvideo_sr.frames import Frame, Size, TimeStamp, View
from lfvideo_sr.media.sink import VideoSink
from lfvideo_sr.media.video import VideoSource


def test_bad_targets_are_refused(tmp_path):
    clip = write_clip(tmp_path / "in.mp4", clip_planes(2), **FAST)
    video = VideoSource(clip).video
    (tmp_path / "there.mp4").write_bytes(b"precious")
    expected = {
        "there.mp4": "exists; pass --overwrite",
        "in.mp4": "is the input itself",
        "no/out.mp4": "is no folder; make it, or give another -o",
        "out.avi": "cannot keep exact times",
        "out.xyz": "no container known",
        "out.webm": "cannot hold libx264",
    }
    for name, reason in expected.items():
        with pytest.raises(OutputError, match=reason):
            VideoSink(tmp_path / name, video, Size(64, 48), copy_from=clip)
    with pytest.raises(OutputError, match="is the input itself"):
        VideoSink(clip, video, Size(64, 48), overwrite=True)
    assert files(tmp_path) == {"in.mp4", "there.mp4"} and (tmp_path / "there.mp4").read_bytes() == b"precious"


def test_a_view_of_a_light_field_is_no_frame_of_a_video(tmp_path):
    video = VideoSource(write_clip(tmp_path / "in.mp4", clip_planes(2), **FAST)).video
    view = Frame(np.zeros((3, 64, 64), np.float32), 0, View(1, 1))
    sink = VideoSink(tmp_path / "a.mp4", video, Size(64, 64))
    with pytest.raises(OutputError, match="a video is made of frames with times"), sink:
        sink.write(view)
    assert files(tmp_path) == {"in.mp4"}


def test_an_encoder_without_room_to_open_blames_no_option(tmp_path, monkeypatch):
    video = VideoSource(write_clip(tmp_path / "in.mp4", clip_planes(2), **FAST)).video
    monkeypatch.setattr("lfvideo_sr.media.sink.free_memory", lambda: 1 << 20)
    with pytest.raises(MemoryError, match="libx264 has 1 MB of memory left"):
        VideoSink(tmp_path / "a.mp4", video, Size(64, 64), options={"profile": "nonsense"})
    assert files(tmp_path) == {"in.mp4"}


def test_bad_options_are_refused(tmp_path):
    video = VideoSource(write_clip(tmp_path / "in.mp4", clip_planes(2), **FAST)).video
    target = tmp_path / "out.mp4"
    with pytest.raises(UsageError, match="did you mean 'ffv1'"):
        VideoSink(target, video, Size(64, 48), codec="ffv2")
    with pytest.raises(UsageError, match="did you mean 'medium'"):
        VideoSink(target, video, Size(64, 48), preset="mediun")
    with pytest.raises(UsageError, match=r"no 'crff'.*did you mean 'crf'"):
        VideoSink(target, video, Size(64, 48), options={"crff": "3"})
    with pytest.raises(UsageError, match="profile=nonsense"):
        VideoSink(target, video, Size(64, 48), options={"profile": "nonsense"})
    assert files(tmp_path) == {"in.mp4"}


def test_overwrite_replaces_only_when_whole(tmp_path):
    clip = write_clip(tmp_path / "in.mp4", clip_planes(3), **FAST)
    (tmp_path / "out.mp4").write_bytes(b"old")
    sink = VideoSink(tmp_path / "out.mp4", VideoSource(clip).video, Size(64, 48), overwrite=True)
    sink.write(blank(Size(64, 48)))
    assert (tmp_path / "out.mp4").read_bytes() == b"old" and (tmp_path / "out.partial.mp4").exists()
    sink.close()
    sink.close()
    assert files(tmp_path) == {"in.mp4", "out.mp4"} and len(seconds(tmp_path / "out.mp4")) == 1


def test_a_failure_leaves_nothing(tmp_path):
    clip = write_clip(tmp_path / "in.mp4", clip_planes(3), audio="aac", **FAST)
    video = VideoSource(clip).video
    with (
        pytest.raises(RuntimeError, match="from outside"),
        VideoSink(tmp_path / "out.mp4", video, Size(64, 48), copy_from=clip) as sink,
    ):
        sink.write(blank(Size(64, 48)))
        raise RuntimeError("from outside")
    with (
        pytest.raises(OutputError, match="frame 0 is 32x32; this output was opened for 64x48"),
        VideoSink(tmp_path / "out.mp4", video, Size(64, 48)) as sink,
    ):
        sink.write(blank(Size(32, 32)))
    assert files(tmp_path) == {"in.mp4"}


def test_an_interrupted_run_can_leave_a_playable_part(tmp_path):
    clip = write_clip(tmp_path / "in.mp4", clip_planes(10), audio="aac", **FAST)
    source = VideoSource(clip)
    sink = VideoSink(tmp_path / "out.mp4", source.video, source.info.size, copy_from=clip, ends_at=1.0)
    for frame, _ in zip(source, range(4)):
        sink.write(frame)
    part = sink.leave_partial()
    assert part == tmp_path / "out.partial.mp4" and len(seconds(part)) == 4
    assert not (tmp_path / "out.mp4").exists()


@contextmanager
def small_disk(folder: Path):
    """A file system of 200 kB."""
    folder.mkdir()
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", folder]).returncode:
        pytest.skip("no small file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_a_full_disk_is_said_in_one_line_and_leaves_nothing(tmp_path, ending):
    clip = write_clip(tmp_path / "in.mp4", clip_planes(3, Size(320, 240)), **FAST)
    video = VideoSource(clip).video
    noise = np.random.default_rng(0).random((3, 240, 320)).astype(np.float32)
    with small_disk(tmp_path / "disk") as disk:
        with (
            pytest.raises(OutputError, match="the disk is full"),
            VideoSink(disk / f"out.{ending}", video, Size(320, 240), codec="ffv1") as sink,
        ):
            for index in range(20):
                sink.write(Frame(noise, index, TimeStamp(index, Fraction(1, 25))))
        assert not files(disk)


def test_a_write_error_is_said_and_leaves_nothing(tmp_path, monkeypatch):
    video = VideoSource(write_clip(tmp_path / "in.mp4", clip_planes(3), **FAST)).video
    sink = VideoSink(tmp_path / "out.mp4", video, Size(64, 48))

    def full(packets) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sink, "_mux", full)
    with pytest.raises(OutputError, match="the disk is full"):
        sink.write(blank(Size(64, 48)))
    assert files(tmp_path) == {"in.mp4"}


def test_a_target_that_cannot_be_opened(tmp_path):
    video = VideoSource(write_clip(tmp_path / "in.mp4", clip_planes(3), **FAST)).video
    name = "x" * 255 + ".mp4"  # longer than file names may be
    with pytest.raises(OutputError, match=r"a name of 259 bytes.*takes 255.*-o"):
        VideoSink(tmp_path / name, video, Size(64, 48))
