"""Broken input is named in one line, or read as far as it goes, and said."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from odd_media import write_clip, write_sound
from round_trips import FAST, clip_planes

from lfvideo_sr.errors import InputError, UsageError
from lfvideo_sr.media.video import VideoSource


def test_bad_inputs_are_named_in_one_line(tmp_path):
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "words.txt").write_text("these are words\n" * 100)
    (tmp_path / "words.mp4").write_text("these are words\n" * 100)
    (tmp_path / "bytes.mkv").write_bytes(np.random.default_rng(0).bytes(5000))
    whole = write_clip(tmp_path / "whole.mp4", clip_planes(20), **FAST).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    write_sound(tmp_path / "sound.m4a")
    expected = {
        "gone.mp4": "does not exist",
        ".": "is a folder",
        "empty.mp4": "is empty",
        "words.txt": "text",
        "words.mp4": "not a media file",
        "bytes.mkv": "not a media file",
        "cut.mp4": r"index \(moov\) is missing",
        "sound.m4a": "holds no video",
    }
    for name, reason in expected.items():
        with pytest.raises(InputError, match=reason) as caught:
            VideoSource(tmp_path / name)
        assert "\n" not in str(caught.value) and caught.value.exit_code == 3


def test_a_truncated_file_gives_the_frames_there_are(tmp_path):
    whole = write_clip(tmp_path / "whole.mp4", clip_planes(40), codec="libx264", options={"bf": "0", "g": "5"})
    with (
        av.open(str(whole)) as source,
        av.open(str(tmp_path / "fast.mp4"), "w", options={"movflags": "faststart"}) as out,
    ):
        stream = out.add_stream_from_template(source.streams.video[0], opaque=True)
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    data = (tmp_path / "fast.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: int(len(data) * 0.7)])
    source = VideoSource(tmp_path / "cut.mp4")
    count = len(list(source))
    assert 10 < count < 40 and f"{count} of 40 frames decode" in " ".join(source.warnings)


def overwrite_packets(clip: Path, target: Path, numbers: slice) -> Path:
    """A copy of `clip` with the contents of some of its packets lost."""
    with av.open(str(clip)) as container:
        spans = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    data = bytearray(clip.read_bytes())
    for start, size in spans[numbers]:
        data[start : start + size] = b"\xff" * size
    target.write_bytes(data)
    return target


def test_damage_within_is_survived_and_said(tmp_path):
    clip = write_clip(tmp_path / "in.mp4", clip_planes(30), **FAST)
    source = VideoSource(overwrite_packets(clip, tmp_path / "hurt.mp4", slice(10, 11)))
    times = [frame.stamp.seconds for frame in source]
    assert set(times) >= {Fraction(index, 25) for index in range(30) if index != 10}
    assert "hurt.mp4" in source.warnings[0] and "damaged" in source.warnings[0]


def test_a_file_of_which_nothing_decodes_is_refused(tmp_path):
    clip = write_clip(tmp_path / "in.mp4", clip_planes(5), **FAST)
    with pytest.raises(InputError, match="no frame of video track 0 decodes"):
        VideoSource(overwrite_packets(clip, tmp_path / "hurt.mp4", slice(None)))


def test_limits_below_one_are_refused(tmp_path):
    with pytest.raises(UsageError, match="--frames is 0"):
        VideoSource(tmp_path / "in.mp4", frames=0)
    with pytest.raises(UsageError, match="--max-height is -1"):
        VideoSource(tmp_path / "in.mp4", max_height=-1)
