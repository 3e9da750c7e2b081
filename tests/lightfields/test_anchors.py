"""Anchors of a light-field video: restored once each, and not kept when a later one is in use."""

import gc
import weakref

import numpy as np

from lfvideo_sr.frames import Size, View
from lfvideo_sr.lightfields.field import FieldInfo
from lfvideo_sr.lightfields.grid import Grid
from lfvideo_sr.lightfields.references import anchors


class Video:
    """Of 24 frames; only what is known of it is asked for."""

    info = FieldInfo("video", "crossnet", "made", Grid.of(3, 3), Size(8, 8), "uint8 RGB", frames=24)


def test_the_pictures_of_earlier_anchors_are_let_go():
    made = []

    def restore(view: View, frame: int) -> np.ndarray:
        picture = np.full((3, 32, 32), frame, np.float32)
        made.append(weakref.ref(picture))
        return picture

    placed = anchors(Video(), [View(0, 0), View(2, 2)], 8, restore).placed
    for first, second in zip(placed[::2], placed[1::2]):
        for reference in (first, second, first, second):  # given out, and encoded
            reference.reference.load()
    gc.collect()
    assert len(made) == 6 and sum(picture() is not None for picture in made) == 2
