"""An output that was encoded in pieces: every frame once, in order, at its own time, sound beside it."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from odd_media import packets, write_clip
from round_trips import clip_planes, files, stamps

from lfvideo_sr.errors import OutputError
from lfvideo_sr.media.segment_sink import JoinedSink, SegmentSink, decoding_times
from lfvideo_sr.media.video import VideoSource

SETTINGS = {"crf": 20, "preset": "ultrafast", "options": {}}
SUPPORTED = [("libx264", "mp4"), ("libx264", "mkv"), ("libx265", "mp4"), ("libsvtav1", "mkv"), ("ffv1", "mkv")]


def in_pieces(clip: VideoSource, folder: Path, lengths: list[int], settings: dict) -> list[SegmentSink]:
    """The clip's frames in segments of so many."""
    frames, sinks = iter(clip), []
    for number, length in enumerate(lengths):
        sink = SegmentSink(folder / f"{number}.nut", clip.video, clip.info.size, **settings)
        for _, frame in zip(range(length), frames):
            sink.write(frame)
        sink.close()
        sinks.append(sink)
    assert next(frames, None) is None
    return sinks


def join(clip: VideoSource, target: Path, sinks: list[SegmentSink], settings: dict, **more) -> Path:
    with JoinedSink(target, clip.video, clip.info.size, **settings, **more) as joined:
        joined.join([sink.path for sink in sinks], [sink.shown for sink in sinks])
    return target


@pytest.mark.parametrize(("codec", "container"), SUPPORTED)
def test_pieces_make_the_frames_times_and_sound_of_the_whole(codec, container, tmp_path):
    times = [number + number // 3 for number in range(30)]  # every third frame is shown twice as long
    source = write_clip(tmp_path / "in.mkv", clip_planes(30), codec="libx264", audio="aac", times=times)
    clip = VideoSource(source)
    settings = SETTINGS | {"codec": codec, "preset": "ultrafast" if codec == "libsvtav1" else "medium"}
    sinks = in_pieces(clip, tmp_path, [12, 1, 2, 15], settings)
    target = join(clip, tmp_path / f"out.{container}", sinks, settings, copy_from=source)
    pieces = [frame.pixels for sink in sinks for frame in VideoSource(sink.path)]
    whole = [frame.pixels for frame in VideoSource(target)]
    assert len(whole) == 30 and all(np.array_equal(piece, frame) for piece, frame in zip(pieces, whole))
    assert [stamp.seconds for stamp in stamps(target)] == [stamp.seconds for stamp in stamps(source)]
    assert packets(target, "audio") == packets(source, "audio")


def test_a_piece_of_other_settings_or_frames_is_refused(tmp_path):
    clip = VideoSource(write_clip(tmp_path / "in.mkv", clip_planes(4), codec="libx264"))
    settings = SETTINGS | {"codec": "libx264"}
    sinks = in_pieces(clip, tmp_path, [2, 2], settings)
    with pytest.raises(OutputError, match="encoded with other settings"):
        join(clip, tmp_path / "out.mp4", sinks, settings | {"preset": "medium"})
    sinks[0].shown.append((99, 1))
    with pytest.raises(OutputError, match="does not hold the frames"):
        join(clip, tmp_path / "out.mp4", sinks, settings)
    sinks[0].shown = [(5, 1), (7, 1)]
    with pytest.raises(OutputError, match="does not hold the frames"):
        join(clip, tmp_path / "out.mp4", sinks, settings)
    assert files(tmp_path) == {"in.mkv", "0.nut", "1.nut"}


@given(st.lists(st.integers(1, 5), min_size=1, max_size=30), st.integers(0, 3))
def test_no_packet_is_shown_before_it_is_decoded(steps, swap):
    times = list(np.cumsum(steps))
    for start in range(0, len(times) - swap, swap + 1):  # a later frame comes first, as with B-frames
        times[start : start + swap + 1] = times[start + swap : start + swap + 1] + times[start : start + swap]
    decoding = decoding_times([int(time) for time in times])
    assert all(decoded <= shown for decoded, shown in zip(decoding, times))
    assert all(before < after for before, after in pairwise(decoding)) and len(decoding) == len(times)


def test_frames_without_reordering_are_decoded_when_they_are_shown():
    assert decoding_times([0, 3, 4, 9]) == [0, 3, 4, 9]
    assert decoding_times([]) == [] and decoding_times([Fraction(5)]) == [5]
