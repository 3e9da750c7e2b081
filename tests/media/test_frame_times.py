"""When frames are shown: times are read, kept exactly, and counted where there are none."""

import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest
from odd_media import filled, moving_planes, packet_times, write_clip
from round_trips import FAST, clip_planes, copy, seconds, stamps

from lfvideo_sr.frames import Size
from lfvideo_sr.media.clock import frame_times
from lfvideo_sr.media.sink import VideoSink
from lfvideo_sr.media.video import VideoSource, video_track

TICK = Fraction(1, 1000)
UNEVEN = [1001 * 7, 1001 * 8, 1001 * 10, 1001 * 10 + 500, 1001 * 13, 1001 * 13 + 1, 40000]


@pytest.mark.parametrize("codec", ["libx264", "libx265", "libsvtav1", "ffv1"])
def test_uneven_times_are_kept_exactly(tmp_path, codec):
    clip = write_clip(tmp_path / "in.mp4", clip_planes(7), times=UNEVEN, time_base=Fraction(1, 30000), **FAST)
    assert len(seconds(clip)) == 7
    copy(clip, tmp_path / "out.mp4", codec=codec)
    assert seconds(tmp_path / "out.mp4") == seconds(clip)
    assert VideoSource(tmp_path / "out.mp4").video.time_base == Fraction(1, 30000)


def test_matroska_times_are_kept_exactly(tmp_path):
    times = [7, 40, 95, 96, 1000, 1003, 2000]
    clip = write_clip(tmp_path / "in.mkv", clip_planes(7), times=times, time_base=Fraction(1, 1000))
    assert [stamp.ticks for stamp in stamps(clip)] == times
    assert not copy(clip, tmp_path / "out.mkv").warnings
    assert stamps(tmp_path / "out.mkv") == stamps(clip)


def test_frames_whose_packets_have_no_time_are_counted_too(tmp_path):
    """As in a transport stream that stops to say times after a while; packets alone would be 30 times too few."""
    clip = write_clip(
        tmp_path / "in.ts", clip_planes(100, (32, 32)), codec="libx264", options={"bf": "0", "preset": "ultrafast"}
    )
    content, known = bytearray(clip.read_bytes()), 70
    for at in range(0, len(content), 188):
        start = at + 4 + (1 + content[at + 4] if content[at + 3] & 0x20 else 0)
        if content[at + 1] & 0x40 and content[start : start + 4] == b"\0\0\1\xe0":  # a PES packet of video begins
            known -= 1
            if known < 0:
                content[start + 7] &= 0x3F  # no time, and stuffing instead of it
                content[start + 9 : start + 9 + content[start + 8]] = b"\xff" * content[start + 8]
    clip.write_bytes(content)
    shown = [frame.stamp.seconds for frame in VideoSource(clip)]
    assert list(frame_times(video_track(clip, 0))) == shown and len(shown) == 100


def test_sound_keeps_its_start_beside_coarse_video_times(tmp_path):
    """An AVI counts in frames; its sound may start between two of them."""
    clip = write_clip(tmp_path / "in.mkv", clip_planes(20), audio="aac", times=[*range(0, 800, 40)], time_base=TICK)
    late = tmp_path / "late.mkv"
    with av.open(str(clip)) as source, av.open(str(late), "w") as target:
        copies = {s.index: target.add_stream_from_template(s, opaque=True) for s in source.streams}
        for packet in source.demux():
            if packet.size:
                if packet.stream.type == "audio":
                    packet.pts, packet.dts = packet.pts + 59, packet.dts + 59
                packet.stream = copies[packet.stream_index]
                target.mux(packet)
    video = replace(VideoSource(late).video, time_base=Fraction(1, 25))
    with VideoSink(tmp_path / "out.mp4", video, Size(64, 48), preset="ultrafast", copy_from=late) as sink:
        for frame in VideoSource(late):
            sink.write(frame)
    assert seconds(tmp_path / "out.mp4") == seconds(late)
    assert packet_times(tmp_path / "out.mp4", "audio")[0] == packet_times(late, "audio")[0] > 0


def test_rounding_to_milliseconds_is_said(tmp_path):
    clip = write_clip(tmp_path / "in.mp4", clip_planes(3), times=UNEVEN[:3], time_base=Fraction(1, 30000), **FAST)
    assert "milliseconds" in " ".join(copy(clip, tmp_path / "out.mkv").warnings)


@pytest.mark.parametrize("count", [1, 2])
def test_a_frame_or_two(tmp_path, count):
    clip = write_clip(tmp_path / "in.mp4", clip_planes(count), **FAST)
    for codec in ("libx264", "libx265", "ffv1", "libsvtav1"):
        path = tmp_path / f"{codec}.mp4"
        copy(clip, path, codec=codec)
        assert seconds(path) == seconds(clip) and len(seconds(path)) == count
        with av.open(str(path)) as written:
            decoding = [packet.dts * packet.time_base for packet in written.demux(video=0) if packet.size]
        assert all(-1 < decoded <= shown for decoded, shown in zip(decoding, seconds(path), strict=True))


def test_frames_without_times_are_counted(tmp_path):
    """A bare H.264 stream has no times at all."""
    with av.open(str(tmp_path / "in.h264"), "w", format="h264") as target:
        stream = target.add_stream("libx264", 25, options={"preset": "ultrafast", "tune": "zerolatency"})
        stream.width, stream.height = 64, 48
        for index in range(12):
            target.mux(stream.encode(filled(moving_planes(index, 64, 48), "yuv420p")))
        target.mux(stream.encode(None))
    times = seconds(tmp_path / "in.h264")
    assert len(times) == 12 and {later - earlier for earlier, later in pairwise(times)} == {Fraction(1, 25)}


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_an_avi_with_b_frames_is_counted_in_the_order_in_which_it_is_shown(tmp_path, codec):
    """The file has decoding times only; those that FFmpeg makes of them are out of order."""
    luma, *chroma = clip_planes(1)[0]
    planes = [
        [np.full_like(luma, 40 + 5 * index), *(np.full_like(each, 128) for each in chroma)] for index in range(24)
    ]
    clip = write_clip(tmp_path / "in.avi", planes, codec=codec, options={"bf": "2", "g": "12"})
    source = VideoSource(clip)
    frames = list(source)
    assert [frame.stamp.seconds for frame in frames] == [Fraction(index, 25) for index in range(24)]
    brightness = [float(frame.pixels.mean()) for frame in frames]
    assert brightness == sorted(brightness) and not source.warnings
    assert list(frame_times(source.video)) == [frame.stamp.seconds for frame in frames]


def test_in_an_avi_a_frame_that_does_not_decode_moves_no_others(tmp_path):
    clip = write_clip(tmp_path / "in.avi", clip_planes(30), codec="ffv1", options={"level": "3", "g": "1"})
    with av.open(str(clip)) as container:
        place, size = next((each.pos, each.size) for each in list(container.demux(video=0))[10:11])
    data = bytearray(clip.read_bytes())
    data[place : place + size + 8] = data[place : place + 8] + b"\xff" * size
    clip.write_bytes(data)
    assert seconds(clip)[:20] == [Fraction(index, 25) for index in range(21) if index != 10]


def test_info_tells_length_and_rate(tmp_path):
    clip = write_clip(tmp_path / "in.mp4", clip_planes(20), **FAST)
    info = VideoSource(clip).info
    assert (info.name, info.size, info.rate, info.frames) == ("in.mp4", Size(64, 48), 25, 20)
    assert VideoSource(clip).video.time_base == stamps(clip)[0].time_base == Fraction(1, 12800)
    assert info.seconds == pytest.approx(0.8)
    matroska = VideoSource(write_clip(tmp_path / "in.mkv", clip_planes(20))).info
    assert matroska.frames == 20  # from its length: the file does not say


def test_frames_stops_early_and_a_source_can_be_read_again(tmp_path):
    clip = write_clip(tmp_path / "in.mp4", clip_planes(20), **FAST)
    source = VideoSource(clip, frames=5)
    assert source.info.frames == 5 and source.info.seconds == pytest.approx(0.2)
    assert [frame.index for frame in source] == [frame.index for frame in source] == list(range(5))
    assert not source.warnings
    first, second = iter(source), iter(source)
    assert (next(first).pixels == next(second).pixels).all()


def test_a_stream_may_be_left_while_its_decoder_has_something_to_log(tmp_path):
    """In a process of its own, which without care waits for itself for ever."""
    clip = write_clip(tmp_path / "in.mp4", clip_planes(20), **FAST)
    code = f"""
import logging, av, av.logging
from lfvideo_sr.media.video import VideoSource, video_track
logging.disable()
source = VideoSource({str(clip)!r})
av.logging.set_libav_level(av.logging.DEBUG)
av.logging.set_level(av.logging.DEBUG)
for _ in range(30):
    frames = iter(source)
    next(frames)
    del frames
"""
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
