"""Where training pairs come from: folders, clips, rendered scenes; and what is never trained on."""

import json

import numpy as np
import pytest
from small_clips import rendered, write_clip

from lfvideo_sr.errors import InputError, UsageError
from lfvideo_sr.frames import Size
from lfvideo_sr.media.images import write_png
from lfvideo_sr.media.video import VideoSource
from lfvideo_sr.training.sources import held_out_photos, pairs_of, photos_of, validation_pairs


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (3, height, width), np.uint8)


@pytest.fixture
def root(tmp_path):
    """Three pairs in the way of CUFED5's training set, one of them by its older names."""
    for number, (first, second) in enumerate([("a.png", "a.png"), ("b.png", "b.png"), ("007_0.png", "007_1.png")]):
        for kind, name, seed in (("input", first, number), ("ref", second, 10 + number)):
            (tmp_path / "set" / kind).mkdir(parents=True, exist_ok=True)
            write_png(tmp_path / "set" / kind / name, noise(8, 12, seed).astype(np.float32) / 255)
    (tmp_path / "splits.json").write_text(json.dumps({"train": {"one": ["b.png", "gone.png"]}, "validation": {}}))
    return tmp_path


def test_pairs_of_a_folder(root):
    pairs = [load() for load in pairs_of(root, ["set"], root)]
    expected = [(noise(8, 12, number), noise(8, 12, 10 + number)) for number in (2, 0, 1)]  # in the order of names
    assert all(np.array_equal(a, b) for pair, other in zip(pairs, expected, strict=True) for a, b in zip(pair, other))


def test_a_split_leaves_out_what_it_does_not_list(root):
    (load,) = pairs_of(root, ["set"], root, "one")
    assert np.array_equal(load()[0], noise(8, 12, 1))
    with pytest.raises(InputError, match=r"splits\.json does not list 'two' under 'train'"):
        pairs_of(root, ["set"], root, "two")
    (root / "splits.json").unlink()
    with pytest.raises(InputError, match=r"splits\.json does not list 'one'"):
        pairs_of(root, ["set"], root, "one")


@pytest.mark.parametrize("words", ["CUFED/train", "CUFED"])
@pytest.mark.parametrize(
    "place", ["CUFED/train", "CUFED", "train/CUFED", "data/train/CUFED", "sets/CUFED/train", "train", "."]
)
def test_pairs_are_found_where_authors_lay_them(root, words, place):
    data = root / "CUFED" if place in ("train", ".") else root / "data"
    (data / place).mkdir(parents=True, exist_ok=True)
    for half in ("input", "ref"):
        (root / "set" / half).rename(data / place / half)
    assert len(pairs_of(data, [words], root)) == len(photos_of(data, ["CUFED/train/input"], root)) == 3


def test_every_input_needs_its_reference_before_a_run_begins(root):
    (root / "set" / "ref" / "b.png").unlink()
    (root / "set" / "ref" / "007_1.png").unlink()
    with pytest.raises(InputError, match=r"lacks the references of 2 of 3 inputs, the first is of 007_0\.png"):
        pairs_of(root, ["set"], root)


def test_photos_are_neither_halves_of_pairs_nor_pictures_to_measure_on(root):
    with pytest.raises(InputError, match="holds no pictures to train on, pairs"):
        photos_of(root, ["set"], root)
    for number, name in enumerate(("set/album/a.png", "set/test/CUFED5/000_0.png", "set/ref/more/b.png")):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        write_png(root / name, noise(6, 6, 30 + number).astype(np.float32) / 255)
    (load,) = photos_of(root, ["set"], root)
    assert np.array_equal(load(), noise(6, 6, 30))
    assert len(photos_of(root, ["set/input"], root)) == 3


def test_folders_and_rendered_pairs_go_together(root):
    pairs = pairs_of(root, ["rendered:2", "set", "rendered:1"], root)
    assert len(pairs) == 2 + 3 + 1
    first, again = pairs[0](), pairs[5]()
    assert [picture.shape for picture in first] == 2 * [(3, 160, 160)] and first[0].dtype == np.uint8
    assert all(np.array_equal(a, b) for a, b in zip(first, again))
    assert not np.array_equal(first[0], first[1]) and not np.array_equal(first[0], pairs[1]()[0])


@pytest.mark.parametrize(
    ("find", "message"),
    [(pairs_of, "holds no training pairs; wanted are .*nowhere/input/NAME"), (photos_of, "holds no pictures")],
)
def test_what_is_not_there_is_named(find, message, tmp_path):
    with pytest.raises(InputError, match=message):
        find(tmp_path, ["nowhere"], tmp_path)


@pytest.mark.parametrize("find", [pairs_of, photos_of])
def test_what_names_no_data_is_one_line(find, tmp_path):
    with pytest.raises(UsageError, match="to train on; name their folders"):
        find(tmp_path, [], tmp_path)
    with pytest.raises(InputError, match="'rendered:some' names no number"):
        find(tmp_path, ["rendered:some"], tmp_path)


def test_photos_are_found_at_any_depth(tmp_path):
    for number, name in enumerate(("b/c/one.png", "a.PNG", "b/two.png")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write_png(tmp_path / name, noise(6, 6, number).astype(np.float32) / 255)
    (tmp_path / "b" / "notes.txt").write_text("no picture")
    photos = photos_of(tmp_path, ["."], tmp_path)
    assert all(np.array_equal(load(), noise(6, 6, number)) for load, number in zip(photos, (1, 0, 2), strict=True))
    assert np.array_equal(
        photos_of(tmp_path, ["rendered:1"], tmp_path)[0](), pairs_of(tmp_path, ["rendered:1"], tmp_path)[0]()[0]
    )


def test_validation_takes_the_best_reference_of_scenes_kept_for_it(tmp_path):
    folder = tmp_path / "held"
    folder.mkdir()
    rows = [("s1", "i1", "r1"), ("s1", "i1", "r2"), ("s2", "i2", "r3"), ("s3", "i3", "r4")]
    for number, name in enumerate(("i1", "r1", "r2", "i2", "r3", "i3", "r4")):
        write_png(folder / f"{name}.png", noise(30, 90, number).astype(np.float32) / 255)
    (folder / "pairs.csv").write_text("scene,input,ref\n" + "".join(f"{s},{i}.png,{r}.png\n" for s, i, r in rows))
    splits = {"train": {}, "validation": {"held": ["held/s1", "held/s3"]}}
    (tmp_path / "splits.json").write_text(json.dumps(splits))
    pairs = [load() for load in validation_pairs(tmp_path, "held", longest=90)]
    expected = [(noise(30, 90, 0), noise(30, 90, 1)), (noise(30, 90, 5), noise(30, 90, 6))]
    for pair, other in zip(pairs, expected, strict=True):
        for reduced, whole in zip(pair, other):
            assert np.array_equal(reduced, whole[:, :28, :88])  # sides are multiples of 4
    small = validation_pairs(tmp_path, "held", longest=31)[0]()[0]
    assert small.shape == (3, 8, 28)  # a third, by area
    mean = noise(30, 90, 0)[:, :24, :84].reshape(3, 8, 3, 28, 3).astype(np.float64).mean((2, 4))
    assert np.abs(small - mean).max() <= 1


def test_rendered_pairs_for_validation_are_others(tmp_path):
    trained, held = pairs_of(tmp_path, ["rendered:1"], tmp_path)[0](), validation_pairs(tmp_path, "rendered:1")[0]()
    assert not np.array_equal(trained[0], held[0])


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Two clips of 256x208, one of them kept for validation though a list names it."""
    root = tmp_path_factory.mktemp("clips")
    (root / "video").mkdir()
    for seed, name in enumerate(("a.mkv", "b.mkv")):
        write_clip(root / "video" / name, rendered(0, 6, seed=seed, size=Size(256, 208)))
    both = ["video/a.mkv", "video/b.mkv"]
    splits = {"train": {"video": both[:1]}, "some": {"video": both}, "validation": {"video": both[1:]}}
    (root / "splits.json").write_text(json.dumps(splits))
    return root


def frames_of(path):
    with VideoSource(path, detect_cuts=False) as source:
        return [np.round(frame.pixels * 255).astype(np.uint8) for frame in source]


def places_of(part, frames):
    """(frame, top, left) of every place where a part of a picture was cut."""
    places = []
    for number, frame in enumerate(frames):
        windows = np.lib.stride_tricks.sliding_window_view(frame[0], part.shape[1:])[:, :, 0]  # first rows
        hits = zip(*np.nonzero((windows == part[0, 0]).all(-1)))
        places += [(number, y, x) for y, x in hits if np.array_equal(frame[:, y : y + 160, x : x + 160], part)]
    return places


def test_two_moments_of_a_clip_are_cut_at_nearly_one_place(clips, tmp_path):
    pairs = pairs_of(clips, ["clips:train"], tmp_path)
    assert len(pairs) == 24  # one clip at one scale: smaller ones leave too little
    frames = frames_of(clips / "video" / "a.mkv")
    seen = set()
    for load in pairs[:8]:
        ((first, *place),), ((second, *other),) = (places_of(part, frames) for part in load())
        assert first != second
        assert np.abs(np.subtract(place, other)).max() <= 16
        seen.add((first, second, *place))
    assert len(seen) == 8
    assert all(np.array_equal(a, b) for a, b in zip(pairs[3](), pairs_of(clips, ["clips:train"], tmp_path)[3]()))
    assert np.array_equal(photos_of(clips, ["clips:train"], tmp_path)[3](), pairs[3]()[0])


def test_clips_kept_for_validation_are_never_trained_on(clips, tmp_path):
    trained, listed = (pairs_of(clips, [f"clips:{part}"], tmp_path) for part in ("train", "some"))
    assert len(trained) == len(listed)
    assert all(np.array_equal(load()[0], listed_load()[0]) for load, listed_load in zip(trained, listed))
    with pytest.raises(InputError, match=r"'clips:validation' leaves no clip to train on"):
        pairs_of(clips, ["clips:validation"], tmp_path)
    with pytest.raises(InputError, match=r"splits\.json does not list 'video' under 'none'"):
        pairs_of(clips, ["clips:none"], tmp_path)


def test_held_out_clips_validate(clips):
    (load,) = validation_pairs(clips, "clips:validation", longest=200)
    target, reference = load()
    assert target.shape == reference.shape == (3, 104, 128) and target.dtype == np.uint8
    frames = frames_of(clips / "video" / "b.mkv")
    for small, whole in ((target, frames[4]), (reference, frames[0])):
        mean = whole.reshape(3, 104, 2, 128, 2).astype(np.float64).mean((2, 4))
        assert np.abs(small - mean).max() <= 1


def test_a_data_set_to_measure_on_validates_but_is_never_trained_on(tmp_path):
    folder = tmp_path / "CUFED" / "test" / "CUFED5"
    folder.mkdir(parents=True)
    for scene in range(2):
        for level in range(3):
            write_png(folder / f"{scene:03}_{level}.png", noise(18 + level, 23, 10 * scene + level) / np.float32(255))
    pairs = [load() for load in validation_pairs(tmp_path, "set:cufed5")]
    expected = [
        (noise(18, 23, 10 * scene)[:, :16, :20], noise(19, 23, 10 * scene + 1)[:, :16, :20]) for scene in (0, 1)
    ]
    assert all(np.array_equal(a, b) for pair, other in zip(pairs, expected, strict=True) for a, b in zip(pair, other))
    photos = [load() for load in held_out_photos(tmp_path, ["set:cufed5"], tmp_path)]
    assert all(np.array_equal(photo, noise(18, 23, 10 * scene)) for scene, photo in enumerate(photos))
    assert len(photos) == 2 and held_out_photos(tmp_path, [], tmp_path) == []
    with pytest.raises(UsageError, match="'set:cufed5' is there to measure on, not to train on; name other photos"):
        photos_of(tmp_path, ["set:cufed5"], tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"cufed5 is not in .*; expected is CUFED5/001_0\.png"):
        validation_pairs(tmp_path / "empty", "set:cufed5")
