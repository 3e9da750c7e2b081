"""`stream` of a live RTSP stream, from a server in this process."""

import os
import signal
import threading
from importlib import import_module
from pathlib import Path

import av
import pytest
from command_line import report_of
from small_clips import frames_of

LIVE = ("--method", "bicubic", "--preset", "ultrafast", "--progress", "none")
BENCHMARKS = Path(__file__).parent.parent.parent / "benchmarks"


@pytest.fixture
def server(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    with import_module("rtsp_server").RTSPServer(size=(32, 16), fps=20) as running:
        yield running


def test_a_second_of_a_live_stream(server, run, tmp_path):
    outcome = run("stream", server.url, "-o", tmp_path / "out.mkv", *LIVE, "--duration", "1", "--crf", "30")
    assert outcome.code == 0, outcome.err
    report = report_of(tmp_path / "out.mkv")
    live = report["live"]
    assert len(frames_of(tmp_path / "out.mkv")) == report["frames"] <= 20
    assert live["frames_dropped"] + report["frames"] >= 20 and live["reconnections"] == 0
    assert 0 < live["latency"]["p50_ms"] <= live["latency"]["p95_ms"] <= live["latency"]["p99_ms"]
    assert report["input"].startswith("rtsp:127.0.0.1:") and report["references"] == []
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert [stream.codec_context.name for stream in container.streams] == ["h264", "aac"]
        assert sum(1 for packet in container.demux(audio=0) if packet.size) > 5


def test_an_interrupt_ends_a_live_stream_with_a_whole_file(server, run, tmp_path, heeds_interrupts):
    partial, over = tmp_path / "out.partial.mp4", threading.Event()

    def interrupt_once_written() -> None:
        while not over.wait(0.5):
            if partial.exists() and partial.stat().st_size:
                os.kill(os.getpid(), signal.SIGINT)
                return

    threading.Thread(target=interrupt_once_written, daemon=True).start()
    outcome = run("stream", server.url, "-o", tmp_path / "out.mp4", *LIVE, "--duration", "60")
    over.set()
    assert outcome.code == 130 and "interrupted" in outcome.line
    assert {path.name for path in tmp_path.iterdir()} == {"out.mp4", "out.report.json"}
    assert len(frames_of(tmp_path / "out.mp4")) == report_of(tmp_path / "out.mp4")["frames"] > 0
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_live_stream_needs_an_output_and_takes_no_truth(run, tmp_path):
    for words, message in (([], "name the output with -o"), (["-o", tmp_path / "o.mkv", "--gt", "x.mkv"], "--gt")):
        outcome = run("stream", "rtsp://127.0.0.1:9/live", *words, *LIVE)
        assert outcome.code == 2 and message in outcome.line
    outcome = run("stream", "rtsp://me:secret@127.0.0.1:9/live", "-o", tmp_path / "o.mkv", *LIVE)
    assert outcome.code == 3 and "secret" not in outcome.line and list(tmp_path.iterdir()) == []
