"""What a source of references is, and how a picture is fitted to the frames of a clip."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ..frames import Size, size_of
from ..media.resize import resized
from .reference import Reference

if TYPE_CHECKING:  # a picture is restored without FFmpeg
    from ..media.probe import VideoInfo

EVERY = 8  # frames to a reference, where there are many: tracks, anchors
_SAME_ASPECT = 0.01  # how far two aspects may differ and still show the same field of view


class ReferenceSource(Protocol):
    """References in time order, made as they are pulled; may be iterated any number of times.

    kind:        refs, track, same-track, sidecar or simulate.
    description: one line for people: what the references are, where they come from, and what is done to them.
    cadence:     at most one reference per so many frames where the user asks for nothing else; 0: every reference.
    estimates:   a line for people on each time that was estimated from pictures or clocks.
    warnings:    what is wrong with the references but does not stop the run, one line each.
    """

    kind: str
    description: str
    cadence: int
    estimates: list[str]
    warnings: list[str]

    def __iter__(self) -> Iterator[Reference]: ...

    def close(self) -> None: ...


def turned(pixels: np.ndarray, turns: int) -> np.ndarray:
    """[3,H,W] turned counter-clockwise by so many quarters; the same array where that is none."""
    return np.ascontiguousarray(np.rot90(pixels, turns, axes=(1, 2))) if turns % 4 else pixels


@dataclass(frozen=True)
class ClipFit:
    """Brings pictures taken upright to a clip's coded frames, which may be turned on their side or have oblong samples.

    size:   of a reference, `scale` times the clip's coded frames.
    shown:  width / height of the clip's frames as they are shown, before rotation.
    turns:  quarters, counter-clockwise, from upright to coded.
    frame:  size of the clip's coded frames; None where it does not matter.

    A picture with the clip's aspect is resampled to `size`; any other is left as it is.
    """

    size: Size
    shown: float
    turns: int = 0
    frame: Size | None = None

    @classmethod
    def to(cls, clip: "VideoInfo", size: Size) -> "ClipFit":
        """For references of a clip: `size`, shown as the clip is shown and turned as its coded frames are."""
        shown = float(size.width * (clip.sample_aspect_ratio or 1) / size.height)
        return cls(size, shown, -round(clip.rotation / 90) % 4, clip.size)

    def lying(self, pixels: np.ndarray) -> np.ndarray:
        """A picture turned as the clip's coded frames are, of its own size."""
        return turned(pixels, self._turns_of(size_of(pixels)))

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        pixels = self.lying(pixels)
        return resized(pixels, self.size) if self._shows_the_same(size_of(pixels)) else pixels

    def upright(self, frame: np.ndarray) -> np.ndarray:
        """A coded frame [3,h,w] of the clip as people see it, turned so that it is taken back as it lay."""
        lying = size_of(frame)
        standing = Size(lying.height, lying.width) if self.turns % 2 else lying
        return turned(frame, -self._turns_of(standing))

    def exact(self, size: Size) -> bool:
        """Whether a picture of `size` needs no resampling."""
        return self._lying(size) == self.size

    def is_larger(self, size: Size) -> bool:
        """Whether a picture of `size` is wider or taller than the clip's frames, so that it can have detail of its
        own."""
        lying = self._lying(size)
        return self.frame is None or lying.width > self.frame.width or lying.height > self.frame.height

    @property
    def seen(self) -> Size | None:
        """The size of the clip's frames as people see them, upright; None where it does not matter."""
        if self.frame is None or self.turns % 2 == 0:
            return self.frame
        return Size(self.frame.height, self.frame.width)

    def describe(self, sizes: Collection[Size]) -> str:
        """One line for people: the sizes found and what becomes of them."""
        different = sorted(set(sizes))
        shown = ", ".join(str(size) for size in different[:3]) + (" ..." if len(different) > 3 else "")
        others = [size for size in different if not self.exact(size)]
        resampled = [size for size in others if self._shows_the_same(self._lying(size))]
        if not others:
            return shown
        if not resampled:
            return f"{shown}, left so: another aspect than {self.size}"
        which = " where the aspect agrees" if len(resampled) < len(others) else ""
        return f"{shown} resampled to {self.size}{which}"

    def _turns_of(self, size: Size) -> int:
        """None for a picture that fits only unturned: it was taken from the coded frames."""
        return 0 if self.turns % 2 and self._shows_the_same(size) else self.turns

    def _lying(self, size: Size) -> Size:
        return Size(size.height, size.width) if self._turns_of(size) % 2 else size

    def _shows_the_same(self, size: Size) -> bool:
        aspects = (self.size.width / self.size.height, self.shown)
        return any(abs(size.width / size.height / aspect - 1) <= _SAME_ASPECT for aspect in aspects)
