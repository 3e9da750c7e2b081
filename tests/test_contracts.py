"""What every method with its engine keeps to, whatever it does inside. A new line in METHODS is tested here unasked."""

from fractions import Fraction

import numpy as np
import pytest
from small_clips import SKILLED, engine_of, rendered, stamp

from lfvideo_sr.choose import make_engine
from lfvideo_sr.correspondence import Correspondence
from lfvideo_sr.engine import Engine, Matched, Precision
from lfvideo_sr.errors import EngineError, UsageError
from lfvideo_sr.frames import Frame, Size
from lfvideo_sr.media.resize import bicubic, degrade
from lfvideo_sr.methods import METHODS
from lfvideo_sr.metrics import psnr_y
from lfvideo_sr.references.reference import EncodedReference, Reference

SIZES = [Size(64, 48), Size(33, 19), Size(16, 27)]  # of low-resolution frames
WITH_REFERENCES = [name for name in METHODS if engine_of(name).info.references]
LEARNED = [name for name in SKILLED if METHODS[name].learned]
SHIFTS = [(8, 0), (0, -8), (12, 8)]  # output pixels, right and down


@pytest.fixture(params=METHODS, scope="module")
def engine(request) -> Engine:
    return engine_of(request.param)


@pytest.fixture(params=WITH_REFERENCES, scope="module")
def matching(request) -> Engine:
    """Engines of the methods that take references."""
    return engine_of(request.param)


@pytest.fixture(params=[name for name in WITH_REFERENCES if name in SKILLED], scope="module")
def skilled(request) -> Engine:
    """Those of them that have learned, or need not learn, to do it well."""
    return engine_of(request.param)


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
    assert info.name in METHODS and info.scale == 4
    assert info.references >= 0 and info.size_multiple >= 1 and 0 <= info.worthless_below < 1
    assert info.summary and "\n" not in info.summary
    assert engine.device == "cpu" and engine.precision is Precision.FP32


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_frame_alone_becomes_a_picture_of_the_right_size(engine, scene, size):
    frame = frame_of(degrade(part(scene, size)))
    given = frame.pixels.copy()
    picture = engine.restore(frame, [])
    check_picture(picture, size, engine.info.scale)
    assert np.array_equal(frame.pixels, given)
    if engine.info.name in SKILLED:
        enlarged = bicubic(frame.pixels, size.scaled(4))
        assert psnr_y(picture, part(scene, size)) > psnr_y(enlarged, part(scene, size)) - 0.3


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_frame_with_references_becomes_a_picture_of_the_right_size(matching, scene, size):
    high = part(scene, size)
    frame = frame_of(degrade(high))
    one = matched(matching, frame, part(scene, size, (4, 0)))
    for count in range(1, matching.info.references + 1):
        check_picture(matching.restore(frame, [one] * count), size, matching.info.scale)


@pytest.mark.parametrize("content", ["black", "white", "checkerboard"])
def test_extremes_stay_in_range(engine, content):
    high = {"black": np.zeros, "white": np.ones}.get(content, np.zeros)((3, 64, 96), np.float32)
    if content == "checkerboard":
        high[:, ::8], high[..., ::8] = 1, 1
    frame = frame_of(degrade(high))
    matches = [matched(engine, frame, 1 - high)] if engine.info.references else []
    check_picture(engine.restore(frame, matches), frame.size, engine.info.scale)


def test_the_same_input_gives_the_same_bits(engine, scene):
    frame, beside = frame_of(degrade(part(scene, SIZES[0]))), part(scene, SIZES[0], (4, 4))

    def result() -> np.ndarray:
        return engine.restore(frame, [matched(engine, frame, beside)] if engine.info.references else [])

    assert np.array_equal(result(), result())


def test_results_are_the_callers_own(engine, scene):
    """A later frame must not overwrite the picture of an earlier one."""
    first = engine.restore(frame_of(degrade(part(scene, SIZES[0]))), [])
    kept = first.copy()
    engine.restore(frame_of(degrade(part(scene, SIZES[0], (16, 16)))), [])
    assert np.array_equal(first, kept)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_an_encoded_reference_says_its_key_size_and_bytes(matching, scene, size):
    one = reference(part(scene, size), number=7)
    encoded = matching.encode(one)
    assert encoded.key == one.key and encoded.size == size.scaled(4)
    assert encoded.nbytes > 0 and all(value.nbytes for value in encoded.features.values())


def check_field(field: Correspondence, frame: Frame, encoded: EncodedReference, scale: int) -> None:
    assert field.reference_size == encoded.size
    height, width = field.positions.shape[1:3]
    assert height * field.stride >= scale * frame.size.height and width * field.stride >= scale * frame.size.width
    relevance = np.asarray(field.relevance)
    assert np.isfinite(np.asarray(field.positions)).all()
    assert np.isfinite(relevance).all() and relevance.min() >= 0 and relevance.max() <= 1


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_field_covers_the_frame(matching, scene, size):
    frame = frame_of(degrade(part(scene, size)))
    one = matched(matching, frame, part(scene, size))
    check_field(one.correspondence, frame, one.reference, matching.info.scale)
    assert 0 <= one.relevance <= 1


@pytest.mark.parametrize("size", [Size(384, 288), Size(128, 96), Size(131, 77), Size(90, 250)], ids=str)
def test_references_of_other_sizes_are_taken(matching, scene, size):
    high = part(scene, SIZES[0])
    frame = frame_of(degrade(high))
    one = matched(matching, frame, np.clip(bicubic(high, size), 0, 1))
    assert one.reference.size == size
    check_field(one.correspondence, frame, one.reference, matching.info.scale)
    check_picture(matching.restore(frame, [one]), frame.size, matching.info.scale)


@pytest.mark.parametrize("size", [Size(384, 288), Size(128, 96)], ids=str)
def test_positions_are_pixels_of_the_reference_whatever_its_size(skilled, scene, size):
    """A reference 1.5 times as large, or half as large, shows each place at 1.5 or 0.5 times its position."""
    high = part(scene, SIZES[0])
    field = matched(skilled, frame_of(degrade(high)), np.clip(bicubic(high, size), 0, 1)).correspondence
    ratio = size.width / high.shape[2]
    wanted = (own_positions(field) + 0.5) * ratio - 0.5
    error = np.asarray(field.positions)[0] - wanted
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
    given = np.asarray(cold.correspondence.positions).copy()
    warm = matching.match(frame, cold.reference, cold.correspondence)
    check_field(warm, frame, cold.reference, matching.info.scale)
    assert np.array_equal(np.asarray(cold.correspondence.positions), given)  # it is only read
    assert np.abs(np.median(np.asarray(warm.positions) - given, axis=(0, 1, 2))).max() < 0.5


def test_a_reference_is_worth_more_than_a_picture_of_something_else(skilled, scene):
    size = SIZES[0]
    frame = frame_of(degrade(part(scene, size)))
    strange = rendered(0, 1, seed=104, size=size.scaled(4))[0]
    fitting, other = (matched(skilled, frame, one).relevance for one in (part(scene, size, (4, 0)), strange))
    assert fitting > 0.3 and fitting > 1.5 * other


@pytest.mark.parametrize("name", LEARNED)
@pytest.mark.parametrize("dtype", ["bf16"])
def test_a_shorter_number_format_changes_little(name, dtype, scene):
    high = part(scene, SIZES[0])
    frame, beside = frame_of(degrade(high)), part(scene, SIZES[0], (8, 0))
    short, exact = make_engine(name, device="cpu", dtype=dtype), engine_of(name)
    pictures = [one.restore(frame, [matched(one, frame, beside)]) for one in (short, exact)]
    assert short.precision.value == dtype
    check_picture(pictures[0], SIZES[0], 4)
    assert psnr_y(*pictures) > 35
    assert abs(psnr_y(pictures[0], high) - psnr_y(pictures[1], high)) < 1


@pytest.mark.parametrize("name", METHODS)
def test_an_engine_is_a_context_manager(name):
    with engine_of(name) as engine:
        assert engine.info.name == name


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
    pictures = [one.restore(frame, [matched(one, frame, beside)]) for one in engines]
    assert psnr_y(*pictures) > 45  # convolutions in TF32
