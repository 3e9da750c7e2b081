"""The presets against literal versions of what they say."""

import numpy as np
import pytest
from PIL import Image

from lfvideo_sr.errors import InputError
from lfvideo_sr.media.resize import to_float
from lfvideo_sr.metrics import TTSR, eight_bit, psnr_y, ssim_y
from lfvideo_sr.protocols import PROTOCOLS, Canvas, compose, prepare, prepare_with_low, score
from lfvideo_sr.published import PUBLISHED


def picture(width: int, height: int, seed: int = 0) -> np.ndarray:
    """Levels of 8 bits."""
    return to_float(np.random.default_rng(seed).integers(0, 256, (3, height, width), np.uint8))


def pillow(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    levels = np.round(pixels.transpose(1, 2, 0) * 255).astype(np.uint8)
    return to_float(np.asarray(Image.fromarray(levels).resize((width, height), Image.Resampling.BICUBIC))).transpose(
        2, 0, 1
    )


def test_the_presets_are_the_papers():
    assert set(PROTOCOLS) == {"c2", "rrsr", "masa", "ttsr", "amsa", "e2ent2"}
    assert {name for name, protocol in PROTOCOLS.items() if protocol.border == 0} == {"masa", "ttsr"}
    assert {name for name, protocol in PROTOCOLS.items() if protocol.multiple == 32} == {"masa", "amsa"}
    assert {name for name, protocol in PROTOCOLS.items() if protocol.references == "all"} == {"rrsr", "masa"}
    assert "neither plane nor border" in PROTOCOLS["e2ent2"].note


@pytest.mark.parametrize(("name", "width", "height"), [("c2", 68, 48), ("rrsr", 68, 48), ("ttsr", 68, 48),
                                                       ("e2ent2", 68, 48), ("amsa", 64, 32)])  # fmt: skip
def test_pictures_are_cropped_then_reduced_as_pillow_does(name, width, height):
    full = picture(70, 51)
    prepared = prepare(full, PROTOCOLS[name])
    assert np.array_equal(prepared.truth, full[:, :height, :width])
    assert np.array_equal(prepared.low, pillow(full[:, :height, :width], width // 4, height // 4))
    result = picture(width, height, seed=1)
    assert np.array_equal(prepared.cut(result), eight_bit(result))


def test_masa_widens_and_cuts_back():
    """70x51 becomes 96x64: 13 columns on each side, 6 rows above and 7 below."""
    full = picture(70, 51)
    prepared = prepare(full, PROTOCOLS["masa"])
    columns = np.clip(np.arange(96) - 13, 0, 69)
    rows = np.clip(np.arange(64) - 6, 0, 50)
    assert np.array_equal(prepared.low, pillow(full[:, rows][:, :, columns], 24, 16))
    assert np.array_equal(prepared.truth, full)
    result = picture(96, 64, seed=1)
    assert np.array_equal(prepared.cut(result), eight_bit(result[:, 6:57, 13:83]))
    exact = picture(64, 32)
    assert np.array_equal(prepare(exact, PROTOCOLS["masa"]).low, pillow(exact, 16, 8))


@pytest.mark.parametrize(("name", "size"), [("c2", (17, 12)), ("amsa", (16, 8)), ("masa", (17, 12))])
def test_a_low_resolution_picture_of_its_own_is_taken_as_it_is(name, size):
    full, low = picture(70, 51), picture(17, 12, seed=1)
    prepared = prepare_with_low(full, low, PROTOCOLS[name])
    width, height = size
    assert np.array_equal(prepared.low, low[:, :height, :width]) and (prepared.left, prepared.top) == (0, 0)
    assert np.array_equal(prepared.truth, full[:, : 4 * height, : 4 * width])


@pytest.mark.parametrize("size", [(18, 12), (16, 12), (35, 25)])
def test_a_low_resolution_picture_of_another_scale_is_refused(size):
    with pytest.raises(InputError, match=r"the picture is 70x51, its low-resolution version .*; 1/4 of it"):
        prepare_with_low(picture(70, 51), picture(*size), PROTOCOLS["c2"])


def test_enlargement_is_in_8_bits_and_has_the_results_size():
    prepared = prepare(picture(70, 51), PROTOCOLS["masa"])
    enlarged = prepared.enlarged()
    assert enlarged.shape == (3, 64, 96) and np.array_equal(enlarged, eight_bit(enlarged))
    assert np.abs(enlarged - pillow(prepared.low, 96, 64)).mean() < 0.5 / 255  # Pillow rounds after each pass


@pytest.mark.parametrize(("name", "width", "height"), [("c2", 64, 48), ("amsa", 64, 32), ("masa", 70, 51)])
def test_a_method_of_another_scale_is_measured_at_its_own(name, width, height):
    """Pictures become multiples of 8 too, and are reduced by 8."""
    full = picture(70, 51)
    prepared = prepare(full, PROTOCOLS[name], scale=8)
    assert prepared.truth.shape == (3, height, width)
    low_width, low_height = (96 // 8, 64 // 8) if name == "masa" else (width // 8, height // 8)
    assert prepared.low.shape == (3, low_height, low_width)
    assert prepared.enlarged().shape == (3, 8 * low_height, 8 * low_width)
    assert prepared.cut(picture(8 * low_width, 8 * low_height)).shape == prepared.truth.shape
    own = prepare_with_low(full, picture(8, 6, seed=1), PROTOCOLS["c2"], 8)
    assert own.truth.shape == (3, 48, 64) and own.scale == 8


@pytest.mark.parametrize("name", ["c2", "amsa"])
def test_a_picture_below_the_multiple_is_refused(name):
    with pytest.raises(InputError, match=r"the picture is 40x3; .* give a larger one"):
        prepare(picture(40, 3), PROTOCOLS[name])


def test_rrsr_lays_five_references_at_the_top_left_of_black_canvases():
    references = [picture(100 + number, 80 - number, seed=number) for number in range(5)]
    laid = compose(references, PROTOCOLS["rrsr"].canvas)
    assert laid.shape == (3, 500, 2500)
    expected = np.zeros((3, 500, 2500), np.float32)
    for number, reference in enumerate(references):
        expected[:, : reference.shape[1], 500 * number : 500 * number + reference.shape[2]] = reference
    assert np.array_equal(laid, expected)


def test_masa_lays_references_in_the_middle_of_their_edge_pixels():
    references = [picture(101, 80, seed=1), picture(64, 512, seed=2)]
    laid = compose(references, PROTOCOLS["masa"].canvas)
    assert laid.shape == (3, 1024, 512)
    for number, reference in enumerate(references):
        left, top = (512 - reference.shape[2]) // 2, (512 - reference.shape[1]) // 2
        for y, x in ((0, 0), (top, left), (top + 7, left + 9), (511, 511), (300, 0), (0, 300)):
            inside = reference[
                :, np.clip(y - top, 0, reference.shape[1] - 1), np.clip(x - left, 0, reference.shape[2] - 1)
            ]
            assert np.array_equal(laid[:, 512 * number + y, x], inside)


def test_a_reference_larger_than_its_canvas_widens_them_all():
    large, small = picture(60, 30, seed=1), picture(20, 45, seed=2)
    laid = compose([large, small], Canvas(40))
    assert laid.shape == (3, 45, 120)
    assert np.array_equal(laid[:, :30, :60], large) and np.array_equal(laid[:, :, 60:80], small)
    assert not laid[:, 30:, :60].any() and not laid[:, :, 80:].any()


@pytest.mark.parametrize("name", PROTOCOLS)
def test_what_is_compared(name):
    result, truth = picture(40, 36, 1), picture(40, 36, 2)
    inner = np.s_[:, 4:-4, 4:-4]
    if name == "masa":
        expected = psnr_y(result, truth, 0), ssim_y(result, truth, 0)
    elif name == "ttsr":
        expected = psnr_y(result, truth, 0, TTSR), ssim_y(result, truth, 0, TTSR)
    else:
        expected = psnr_y(result[inner], truth[inner], 0), ssim_y(result[inner], truth[inner], 0)
    assert score(result, truth, PROTOCOLS[name]) == pytest.approx(expected, abs=1e-12)


def test_quoted_figures_name_their_protocol_and_place():
    for (method, dataset, references), quoted in PUBLISHED.items():
        assert quoted.protocol in PROTOCOLS and "Table" in quoted.source
        assert 20 < quoted.psnr < 35 and 0.6 < quoted.ssim < 1
        assert PROTOCOLS[quoted.protocol].references == "all" or references != "all", (method, dataset)
    assert PUBLISHED["c2_matching", "cufed5", "best"][:2] == (28.24, 0.841)
    assert PUBLISHED["rrsr", "cufed5", "all"][:2] == (28.83, 0.856)
    assert PUBLISHED["amsa", "cufed5", "best"][:2] == (28.50, 0.849)
