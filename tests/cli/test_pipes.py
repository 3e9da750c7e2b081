"""`stream` between pipes: pictures alone on standard output, the same as of files, and what ends a pipe."""

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest
from command_line import FAST, report_of
from piped_media import packets_of, pictures_of, piped, stream_of
from small_clips import engine_of, frames_of, ticks_of, uneven, write_clip

from lfvideo_sr.media.colour import rgb_to_planes
from lfvideo_sr.media.images import write_png
from lfvideo_sr.media.resize import degrade
from lfvideo_sr.media.standard_streams import PipeReader
from lfvideo_sr.media.video import VideoSource
from lfvideo_sr.metrics import psnr_y
from lfvideo_sr.stream.job import StreamJob

BICUBIC = ("--method", "bicubic")
LOSSLESS = (*BICUBIC, "--codec", "ffv1")
COMMAND = [sys.executable, "-m", "lfvideo_sr", "stream", "-", "-o", "-", *BICUBIC]
FRAMES = 6


@pytest.fixture(scope="module")
def stills(pictures, tmp_path_factory) -> Path:
    """Two sharp frames of `low_clip`, named by their times."""
    folder = tmp_path_factory.mktemp("stills")
    for number in (2, 10):
        write_png(folder / f"t{number * 0.04:.2f}.png", pictures[number])
    return folder


def test_y4m_through_real_pipes_is_our_own_bicubic_bit_by_bit(tmp_path):
    content = stream_of("y4m", FRAMES)
    writer = [sys.executable, "-c", f"import sys; sys.stdout.buffer.write({content!r})"]
    with subprocess.Popen(writer, stdout=subprocess.PIPE) as feeder:
        done = subprocess.run(COMMAND, stdin=feeder.stdout, capture_output=True, timeout=120)
    assert feeder.returncode == 0 and done.returncode == 0, done.stderr
    assert b"references  none" in done.stderr
    header, _, frames = done.stdout.partition(b"\n")
    assert header.startswith(b"YUV4MPEG2 W192 H128 F25:1 ")
    assert frames == b"".join(b"FRAME\n" + planes for planes in restored_planes(content, tmp_path / "in.y4m"))


def restored_planes(content: bytes, path: Path) -> list[bytes]:
    """What a file of that content is restored to, in the colours that it has."""
    path.write_bytes(content)
    with StreamJob(path, engine_of("bicubic")) as job:
        pictures = [rgb_to_planes(restored.frame.pixels, job.video.colour) for restored in job]
    return [b"".join(np.ascontiguousarray(plane).tobytes() for plane in planes) for planes in pictures]


def test_nut_keeps_sound_packet_by_packet(tmp_path):
    content = stream_of("nut", 12, sound=True)
    outcome, written = piped(content, tmp_path, "stream", "-", "-o", "-", *BICUBIC)
    assert outcome.code == 0 and len(pictures_of(written)) == 12
    assert packets_of(written, "audio") == packets_of(content, "audio") != []
    assert "no room" not in outcome.err and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["mkv", "mpegts"])
def test_encoded_streams_in_and_out(kind, tmp_path):
    content = stream_of(kind, 5, sound=True)
    words = ("stream", "-", "-o", "-", *BICUBIC, "--output-format", kind, "--input-format", kind)
    outcome, written = piped(content, tmp_path, *words)
    assert outcome.code == 0
    with av.open(io.BytesIO(written)) as container:
        assert [stream.codec_context.name for stream in container.streams] == ["h264", "aac"]
    assert packets_of(written, "audio") == packets_of(content, "audio") != []


def test_a_reader_that_goes_away_ends_the_run_quietly():
    content = stream_of("y4m", 40)
    process = subprocess.Popen([*COMMAND, "--progress", "none"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)  # fmt: skip
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None
    os.set_blocking(process.stdin.fileno(), True)
    process.stdin.write(content)
    process.stdin.close()
    assert process.stdout.read(20) == b"YUV4MPEG2 W192 H128 "
    process.stdout.close()
    assert process.wait(120) == 141
    assert process.stderr.read() == b""


def test_a_writer_that_dies_leaves_the_frames_so_far_and_exit_3(tmp_path):
    content = stream_of("y4m", FRAMES)
    outcome, written = piped(content[:-100], tmp_path, "stream", "-", "-o", "-", *BICUBIC, "--progress", "none")
    assert outcome.code == 3 and "broke off after 5 frames" in outcome.line
    assert outcome.line.endswith("; what came is in standard output")
    assert len(pictures_of(written)) == FRAMES - 1


@pytest.mark.parametrize("kind", ["nut", "mpegts"])
def test_what_came_of_a_stream_that_broke_off_is_in_a_file_that_plays(kind, tmp_path):
    content = stream_of(kind, 30)
    words = ("stream", "-", "-o", tmp_path / "out.mkv", *BICUBIC, "--progress", "none")
    outcome, _ = piped(content[: len(content) // 2 + 1], tmp_path, *words)
    assert outcome.code == 3 and "broke off" in outcome.line
    assert f"what came plays: {tmp_path / 'out.partial.mkv'}" in outcome.line
    assert [path.name for path in tmp_path.iterdir()] == ["out.partial.mkv"]
    assert 5 < len(frames_of(tmp_path / "out.partial.mkv")) < 30


def test_an_interrupt_leaves_what_came_in_a_file_that_plays(tmp_path, monkeypatch, heeds_interrupts):
    plain, interrupted = PipeReader.read, []

    def read(reader: PipeReader, most: int) -> bytes:
        if reader.bytes_read > 20_000 and not interrupted:
            interrupted.append(True)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.1)
        return plain(reader, min(most, 4096))

    monkeypatch.setattr(PipeReader, "read", read)
    outcome, _ = piped(stream_of("y4m", 30), tmp_path, "stream", "-", "-o", tmp_path / "out.mkv", *BICUBIC)
    assert outcome.code == 130
    assert [path.name for path in tmp_path.iterdir()] == ["out.partial.mkv"]
    assert 5 < len(frames_of(tmp_path / "out.partial.mkv")) < 15


def test_what_is_no_video_is_refused(tmp_path):
    sound = io.BytesIO()
    with av.open(sound, "w", format="nut") as target:
        stream = target.add_stream("pcm_s16le", 16000, layout="mono")
        heard = av.AudioFrame.from_ndarray(np.zeros((1, 1600), np.int16), format="s16", layout="mono")
        heard.rate, heard.pts = 16000, 0
        target.mux(stream.encode(heard))
    for content, why in ((b"x" * 5000, "check what is sent"), (sound.getvalue(), "holds no video; send a stream")):
        outcome, written = piped(content, tmp_path, "stream", "-", "-o", "-", *BICUBIC)
        assert outcome.code == 3 and why in outcome.line and written == b""


def test_a_terminal_is_neither_read_nor_written(run, tmp_path, monkeypatch):
    keyboard, terminal = os.openpty()
    before = os.dup(0)
    try:
        os.dup2(terminal, 0)
        refused = run("stream", "-", "-o", tmp_path / "out.mkv", *BICUBIC)
        assert refused.code == 2 and "standard input is a terminal; pipe a video into it" in refused.line
    finally:
        os.dup2(before, 0)
        os.close(before)
    with open(terminal, "w") as screen:
        monkeypatch.setattr(sys, "stdout", screen)
        refused = run("stream", "-", "-o", "-", *BICUBIC)
        assert refused.code == 2 and "standard output is a terminal; pipe it into a program" in refused.line
    os.close(keyboard)


def test_y4m_has_no_room_for_sound(tmp_path):
    words = ("stream", "-", "-o", "-", *BICUBIC, "--output-format", "y4m")
    outcome, written = piped(stream_of("nut", 2, sound=True), tmp_path, *words)
    assert outcome.code == 0 and "no room for audio" in outcome.err and len(pictures_of(written)) == 2


def test_a_pipe_into_a_file_is_the_run_of_a_file(low_clip, run, tmp_path):
    outcome, written = piped(low_clip.read_bytes(), tmp_path, "stream", "-", "-o", tmp_path / "piped.mkv", *LOSSLESS)
    assert outcome.code == 0 and written == b""
    assert run("stream", low_clip, "-o", tmp_path / "out.mkv", *LOSSLESS).code == 0
    assert_same(tmp_path / "piped.mkv", tmp_path / "out.mkv")
    report = report_of(tmp_path / "piped.mkv")
    assert (report["input"], report["frames"], report["reference_source"]) == ("standard input", 14, "none")


def assert_same(first: Path, second: Path) -> None:
    assert ticks_of(first) == ticks_of(second)
    assert all(np.array_equal(frame, other) for frame, other in zip(frames_of(first), frames_of(second), strict=True))


def test_recordings_one_after_the_other_are_on_one_clock_as_in_a_file(run, tmp_path):
    content = 2 * stream_of("mpegts", 30, sound=True)
    outcome, _ = piped(content, tmp_path, "stream", "-", "-o", tmp_path / "piped.mkv", *LOSSLESS)
    assert outcome.code == 0 and "its clock jumps once" in " ".join(report_of(tmp_path / "piped.mkv")["warnings"])
    clip = tmp_path / "in.ts"
    clip.write_bytes(content)
    assert run("stream", clip, "-o", tmp_path / "out.mkv", *LOSSLESS).code == 0
    assert_same(tmp_path / "piped.mkv", tmp_path / "out.mkv")
    assert heard_in(tmp_path / "piped.mkv") == heard_in(tmp_path / "out.mkv")


def heard_in(path: Path) -> list[int]:
    """Times of the sound, in ticks."""
    with av.open(str(path)) as container:
        return [packet.pts for packet in container.demux(audio=0) if packet.size]


def test_references_of_a_pipe_serve_as_those_of_a_file(low_clip, stills, run, tmp_path):
    words = (*FAST, "--refs", stills)
    piped(low_clip.read_bytes(), tmp_path, "stream", "-", "-o", tmp_path / "piped.mkv", *words)
    assert run("stream", low_clip, "-o", tmp_path / "out.mkv", *words).code == 0
    assert_same(tmp_path / "piped.mkv", tmp_path / "out.mkv")
    served = [use["frames_served"] for use in report_of(tmp_path / "piped.mkv")["references"]]
    assert served == [use["frames_served"] for use in report_of(tmp_path / "out.mkv")["references"]] != []


def test_a_file_goes_to_a_pipe(low_clip, run, tmp_path):
    words = ("stream", low_clip, "-o", "-", *BICUBIC, "--report", tmp_path / "report.json")
    outcome, written = piped(b"", tmp_path, *words)
    assert outcome.code == 0 and "references  none" in outcome.err
    (tmp_path / "piped.nut").write_bytes(written)
    assert run("stream", low_clip, "-o", tmp_path / "out.mkv", *LOSSLESS).code == 0
    for frame, other in zip(frames_of(tmp_path / "piped.nut"), frames_of(tmp_path / "out.mkv"), strict=True):
        assert np.array_equal(frame, other)
    assert [path.name for path in sorted(tmp_path.glob("*.json"))] == ["out.report.json", "report.json"]


def test_untagged_pictures_mean_what_their_reader_takes_them_for(pictures, tmp_path):
    """A small full-range clip of BT.2020: NUT names neither, and a reader takes small pictures for limited BT.601."""
    clip = tmp_path / "in.mkv"
    with av.open(str(clip), "w") as container:
        video = container.add_stream("ffv1", 25)
        video.width, video.height, video.pix_fmt = 48, 32, "yuv444p"
        video.codec_context.colorspace, video.codec_context.color_range = 9, 2
        rows = np.ascontiguousarray((degrade(pictures[0]).transpose(1, 2, 0) * 255 + 0.5).astype(np.uint8))
        picture = av.VideoFrame.from_ndarray(rows, "rgb24")
        picture = picture.reformat(format="yuv444p", dst_colorspace=9, dst_color_range=2)
        container.mux(video.encode(picture))
        container.mux(video.encode(None))
    seen = next(iter(VideoSource(clip))).pixels
    outcome, written = piped(clip.read_bytes(), tmp_path, "stream", "-", "-o", "-", *BICUBIC)
    assert outcome.code == 0
    (tmp_path / "out.nut").write_bytes(written)
    source = VideoSource(tmp_path / "out.nut")
    assert source.video.colour.assumed
    assert psnr_y(degrade(next(iter(source)).pixels), seen) > 35


def test_uneven_times_are_lost_in_y4m_with_a_warning(pictures, tmp_path):
    clip = write_clip(tmp_path / "in.mkv", [degrade(picture) for picture in pictures], uneven)
    words = ("stream", clip, "-o", "-", *BICUBIC, "--output-format", "y4m")
    outcome, _ = piped(b"", tmp_path, *words)
    assert outcome.code == 0 and "y4m has no times" in outcome.err


def test_frames_and_duration_end_a_pipe(tmp_path):
    content = stream_of("nut", 30)
    for words, count in ((("--frames", 4), 4), (("--duration", 0.2), 5)):
        outcome, written = piped(content, tmp_path, "stream", "-", "-o", "-", *BICUBIC, *words)
        assert outcome.code == 0 and len(pictures_of(written)) == count


def test_ten_bits_and_grey_pass_through_y4m(tmp_path):
    for pixel_format in ("yuv422p10le", "gray"):
        content = stream_of("y4m", 1, pixel_format=pixel_format)
        outcome, written = piped(content, tmp_path, "stream", "-", "-o", "-", *BICUBIC)
        assert outcome.code == 0
        with av.open(io.BytesIO(written)) as container:
            assert next(container.decode(video=0)).format.name == pixel_format


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["-"], 2, "name the output with -o"),
        (["-", "-o", "-", "--simulate"], 2, "--simulate needs a file"),
        (["-", "-o", "-", "--gt", "x.mkv"], 2, "--gt needs a file"),
        (["-", "-o", "-", "--ref-source", "track"], 2, "--ref-source track needs a file"),
        (["-", "-o", "-", "--ref-offset", "auto"], 2, "--ref-offset auto needs a file"),
        (["-", "-o", "-", "--require-refs"], 2, "name references with --refs"),
        (["-", "-o", "-", "--ray", "auto"], 2, "--ray"),
        (["-", "-o", "-", "--input-format", "mp3"], 2, "--input-format"),
        (["-", "-o", "-", "--output-format", "y5m"], 2, "did you mean 'y4m'?"),
        (["-", "-o", "-", "--duration", "0"], 2, "--duration"),
        (["-", "-o", "out.mkv", "--output-format", "nut"], 2, "the ending of -o"),
        (["in.mkv", "-o", "-", "--input-format", "nut"], 3, "in.mkv does not exist"),
        (["in.mkv", "--duration", "3"], 2, "--duration"),
        (["-", "-o", "-", "--refs", "nowhere"], 3, "no references at nowhere"),
    ],
)  # fmt: skip
def test_what_a_pipe_cannot_do_is_refused_in_one_line(words, code, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcome, written = piped(stream_of("y4m", 1), tmp_path, "stream", *words, *BICUBIC, "--progress", "none")
    assert outcome.code == code and message in outcome.line
    assert written == b"" and list(tmp_path.iterdir()) == []


def test_an_mp4_with_its_index_at_the_end_is_named(tmp_path):
    content = stream_of("mp4", 2)
    index = content.index(b"mdat") - 4
    content = content[:index] + (1 << 20).to_bytes(4) + b"free" + bytes((1 << 20) - 8) + content[index:]
    outcome, written = piped(content, tmp_path, "stream", "-", "-o", "-", *BICUBIC)
    assert outcome.code == 3 and "MP4 with its index at the end" in outcome.line and written == b""


@pytest.mark.parametrize("content", [b"", b"this is no video\n" * 100, stream_of("y4m", 1)[:60]])
def test_what_is_no_video_is_refused_in_one_line(content, tmp_path):
    outcome, written = piped(content, tmp_path, "stream", "-", "-o", "-", *BICUBIC)
    assert outcome.code == 3 and "standard input" in outcome.line and written == b""


@pytest.mark.parametrize(
    "text", ["#EXTM3U\n#EXTINF:1,\n{clip}\n#EXT-X-ENDLIST\n", "ffconcat version 1.0\nfile {clip}\n"]
)
@pytest.mark.parametrize("way", ["file", "pipe"])
def test_lists_of_other_files_are_not_followed(text, way, low_clip, run, tmp_path):
    content = text.format(clip=low_clip).encode()
    if way == "pipe":
        outcome, _ = piped(content, tmp_path, "stream", "-", "-o", "-", *BICUBIC)
    else:
        clip = tmp_path / "in.m3u8"
        clip.write_bytes(content)
        outcome = run("stream", clip, "-o", tmp_path / "out.mkv", *BICUBIC)
        assert "list of other files" in outcome.line
    assert outcome.code == 3 and not (tmp_path / "out.mkv").exists()
