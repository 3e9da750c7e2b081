"""One picture and its references: which are chosen, and that the choice is worth it."""

import gc
import weakref
from pathlib import Path

import numpy as np
import pytest
import torch
from small_clips import engine_of, rendered

import lfvideo_sr
from lfvideo_sr.errors import InputError, OutputError, UsageError
from lfvideo_sr.frames import Size
from lfvideo_sr.media.images import read_image, write_png
from lfvideo_sr.media.luma import luma
from lfvideo_sr.media.resize import bicubic, degrade
from lfvideo_sr.metrics import eight_bit, psnr_y
from lfvideo_sr.picture import RestoredPicture, restore, score, simulated
from lfvideo_sr.references.pictures import picture_references
from lfvideo_sr.references.reference import EncodedReference, Reference

HIGH = Size(192, 128)
WITH_REFERENCES = ["stream_ref", "flow_transfer"]


@pytest.fixture(scope="module")
def moments() -> list[np.ndarray]:
    """A scene at five moments: the nearer in time, the more alike."""
    return rendered(0, 5, seed=3, size=HIGH)


@pytest.fixture(scope="module")
def strange() -> np.ndarray:
    return rendered(0, 1, seed=104, size=HIGH)[0]


def restored(method: str, low: np.ndarray, references: list) -> RestoredPicture:
    size = Size(low.shape[2], low.shape[1])
    return restore(engine_of(method), low, picture_references(references, size))


@pytest.mark.parametrize("method", WITH_REFERENCES)
def test_references_make_the_picture_better(method, moments):
    truth, low = simulated(moments[0])
    alone, helped = restored(method, low, []), restored(method, low, [moments[1]])
    assert helped.size == HIGH and helped.pixels.dtype == np.float32
    assert psnr_y(helped.pixels, truth) > psnr_y(alone.pixels, truth) + 1
    assert [reference.used for reference in helped.references] == [True] and alone.references == ()


@pytest.mark.parametrize("method", WITH_REFERENCES)
def test_the_best_are_used_whatever_their_order(method, moments, strange):
    low = degrade(moments[0])
    references = [strange, moments[4], moments[1], moments[0]]
    first, other = restored(method, low, references), restored(method, low, references[::-1])
    assert np.array_equal(first.pixels, other.pixels)
    relevances = [verdict.relevance for verdict in first.references]
    assert relevances == sorted(relevances, reverse=True) == [verdict.relevance for verdict in other.references]
    assert [verdict.origin for verdict in first.references][:2] == ["reference 3", "reference 2"]
    assert [verdict.used for verdict in first.references] == [True, True, False, False]


def test_a_wrong_reference_is_dropped_and_changes_nothing(moments, strange):
    low = degrade(moments[0])
    alone, wrong = restored("stream_ref", low, []), restored("stream_ref", low, [strange])
    (verdict,) = wrong.references
    assert verdict.worthless and not verdict.used and verdict.relevance < 0.3
    assert np.array_equal(alone.pixels, wrong.pixels)


@pytest.mark.parametrize("method", WITH_REFERENCES)
def test_a_reference_without_detail_is_dropped_unmatched_and_changes_nothing(method, moments, strange):
    low = degrade(moments[0])
    enlarged = [bicubic(degrade(picture), HIGH).clip(0, 1) for picture in (moments[0], moments[2], strange)]
    flat = np.full_like(moments[0], 0.5)
    alone, useless = restored(method, low, []), restored(method, low, [*enlarged, flat])
    assert np.array_equal(alone.pixels, useless.pixels)
    assert all(verdict.worthless and not verdict.adds_detail for verdict in useless.references)


def test_a_reference_framed_elsewhere_helps_as_one_cut_by_hand_does():
    scene = rendered(0, 1, seed=3, size=Size(320, 240))[0]
    truth, low = simulated(np.ascontiguousarray(scene[:, 48:192, 64:256]))
    wider = bicubic(np.ascontiguousarray(scene[:, 30:210, 30:300]), Size(405, 270)).clip(0, 1)
    alone, helped = restored("stream_ref", low, []), restored("stream_ref", low, [wider])
    (verdict,) = helped.references
    assert "scaled by" in verdict.changes and verdict.size == Size(192, 144)
    assert psnr_y(helped.pixels, truth) > psnr_y(alone.pixels, truth) + 3


@pytest.mark.parametrize("with_colours_beside", [False, True])
def test_a_grey_reference_gives_its_detail_and_leaves_the_colours(moments, with_colours_beside):
    truth, low = simulated(moments[0])
    grey = np.repeat(luma(moments[1])[None], 3, 0)
    others = [moments[2]] if with_colours_beside else []
    alone, helped = restored("stream_ref", low, others), restored("stream_ref", low, [*others, grey])
    assert helped.references[-1].used
    assert psnr_y(helped.pixels, truth) > psnr_y(alone.pixels, truth) + (0.1 if others else 1)
    chroma = [picture - luma(picture) for picture in (helped.pixels, alone.pixels)]
    assert np.abs(chroma[0] - chroma[1]).mean() < 1e-3


def test_where_a_reference_shows_nothing_the_picture_is_as_without():
    whole = rendered(0, 1, seed=3, size=Size(512, 384))[0]
    part = bicubic(np.ascontiguousarray(whole[:, 120:384, 160:512]), Size(704, 528)).clip(0, 1)
    truth, low = simulated(whole)
    alone, helped = restored("stream_ref", low, []), restored("stream_ref", low, [part])
    (verdict,) = helped.references
    assert verdict.used and not verdict.correspondence.relevance[0, :50].any()
    assert np.abs(helped.pixels - alone.pixels)[:, :30].max() < 1e-4
    inside = (slice(None), slice(140, 370), slice(180, 500))
    assert psnr_y(helped.pixels[inside], truth[inside]) > psnr_y(alone.pixels[inside], truth[inside]) + 3


def test_a_beaten_reference_is_not_called_worthless(moments):
    verdicts = restored("stream_ref", degrade(moments[0]), moments[1:4]).references
    assert [verdict.used for verdict in verdicts] == [True, True, False]
    assert not any(verdict.worthless for verdict in verdicts)


class CountingEngine:
    """flow_transfer's, and how many encoded references were alive whenever another was asked for."""

    def __init__(self) -> None:
        self._engine = engine_of("flow_transfer")
        self.info, self.device = self._engine.info, self._engine.device
        self.match, self.restore = self._engine.match, self._engine.restore
        self._alive: weakref.WeakSet = weakref.WeakSet()
        self.held: list[int] = []

    def encode(self, reference: Reference) -> EncodedReference:
        gc.collect()
        self.held.append(len(self._alive))
        encoded = self._engine.encode(reference)
        self._alive.add(encoded)
        return encoded


def test_no_more_encoded_references_are_held_than_are_used(moments):
    engine = CountingEngine()
    restore(engine, degrade(moments[0]), picture_references(moments[1:] * 2, Size(48, 32)))
    assert engine.held[:3] == [0, 1, 2] and max(engine.held) == 2


def test_bicubic_looks_at_no_reference(moments):
    alone = restored("bicubic", degrade(moments[0]), [])
    assert restored("bicubic", degrade(moments[0]), [Path("not there.png")]).references == ()
    assert psnr_y(alone.pixels, moments[0]) > 20


@pytest.mark.parametrize("method", ["stream_ref", "flow_transfer", "bicubic"])
@pytest.mark.parametrize("size", [Size(33, 19), Size(1, 1), Size(5, 40)], ids=str)
def test_odd_sizes_come_out_exactly_x4(method, size, moments):
    low = bicubic(moments[0], size).clip(0, 1)
    assert restored(method, low, [moments[1]]).size == size.scaled(4)


@pytest.mark.parametrize("method", WITH_REFERENCES)
@pytest.mark.parametrize("size", [Size(384, 256), Size(96, 64), Size(200, 90), Size(37, 150)], ids=str)
def test_references_of_any_size(method, size, moments):
    reference = bicubic(moments[1], size).clip(0, 1)
    (verdict,) = restored(method, degrade(moments[0]), [reference]).references
    assert verdict.size == (HIGH if size.width * 2 == size.height * 3 else size)  # the same aspect is resampled


def test_simulated_crops_to_whole_low_pixels(moments):
    truth, low = simulated(moments[0][:, :-1, :-2])
    assert truth.shape == (3, 124, 188) and low.shape == (3, 31, 47)
    assert np.allclose(low * 255, np.round(low * 255), atol=1e-4)  # 8 bit
    with pytest.raises(InputError, match="3x128 cannot be reduced by 4"):
        simulated(moments[0][..., :3])


def test_scores_are_of_what_a_viewer_sees(moments):
    truth, low = simulated(moments[0])
    exact = score(eight_bit(truth) + 0.001, low, truth)
    assert exact.psnr_y == np.inf and exact.ssim_y == pytest.approx(1)
    enlarged = score(bicubic(low, HIGH), low, truth)
    assert (enlarged.psnr_y, enlarged.ssim_y) == (enlarged.bicubic_psnr_y, enlarged.bicubic_ssim_y)


def test_integers_and_tensors_are_pictures_too(moments):
    low, sharp = degrade(moments[0]), eight_bit(moments[1])
    expected = lfvideo_sr.restore_picture(low, [sharp], method="flow_transfer").pixels
    integers = [(picture * 255).round().astype(np.uint8) for picture in (low, sharp)]
    for first, second in (integers, [torch.from_numpy(picture) for picture in integers]):
        restored = lfvideo_sr.restore_picture(first, [second], method="flow_transfer")
        np.testing.assert_allclose(restored.pixels, expected, atol=1e-4)
    wide = (low * 65535).round().astype(np.uint16)
    np.testing.assert_allclose(
        lfvideo_sr.restore_picture(wide, [sharp], method="flow_transfer").pixels, expected, atol=1e-3
    )


@pytest.mark.parametrize("which", ["picture", "reference"])
def test_floats_outside_0_and_1_are_refused(moments, which):
    low, sharp = degrade(moments[0]), moments[1]
    pictures = (low * 255, [sharp]) if which == "picture" else (low, [sharp * 255])
    with pytest.raises(InputError, match=rf"{which}.* has values from .* floats in \[0,1\] are needed"):
        lfvideo_sr.restore_picture(*pictures, method="flow_transfer")


def test_a_used_reference_has_its_correspondence(moments, strange):
    restored = lfvideo_sr.restore_picture(degrade(moments[0]), [moments[1], strange])
    used, dropped = restored.references
    assert used.correspondence.reference_size == HIGH
    assert used.relevance == pytest.approx(float(used.correspondence.relevance.mean()))
    assert isinstance(used.correspondence.positions, np.ndarray) and dropped.correspondence is None


def test_a_result_is_written_as_png(moments, tmp_path):
    restored = lfvideo_sr.restore_picture(degrade(moments[0]), method="bicubic")
    path = restored.write(tmp_path / "out.png", bit_depth=16)
    assert np.abs(read_image(path) - restored.pixels).max() < 1 / 65535
    with pytest.raises(OutputError, match="exists; pass overwrite=True"):
        restored.write(path)
    restored.write(path, overwrite=True)
    assert np.abs(read_image(path) - restored.pixels).max() > 1 / 65535  # 8 bits
    with pytest.raises(OutputError, match=r"ends in \.png"):
        restored.write(tmp_path / "out.jpg")
    with pytest.raises(UsageError, match="bit_depth is 10; give 8 or 16"):
        restored.write(tmp_path / "new.png", bit_depth=10)


def test_from_python(moments, tmp_path):
    write_png(tmp_path / "in.png", degrade(moments[0]))
    write_png(tmp_path / "a.png", moments[1])
    from_files = lfvideo_sr.restore_picture(
        tmp_path / "in.png", [str(tmp_path / "a.png")], method="flow_transfer", device="cpu"
    )
    assert isinstance(from_files, lfvideo_sr.RestoredPicture)
    assert from_files.references[0].origin == str(tmp_path / "a.png")
    from_arrays = lfvideo_sr.restore_picture(degrade(moments[0]), [moments[1]], method="flow_transfer")
    assert psnr_y(from_files.pixels, from_arrays.pixels) > 45  # the file of the reference is rounded to 8 bits
    with pytest.raises(InputError, match="too small"):
        lfvideo_sr.restore_picture(degrade(moments[0]), [moments[1][:, :3]], method="flow_transfer")
