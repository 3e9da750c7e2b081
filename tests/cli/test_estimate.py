"""How long a run will take, guessed from one small piece of work: what is counted, and that it changes nothing."""

import cv2
import numpy as np
import pytest
from small_clips import LOW, engine_of

from lfvideo_sr.commands.estimate import estimated_seconds, references_used
from lfvideo_sr.engine import Engine
from lfvideo_sr.errors import EngineError
from lfvideo_sr.frames import Size
from lfvideo_sr.stream.job import StreamJob
from lfvideo_sr.stream.options import StreamOptions


@pytest.fixture
def stills(tmp_path, pictures):
    """Makes a folder with so many pictures of the clip."""

    def make(count: int):
        folder = tmp_path / f"{count} stills"
        folder.mkdir()
        for number in range(count):
            picture = (pictures[number][::-1].transpose(1, 2, 0) * 255).round().astype(np.uint8)
            cv2.imwrite(str(folder / f"t{number / 25:.2f}.png"), picture)
        return str(folder)

    return make


def used(clip, method: str, **options) -> int:
    with StreamJob(clip, engine_of(method), StreamOptions(**options)) as job:
        return references_used(job)


def test_references_are_counted_that_serve_a_frame(low_clip, hybrid_clip, stills):
    """c2_matching takes five."""
    assert used(low_clip, "c2_matching", refs=stills(5)) == 2
    assert used(low_clip, "c2_matching", refs=stills(3), max_refs=4) == 3
    assert used(low_clip, "c2_matching", refs=stills(1)) == 1
    assert used(hybrid_clip, "c2_matching") == 2
    assert used(hybrid_clip, "c2_matching", max_refs=9) == 5
    assert used(hybrid_clip, "flow_transfer", max_refs=1) == 1
    assert used(low_clip, "flow_transfer") == 2, "anchors"
    assert used(hybrid_clip, "flow_transfer", no_refs=True) == used(hybrid_clip, "bicubic") == 0


class Bounded:
    """An engine that takes no other frames than the clip's."""

    def __init__(self, engine: Engine):
        self._engine, self.refused = engine, 0

    def nearest_size(self, size: Size) -> Size:
        return LOW

    def restore(self, frame, matches, last=None):
        if frame.size != LOW:
            self.refused += 1
            raise EngineError(f"frame is {frame.size}, its plan takes {LOW}; pass --engine torch")
        return self._engine.restore(frame, matches, last)

    def __getattr__(self, name):
        return getattr(self._engine, name)


def test_the_piece_has_a_size_that_the_engine_takes(hybrid_clip):
    """Else an engine that falls back when it is refused would be given up before the first frame."""
    engine = Bounded(engine_of("flow_transfer"))
    with StreamJob(hybrid_clip, engine, StreamOptions()) as job:
        assert (estimated_seconds(job) or 0) >= 1
    assert engine.refused == 0


def test_an_engine_that_fails_gives_no_estimate(hybrid_clip):
    class Failing(Bounded):
        def nearest_size(self, size: Size) -> Size:
            return size

    with StreamJob(hybrid_clip, Failing(engine_of("flow_transfer")), StreamOptions()) as job:
        assert estimated_seconds(job) is None
