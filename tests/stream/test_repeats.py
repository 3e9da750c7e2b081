"""Frames that repeat the one before: they get its picture, at their own time, and are not restored again."""

from dataclasses import replace

import numpy as np
import pytest
from remembering import Remembering, frame, run

from lfvideo_sr.frames import DeviceFrame, Frame, TimeStamp
from lfvideo_sr.references.reference import Reference, ReferenceCache
from lfvideo_sr.stream.pairing import Paired
from lfvideo_sr.stream.pipeline import SuperResolver
from lfvideo_sr.stream.segments import MEMORY
from lfvideo_sr.stream.stopwatch import Stopwatch


def shown_at(index: int, pixels_of: int, cut: bool = False) -> Frame:
    return frame(index, cut).with_pixels(frame(pixels_of).pixels)


def test_a_repeat_has_the_picture_of_the_frame_before_at_its_own_time():
    engine = Remembering()
    frames = [shown_at(0, 0), shown_at(1, 0), shown_at(2, 0), shown_at(3, 3), shown_at(4, 0)]
    restored = run(engine, frames)
    assert list(engine.handed) == [0, 3, 4]
    assert [each.frame.pixels[0, 0, 0] for each in restored] == pytest.approx([0, 0, 0, 0.003, 0.004])
    assert [each.frame.stamp for each in restored] == [each.stamp for each in frames]
    assert [each.source for each in restored] == frames


def test_a_cut_and_the_end_of_memory_are_restored_though_they_repeat():
    engine = Remembering()
    run(engine, [shown_at(index, 0, cut=index in (0, 2)) for index in range(MEMORY + 2)])
    assert list(engine.handed) == [0, 2, MEMORY]


def test_other_references_make_another_picture():
    engine = Remembering()
    engine.info = replace(engine.info, references=0)
    resolver = SuperResolver(engine, ReferenceCache(lambda reference: None, 1), Stopwatch())
    first, second = (Reference((name,), 0, name, lambda: np.zeros((3, 32, 32), np.float32)) for name in "ab")
    for index, references in enumerate([(first,), (first,), (first, second), (second,)]):
        resolver.restore(Paired(shown_at(index, 0), references, None))
    assert list(engine.handed) == [0, 2, 3] and resolver.repeated == 1


def test_a_repeat_of_a_references_own_moment_has_its_pixels():
    engine = Remembering()
    pixels = np.full((3, 32, 32), 0.7, np.float32)
    at = shown_at(1, 1)
    reference = Reference(("own",), at.stamp.seconds, "own", lambda: pixels, generated=True, frame=at)
    _, passed, again = run(engine, [shown_at(0, 0), at, shown_at(2, 1)], {1: reference})
    assert passed.passed and not again.passed and not again.own
    assert np.array_equal(again.frame.pixels, pixels) and list(engine.handed) == [0]


def test_views_and_frames_on_a_device_are_restored_each():
    engine = Remembering()
    run(engine, [shown_at(index, 0) for index in range(3)], in_order=False)
    assert len(engine.handed) == 3
    resolver = SuperResolver(Remembering(), ReferenceCache(lambda reference: None, 1), Stopwatch())
    for index in range(2):
        tensor = frame(0).pixels
        resolver.restore(Paired(DeviceFrame(tensor, index, TimeStamp(index, frame(0).stamp.time_base)), (), None))
    assert resolver.repeated == 0
