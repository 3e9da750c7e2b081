"""A small RTSP server: a moving picture and a tone, encoded as they are sent, as MPEG-TS in RTP over its connection.

It can lose its connections and refuse new ones for a while, as a camera does whose network fails.
"""

import socket
import struct
import threading
import time
from contextlib import suppress
from fractions import Fraction
from types import TracebackType

import av
import numpy as np

_SDP = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=live\r\nt=0 0\r\nm=video 0 RTP/AVP 33\r\na=control:track0\r\n"
_PAYLOAD = 7 * 188  # bytes of a packet: MPEG-TS packets that fit a network's
_RATE = 16000  # samples a second


class RTSPServer:
    """Serves one stream at `url` to whoever asks, from its first frame on. Use it as a context manager."""

    def __init__(self, size: tuple[int, int] = (160, 96), fps: int = 10):
        self._size, self._fps = size, fps
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"rtsp://127.0.0.1:{self._listening.getsockname()[1]}/live"
        self._clients: set[socket.socket] = set()
        self._away = threading.Event()
        self._closed = threading.Event()
        self.frames_sent = 0

    def drop(self, seconds: float) -> None:
        """Cut all connections, and accept none for so long."""
        self._away.set()
        self._cut()
        threading.Timer(seconds, self._away.clear).start()

    def _cut(self) -> None:
        for client in list(self._clients):
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            if self._away.is_set():
                client.close()
                continue
            self._clients.add(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        lines = client.makefile("r", newline="\r\n")
        with suppress(OSError, ValueError), client:
            while request := lines.readline().split():
                headers = {}
                while (line := lines.readline().strip()) != "":
                    name, _, value = line.partition(":")
                    headers[name.lower()] = value.strip()
                client.sendall(_answer(request[0], headers).encode())
                if request[0] == "PLAY":
                    threading.Thread(target=self._send, args=(client,), daemon=True).start()
        self._clients.discard(client)

    def _send(self, client: socket.socket) -> None:
        with suppress(OSError, av.FFmpegError):
            self._encode(_Packets(client))

    def _encode(self, packets: "_Packets") -> None:
        with av.open(packets, "w", format="mpegts", options={"flush_packets": "1"}) as container:
            options = {"preset": "ultrafast", "tune": "zerolatency", "g": str(self._fps)}
            video = container.add_stream("libx264", self._fps, options=options)
            video.width, video.height = self._size
            sound = container.add_stream("aac", _RATE, layout="mono")
            texture = np.random.default_rng(0).integers(30, 220, (self._size[1], 400), np.uint8).repeat(3, 1)
            started = time.monotonic()
            for number in range(1 << 30):
                time.sleep(max(0.0, started + number / self._fps - time.monotonic()))
                if self._closed.is_set():
                    return
                container.mux(video.encode(self._picture(texture, number)))
                container.mux(sound.encode(self._tone(number)))
                self.frames_sent += 1

    def _picture(self, texture: np.ndarray, number: int) -> av.VideoFrame:
        across = 2 * (number % 200)
        luma = np.ascontiguousarray(texture[:, across : across + self._size[0]])
        picture = av.VideoFrame.from_ndarray(luma, "gray").reformat(format="yuv420p")
        picture.pts, picture.time_base = number, Fraction(1, self._fps)
        return picture

    def _tone(self, number: int) -> av.AudioFrame:
        count = _RATE // self._fps
        times = np.arange(number * count, (number + 1) * count) / _RATE
        tone = av.AudioFrame.from_ndarray(0.1 * np.sin(2765 * times).astype(np.float32)[None], "fltp", "mono")
        tone.rate, tone.pts, tone.time_base = _RATE, number * count, Fraction(1, _RATE)
        return tone

    def __enter__(self) -> "RTSPServer":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._closed.set()
        self._listening.close()
        self._cut()


class _Packets:
    """A file whose bytes go to a client as RTP packets, interleaved in the RTSP connection."""

    def __init__(self, client: socket.socket):
        self._client, self._waiting, self._number = client, b"", 0

    def write(self, content: bytes) -> int:
        self._waiting += bytes(content)
        while self._waiting:
            part, self._waiting = self._waiting[:_PAYLOAD], self._waiting[_PAYLOAD:]
            stamp = int(time.monotonic() * 90000) & 0xFFFFFFFF
            rtp = struct.pack("!BBHII", 0x80, 33, self._number & 0xFFFF, stamp, 1) + part
            self._client.sendall(struct.pack("!cBH", b"$", 0, len(rtp)) + rtp)
            self._number += 1
        return len(content)


def _answer(method: str, headers: dict[str, str]) -> str:
    lines, body = [f"CSeq: {headers.get('cseq', '0')}"], ""
    if method == "OPTIONS":
        lines.append("Public: OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN")
    elif method == "DESCRIBE":
        body = _SDP
        lines += ["Content-Type: application/sdp", f"Content-Length: {len(body)}"]
    elif method == "SETUP":
        if "TCP" not in headers.get("transport", ""):
            return "\r\n".join(["RTSP/1.0 461 Unsupported Transport", *lines, "", ""])
        lines += ["Transport: RTP/AVP/TCP;unicast;interleaved=0-1", "Session: 1"]
    else:
        lines.append("Session: 1")
    return "\r\n".join(["RTSP/1.0 200 OK", *lines, "", body])
