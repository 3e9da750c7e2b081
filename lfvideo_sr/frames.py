"""A frame, where it belongs, and what is known of a stream of frames.

Video and light field are one stream: the pipeline carries a frame's stamp, only the sink reads it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from .errors import ShapeError


class Size(NamedTuple):
    """Width and height in pixels, in the usual order: 1920x1080."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"

    def scaled(self, factor: int) -> "Size":
        return Size(self.width * factor, self.height * factor)


def size_of(pixels: Any) -> Size:
    """Of a picture [3,H,W], an array or a tensor."""
    return Size(pixels.shape[2], pixels.shape[1])


@dataclass(frozen=True)
class TimeStamp:
    """When a frame is shown: integer `ticks` of `time_base` seconds; never a rounded float."""

    ticks: int
    time_base: Fraction
    duration: int | None = None  # ticks; None where the container has none

    @property
    def seconds(self) -> Fraction:
        return self.ticks * self.time_base

    def __str__(self) -> str:
        return f"{float(self.seconds):.3f}s"


class View(NamedTuple):
    """Which view of a light field: row and column, 0-based from the top left."""

    row: int
    column: int


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a stream.

    pixels: float32 [3,H,W], RGB in [0,1], in the stream's own transfer function (signal domain), C-contiguous; nobody
            writes into them once an engine has seen the frame.
    index:  0-based position in the stream as decoded; in a part of a clip, counted from its first frame, so that
            frames before it have negative ones.
    stamp:  when (video) or which view (light field) it is.
    cut:    True where this frame starts a new scene (the first frame does).
    alpha:  transparency, float32 [h,w], 0 (clear) .. 1 (opaque), of any size that shows the same; None: opaque. It goes
            along with the frame to the output, and no engine looks at it.
    """

    pixels: np.ndarray
    index: int
    stamp: TimeStamp | View
    cut: bool = False
    alpha: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.shape[0] != 3 or self.pixels.dtype != np.float32:
            raise ShapeError(
                f"frame {self.index} is {self.pixels.dtype} {self.pixels.shape}; float32 [3,H,W] is wanted"
            )

    @property
    def size(self) -> Size:
        return size_of(self.pixels)

    def with_pixels(self, pixels: np.ndarray) -> "Frame":
        """The same moment with other pixels, of any size."""
        return Frame(pixels, self.index, self.stamp, self.cut, self.alpha)

    @property
    def picture(self) -> Any:
        """The pixels where they are: an array, or a DeviceFrame's tensor."""
        return self.pixels

    def with_picture(self, picture: Any) -> "Frame":
        """The same moment with other pixels, of any size, left where they are."""
        if isinstance(picture, np.ndarray):
            return self.with_pixels(picture)
        return DeviceFrame(picture, self.index, self.stamp, self.cut, self.alpha)

    def fetched(self) -> "Frame":
        """The same frame, on the host and nowhere else."""
        return self

    def __repr__(self) -> str:
        return f"Frame({self.index}, {self.stamp}, {self.size}{', cut' if self.cut else ''})"


class DeviceFrame(Frame):
    """A frame that was decoded or restored on a device: `tensor` float32 [3,H,W] is there, for code that works on that
    device; `pixels` are the same on the host, fetched when first asked for.

    Nobody writes into `tensor`. What makes it may still be under way: it is read on the device's default stream, or
    after that one.
    """

    tensor: Any

    def __init__(
        self, tensor: Any, index: int, stamp: TimeStamp | View, cut: bool = False, alpha: np.ndarray | None = None
    ):
        for name, value in {"tensor": tensor, "index": index, "stamp": stamp, "cut": cut, "alpha": alpha}.items():
            object.__setattr__(self, name, value)

    @cached_property
    def pixels(self) -> np.ndarray:  # type: ignore[override]
        return on_host(self.tensor)

    @property
    def picture(self) -> Any:
        return self.tensor

    @property
    def size(self) -> Size:
        return size_of(self.tensor)

    def fetched(self) -> Frame:
        return self.with_pixels(self.pixels)


class LazyFrame(Frame):
    """A frame on the host whose pixels are made when they are first asked for, and held from then on.

    make: gives them, float32 [3,H,W] of `size`.
    """

    _make: Callable[[], np.ndarray]
    _size: Size

    def __init__(
        self, make: Callable[[], np.ndarray], size: Size, index: int, stamp: TimeStamp | View, cut: bool = False
    ):
        for name, value in {"_make": make, "_size": size, "index": index, "stamp": stamp, "cut": cut}.items():
            object.__setattr__(self, name, value)

    @cached_property
    def pixels(self) -> np.ndarray:  # type: ignore[override]
        return self._make()

    @property
    def size(self) -> Size:
        return self._size


def on_host(values: Any) -> np.ndarray:
    """An array as it is; a tensor on any device as an array, C-contiguous."""
    if isinstance(values, np.ndarray):
        return values
    if not values.is_cuda:
        return values.detach().cpu().contiguous().numpy()
    # Several times as fast through pinned memory, which torch reuses for the next one when the array is let go.
    held = values.new_empty(values.shape, device="cpu", pin_memory=True)
    return held.copy_(values.detach()).numpy()


@dataclass(frozen=True)
class StreamInfo:
    """What is known of a stream before its first frame.

    frames and seconds are estimates or None: many containers do not store how many frames they hold.
    """

    name: str
    size: Size
    rate: Fraction | None = None  # average frames per second
    frames: int | None = None
    seconds: float | None = None
