"""Samples of pictures that lie beside each other, and E2ENT2's two crops of one photo."""

from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pytest

from lfvideo_sr.errors import InputError
from lfvideo_sr.media.images import write_png
from lfvideo_sr.media.resize import degrade
from lfvideo_sr.trainers import e2ent2, ssnet
from lfvideo_sr.training.beside import BesideSettings, always, beside_sample, drawn_sample, light_fields, moving
from lfvideo_sr.training.crops import CropSettings, PhotoTooSmall, two_crops
from lfvideo_sr.training.flow_views import FlowViews


def numbered(height: int = 60, width: int = 80) -> np.ndarray:
    """Every pixel's colour says where it is: (column, row, 0)."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x, y, 0 * x]).astype(np.uint8)


@pytest.mark.parametrize("number", range(6))
def test_both_are_cut_and_turned_alike(number):
    draw = lambda rng: (numbered(), 255 - numbered())  # noqa: E731
    made = beside_sample(draw, np.random.default_rng(number), BesideSettings(32, 4))
    assert made["target"].shape == made["reference"].shape == (3, 32, 32) and made["frame"].shape == (3, 8, 8)
    assert np.array_equal(made["reference"], 255 - made["target"])
    assert np.allclose(made["frame"], degrade(made["target"].astype(np.float32) / 255))
    x, y, _ = made["target"].astype(int)
    assert {abs(x[0, 1] - x[0, 0]), abs(y[0, 1] - y[0, 0])} == {0, 1}  # a quarter turn, never a resize


def test_places_turns_and_grids_vary():
    draw = lambda rng: (numbered(), numbered())  # noqa: E731
    made = [beside_sample(draw, np.random.default_rng(n), BesideSettings(32, 4))["target"] for n in range(30)]
    assert (
        len(
            {
                (int(picture[0, 0, 1]) - int(picture[0, 0, 0]), int(picture[1, 0, 1]) - int(picture[1, 0, 0]))
                for picture in made
            }
        )
        == 4
    )
    assert len({int(picture[0].min()) % 4 for picture in made}) == 4


def test_some_samples_have_no_reference():
    draw = lambda rng: (numbered(), numbered())  # noqa: E731
    settings = BesideSettings(32, 4, no_reference=0.5)
    present = [beside_sample(draw, np.random.default_rng(n), settings)["present"] for n in range(40)]
    assert set(map(float, present)) == {0.0, 1.0} and 10 < sum(present) < 30


def test_the_later_picture_is_the_target():
    views = FlowViews(numbered(), 255 - numbered(), np.zeros((60, 80, 2), np.float32))
    target, reference = moving(lambda: views)(np.random.default_rng(0))
    assert target is views.second and reference is views.first


def test_two_views_of_a_light_field_are_drawn(tmp_path):
    for row in range(2):
        for column in range(3):
            write_png(tmp_path / f"view_{row}_{column}.png", np.full((3, 8, 8), (10 * row + column) / 255, np.float32))
    (draw,) = light_fields(tmp_path.parent, [tmp_path.name])
    drawn = [tuple(int(picture[0, 0, 0]) for picture in draw(np.random.default_rng(n))) for n in range(40)]
    assert all(first != second for first, second in drawn)
    assert {value for pair in drawn for value in pair} == {0, 1, 2, 10, 11, 12}


def lay_scenes(path, scenes, rows=2, columns=2):
    """A file as CrossNet's authors lay it, in which every view has a level of its own."""
    levels = np.arange(scenes * rows * columns, dtype=np.uint8).reshape(scenes, rows, columns, 1, 1, 1)
    path.parent.mkdir(exist_ok=True)
    with h5py.File(path, "w") as file:
        file["img_HR"] = np.broadcast_to(levels, (scenes, rows, columns, 3, 8, 8))


@pytest.mark.parametrize("words", ["LF/train_bicubic.h5", "LF"])
def test_views_of_the_scenes_of_an_hdf5_file_are_drawn(tmp_path, words):
    lay_scenes(tmp_path / "LF" / "train_bicubic.h5", 3)
    lay_scenes(tmp_path / "LF" / "test_bicubic.h5", 5)
    draws = light_fields(tmp_path, [words])
    assert len(draws) == 3
    drawn = [[int(picture[0, 0, 0]) for picture in draws[1](np.random.default_rng(n))] for n in range(20)]
    assert {level for pair in drawn for level in pair} == {4, 5, 6, 7}
    assert all(first != second for first, second in drawn)


def test_an_hdf5_file_without_views_is_one_line(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["img_HR"] = np.zeros((2, 4, 3, 8, 8), np.uint8)
    with pytest.raises(InputError, match=r"img_HR of .*a.h5 is \[2, 4, 3, 8, 8\]; \[scenes,rows,columns,3,H,W\]"):
        light_fields(tmp_path, ["a.h5"])


def test_light_fields_kept_for_validation_are_refused(tmp_path):
    (tmp_path / "splits.json").write_text('{"validation": {"lightfields": ["fields/kept"]}}')
    with pytest.raises(InputError, match="keeps fields/kept/ for validation"):
        light_fields(tmp_path, ["fields/kept/"])


def test_a_list_of_splits_without_one_for_validation_is_refused(tmp_path):
    (tmp_path / "splits.json").write_text('{"train": {}}')
    with pytest.raises(InputError, match=r"splits\.json names nothing as 'validation'"):
        light_fields(tmp_path, ["fields/some/"])


def test_what_holds_no_sample_is_one_line(tmp_path):
    with pytest.raises(InputError, match="holds 0 views"):
        light_fields(tmp_path, ["gone"])
    draw = lambda rng: (numbered(), numbered())  # noqa: E731
    with pytest.raises(InputError, match="hold no part of 64 pixels; give a smaller `side`"):
        beside_sample(draw, np.random.default_rng(0), BesideSettings(64, 4))


@pytest.mark.parametrize("number", range(5))
def test_two_crops_of_one_photo_lie_near_each_other(number):
    made = two_crops(lambda: numbered(100, 120), np.random.default_rng(number), CropSettings(32, 12))
    for name in ("target", "reference"):
        x, y, _ = made[name].astype(int)
        assert (np.diff(x, axis=1) == 1).all() and (np.diff(y, axis=0) == 1).all()  # moved only
    apart = np.abs(made["target"][:2, 0, 0].astype(int) - made["reference"][:2, 0, 0].astype(int))
    assert apart.max() <= 12
    assert np.allclose(made["frame"], degrade(made["target"].astype(np.float32) / 255)) and made["present"] == 1


def test_a_reference_may_be_larger_than_its_target():
    """As where photos and pairs meet in a batch."""
    settings = CropSettings(32, 12, turned=True, reference_side=48)
    made = two_crops(lambda: numbered(100, 120), np.random.default_rng(0), settings)
    assert [made[name].shape[1] for name in ("target", "reference", "turned", "turned_frame")] == [32, 48, 32, 8]


def test_crops_differ():
    made = [two_crops(lambda: numbered(100, 120), np.random.default_rng(n), CropSettings(32, 12)) for n in range(10)]
    assert sum(not np.array_equal(sample["target"], sample["reference"]) for sample in made) > 7


def test_small_photos_are_cropped_nearer_or_passed_over():
    """Nothing is mirrored, so that what a network learns is all in the photos."""
    settings = CropSettings(32, 12)
    photo = numbered(40, 39)  # holds crops 7 pixels apart
    for number in range(5):
        made = two_crops(lambda: photo, np.random.default_rng(number), settings)
        x, y, _ = made["target"].astype(int)
        assert (np.diff(x, axis=1) == 1).all() and (np.diff(y, axis=0) == 1).all()
    with pytest.raises(PhotoTooSmall, match="a photo is 37x60, and two crops of it take 38 pixels a side; give larger"):
        two_crops(lambda: numbered(60, 37), np.random.default_rng(0), settings)
    draws = [partial(two_crops, lambda side=side: numbered(side, side), settings=settings) for side in (37, 37, 40)]
    assert all(e2ent2.sample(draws, 1, number)["target"].shape == (3, 32, 32) for number in range(5))
    with pytest.raises(PhotoTooSmall):
        e2ent2.sample(draws[:2], 1, 0)


def test_crops_for_reciprocal_reconstruction_show_the_reference_turned():
    settings = CropSettings(64, 12, turned=True)
    made = two_crops(lambda: numbered(100, 120), np.random.default_rng(0), settings)
    assert made["turned"].shape == (3, 64, 64) and made["turned_frame"].shape == (3, 16, 16)
    assert not np.array_equal(made["turned"], made["reference"])
    plain = two_crops(lambda: numbered(100, 120), np.random.default_rng(0), CropSettings(64, 12, 0, True, False))
    assert np.array_equal(plain["turned"], plain["reference"])


def test_rendered_light_fields_give_two_views_of_one_scene():
    first, second = light_fields(Path("nowhere"), ["rendered:2"])
    target, reference = first(np.random.default_rng(0))
    assert target.dtype == np.uint8 and target.shape == reference.shape and not np.array_equal(target, reference)
    other, _ = second(np.random.default_rng(0))
    alike, apart = (np.abs(picture.astype(int) - target).mean() for picture in (reference, other))
    assert alike < 0.7 * apart
    with pytest.raises(InputError, match="rendered:100"):
        light_fields(Path("nowhere"), ["rendered:some"])


def test_references_of_other_pairs_and_exposures_are_drawn_in_their_shares():
    """What teaches a network to trust no reference blindly."""
    draws = [always(lambda value=value: 2 * (np.full((3, 24, 24), value, np.uint8),)) for value in (40, 200)]

    def references(**shares):
        settings = BesideSettings(16, 4, **shares)
        made = [drawn_sample(draws, np.random.default_rng(number), settings) for number in range(60)]
        return [(int(sample["target"][0, 0, 0]), int(sample["reference"][0, 0, 0])) for sample in made]

    assert all(target == reference for target, reference in references())
    wrong = [target != reference for target, reference in references(wrong_reference=1.0)]
    assert 15 < sum(wrong) < 45  # half of those drawn are of the other pair
    changed = [target != reference for target, reference in references(exposure_change=0.5)]
    assert 15 < sum(changed) < 45


def test_pairs_of_folders_train_refsr_net_and_e2ent2_alike(tmp_path):
    for half, level in (("input", 60), ("ref", 61)):
        (tmp_path / "set" / half).mkdir(parents=True)
        write_png(tmp_path / "set" / half / "a.png", np.full((3, 80, 80), level / 255, np.float32))
    (draw,) = ssnet.material(ssnet.SSNetConfig(pairs=(str(tmp_path / "set"),), cache=str(tmp_path)))
    target, reference = draw(np.random.default_rng(0))
    assert (target == 60).all() and (reference == 61).all()
    config = e2ent2.E2ENT2Config(pairs=(str(tmp_path / "set"),), side=32, reference_side=40, exposure_change=1.0)
    (draw,) = e2ent2.material(config, tmp_path)
    assert (draw(np.random.default_rng(0))["reference"] != 61).any()
