"""Each data set's layout, with a handful of empty files: paths are found, nothing is opened."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from lfvideo_sr.datasets import DATASETS, VARIABLE, DatasetLayout, open_dataset
from lfvideo_sr.datasets.layouts import plain
from lfvideo_sr.errors import InputError, UsageError
from lfvideo_sr.media.images import read_image


@pytest.fixture(autouse=True)
def no_data_folder(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)


def lay(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def references_of(folder: Path, name: str) -> dict[str, list[str]]:
    """References by item, as paths below the folder."""
    items = open_dataset(name, folder).items
    assert all(item.path.is_file() for item in items)
    return {item.name: [path.relative_to(folder).as_posix() for path in item.references] for item in items}


def test_cufed5_has_five_levels(tmp_path):
    lay(tmp_path, *(f"CUFED5/{scene}_{level}.png" for scene in ("001", "000") for level in range(6)), "CUFED5/list.txt")
    expected = {scene: [f"CUFED5/{scene}_{level}.png" for level in range(1, 6)] for scene in ("000", "001")}
    assert references_of(tmp_path, "cufed5") == references_of(tmp_path, "CUFED5") == expected
    assert open_dataset("cufed5", tmp_path).ranked and open_dataset("cufed5", tmp_path).whole == 126


def test_a_missing_level_keeps_its_place(tmp_path):
    """Else level 3 would silently stand in for level 2."""
    lay(tmp_path, "CUFED5/000_0.png", "CUFED5/000_1.png", "CUFED5/000_3.png")
    assert [path.name for path in open_dataset("cufed5", tmp_path).items[0].references][1:3] == [
        "000_2.png",
        "000_3.png",
    ]


@pytest.mark.parametrize(
    ("inputs", "references"),
    [("input", "ref"), ("Sun_Hays_SR_groundtruth", "Sun_Hays_SR_scenematches")],
)
def test_sun80_draws_its_reference_the_same_way_everywhere(inputs, references, tmp_path):
    names = [f"{number:02}.jpg" for number in range(20)]
    for folder in ("a", "b"):
        dataset = lay(tmp_path / folder / "Sun80", f"{inputs}/one.jpg", f"{inputs}/two.jpg")
        for scene in ("one", "two"):
            place = scene if inputs == "input" else f"{scene}.jpg"
            lay(dataset / references / place, *(reversed(names) if folder == "a" else names))
    first, second = (references_of(tmp_path / folder, "sun80") for folder in ("a", "b"))
    assert first == second and list(first) == ["one", "two"]
    orders = [[Path(path).name for path in paths] for paths in first.values()]
    assert sorted(orders[0]) == names and orders[0] != names and orders[0] != orders[1]
    assert orders[0][:3] == ["04.jpg", "13.jpg", "18.jpg"]  # fixed for good: a figure must be repeatable
    assert "seed 0" in open_dataset("sun80", tmp_path / "a").note


@pytest.mark.parametrize("place", ["Urban100", "sr_bench/Urban100"])
def test_urban100_is_its_own_reference(place, tmp_path):
    inner = ("img_001_SRF_4_HR.png", "img_001_SRF_4_LR.png", "img_001_SRF_4_bicubic.png")
    lay(tmp_path / place, *(f"image_SRF_4/{name}" for name in inner))
    assert references_of(tmp_path, "urban100") == {"img_001": []}
    assert open_dataset("urban100", tmp_path).self_reference


def test_urban100_may_be_plain_pictures(tmp_path):
    lay(tmp_path / "Urban100", "img_002.png", "img_001.png", ".hidden.png", "readme.txt")
    assert references_of(tmp_path, "urban100") == {"img_001": [], "img_002": []}
    assert references_of(tmp_path / "Urban100", "urban100") == {"img_001": [], "img_002": []}


@pytest.mark.parametrize("place", ["CUFED/test/CUFED5", "test/CUFED5", "CUFED5"])
def test_one_data_folder_serves_training_and_measuring(place, tmp_path):
    lay(tmp_path, f"{place}/000_0.png", f"{place}/000_1.png", "CUFED/train/input/a.png", "CUFED/train/ref/a.png")
    assert [item.path for item in open_dataset("cufed5", tmp_path).items] == [tmp_path / place / "000_0.png"]


@pytest.mark.parametrize(
    ("high", "low"),
    [
        ("HR/a.png", "LR_bicubic/X4/ax4.png"),
        ("HR/a.png", "LR/a.png"),
        ("HR/a.png", "LR_bicubic/x4/a.png"),
        ("DIV2K_valid_HR/a.png", "DIV2K_valid_LR_bicubic/X4/ax4.png"),
        ("GTmod12/a.png", "LRbicx4/a.png"),
        ("original/a.png", "LR_x4/a_LR.jpg"),
        ("a_SRF_4_HR.png", "a_SRF_4_LR.png"),
    ],
)
def test_a_benchmark_has_its_own_low_resolution_pictures(high, low, tmp_path):
    lay(tmp_path / "Set1", high, low, "LR_bicubic/X2/ax2.png", "LRbicx3/a.png", "LR_unknown/X4/ax4.png")
    dataset = open_dataset(str(tmp_path / "Set1"))
    (item,) = dataset.items
    assert (item.name, item.path, item.low) == ("a", tmp_path / "Set1" / high, tmp_path / "Set1" / low)
    assert "nothing is reduced" in dataset.note and str(item.low.parent) in dataset.note


def test_a_missing_low_resolution_picture_is_named_when_it_is_read(tmp_path):
    lay(tmp_path / "Set2", "HR/a.png", "HR/b.png", "LR/a.png")
    assert [item.low.name for item in open_dataset(str(tmp_path / "Set2")).items] == ["a.png", "bx4.png"]


def test_manga109_draws_another_picture(tmp_path):
    lay(tmp_path / "Manga109", *(f"{name}.png" for name in "abcdef"))
    drawn = references_of(tmp_path, "manga109")
    assert all(len(paths) == 1 and Path(paths[0]).stem != name for name, paths in drawn.items())
    assert len({paths[0] for paths in drawn.values()}) > 1
    assert "seed 0" in open_dataset("manga109", tmp_path).note


@pytest.mark.parametrize("suffix", ["_ref", ""])
def test_wr_sr_pairs_by_number(suffix, tmp_path):
    lay(tmp_path, "WR-SR/input/001.png", "WR-SR/input/002.png", *(f"WR-SR/ref/00{n}{suffix}.png" for n in (1, 2)))
    assert references_of(tmp_path, "wr-sr") == {f"00{n}": [f"WR-SR/ref/00{n}{suffix}.png"] for n in (1, 2)}


PAIRS = "scene,input,ref,rank,more\nb,b/1.jpg,b/2.jpg,2,9\na,a/1.jpg,a/2.jpg,1,9\nb,b/1.jpg,b/3.jpg,1,9\n"


def pairs(folder: Path, table: str = PAIRS) -> Path:
    lay(folder, *(f"refpairs/{scene}/{number}.jpg" for scene in "ab" for number in (1, 2, 3)))
    (folder / "refpairs" / "pairs.csv").write_text(table)
    return folder


def test_pairs_are_ranked(tmp_path):
    pairs(tmp_path)
    expected = {"b/1": ["refpairs/b/3.jpg", "refpairs/b/2.jpg"], "a/1": ["refpairs/a/2.jpg"]}
    assert references_of(tmp_path, "refpairs") == expected
    assert open_dataset("refpairs", tmp_path).ranked


@pytest.mark.parametrize("place", [".", "refpairs"])
def test_only_scenes_for_validation_are_taken(place, tmp_path):
    pairs(tmp_path)
    splits = {"train": {"refpairs": ["refpairs/b"]}, "validation": {"refpairs": ["refpairs/a"]}}
    (tmp_path / place / "splits.json").write_text(json.dumps(splits))
    assert list(references_of(tmp_path, "refpairs")) == ["a/1"]


def test_tables_that_cannot_be_used_say_why(tmp_path):
    with pytest.raises(InputError, match="no column rank"):
        open_dataset("refpairs", pairs(tmp_path, "scene,input,ref\na,a/1.jpg,a/2.jpg\n"))
    with pytest.raises(InputError, match="a whole rank"):
        open_dataset("refpairs", pairs(tmp_path, "scene,input,ref,rank\na,a/1.jpg,a/2.jpg,best\n"))
    pairs(tmp_path)
    (tmp_path / "splits.json").write_text("{}")
    with pytest.raises(InputError, match=r"splits\.json does not list"):
        open_dataset("refpairs", tmp_path)


def test_any_folder_of_pictures(tmp_path, monkeypatch):
    lay(tmp_path / "bench" / "Set5", "img_002.png", "img_001.png")
    direct, below = (open_dataset(name, data) for name, data in (
        (str(tmp_path / "bench" / "Set5"), None), ("bench/Set5", tmp_path),
    ))  # fmt: skip
    assert direct == below and direct.name == "Set5"
    assert [item.name for item in direct.items] == ["img_001", "img_002"]
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert open_dataset("bench/Set5") == direct
    with pytest.raises(InputError, match="holds no pictures"):
        open_dataset("bench", tmp_path)


@pytest.mark.parametrize("name", DATASETS)
def test_a_missing_data_set_says_what_is_expected_and_where_it_is_published(name, tmp_path):
    known = DATASETS[name]
    with pytest.raises(InputError) as missing:
        open_dataset(name, tmp_path)
    for part in (str(tmp_path), known.tree, known.published):
        assert part in str(missing.value)
    with pytest.raises(InputError, match=f"give --data or {VARIABLE}") as nowhere:
        open_dataset(name)
    assert known.tree in str(nowhere.value)
    assert known.published.startswith(("published ", "not a published"))


def test_a_data_set_that_is_added_to_the_table_is_opened_by_its_name(tmp_path, monkeypatch):
    added = DatasetLayout("Toy", "Toy/a.png ...", "published nowhere", plain, whole=2, note="a toy")
    monkeypatch.setitem(DATASETS, "toy", added)
    lay(tmp_path, "Toy/b.png", "Toy/a.png")
    toy = open_dataset("toy", tmp_path)
    assert [item.name for item in toy.items] == ["a", "b"] and (toy.whole, toy.note) == (2, "a toy")


def test_help_names_every_data_set(run):
    shown = "".join(run("evaluate", "--help").out.split())  # lines break at hyphens too
    assert [name for name in DATASETS if name not in shown] == []


def test_names_that_are_none(tmp_path):
    with pytest.raises(UsageError, match="did you mean 'cufed5'"):
        open_dataset("cufed")
    with pytest.raises(UsageError, match="choose one of: cufed5, "):
        open_dataset(str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="is no folder"):
        open_dataset("cufed5", tmp_path / "nowhere")


@pytest.mark.parametrize("inner", ["", "Test/"])
def test_flickr1024_pairs_left_with_right(inner, tmp_path):
    lay(tmp_path, *(f"Flickr1024/{inner}{number}_{side}.png" for number in ("0002", "0001") for side in "LR"))
    expected = {number: [f"Flickr1024/{inner}{number}_R.png"] for number in ("0001", "0002")}
    assert references_of(tmp_path, "flickr1024") == expected and open_dataset("flickr1024", tmp_path).whole == 112


def test_sintel_takes_the_frame_before(tmp_path):
    names = [f"clean/{clip}/frame_{number:04}.png" for clip in ("b_1", "a_2") for number in (1, 2, 3, 7)]
    lay(tmp_path, *(f"sintel/test/{name}" for name in names), "sintel/test/final/b_1/frame_0001.png")
    lay(tmp_path, "sintel/training/clean/c_1/frame_0001.png", "sintel/training/clean/c_1/frame_0002.png")
    expected = {
        f"{clip}/frame_{number:04}": [f"sintel/test/clean/{clip}/frame_{number - 1:04}.png"]
        for clip in ("a_2", "b_1")
        for number in (2, 3)
    }
    assert references_of(tmp_path, "sintel") == expected and open_dataset("sintel", tmp_path).whole == 552


def test_sintel_may_lie_clip_by_clip(tmp_path):
    lay(tmp_path, *(f"sintel/alley_1/{part}/frame_000{n}.png" for part in ("clean", "flow") for n in (1, 2)))
    assert references_of(tmp_path, "sintel") == {"alley_1/frame_0002": ["sintel/alley_1/clean/frame_0001.png"]}


def test_light_fields_give_the_middle_view_and_the_first(tmp_path):
    lay(tmp_path, *(f"lightfields/toy/view_{row}_{column}.png" for row in range(8) for column in range(8)))
    lay(tmp_path, *(f"lightfields/rail/view_0_{column}.png" for column in range(5)), "lightfields/one/view_0_0.png")
    assert references_of(tmp_path, "lightfields") == {
        "rail": ["lightfields/rail/view_0_0.png"],
        "toy": ["lightfields/toy/view_0_0.png"],
    }
    paths = {item.name: item.path.name for item in open_dataset("lightfields", tmp_path).items}
    assert paths == {"rail": "view_0_2.png", "toy": "view_3_3.png"}


def crossnet(path: Path, shape: tuple[int, ...], **more: np.ndarray) -> np.ndarray:
    """An HDF5 file as CrossNet's authors lay it."""
    path.parent.mkdir(exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    with h5py.File(path, "w") as file:
        for name, values in ({"img_HR": pixels} | more).items():
            file.create_dataset(name, data=values)
    return pixels


def test_crossnets_sintel_is_read_from_hdf5(tmp_path):
    file = tmp_path / "sintel" / "test_x4_x8.h5"
    pixels = crossnet(file, (2, 4, 3, 8, 12), frame_number=np.array([[4], [2]]))
    crossnet(file.with_name("train_x4_x8.h5"), (1, 4, 3, 8, 12), frame_number=np.array([[4]]))
    items = open_dataset("sintel", tmp_path).items
    assert [item.name for item in items] == ["0/1", "0/2", "0/3", "1/1"]
    assert np.array_equal(items[2].picture(), pixels[0, 3].astype(np.float32) / 255)
    assert np.array_equal(read_image(items[3].references[0]), pixels[1, 0].astype(np.float32) / 255)


def test_crossnets_light_fields_are_read_from_hdf5(tmp_path):
    pixels = crossnet(tmp_path / "lightfields" / "test_bicubic.h5", (2, 8, 8, 3, 8, 12))
    items = open_dataset("lightfields", tmp_path).items
    assert [item.name for item in items] == ["0", "1"]
    assert np.array_equal(items[1].picture(), pixels[1, 3, 3].astype(np.float32) / 255)
    assert np.array_equal(read_image(items[1].references[0]), pixels[1, 0, 0].astype(np.float32) / 255)


@pytest.mark.parametrize(
    ("inside", "message"),
    [
        ("img_HR/9/0", r"has no img_HR\[9, 0\]"),
        ("img/0/0", r"has no img\[0, 0\]"),
        ("img_HR/0", r"is \[4, 3, 8, 12\]; a picture \[3,H,W\] is wanted"),
    ],
)
def test_what_is_not_in_an_hdf5_file_is_one_line(inside, message, tmp_path):
    crossnet(tmp_path / "sintel" / "a.h5", (2, 4, 3, 8, 12), frame_number=np.array([[4], [2]]))
    with pytest.raises(InputError, match=message) as raised:
        read_image(tmp_path / "sintel" / "a.h5" / inside)
    assert "\n" not in str(raised.value)


def test_a_broken_hdf5_file_is_one_line(tmp_path):
    lay(tmp_path, "lightfields/a.h5")
    with pytest.raises(InputError, match=r"a\.h5 cannot be read as HDF5") as raised:
        open_dataset("lightfields", tmp_path)
    assert "\n" not in str(raised.value)
