"""Addresses and cameras that a live stream comes from: what is one, and how FFmpeg opens it."""

import re
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISCHR
from urllib.parse import urlsplit

from ..errors import UsageError
from .reading_once import READ_TIMEOUT, OnceRead, opened_once

_SCHEMES = ("rtsp", "rtsps", "rtmp", "rtmps", "srt", "http", "https", "udp", "rtp", "tcp")
_ADDRESS = re.compile(rf"({'|'.join(_SCHEMES)})://", re.IGNORECASE)
_CAMERA = re.compile(r"camera:(\d+)")
_PROTOCOLS = "rtsp,rtmp,rtmps,rtmpt,ffrtmphttp,srt,http,https,httpproxy,tcp,tls,udp,rtp"  # files and data are none
# How much FFmpeg looks at to tell what a stream holds: microseconds in all, and frames for its rate.
_ANALYSIS = {"analyzeduration": "2000000", "fpsprobesize": "4", "fflags": "nobuffer"}


@dataclass(frozen=True)
class LiveAddress:
    """Where a live stream comes from.

    url:  what FFmpeg opens.
    name: for messages and reports, without the user's name and password.
    input_format: FFmpeg's, or None: FFmpeg looks what it is.
    """

    url: str
    name: str
    input_format: str | None = None

    @property
    def is_camera(self) -> bool:
        return self.input_format == "v4l2"

    def open(self, timeout: float = READ_TIMEOUT) -> OnceRead:
        """Connect and decode the first picture. InputError, in one line, where nothing answers within `timeout`
        seconds, or what comes is no video."""
        waits = {} if self.is_camera else {"timeout": (timeout, READ_TIMEOUT)}
        container = opened_once(self.url, self.name, format=self.input_format, options=self.options, **waits)
        return OnceRead(container, Path(self.name), live=True)

    @property
    def options(self) -> dict[str, str]:
        """FFmpeg's, for opening it."""
        if self.is_camera:
            return {}
        common = {"protocol_whitelist": _PROTOCOLS, **_ANALYSIS}
        return common | ({"rtsp_flags": "prefer_tcp"} if self.url.lower().startswith("rtsp") else {})


def live_address(named: str) -> LiveAddress | None:
    """What a user's words for an input mean if they are an address, a camera (camera:0) or its device; else None."""
    if _ADDRESS.match(named):
        return LiveAddress(named, _without_password(named))
    if match := _CAMERA.fullmatch(named):
        return LiveAddress(f"/dev/video{match[1]}", named, "v4l2")
    path = Path(named)
    if named.startswith("/dev/video") and path.exists() and S_ISCHR(path.stat().st_mode):
        return LiveAddress(named, named, "v4l2")
    return None


def _without_password(url: str) -> str:
    """scheme:host/path, which stays as it is as a Path; what follows "?" may hold keys and is left out."""
    parts = urlsplit(url)
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError as error:
        raise UsageError(f"{parts.scheme}://{parts.hostname} has a port that is no number from 0 to 65535") from error
    return f"{parts.scheme.lower()}:{parts.hostname or ''}{port}{parts.path}".rstrip("/")
