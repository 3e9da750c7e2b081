"""Live streams: what is one, which frames are left out when restoring is slow, and what follows a loss."""

import io
import socket
import threading
import time
from dataclasses import dataclass
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import av
import numpy as np
import pytest
from piped_media import SIZE, stream_of

from lfvideo_sr.errors import InputError, UsageError
from lfvideo_sr.frames import Size
from lfvideo_sr.media.arrival_sink import ArrivalSink
from lfvideo_sr.media.clock import seconds_of
from lfvideo_sr.media.codecs import CODECS
from lfvideo_sr.media.handover import Arrival, Handover
from lfvideo_sr.media.live_address import live_address
from lfvideo_sr.media.live_video import LiveOptions, LiveSource
from lfvideo_sr.media.pyav import open_media
from lfvideo_sr.media.reading_once import OnceRead


def arrival(number: int, ago: float = 0.0) -> Arrival:
    picture = av.VideoFrame(16, 16, "gray")
    picture.pts = number
    return Arrival(picture, time.monotonic() - ago)


def taken(handover: Handover) -> list[int]:
    handover.end()
    numbers = []
    while (arrival_taken := handover.take()) is not None:
        numbers.append(arrival_taken.picture.pts)
    return numbers


def test_what_is_taken_in_time_is_whole_and_in_order():
    handover = Handover()
    for number in range(8):
        handover.put(arrival(number))
    assert taken(handover) == list(range(8)) and handover.dropped == 0


def test_of_late_pictures_the_newest_is_kept():
    handover = Handover()
    for number, ago in ((0, 3.0), (1, 2.0), (2, 1.0)):
        handover.put(arrival(number, ago))
    assert taken(handover) == [2] and handover.dropped == 2


def test_no_more_than_eight_wait():
    handover = Handover()
    for number in range(20):
        handover.put(arrival(number))
    assert taken(handover) == list(range(12, 20)) and handover.dropped == 12


def test_without_dropping_the_writer_waits():
    handover = Handover(drop=False)
    writer = threading.Thread(target=lambda: [handover.put(arrival(number, 9.0)) for number in range(12)], daemon=True)
    writer.start()
    numbers = [handover.take().picture.pts for _ in range(12)]
    writer.join(5)
    assert numbers == list(range(12)) and handover.dropped == 0 and not writer.is_alive()


def test_the_reader_waits_for_so_long_and_no_longer():
    handover = Handover()
    assert handover.take(patience=0.05) is None and not handover.ended
    handover.put(arrival(0))
    assert handover.take(patience=0.05).picture.pts == 0


class Unseekable:
    """A file that can only be read, from its start to its end, where it stalls if it is told to."""

    name = "somewhere"

    def __init__(self, file: io.BytesIO, stalls: bool = False):
        self._file, self._stalls = file, stalls

    def read(self, most: int) -> bytes:
        content = self._file.read(most)
        if not content and self._stalls:
            time.sleep(60)
        return content


@dataclass
class Sessions:
    """An address that gives one stream after the other, None for an attempt that fails."""

    contents: list[bytes | None]
    has_length: bool = False
    name: str = "rtsp:somewhere/live"
    is_camera: bool = False
    stalls: bool = False

    def open(self, timeout: float = 10.0) -> OnceRead:
        content = self.contents.pop(0) if self.contents else None
        if content is None:
            raise InputError("nothing answers")
        file = io.BytesIO(content)
        opened = open_media(file if self.has_length else Unseekable(file, self.stalls))
        return OnceRead(opened, Path(self.name), live=True)


def test_a_stream_that_comes_back_goes_on_after_a_gap(monkeypatch, tmp_path):
    """Sound goes on too, as long after the loss as the pictures."""
    monkeypatch.setattr("lfvideo_sr.media.live_video._FIRST_WAIT", 0.1)
    content = stream_of("mpegts", 8, sound=True)
    source = LiveSource(Sessions([content, None, content]), LiveOptions(drop=False, reconnect=1.5))
    sink = ArrivalSink(tmp_path / "out.mkv", source, Size(*SIZE), codec="ffv1", arrival=source.arrival)
    times = []
    for frame in source:
        times.append(seconds_of(frame))
        sink.write(frame)
    sink.close()
    steps = [second - first for first, second in pairwise(times)]
    assert len(times) == 16 and steps[:7] == steps[8:] == [Fraction(1, 25)] * 7
    assert 0.3 <= steps[7] < 3  # waits of 0.1 and 0.2 s
    assert source.reconnections == 1 and source.broken == ""
    assert source.warnings == ["rtsp:somewhere/live ended and did not come back within 1.5 s"]
    with av.open(str(tmp_path / "out.mkv")) as container:
        heard = [packet.pts * packet.time_base for packet in container.demux(audio=0) if packet.size]
    before = [moment for moment in heard if moment < times[8] - Fraction(1, 10)]
    assert len(before) == len(heard) - len(before) > 3
    assert sink.latencies.summary().keys() == {"p50_ms", "p95_ms", "p99_ms", "max_ms"}


def test_without_reconnecting_the_end_is_the_end():
    source = LiveSource(Sessions([stream_of("mpegts", 4)]), LiveOptions(reconnect=0.0))
    assert len(list(source)) == 4 and source.warnings == [] and source.reconnections == 0


def test_a_camera_that_sends_nothing_more_ends(monkeypatch):
    """Nothing interrupts the thread that reads it."""
    monkeypatch.setattr("lfvideo_sr.media.live_video.READ_TIMEOUT", 0.5)
    source = LiveSource(Sessions([stream_of("mpegts", 40)], is_camera=True, stalls=True), LiveOptions(drop=False))
    started = time.monotonic()
    assert len(list(source)) > 0 and source.broken == "no picture came in time"
    assert time.monotonic() - started < 20


def test_a_stream_of_which_only_the_sound_goes_on_is_lost(monkeypatch):
    monkeypatch.setattr("lfvideo_sr.media.reading_once.READ_TIMEOUT", 0.0)
    content = stream_of("mkv", 20, sound=True)
    source = LiveSource(Sessions([content]), LiveOptions(drop=False, reconnect=0.0))
    assert len(list(source)) < 20 and source.broken == "no picture came in time"


def test_a_recording_is_read_whole_however_slowly():
    source = LiveSource(Sessions([stream_of("mpegts", 30)], has_length=True), LiveOptions())
    assert source.is_recording
    frames = iter(source)
    next(frames)
    time.sleep(0.8)
    assert len(list(frames)) == 29 and source.dropped == 0


@pytest.mark.parametrize(
    ("named", "url", "name", "input_format"),
    [
        ("rtsp://me:secret@cam:554/live?key=1", "rtsp://me:secret@cam:554/live?key=1", "rtsp:cam:554/live", None),
        ("HTTPS://host/a.ts", "HTTPS://host/a.ts", "https:host/a.ts", None),
        ("udp://@:1234", "udp://@:1234", "udp::1234", None),
        ("camera:2", "/dev/video2", "camera:2", "v4l2"),
    ],
)
def test_addresses_and_cameras(named, url, name, input_format):
    address = live_address(named)
    assert address is not None
    assert (address.url, address.name, address.input_format) == (url, name, input_format)
    assert address.is_camera == (input_format is not None)


@pytest.mark.parametrize("named", ["in.mkv", "-", "file:///in.mkv", "concat:a|b", "/dev/video99", "rtsp:/host", "a:0"])
def test_other_names_are_none(named):
    assert live_address(named) is None


def test_what_an_address_may_open():
    """FFmpeg refuses files behind an address, and no option lets them in."""
    options = live_address("rtsp://cam/live").options
    assert not {"file", "data", "concat", "subfile", "pipe", "crypto"} & set(options["protocol_whitelist"].split(","))
    with pytest.raises(UsageError, match="port"):
        live_address("rtsp://cam:99999/live")


@pytest.mark.parametrize("codec", [codec for codec in CODECS if not codec.needs], ids=lambda codec: codec.encoder)
def test_no_frame_waits_in_the_encoder_of_a_live_stream(codec, tmp_path):
    content = stream_of("mpegts", 4)
    source = LiveSource(Sessions([content]), LiveOptions(drop=False, reconnect=0.0))
    options = {"codec": codec.encoder, "preset": "ultrafast", "options": dict(codec.live)}
    size = Size(*SIZE).scaled(4)
    sink = ArrivalSink(tmp_path / "out.mkv", source, size, arrival=lambda ticks: time.monotonic(), **options)
    for number, frame in enumerate(source, 1):
        sink.write(frame.with_pixels(np.zeros((3, size.height, size.width), np.float32)))
        assert sink.latencies.count == number
    sink.close()


class Playlists(BaseHTTPRequestHandler):
    """Answers every request with a list of addresses, and notes it."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Type", "application/vnd.apple.mpegurl")
        self.end_headers()
        self.wfile.write(b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n/another.ts\n#EXT-X-ENDLIST\n")

    def log_message(self, *_: object) -> None:
        pass


def test_no_address_of_a_playlist_is_opened():
    with HTTPServer(("127.0.0.1", 0), Playlists) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(InputError, match="cannot be read as a video"):
            live_address(f"http://127.0.0.1:{server.server_port}/live.m3u8").open(timeout=5.0)
        server.shutdown()
    assert set(Playlists.asked) == {"/live.m3u8"}


def test_who_answers_and_sends_nothing_is_left():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = live_address(f"tcp://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(InputError, match="nothing came in time"):
            address.open(timeout=0.3)


def test_the_end_that_is_asked_for_holds_while_a_stream_is_away(monkeypatch):
    monkeypatch.setattr("lfvideo_sr.media.live_video._FIRST_WAIT", 0.1)
    source = LiveSource(Sessions([stream_of("mpegts", 3)]), LiveOptions(reconnect=60.0), duration=0.5)
    started = time.monotonic()
    assert len(list(source)) == 3 and time.monotonic() - started < 20


def test_nobody_at_an_address_and_no_camera_are_one_line():
    for named in ("tcp://127.0.0.1:9", "camera:97"):
        with pytest.raises(InputError) as error:
            live_address(named).open(timeout=5.0)
        assert str(error.value).count("\n") == 0 and "cannot be read as a video" in str(error.value)
