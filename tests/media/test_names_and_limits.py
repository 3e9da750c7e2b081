"""Long names of what is beside an output, sizes that an encoder cannot write, and the pixel format that it is given."""

import os
import subprocess
import sys

import av
import pytest
from odd_media import filled, moving_planes, write_clip
from round_trips import blank, clip_planes, files

from lfvideo_sr.errors import OutputError, UsageError
from lfvideo_sr.frames import Size
from lfvideo_sr.media.codecs import codec_of
from lfvideo_sr.media.encoding import options_for
from lfvideo_sr.media.partial import claim_partial, named_beside, partial_of
from lfvideo_sr.media.probe import video_track
from lfvideo_sr.media.sink import VideoSink


def test_names_beside_an_output_fit_and_stay_apart(tmp_path):
    first, second = (tmp_path / f"{'映' * 82}{letter}.mp4" for letter in "ab")
    names = {
        named_beside(path, path.stem, ending).name for path in (first, second) for ending in (".work", ".report.json")
    }
    assert len(names) == 4 and all(len(os.fsencode(name)) <= 255 for name in names)
    assert partial_of(tmp_path / "short.mp4").name == "short.partial.mp4"
    claimed = [claim_partial(first) for _ in range(3)]
    assert len(set(claimed)) == 3 and all(path.exists() and path.suffix == ".mp4" for path in claimed)


def test_a_name_that_is_not_utf8_is_cut_too(tmp_path):
    stem = os.fsdecode(b"\xff" * 250)
    assert len(os.fsencode(named_beside(tmp_path / "x", stem, ".work").name)) <= 255


def test_a_run_with_a_long_name(run, tmp_path):
    clip = write_clip(tmp_path / "plain.mkv", clip_planes(2, Size(16, 16)))
    named = clip.rename(tmp_path / f"{'映' * 82}.mkv")  # 250 bytes
    done = run("stream", named, "--method", "bicubic", "--codec", "ffv1")
    assert done.code == 0, done.err
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".json", ".mkv", ".mkv"]
    assert "already done" in run("stream", named, "--method", "bicubic", "--codec", "ffv1").out
    longer = run("stream", named, "-o", tmp_path / f"{'y' * 252}.mkv", "--method", "bicubic")
    assert longer.code == 3 and "-o" in longer.line and "256 bytes" in longer.line


def test_a_default_output_that_would_be_too_long_fits(run, tmp_path):
    clip = write_clip(tmp_path / "plain.mkv", clip_planes(2, Size(16, 16)))
    named = clip.rename(tmp_path / f"{'z' * 251}.mkv")  # 255 bytes: no room for _x4
    assert run("stream", named, "--method", "bicubic", "--codec", "ffv1").code == 0
    assert [path.name for path in tmp_path.iterdir() if "_x4.mkv" in path.name]


@pytest.mark.parametrize(("codec", "size"), [("x264", Size(16386, 64)), ("svtav1", Size(64, 8706))])
def test_a_side_beyond_the_encoder_s_limit_is_refused_with_what_helps(tmp_path, codec, size):
    video = video_track(write_clip(tmp_path / "in.mkv", clip_planes(1, Size(64, 16))))
    with pytest.raises(OutputError, match=rf"{size}.*at most 16384x.*--scale.*--size.*--codec (x264, )?x265, ffv1, "):
        VideoSink(tmp_path / "out.mkv", video, size, codec=codec)
    assert files(tmp_path) == {"in.mkv"}


@pytest.mark.parametrize("codec", ["vp9", "prores"])
def test_only_encoders_that_take_the_size_are_named(tmp_path, codec):
    video, size = video_track(write_clip(tmp_path / "in.mkv", clip_planes(1, Size(64, 16)))), Size(65536, 16)
    with pytest.raises(OutputError, match=r"at most 65535x65535.*--codec x265 or ffv1$"):
        VideoSink(tmp_path / "out.mkv", video, size, codec=codec)


def test_a_side_too_short_for_the_encoder_is_refused_with_what_helps(tmp_path):
    video = video_track(write_clip(tmp_path / "in.mkv", clip_planes(1, Size(64, 16))))
    with pytest.raises(OutputError, match=r"64x12.*libx265 takes at least 16x16 pixels; pass.*larger.*--codec x264, "):
        VideoSink(tmp_path / "out.mkv", video, Size(64, 12), codec="x265")
    assert files(tmp_path) == {"in.mkv"}
    VideoSink(tmp_path / "out.mkv", video, Size(64, 16), codec="x265", preset="ultrafast").abort()


NARROW = """
import sys
from pathlib import Path
import numpy as np
from lfvideo_sr.frames import Frame, Size, TimeStamp
from lfvideo_sr.media.sink import VideoSink
from lfvideo_sr.media.video import video_track
video = video_track(sys.argv[1])
for width, height in ((36, 32), (48, 32), (48, 100)):
    target = Path(sys.argv[2]) / f"{width}x{height}.mkv"
    with VideoSink(target, video, Size(width, height), codec="x265", preset="ultrafast") as sink:
        for index in range(3):
            pixels = np.full((3, height, width), 0.5, np.float32)
            sink.write(Frame(pixels, index, TimeStamp(40 * index, video.time_base, 40)))
"""


def test_x265_encodes_narrow_pictures(tmp_path):
    """Without the option for them it aborts the process, or destroys memory. It looks at the option once in a process,
    so that this test has one of its own."""
    clip = write_clip(tmp_path / "in.mkv", clip_planes(1, Size(16, 16), 10), pixel_format="yuv420p10le")
    done = subprocess.run([sys.executable, "-c", NARROW, str(clip), str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for size in (Size(36, 32), Size(48, 32), Size(48, 100)):
        assert video_track(tmp_path / f"{size}.mkv").size == size
    words = [options_for(codec_of("x265"), Size(width, 32), 16, "fast", None, {})["x265-params"] for width in (63, 64)]
    assert ["asm=0" in word for word in words] == [True, False]


def write_rgb(path):
    with av.open(str(path), "w") as target:
        stream = target.add_stream("ffv1", 25)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "bgr0"
        for index in range(2):
            frame = filled(moving_planes(index, 32, 24), "yuv420p").reformat(format="bgr0")
            frame.pts = index
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return path


def test_rgb_plays_everywhere_by_default_and_the_line_names_the_other_format(tmp_path):
    video = video_track(write_rgb(tmp_path / "in.mkv"))
    for options, written in (
        ({}, "yuv420p"),
        ({"pixel_format": "yuv444p"}, "yuv444p"),
        ({"pix_fmt": "yuv422p"}, "yuv422p"),
    ):
        target = tmp_path / f"{written}.mkv"
        with VideoSink(target, video, Size(32, 24), preset="ultrafast", options=options) as sink:
            sink.write(blank(Size(32, 24)))
        assert video_track(target).pixel_format == written
        assert any("-e pixel_format=yuv444p" in line for line in sink.warnings) == (written == "yuv420p")


def test_a_pixel_format_that_the_encoder_lacks_is_refused(tmp_path):
    video = video_track(write_rgb(tmp_path / "in.mkv"))
    with pytest.raises(UsageError, match="did you mean 'yuv420p'"):
        VideoSink(tmp_path / "out.mkv", video, Size(32, 24), options={"pixel_format": "yuv420"})
    with pytest.raises(UsageError, match="no 'gbrp' in -e pixel_format of libsvtav1"):
        VideoSink(tmp_path / "out.mkv", video, Size(32, 24), codec="svtav1", options={"pixel_format": "gbrp"})
    assert files(tmp_path) == {"in.mkv"}
