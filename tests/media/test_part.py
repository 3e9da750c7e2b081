"""A part of a clip: which frames are in it, and that decoding from the middle changes none of them."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from odd_media import filled, moving_planes, packet_times, write_clip
from round_trips import clip_planes

from lfvideo_sr.errors import UsageError
from lfvideo_sr.media.part import AROUND, Moment, Window, check_order, parse_moment, part_of, window_at
from lfvideo_sr.media.seeking import seek_point
from lfvideo_sr.media.video import VideoSource, video_track

COUNT = 160


@pytest.fixture(scope="module", params=["mp4", "mkv"])
def clip(request, tmp_path_factory) -> Path:
    """160 frames whose groups are open and hold frames shown before their key frame; it starts at 0.4 s."""
    path = tmp_path_factory.mktemp("part") / f"in.{request.param}"
    options = {"g": "20", "bf": "3", "x264-params": "open-gop=1:scenecut=0:log-level=error", "preset": "fast"}
    planes = clip_planes(COUNT, (32, 16))
    return write_clip(path, planes, codec="libx264", options=options, times=range(10, 10 + COUNT))


def at(number: int) -> Fraction:
    return Fraction(10 + number, 25)


def test_moments_are_read_exactly():
    assert parse_moment("--from", "120f") == Moment(120, None) and parse_moment("--from", None) is None
    seconds = {"90.5": Fraction(181, 2), "01:30.5": Fraction(181, 2), "1:00:00.001": Fraction(3600001, 1000)}
    assert {text: parse_moment("--to", text).seconds for text in seconds} == seconds
    assert parse_moment("--to", 1.5).seconds == Fraction(3, 2)
    for text in ("-1", "1e99999999", "f", "1:2:3:4", "ten", "1.5f", ""):
        with pytest.raises(UsageError, match=r"--from is .*; give seconds"):
            parse_moment("--from", text)
    for start, end in (("5", "5"), ("10f", "2f"), (None, "0")):
        with pytest.raises(UsageError, match="--to is"):
            check_order(parse_moment("--from", start), parse_moment("--to", end))


def test_frames_from_a_time_on_and_before_another(clip):
    video = video_track(clip)

    def part(start: str | None, end: str | None, frames: int | None = None):
        return part_of(video, parse_moment("--from", start), parse_moment("--to", end), frames)

    assert part(None, None, 5) is None
    exact = part("1", "2")
    assert (exact.start, exact.end, exact.frames, exact.first) == (at(25), at(50), 25, 25)
    between = part("1.01", "1.99")
    assert (between.start, between.frames, between.end) == (at(26), 24, at(0) + Fraction(199, 100))
    assert (part("25f", "50f").start, part("25f", "50f").end, part("25f", "50f").frames) == (at(25), at(50), 25)
    assert part("25f", None, 3).frames == 3 and part("25f", None, 3).end == at(28)
    assert part("100f", None).end is None and part("100f", None).frames == 60
    assert part(None, "100").end is None and part(None, "10f").window == Window(at(0), at(10 + AROUND + 1), 0, False)
    assert part("100f", "110f").window == Window(at(100 - AROUND), None, -AROUND, True)
    for start, end, reason in (("200f", None, "160 frames in 6.400 s; give a start"), ("1.01", "1.02", "no frame is")):
        with pytest.raises(UsageError, match=reason):
            part(start, end)


def test_decoding_from_any_time_gives_the_same_frames(clip):
    video, whole = video_track(clip), list(VideoSource(clip, detect_cuts=False))
    assert [frame.stamp.seconds for frame in whole] == [at(number) for number in range(COUNT)]
    for number in (0, 1, 37, 59, 60, 61, 100, 118, COUNT - 1):
        window = window_at(video, at(number) + Fraction(1, 100))
        assert window.begin == at(number)
        source = VideoSource(clip, detect_cuts=False, window=window)
        frames = list(source)
        assert source.warnings == [] and [frame.stamp.seconds for frame in frames] == [
            frame.stamp.seconds for frame in whole[number:]
        ]
        for frame, other in list(zip(frames, whole[number:]))[:25]:
            assert np.array_equal(frame.pixels, other.pixels)
    assert seek_point(video, window_at(video, at(100))) > 0


def test_indices_count_from_the_part_and_only_what_is_near_is_decoded(clip):
    part = part_of(video_track(clip), Moment(80, None), Moment(90, None))
    source = VideoSource(clip, part=part, detect_cuts=False)
    frames = list(source)
    assert (frames[0].index, frames[-1].index) == (-AROUND, 10 + AROUND) and len(frames) == 10 + 2 * AROUND + 1
    assert {frame.index: frame.stamp.seconds for frame in frames}[0] == at(80)
    assert (source.info.frames, source.info.seconds) == (10, 0.4)


def test_a_part_of_a_clip_without_times_has_the_frames_that_are_counted(tmp_path):
    with av.open(str(tmp_path / "in.h264"), "w", format="h264") as target:
        stream = target.add_stream("libx264", 25, options={"preset": "ultrafast", "tune": "zerolatency", "g": "20"})
        stream.width, stream.height = 64, 48
        for index in range(100):
            target.mux(stream.encode(filled(moving_planes(index, 64, 48), "yuv420p")))
        target.mux(stream.encode(None))
    whole = list(VideoSource(tmp_path / "in.h264", detect_cuts=False))
    part = part_of(video_track(tmp_path / "in.h264"), Moment(80, None), Moment(90, None))
    frames = {frame.index: frame for frame in VideoSource(tmp_path / "in.h264", part=part, detect_cuts=False)}
    assert sorted(frames) == list(range(-AROUND, 20))
    for number in (-AROUND, 0, 19):
        assert frames[number].stamp == whole[80 + number].stamp
        assert np.array_equal(frames[number].pixels, whole[80 + number].pixels)


def test_a_part_goes_by_times_that_are_mended_and_its_file_is_not_searched_for_them(tmp_path):
    """Frame 40 says that it is shown behind frame 50."""
    whole = write_clip(tmp_path / "whole.mkv", clip_planes(120, (32, 16)), options={"g": "1"})
    odd = tmp_path / "in.mkv"
    with av.open(str(whole)) as source, av.open(str(odd), "w") as target:
        copy = target.add_stream_from_template(source.streams.video[0], opaque=True)
        for number, packet in enumerate(packet for packet in source.demux(video=0) if packet.size):
            packet.pts += 420 if number == 40 else 0
            packet.stream = copy
            target.mux(packet)
    times = [frame.stamp.seconds for frame in VideoSource(odd, detect_cuts=False)]
    assert len(times) == 120 and times == sorted(times)
    middle = VideoSource(odd, detect_cuts=False, window=Window(times[30], times[45], exact=False))
    assert [frame.stamp.seconds for frame in middle] == times[30:45]
    assert (
        not window_at(video_track(odd), Fraction(100, 25)).exact
        and window_at(video_track(whole), Fraction(100, 25)).exact
    )


def test_packet_times_of_the_fixture_are_those_of_its_frames(clip):
    assert sorted(packet_times(clip, "video")) == [at(number) for number in range(COUNT)]
