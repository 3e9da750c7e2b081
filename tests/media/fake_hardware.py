"""A stand-in for a file whose pictures are decoded on a GPU: the real pictures, in the layout and under the name that
PyAV gives those on a device, but in the host's memory. As there, rows lie further apart than they are long, planes are
read by DLPack only and take no stream, and who lets go of a picture loses what is in it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np

LAYOUTS = {"yuv420p": "nv12", "yuv420p10le": "p010le", "yuv444p": "yuv444p"}


PITCH = 512  # bytes that a row begins at multiples of


class Plane:
    def __init__(self, plane: np.ndarray):
        self._plane = plane

    def __dlpack_device__(self) -> tuple[int, int]:
        return (2, 0)  # CUDA's first

    def __dlpack__(self, *, stream: int | None = None) -> Any:
        if stream is not None:
            raise NotImplementedError("CUDA stream synchronization is not supported. Pass stream=None")
        return self._plane.__dlpack__()


def surface(plane: Any) -> np.ndarray:
    """A plane's bytes, row by row, in memory of its own."""
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: plane.height]
    return np.pad(rows, ((0, 0), (0, -plane.line_size % PITCH)))


class DevicePicture:
    """A frame that says it is on a device."""

    format = SimpleNamespace(name="cuda")

    def __init__(self, picture: av.VideoFrame):
        self._picture = picture.reformat(format=LAYOUTS[picture.format.name], threads=1)
        self._picture.pts, self._picture.time_base = picture.pts, picture.time_base
        self.sw_format = self._picture.format
        self._surfaces = [surface(plane) for plane in self._picture.planes]

    @property
    def planes(self) -> list[Plane]:
        size = 1 if self.sw_format.name == "nv12" else 2
        luma, chroma = (surface.view(f"u{size}")[:, : self.width] for surface in self._surfaces)
        return [Plane(luma), Plane(chroma.reshape(len(chroma), -1, 2))]

    def __del__(self) -> None:
        for surface in self._surfaces:
            surface[:] = 77

    def __getattr__(self, name: str) -> Any:
        return getattr(self._picture, name)


class Packet:
    def __init__(self, packet: av.Packet, show: Callable[[av.VideoFrame], Any]):
        self.__dict__.update(_packet=packet, _show=show)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._packet, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._packet, name, value)

    def decode(self) -> list[Any]:
        return [self._show(picture) for picture in self._packet.decode()]


class Container:
    """show: what becomes of a decoded picture; the default leaves it on the device."""

    def __init__(self, path: Path, show: Callable[[av.VideoFrame], Any] = DevicePicture):
        self._container, self._show = av.open(str(path)), show

    def demux(self, *streams: Any) -> Iterator[Packet]:
        return (Packet(packet, self._show) for packet in self._container.demux(*streams))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._container, name)

    def __enter__(self) -> "Container":
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()
