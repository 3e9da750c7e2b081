"""What every method with its engine keeps to, whatever it does inside: each method by its first engine, stream_ref by
the others too, and an engine that is made here of public names alone. A new line in METHODS is tested unasked."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache

import numpy as np
import pytest
import torch
from small_clips import SKILLED, engine_of, rendered, stamp

from lfvideo_sr.choose import make_engine
from lfvideo_sr.correspondence import Correspondence
from lfvideo_sr.engine import Engine, Last, Matched, OneByOne, Precision
from lfvideo_sr.engines.fallback import FallingBack
from lfvideo_sr.errors import EngineError, UsageError
from lfvideo_sr.frames import Frame, Size, View, on_host, size_of
from lfvideo_sr.lightfields.grid import Grid
from lfvideo_sr.media.resize import bicubic, degrade
from lfvideo_sr.method import MethodInfo
from lfvideo_sr.methods import METHODS
from lfvideo_sr.metrics import psnr_y
from lfvideo_sr.references.reference import EncodedReference, Reference
from lfvideo_sr.stream.guided import GuidedEngine, Place
from lfvideo_sr.stream.job import StreamJob
from lfvideo_sr.stream.options import StreamOptions

SIZES = [Size(64, 48), Size(33, 19), Size(16, 27)]  # of low-resolution frames
SMALL = [Size(40, 24), *SIZES[1:]]  # where no detail has to be found again
LEARNED = [name for name in SKILLED if METHODS[name].learned]
SHIFTS = [(8, 0), (0, -8), (12, 8)]  # output pixels, right and down


class ToyEngine(OneByOne):
    """An engine of somebody else's: pixels are repeated, and a reference is mixed in where it is."""

    name, device, precision = "toy", "cpu", Precision.FP32
    info = MethodInfo("toy", "repeats pixels", references=1)

    def encode(self, reference: Reference) -> EncodedReference:
        pixels = on_host(reference.load())
        return EncodedReference(reference.key, {"pixels": pixels}, size_of(pixels))

    def match(self, frame: Frame, reference: EncodedReference, previous: Correspondence | None) -> Correspondence:
        """Every low-resolution pixel where it would be if the reference showed the frame."""
        width, height = frame.size
        across = (np.arange(width, dtype=np.float32) + 0.5) * (reference.size.width / width) - 0.5
        down = (np.arange(height, dtype=np.float32) + 0.5) * (reference.size.height / height) - 0.5
        positions = np.stack(np.meshgrid(across, down), -1)[None].astype(np.float32)
        return Correspondence(positions, np.full((1, height, width), 0.5, np.float32), 4, reference.size)

    def restore(self, frame: Frame, matches: Sequence[Matched], last: Last | None = None) -> np.ndarray:
        picture = frame.pixels.repeat(4, 1).repeat(4, 2)
        for match in matches:
            x, y = np.moveaxis(on_host(match.correspondence.positions)[0].round().astype(int), -1, 0)
            seen = match.reference.features["pixels"][:, y.clip(0), x.clip(0)].repeat(4, 1).repeat(4, 2)
            picture = picture + 0.5 * (seen - picture)
        return picture.clip(0, 1).astype(np.float32)


class RefusingToRestore(OneByOne):
    """Stands in for TensorRT where it is full: it encodes and matches, and restores nothing."""

    def __init__(self, engine: Engine):
        self.name, self.info, self.device, self.precision = "first", engine.info, engine.device, engine.precision
        self.encode, self.match = engine.encode, engine.match

    def restore(self, frame: Frame, matches: Sequence[Matched], last: Last | None = None) -> np.ndarray:
        raise EngineError("no room; pass --engine torch")


@cache
def onnx_engine() -> Engine:
    """By the shipped graphs."""
    return make_engine("stream_ref", device="cpu", engine="onnx")


def falling_back() -> Engine:
    """What ONNX Runtime encoded and matched, torch restores."""
    return FallingBack(RefusingToRestore(onnx_engine()), lambda: engine_of("stream_ref"))


def guided_engine() -> Engine:
    """Of a grid in which no reference has a place."""
    return GuidedEngine(engine_of("stream_ref"), Grid.of(3, 3), refuse, {}, lambda frame: Place(View(0, 0)))


def refuse(place: Place) -> np.ndarray:
    raise AssertionError("no view has to be read")


OTHERS: dict[str, Callable[[], Engine]] = {
    "stream_ref by onnx": onnx_engine,
    "stream_ref falling back": falling_back,
    "stream_ref guided": guided_engine,
    "toy": ToyEngine,
}
ENGINES = [*METHODS, *OTHERS]
WITH_REFERENCES = [name for name in ENGINES if name in OTHERS or engine_of(name).info.references]


def running(name: str) -> Engine:
    return OTHERS[name]() if name in OTHERS else engine_of(name)


@pytest.fixture(params=ENGINES)
def engine(request) -> Engine:
    return running(request.param)


@pytest.fixture(params=WITH_REFERENCES)
def matching(request) -> Engine:
    """Engines that take references."""
    return running(request.param)


@pytest.fixture(params=[name for name in WITH_REFERENCES if name in SKILLED or name.startswith("stream_ref ")])
def skilled(request) -> Engine:
    """Those of them that have learned, or need not learn, to do it well."""
    return running(request.param)


@pytest.fixture(scope="module")
def scene() -> np.ndarray:
    """A rendered picture with a margin on all sides for cutting shifted parts out of it."""
    return rendered(0, 1, seed=30, size=Size(320, 256))[0]


def part(scene: np.ndarray, size: Size, shift: tuple[int, int] = (0, 0)) -> np.ndarray:
    """The picture of 4 * size that lies 32 - shift pixels right and below of the corner: in it, things are shifted."""
    left, top = 32 - shift[0], 32 - shift[1]
    return np.ascontiguousarray(scene[:, top : top + 4 * size.height, left : left + 4 * size.width])


def frame_of(pixels: np.ndarray) -> Frame:
    return Frame(np.ascontiguousarray(pixels, np.float32), 0, stamp(0))


def reference(pixels: np.ndarray, number: int = 0) -> Reference:
    return Reference(("contract", number), Fraction(number), f"number {number}", lambda: pixels)


def matched(engine: Engine, frame: Frame, pixels: np.ndarray, previous: Correspondence | None = None) -> Matched:
    encoded = engine.encode(reference(pixels))
    return Matched(encoded, engine.match(frame, encoded, previous))


def own_positions(field: Correspondence) -> np.ndarray:
    """Where each place of a field stands in the output: the positions of a reference that shows just the same."""
    height, width = field.positions.shape[1:3]
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    return field.stride * np.stack([x, y], -1) + (field.stride - 1) / 2


def displacement(field: Correspondence) -> np.ndarray:
    """[h,w,2] in reference pixels."""
    return np.asarray(field.positions)[0] - own_positions(field)


def check_picture(picture: np.ndarray, size: Size, scale: int) -> None:
    assert isinstance(picture, np.ndarray) and picture.dtype == np.float32 and picture.flags.c_contiguous
    assert picture.shape == (3, scale * size.height, scale * size.width)
    assert np.isfinite(picture).all() and picture.min() >= 0 and picture.max() <= 1


def test_what_an_engine_says_of_itself(engine):
    info = engine.info
    assert info.name and info.scale == 4
    assert info.references >= 0 and 0 <= info.worthless_below < 1
    assert info.summary and "\n" not in info.summary
    assert engine.name and engine.device == "cpu" and engine.precision is Precision.FP32


@pytest.mark.parametrize("name", [name for name in OTHERS if name != "toy"])
def test_every_engine_of_a_method_says_the_same_of_it(name):
    assert running(name).info == engine_of("stream_ref").info


@pytest.mark.parametrize("size", [Size(160, 96), Size(7, 1000)], ids=str)
def test_an_engine_on_the_host_takes_any_size(engine, size):
    assert engine.nearest_size(size) == size


def test_a_frame_may_be_restored_as_a_frame(engine, scene):
    frame = Frame(degrade(part(scene, SIZES[1])), 5, stamp(5), cut=True)
    restored = engine.restore_frame(frame, [])
    assert np.array_equal(restored.pixels, engine.restore(frame, []))
    assert (restored.index, restored.stamp, restored.cut, restored.size) == (5, stamp(5), True, SIZES[1].scaled(4))


def test_several_references_are_matched_at_once(matching, scene):
    frame = frame_of(degrade(part(scene, SMALL[0])))
    encoded = [matching.encode(reference(part(scene, SMALL[0], shift), at)) for at, shift in enumerate(SHIFTS)]
    before = [None, matching.match(frame, encoded[1], None), None]
    fields = matching.match_all(frame, encoded, before)
    assert len(fields) == len(SHIFTS) and matching.match_all(frame, [], []) == []
    for field, features, start in zip(fields, encoded, before):
        single = matching.match(frame, features, start)
        assert np.array_equal(np.asarray(field.positions), np.asarray(single.positions))
        assert field.reference_size == features.size
    with pytest.raises(ValueError):
        matching.match_all(frame, encoded, before[:2])


def test_fields_may_be_arrays_or_tensors(matching, scene):
    """One engine restores by the fields of another, and starts from them."""
    frame = frame_of(degrade(part(scene, SMALL[0])))
    match = matched(matching, frame, part(scene, SMALL[0], (4, 0)))
    field, pictures, starts = match.correspondence, [], []
    for kind in (np.array, torch.tensor):
        values = (kind(np.asarray(part)) for part in (field.positions, field.relevance))
        other = Correspondence(*values, field.stride, field.reference_size)
        pictures.append(matching.restore(frame, [Matched(match.reference, other)]))
        starts.append(np.asarray(matching.match(frame, match.reference, other).positions))
    assert np.array_equal(*pictures) and np.array_equal(*starts)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_frame_alone_becomes_a_picture_of_the_right_size(engine, scene, size):
    frame = frame_of(degrade(part(scene, size)))
    before = frame.pixels.copy()
    picture = engine.restore(frame, [])
    check_picture(picture, size, engine.info.scale)
    assert np.array_equal(frame.pixels, before)
    if engine.info.name in SKILLED:
        enlarged = bicubic(frame.pixels, size.scaled(4))
        assert psnr_y(picture, part(scene, size)) > psnr_y(enlarged, part(scene, size)) - 0.3


@pytest.mark.parametrize("size", SMALL, ids=str)
def test_a_frame_with_references_becomes_a_picture_of_the_right_size(matching, scene, size):
    high = part(scene, size)
    frame = frame_of(degrade(high))
    match = matched(matching, frame, part(scene, size, (4, 0)))
    for count in range(1, matching.info.references + 1):
        check_picture(matching.restore(frame, [match] * count), size, matching.info.scale)


@pytest.mark.parametrize("content", ["black", "white", "checkerboard"])
def test_extremes_stay_in_range(engine, content):
    high = {"black": np.zeros, "white": np.ones}.get(content, np.zeros)((3, 64, 96), np.float32)
    if content == "checkerboard":
        high[:, ::8], high[..., ::8] = 1, 1
    frame = frame_of(degrade(high))
    matches = [matched(engine, frame, 1 - high)] if engine.info.references else []
    check_picture(engine.restore(frame, matches), frame.size, engine.info.scale)


def test_the_same_input_gives_the_same_bits(engine, scene):
    frame, beside = frame_of(degrade(part(scene, SMALL[0]))), part(scene, SMALL[0], (4, 4))

    def result() -> np.ndarray:
        return engine.restore(frame, [matched(engine, frame, beside)] if engine.info.references else [])

    if isinstance(engine, FallingBack):
        result()  # the first engine's, of which the next one's may differ in the last digits
    assert np.array_equal(result(), result())


def test_results_are_the_callers_own(engine, scene):
    """A later frame must not overwrite the picture of an earlier one."""
    first = engine.restore(frame_of(degrade(part(scene, SMALL[0]))), [])
    kept = first.copy()
    engine.restore(frame_of(degrade(part(scene, SMALL[0], (16, 16)))), [])
    assert np.array_equal(first, kept)


@pytest.mark.parametrize("size", SMALL, ids=str)
def test_an_encoded_reference_says_its_key_size_and_bytes(matching, scene, size):
    source = reference(part(scene, size), number=7)
    encoded = matching.encode(source)
    assert encoded.key == source.key and encoded.size == size.scaled(4)
    assert encoded.nbytes > 0 and all(value.nbytes for value in encoded.features.values())


def check_field(field: Correspondence, frame: Frame, encoded: EncodedReference, scale: int) -> None:
    assert field.reference_size == encoded.size
    height, width = field.positions.shape[1:3]
    assert Size(width * field.stride, height * field.stride) == frame.size.scaled(scale)
    relevance = np.asarray(field.relevance)
    assert np.isfinite(np.asarray(field.positions)).all()
    assert np.isfinite(relevance).all() and relevance.min() >= 0 and relevance.max() <= 1


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_field_covers_the_frame(matching, scene, size):
    frame = frame_of(degrade(part(scene, size)))
    match = matched(matching, frame, part(scene, size))
    check_field(match.correspondence, frame, match.reference, matching.info.scale)
    assert 0 <= match.relevance <= 1


@pytest.mark.parametrize("size", [Size(384, 288), Size(128, 96), Size(131, 77), Size(90, 250)], ids=str)
def test_references_of_other_sizes_are_taken(matching, scene, size):
    high = part(scene, SIZES[0])
    frame = frame_of(degrade(high))
    match = matched(matching, frame, np.clip(bicubic(high, size), 0, 1))
    assert match.reference.size == size
    check_field(match.correspondence, frame, match.reference, matching.info.scale)
    check_picture(matching.restore(frame, [match]), frame.size, matching.info.scale)


@pytest.mark.parametrize("size", [Size(384, 288), Size(128, 96)], ids=str)
def test_positions_are_pixels_of_the_reference_whatever_its_size(skilled, scene, size):
    """A reference 1.5 times as large, or half as large, shows each place at 1.5 or 0.5 times its position."""
    high = part(scene, SIZES[0])
    field = matched(skilled, frame_of(degrade(high)), np.clip(bicubic(high, size), 0, 1)).correspondence
    ratio = size.width / high.shape[2]
    expected = (own_positions(field) + 0.5) * ratio - 0.5
    error = np.asarray(field.positions)[0] - expected
    assert np.abs(np.median(error, axis=(0, 1))).max() < 1


@pytest.mark.parametrize("cut", [(1, 3), (2, 1)], ids=str)
def test_a_reference_of_odd_sides_is_found_where_it_is(skilled, scene, cut):
    """The frame's own picture without its last rows and columns: no whole number of low-resolution pixels."""
    high = part(scene, SIZES[0])
    field = matched(skilled, frame_of(degrade(high)), high[:, : -cut[0], : -cut[1]]).correspondence
    inner = displacement(field)[8:-8, 8:-8]
    assert np.abs(np.median(inner[:, -12:], (0, 1))).max() < 0.5 and np.abs(np.median(inner, (0, 1))).max() < 0.5


def test_the_true_picture_as_reference_gives_far_more_than_bicubic(skilled, scene):
    for size in SIZES:
        high = part(scene, size)
        frame = frame_of(degrade(high))
        picture = skilled.restore(frame, [matched(skilled, frame, high)])
        assert psnr_y(picture, high) > psnr_y(bicubic(frame.pixels, size.scaled(4)), high) + 6


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_picture_is_found_in_itself_where_it_is(skilled, scene, size):
    high = part(scene, size)
    field = matched(skilled, frame_of(degrade(high)), high).correspondence
    assert np.abs(displacement(field)).mean() < 0.5


@pytest.mark.parametrize("shift", SHIFTS, ids=str)
def test_what_is_shifted_in_the_reference_is_found_shifted(skilled, scene, shift):
    size = SIZES[0]
    frame = frame_of(degrade(part(scene, size)))
    moved = displacement(matched(skilled, frame, part(scene, size, shift)).correspondence)
    inner = moved[len(moved) // 8 : -len(moved) // 8, moved.shape[1] // 8 : -moved.shape[1] // 8]
    assert np.abs(inner.mean((0, 1)) - shift).max() < 0.5


def test_detail_is_brought_back_from_where_it_moved(skilled, scene):
    size = SIZES[0]
    high = part(scene, size)
    frame = frame_of(degrade(high))
    picture = skilled.restore(frame, [matched(skilled, frame, part(scene, size, (12, 8)))])
    inner = np.s_[:, 24:-24, 24:-24]
    assert psnr_y(picture[inner], high[inner]) > psnr_y(bicubic(frame.pixels, size.scaled(4))[inner], high[inner]) + 3


@pytest.mark.parametrize("size", SIZES[:2], ids=str)
def test_starting_from_the_frame_before_finds_the_same(matching, scene, size):
    frame, beside = frame_of(degrade(part(scene, size))), part(scene, size, (8, 0))
    cold = matched(matching, frame, beside)
    before = np.asarray(cold.correspondence.positions).copy()
    warm = matching.match(frame, cold.reference, cold.correspondence)
    check_field(warm, frame, cold.reference, matching.info.scale)
    assert np.array_equal(np.asarray(cold.correspondence.positions), before)  # it is only read
    assert np.abs(np.median(np.asarray(warm.positions) - before, axis=(0, 1, 2))).max() < 0.5


def test_a_reference_is_worth_more_than_a_picture_of_something_else(skilled, scene):
    size = SIZES[0]
    frame = frame_of(degrade(part(scene, size)))
    strange = rendered(0, 1, seed=104, size=size.scaled(4))[0]
    pictures = (part(scene, size, (4, 0)), strange)
    fitting, other = (matched(skilled, frame, picture).relevance for picture in pictures)
    assert fitting > 0.3 and fitting > 1.5 * other


@pytest.mark.parametrize("name", LEARNED)
@pytest.mark.parametrize("dtype", ["bf16"])
def test_a_shorter_number_format_changes_little(name, dtype, scene):
    high = part(scene, SIZES[0])
    frame, beside = frame_of(degrade(high)), part(scene, SIZES[0], (8, 0))
    short, exact = make_engine(name, device="cpu", dtype=dtype), engine_of(name)
    pictures = [engine.restore(frame, [matched(engine, frame, beside)]) for engine in (short, exact)]
    assert short.precision.value == dtype
    check_picture(pictures[0], SIZES[0], 4)
    assert psnr_y(*pictures) > 35
    assert abs(psnr_y(pictures[0], high) - psnr_y(pictures[1], high)) < 1


@pytest.mark.parametrize("name", [name for name in ENGINES if name != "stream_ref by onnx"])  # which then has no graphs
def test_an_engine_is_a_context_manager(name):
    engine = running(name)
    with engine as entered:
        assert entered is engine


def test_an_engine_of_somebody_elses_runs_a_stream(hybrid_clip):
    with StreamJob(hybrid_clip, ToyEngine(), StreamOptions(frames=3, ref_output="sr")) as job:
        restored = list(job)
    assert [frame.frame.size for frame in restored] == 3 * [job.size]
    assert restored[0].references and job.cache.statistics.misses == 1


def test_names_that_are_none():
    with pytest.raises(UsageError, match="did you mean 'stream_ref'"):
        make_engine("streamref")
    with pytest.raises(EngineError, match="no dtype 'fp8'"):
        make_engine(LEARNED[0], device="cpu", dtype="fp8")
    with pytest.raises(EngineError, match="'tpu9' cannot be used"):
        make_engine(LEARNED[0], device="tpu9")


@pytest.mark.gpu
@pytest.mark.parametrize("name", LEARNED)
def test_a_gpu_computes_what_the_cpu_computes(gpu, name, scene):
    high = part(scene, SIZES[0])
    frame, beside = frame_of(degrade(high)), part(scene, SIZES[0], (8, 0))
    engines = [make_engine(name, device=device, dtype="fp32") for device in ("cuda", "cpu")]
    pictures = [engine.restore(frame, [matched(engine, frame, beside)]) for engine in engines]
    assert psnr_y(*pictures) > 45  # convolutions in TF32
