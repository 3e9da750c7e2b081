"""A stand-in for a file whose pictures are decoded on a GPU: the real pictures, in the layout and under the name that
PyAV gives those on a device, but in the host's memory."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av

LAYOUTS = {"yuv420p": "nv12", "yuv420p10le": "p010le", "yuv444p": "yuv444p"}


class Picture:
    """A frame that says it is on a device."""

    format = SimpleNamespace(name="cuda")

    def __init__(self, picture: av.VideoFrame):
        self._picture = picture.reformat(format=LAYOUTS[picture.format.name], threads=1)
        self._picture.pts, self._picture.time_base = picture.pts, picture.time_base
        self.sw_format = self._picture.format

    def __getattr__(self, name: str) -> Any:
        return getattr(self._picture, name)


class Packet:
    def __init__(self, packet: av.Packet, show: Callable[[av.VideoFrame], Any]):
        self._packet, self._show = packet, show
        self.is_discard = packet.is_discard

    def decode(self) -> list[Any]:
        return [self._show(picture) for picture in self._packet.decode()]


class Container:
    """show: what becomes of a decoded picture; the default leaves it on the device."""

    def __init__(self, path: Path, show: Callable[[av.VideoFrame], Any] = Picture):
        self._container, self._show = av.open(str(path)), show

    def demux(self, stream: Any) -> Iterator[Packet]:
        return (Packet(packet, self._show) for packet in self._container.demux(stream))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._container, name)

    def __enter__(self) -> "Container":
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()
