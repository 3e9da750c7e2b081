"""An engine that goes on with another one: what becomes of memory, pictures and fields when the first refuses."""

import weakref
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from small_clips import engine_of, stamp
from small_grids import rendered_grid

from lfvideo_sr.engine import Engine, Matched, OneByOne
from lfvideo_sr.engines.fallback import FallingBack
from lfvideo_sr.engines.onnx_engine import OnnxEngine
from lfvideo_sr.errors import EngineError
from lfvideo_sr.frames import DeviceFrame, Frame, Size, View
from lfvideo_sr.lightfields.grid import Grid
from lfvideo_sr.media.resize import degrade
from lfvideo_sr.references.reference import EncodedReference, Reference
from lfvideo_sr.stream.guided import GuidedEngine, Place

CENTRE = View(2, 2)


def reference(pixels: np.ndarray, number: int = 0) -> Reference:
    return Reference((number,), Fraction(0), "test", lambda: pixels)


def frame_of(pixels: np.ndarray) -> Frame:
    return Frame(degrade(pixels), 0, stamp(0))


def test_the_next_engine_finds_the_memory_of_the_one_before():
    """Left, and nothing of what it was doing kept by its error."""

    class Memory:
        pass

    class Refusing:
        left = False

        def encode(self, reference):
            memory = Memory()
            self.memory = weakref.ref(memory)
            raise EngineError("no room; try another")

        def __exit__(self, *_):
            self.left = True

    class Other(OneByOne):
        name = "other"

        def encode(self, reference):
            return EncodedReference(reference.key, {}, Size(4, 4))

    def following():
        assert first.left and first.memory() is None
        return Other()

    first, lines = Refusing(), []
    engine = FallingBack(first, following, lines.append)
    assert engine.encode(reference(np.zeros((3, 4, 4), np.float32))).size == Size(4, 4)
    assert lines == ["engine      other from here on: no room"] and engine.name == "other"


@pytest.mark.parametrize("refuses", [True, False])
def test_a_picture_stays_where_the_engine_that_runs_leaves_it(refuses):
    """The first leaves it on the host; the one that goes on, on a device."""
    pixels = np.zeros((3, 4, 4), np.float32)

    class First(OneByOne):
        name = "first"

        def restore(self, frame, matches, last=None):
            if refuses:
                raise EngineError("no room")
            return pixels

    class Other(First):
        def restore_frame(self, frame, matches, last=None):
            return DeviceFrame(pixels, frame.index, frame.stamp)

    restored = FallingBack(First(), Other).restore_frame(frame_of(pixels), [])
    assert isinstance(restored, DeviceFrame) == refuses and restored.pixels is pixels


class Counted(OneByOne):
    """An engine that counts its searches, and refuses from one frame on."""

    def __init__(self, engine: Engine, refuses_at: int | None = None):
        self._engine, self._refuses_at, self.searches = engine, refuses_at, 0
        self.name, self.info = engine.name, engine.info
        self.encode = engine.encode

    def match(self, frame, reference, previous):
        self.searches += 1
        return self._engine.match(frame, reference, previous)

    def restore(self, frame, matches, last=None):
        if self._refuses_at is not None and frame.index >= self._refuses_at:
            raise EngineError("no room")
        return self._engine.restore(frame, matches, last)


def guided(engine: Engine, lows: dict[View, np.ndarray], sharp: np.ndarray) -> list[np.ndarray]:
    """All views of a grid, restored beside its centre."""
    around = GuidedEngine(
        engine, Grid.of(5, 5), lambda place: lows[place.view], {("r",): Place(CENTRE)},
        lambda frame: Place(frame.stamp),
    )  # fmt: skip
    centre = Reference(("r",), Fraction(0), "r", lambda: sharp[CENTRE])
    encoded = around.encode(centre)
    pictures = []
    for index, (view, low) in enumerate(lows.items()):
        frame = Frame(low, index, view)
        (field,) = around.match_all(frame, [encoded], [None])
        pictures.append(around.restore_frame(frame, [Matched(encoded, field)]).pixels)
    assert (around.searched, around.guided) == (4, 25)
    return pictures


@pytest.mark.parametrize("refuses_at", [None, 0, 7], ids=["never", "first frame", "later frame"])
def test_predicted_fields_are_used_by_whichever_engine_runs(graphs, refuses_at):
    """No engine searches for them again, neither the first one nor the one that goes on, whose fields are tensors."""
    sharp = rendered_grid(5, 5, Size(96, 80), seed=2)
    lows = {view: degrade(sharp[view]) for view in Grid.of(5, 5)}
    first, following = Counted(OnnxEngine(graphs, "cpu"), refuses_at), Counted(engine_of("stream_ref"))
    lines: list[str] = []
    pictures = guided(FallingBack(first, lambda: following, lines.append), lows, sharp)
    assert (first.searches, following.searches) == (4, 0) and len(lines) == (refuses_at is not None)
    expected = guided(engine_of("stream_ref"), lows, sharp)
    assert max(np.abs(picture - other).max() for picture, other in zip(pictures, expected)) < 1e-3


@pytest.mark.parametrize("verb", ["match", "match_all", "restore", "restore_frame"])
def test_every_verb_goes_on(graphs, verb):
    """And a reference that the first engine encoded is encoded anew for the next one."""
    sharp = rendered_grid(1, 2, Size(96, 80), seed=2)
    frame, first = frame_of(sharp[0, 0]), OnnxEngine(graphs, "cpu")
    engine = FallingBack(first, lambda: engine_of("stream_ref"))
    source = reference(sharp[0, 1])
    encoded = engine.encode(source)
    field = engine.match(frame, encoded, None)
    calls: dict[str, Callable] = {
        "match": lambda: engine.match(frame, encoded, field),
        "match_all": lambda: engine.match_all(frame, [encoded, encoded], [None, field])[1],
        "restore": lambda: engine.restore(frame, [Matched(encoded, field)]),
        "restore_frame": lambda: engine.restore_frame(frame, [Matched(encoded, field)]).pixels,
    }
    before = calls[verb]()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("match", "restore"):
            patch.setattr(first, name, refusing)
        after = calls[verb]()
    assert engine.name == "torch"
    if verb.startswith("restore"):
        assert np.abs(before - after).max() < 1e-3
    else:
        assert np.abs(before.positions - np.asarray(after.positions)).max() < 1e-2


def refusing(*arguments):
    raise EngineError("no room")


def test_a_reference_is_kept_until_it_is_encoded_anew_and_no_longer(graphs):
    """The caller may let go of it; nobody else holds its pixels."""
    sharp = rendered_grid(1, 2, Size(96, 80), seed=2)
    frame, sources = frame_of(sharp[0, 0]), [reference(sharp[0, 1].copy()), reference(sharp[0, 0].copy(), 1)]
    alive = [weakref.ref(source) for source in sources]
    engine = FallingBack(Counted(OnnxEngine(graphs, "cpu"), 0), lambda: engine_of("stream_ref"))
    used, dropped = (engine.encode(source) for source in sources)
    field = engine.match(frame, used, None)
    sources.clear()
    assert all(source() for source in alive)
    del dropped
    assert alive[0]() and not alive[1]()
    engine.restore(frame, [Matched(used, field)])
    assert engine.name == "torch" and not alive[0]()
