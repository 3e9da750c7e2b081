"""Bicubic enlargement: what every method is measured against. It takes no references."""

from collections.abc import Sequence

import numpy as np

from ..frames import Size
from ..media.resize import bicubic
from ..method import Features, Match, Method, MethodInfo

INFO = MethodInfo("bicubic", "bicubic enlargement; no references", references=0, halo=3, learned=False)


def enlarge(frame: np.ndarray, scale: int = 4) -> np.ndarray:
    """[...,h,w] -> [...,scale*h,scale*w], Pillow's bicubic, unrounded."""
    height, width = frame.shape[-2:]
    return bicubic(frame, Size(width * scale, height * scale))


def _restore(frame: np.ndarray, matches: Sequence[Match]) -> np.ndarray:
    return enlarge(frame)


def _no_features(reference: np.ndarray) -> Features:
    return {}


def _no_match(frame: np.ndarray, reference: Features, seed: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    raise AssertionError("bicubic takes no references")


def build() -> Method:
    return Method(info=INFO, encoder=_no_features, matcher=_no_match, restorer=_restore)
