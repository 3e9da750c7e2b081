"""What is missing of a file is counted and said: an end that its header promises, frames that do not decode, gaps."""

import os
from fractions import Fraction
from pathlib import Path

import av
import pytest
from command_line import report_of
from odd_media import write_clip
from round_trips import FAST, clip_planes, seconds

from lfvideo_sr.errors import InputError
from lfvideo_sr.media.clock import frame_times
from lfvideo_sr.media.video import VideoSource
from lfvideo_sr.references.hybrid_file import write_hybrid
from lfvideo_sr.stream.segmented_sink import SegmentedSink

BICUBIC = ("--method", "bicubic", "--preset", "ultrafast", "--progress", "none")


def clip(path: Path, count: int = 50, **parts) -> Path:
    return write_clip(path, clip_planes(count, (32, 32)), **FAST, **parts)


def places(path: Path) -> list[int]:
    """Where in a file the packets of its video are."""
    with av.open(str(path)) as container:
        return [packet.pos for packet in container.demux(video=0) if packet.size]


def shorten(path: Path, frames: int = 30) -> Path:
    """Cut a file off behind so many frames."""
    path.write_bytes(path.read_bytes()[: places(path)[frames]])
    return path


def said(source: VideoSource) -> str:
    return " ".join(source.warnings)


@pytest.mark.parametrize("ending", ["mkv", "avi", "flv"])
def test_an_end_that_the_header_promises_is_missed(tmp_path, ending):
    whole = clip(tmp_path / f"in.{ending}")
    source = VideoSource(whole)
    assert len(list(source)) == 50 and not source.warnings and source.loss.frames == 0
    source = VideoSource(shorten(whole))
    count = len(list(source))
    assert count < 50 and abs(count + source.loss.frames - 50) <= 1
    assert float(source.loss.seconds) == pytest.approx((50 - count) / 25, abs=0.05)
    assert "its header says" in said(source) and f"about {source.loss.frames} frames, are missing" in said(source)


def test_sound_that_goes_on_is_no_missing_end(tmp_path):
    path = tmp_path / "in.mkv"
    write_clip(path, clip_planes(10, (32, 32)), times=range(10), audio="aac", **FAST)
    with av.open(str(path)) as source, av.open(str(tmp_path / "late.mkv"), "w") as target:
        copies = {stream.index: target.add_stream_from_template(stream, opaque=True) for stream in source.streams}
        for packet in source.demux():
            if packet.size:
                if packet.stream.type == "audio":
                    packet.pts, packet.dts = packet.pts + 2000, packet.dts + 2000
                packet.stream = copies[packet.stream_index]
                target.mux(packet)
    late = VideoSource(tmp_path / "late.mkv")
    assert len(list(late)) == 10 and not late.warnings


def test_a_lost_part_in_the_middle_is_said(tmp_path):
    path = clip(tmp_path / "in.mkv", 60)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) * 6 // 10] = b"\xff" * (len(data) * 6 // 10 - len(data) // 2)
    path.write_bytes(data)
    source = VideoSource(path)
    assert len(list(source)) < 60 and source.warnings


def test_a_pause_among_uneven_times_is_nothing_to_warn_of(tmp_path):
    times = [0, 33, 67, 99, 180, 181, 240, 300, 333, 900, 933, 966, *range(1000, 2000, 37), 5000, 5030]
    path = write_clip(tmp_path / "in.mkv", clip_planes(len(times), (32, 32)), times=times, time_base=Fraction(1, 1000))
    source = VideoSource(path)
    assert [round(1000 * frame.stamp.seconds) for frame in source] == times and not source.warnings


def test_frames_before_the_first_that_decodes_are_no_frames(tmp_path):
    """A transport stream that is cut between key frames: stills are counted from the first frame that is shown."""
    path = tmp_path / "in.ts"
    write_clip(path, clip_planes(40, (32, 32)), codec="libx264", options={"preset": "ultrafast", "g": "16"})
    path.write_bytes(path.read_bytes()[places(path)[10] :])
    source = VideoSource(path)
    shown = [frame.stamp.seconds for frame in source]
    assert len(shown) == 24 and list(frame_times(source.video)) == shown
    assert source.loss.frames == source.loss.leading > 0
    assert f"{source.loss.leading} of them come before the first that decodes" in said(source)


def test_packets_that_are_never_shown_are_no_frames(tmp_path):
    """VP8 has pictures that later ones refer to and nobody sees."""
    options = {"deadline": "realtime", "cpu-used": "8", "error-resilient": "default"}
    path = write_clip(tmp_path / "in.webm", clip_planes(20, (32, 32)), codec="libvpx", options=options)
    with av.open(str(path)) as container:
        packet = list(container.demux(video=0))[5]
    data = path.read_bytes()
    hidden = bytes([memoryview(packet)[0] & ~0x10])
    place = data.index(bytes(packet))
    path.write_bytes(data[:place] + hidden + data[place + 1 :])
    source = VideoSource(path)
    shown = [frame.stamp.seconds for frame in source]
    assert len(shown) == 19 and list(frame_times(source.video)) == shown
    assert source.loss.frames == 0 and "decode" not in said(source)


@pytest.mark.parametrize("change", ["shorten", "touch"])
def test_an_input_that_changes_while_it_is_read_is_an_error_that_leaves_a_part(tmp_path, run, monkeypatch, change):
    path, plain = clip(tmp_path / "in.mkv", 40), SegmentedSink.encode

    def changing(sink: SegmentedSink, picture) -> None:
        if picture.number == 5:
            shorten(path) if change == "shorten" else os.utime(path, (1, 1))
        plain(sink, picture)

    monkeypatch.setattr(SegmentedSink, "encode", changing)
    failed = run("stream", path, "-o", tmp_path / "out.mkv", *BICUBIC)
    assert failed.code == 3 and "in.mkv changed while it was read" in failed.line
    assert not (tmp_path / "out.mkv").exists() and len(seconds(tmp_path / "out.partial.mkv")) > 5


def test_a_hybrid_file_is_not_made_of_an_input_that_changes(tmp_path):
    source = VideoSource(clip(tmp_path / "in.mkv", 5))
    os.utime(source.video.path, (1, 1))
    with pytest.raises(InputError, match="it was written anew"):
        write_hybrid(source, tmp_path / "out.mkv", 2)
    assert not (tmp_path / "out.mkv").exists()


def test_what_is_missing_is_in_the_report(tmp_path, run):
    path = shorten(clip(tmp_path / "in.mkv"))
    assert run("stream", path, "-o", tmp_path / "out.mkv", *BICUBIC).code == 0
    report = report_of(tmp_path / "out.mkv")
    assert abs(report["frames"] + report["frames_missing"] - 50) <= 1 and report["seconds_missing"] > 0.3
    assert any("are missing" in line for line in report["warnings"])
