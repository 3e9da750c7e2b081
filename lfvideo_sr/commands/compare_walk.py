"""Goes through two videos in step: measures each pair of frames, and keeps small pictures of some of them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ..frames import Frame, size_of
from ..media.clock import seconds_of
from ..media.jpeg import data_address, jpeg
from ..media.resize import resized
from ..metrics import eight_bit, psnr_y, ssim_y
from ..steadiness import PairSteadiness, Steadiness
from .compare_page import Crop, ShownFrame

_WIDEST = 960  # pixels of a frame on the page
_SIDE = 96  # pixels of a crop
_CROPS = 3
_PHOTO, _DETAIL = 82, 95  # qualities of JPEG


@dataclass(frozen=True)
class Scores:
    """Of one video's frame beside the truth: PSNR-Y in dB, SSIM-Y, and how much its error changes from the frame before
    to this one, in levels (`steadiness`); None at the start of a scene."""

    psnr: float
    ssim: float
    flicker: float | None = None


@dataclass(frozen=True)
class MeasuredFrame:
    """time: seconds. apart: PSNR-Y in dB between the two videos. first, second: scores; None without a truth."""

    time: float
    apart: float
    first: Scores | None = None
    second: Scores | None = None


@dataclass(frozen=True, eq=False)
class _Differing:
    """The place of a frame where the two videos differ most: float pictures [3,s,s] in [0,1] by name."""

    place: int
    time: float
    difference: float
    pictures: Mapping[str, np.ndarray]


class Walk:
    """Takes pairs of frames in order. Of each it holds a few numbers; of every `stride`-th, two small JPEGs; and of the
    three places that differ most, crops.

    labels: what the page prints beside the time of a frame, by its index in the second video.
    """

    def __init__(self, names: tuple[str, str], stride: int, labels: Mapping[int, str]):
        self._names, self._stride, self._labels = names, stride, labels
        self._steady = (Steadiness(), Steadiness())
        self._differing: list[_Differing] = []
        self.rows: list[MeasuredFrame] = []
        self.shown: list[ShownFrame] = []

    def add(self, first: Frame, second: Frame, truth: np.ndarray | None) -> None:
        """The next pair. truth: float [3,H,W] of the second one's size, or None."""
        size = size_of(second.pixels)
        pictures = eight_bit(resized(first.pixels, size)), eight_bit(second.pixels)
        true = None if truth is None else eight_bit(truth)
        time, place = float(seconds_of(second)), len(self.rows)
        scores = (None, None) if true is None else self._scores(pictures, true, second.cut)
        self.rows.append(MeasuredFrame(time, psnr_y(*pictures), *scores))
        if place % self._stride == 0:
            label = f"frame {second.index}, {time:.2f} s{self._labels.get(second.index, '')}"
            self.shown.append(ShownFrame(place, second.index, label, *(_photo(picture) for picture in pictures)))
        self._look_for_difference(place, time, pictures, true)

    def _scores(self, pictures: Sequence[np.ndarray], truth: np.ndarray, cut: bool) -> tuple[Scores, Scores]:
        scores = []
        for picture, steady in zip(pictures, self._steady):
            before = len(steady.pairs)
            steady.add(picture, truth, follows=not cut)
            flicker = _flicker(steady.pairs[before]) if len(steady.pairs) > before else None
            scores.append(Scores(psnr_y(picture, truth), ssim_y(picture, truth), flicker))
        return scores[0], scores[1]

    def _look_for_difference(
        self, place: int, time: float, pictures: Sequence[np.ndarray], truth: np.ndarray | None
    ) -> None:
        """Keep the frame's most differing square if it is among the three largest, which are a third of a second apart
        at least."""
        row, column, difference = most_differing(*pictures)
        near = [other for other in self._differing if abs(other.time - time) < 1 / 3]
        if any(other.difference >= difference for other in near):
            return
        named = dict(zip(self._names, pictures)) | ({} if truth is None else {"truth": truth})
        crops = {name: picture[:, row : row + _SIDE, column : column + _SIDE].copy() for name, picture in named.items()}
        others = [other for other in self._differing if other not in near]
        kept = sorted([*others, _Differing(place, time, difference, crops)], key=lambda crop: -crop.difference)
        self._differing = kept[:_CROPS]

    def crops(self) -> list[Crop]:
        """Those that differ most, in order of time; none of two videos that are equal."""
        in_order = sorted((crop for crop in self._differing if crop.difference > 0), key=lambda crop: crop.time)
        return [
            Crop(
                f"{crop.time:.2f} s",
                {name: data_address(jpeg(pixels, _DETAIL, _SIDE)) for name, pixels in crop.pictures.items()},
            )
            for crop in in_order
        ]


def most_differing(first: np.ndarray, second: np.ndarray) -> tuple[int, int, float]:
    """Top and left of the square of two pictures [3,H,W] that differs most, and its mean absolute difference."""
    difference = np.abs(first - second).mean(0).astype(np.float32)
    mean = cv2.blur(difference, (_SIDE, _SIDE), borderType=cv2.BORDER_REPLICATE)
    row, column = np.unravel_index(int(mean.argmax()), mean.shape)
    height, width = mean.shape
    top = int(np.clip(row - _SIDE // 2, 0, max(0, height - _SIDE)))
    left = int(np.clip(column - _SIDE // 2, 0, max(0, width - _SIDE)))
    return top, left, float(mean.max())


def _flicker(pair: PairSteadiness) -> float | None:
    return math.sqrt(pair.flicker) if math.isfinite(pair.flicker) else None


def _photo(pixels: np.ndarray) -> str:
    return data_address(jpeg(pixels, _PHOTO, _WIDEST))
