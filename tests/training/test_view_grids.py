"""Training samples of view_fusion, and its trainer: it learns, stops and goes on exactly, and its weights run."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_clips import write_clip

from lfvideo_sr.engines import view_torch
from lfvideo_sr.engines.view_torch import load_view_fusion, with_torch
from lfvideo_sr.frames import Size, View
from lfvideo_sr.matching.view_samples import FusionInput
from lfvideo_sr.media.images import write_png
from lfvideo_sr.media.resize import bicubic, to_uint8
from lfvideo_sr.methods.bicubic import enlarge
from lfvideo_sr.methods.view_fusion import LEVELS, ViewFusion, ViewFusionSize
from lfvideo_sr.textures import random_texture
from lfvideo_sr.trainers.export import export_weights
from lfvideo_sr.trainers.view_fusion import Material, ViewFusionConfig, sample, train, validated
from lfvideo_sr.training import view_grids
from lfvideo_sr.training.view_grids import FusionViews, compressed, kept, made_worse, noisy, real_views, rendered_views

SIDE = 20


@pytest.fixture(scope="module", autouse=True)
def few_views():
    """Two views of a grid are enough here."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(view_grids, "KEPT", 2)
        yield


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    return ViewFusionConfig(
        trainer="view_fusion", scenes=2, first_scenes=2, real=0.0, crop=16, side=SIDE, channels=8, blocks=1, batch=2,
        max_steps=4, warmup_steps=1, decay_steps=2, report_every=2, learning_rate=2e-3, save_minutes=1e9,
        cache=str(folder / "cache"), output=str(folder / "whole"),
    )  # fmt: skip


@pytest.fixture(scope="module")
def whole_run(config):
    return train(config)


def course(config):
    with open(f"{config.output}/log.csv", newline="") as file:
        return [(row["step"], row["loss"]) for row in csv.DictReader(file)]


def test_a_run_that_is_killed_leaves_no_half_of_a_grid_to_another(tmp_path, monkeypatch):
    def killed_half_way(path, values):
        save(path, values)
        raise KeyboardInterrupt

    save, made = np.save, FusionViews(*(np.full((1, 1, 4, 4), value, np.float16) for value in range(3)))
    monkeypatch.setattr(view_grids.np, "save", killed_half_way)
    with pytest.raises(KeyboardInterrupt):
        kept(tmp_path / "grid", lambda: made)
    monkeypatch.setattr(view_grids.np, "save", save)
    assert not list(tmp_path.rglob("*.npy"))
    assert all(np.array_equal(*pair) for pair in zip(kept(tmp_path / "grid", lambda: made), made))


def test_a_scene_is_the_same_each_time_and_its_neighbours_measured_something():
    first, second = (rendered_views(3, SIDE, enlarge, random_texture) for _ in range(2))
    assert all(np.array_equal(*pair) for pair in zip(first, second))
    assert first.planes.shape == (2, 4, 4 * SIDE, 4 * SIDE) and first.spread.shape == (2, 1, SIDE, SIDE)
    cells = first.planes[:, 3].astype(np.float32).reshape(2, SIDE, 4, SIDE, 4).sum((2, 4))
    assert cells.mean() > 1.5  # its own pixel counts 1


def test_a_sample_is_a_function_of_its_number(config, whole_run):
    material = Material.of(config)
    first, again, other = (sample(material, config, number) for number in (7, 7, 8))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["truth"], other["truth"])
    assert first["planes"].shape == (4, 64, 64) and first["spread"].shape == (1, 16, 16)
    assert np.abs(first["planes"][0] - first["truth"][0]).mean() < 30  # they show the same, turned alike


def test_a_stopped_run_goes_on_exactly(config, whole_run, tmp_path):
    parts = replace(config, output=str(tmp_path / "parts"))
    train(replace(parts, stop_after=3))
    torch.manual_seed(99)
    finished = train(parts)
    whole, other = (torch.load(path, weights_only=True) for path in (whole_run, finished))
    assert whole["step"] == other["step"] == 4
    assert all(torch.equal(whole["averaged"][key], other["averaged"][key]) for key in whole["averaged"])
    assert course(config) == course(parts)


def test_weights_of_a_run_are_exported_and_add_something(whole_run, tmp_path):
    about = export_weights(whole_run, tmp_path / "mine.safetensors")
    assert about["method"] == "view_fusion" and about["steps"] == 4
    fuse = with_torch(load_view_fusion(tmp_path / "mine.safetensors"), "cpu")
    rng = np.random.default_rng(0)
    planes, spread = (rng.random(shape, np.float32) * 9 for shape in ((4, 32, 48), (1, 8, 12)))
    change = fuse(FusionInput(planes, spread))
    assert change.shape == (32, 48) and change.dtype == np.float32 and np.abs(change).max() > 0


@torch.no_grad()
@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_a_run_validates_where_its_network_is(device, request):
    """An untrained network gains nothing; one that adds the same everywhere changes every score."""
    if device == "cuda":
        request.getfixturevalue("gpu")
    rng = np.random.default_rng(3)
    truth = 255 * rng.random((2, 1, 32, 32)).astype(np.float16)
    planes = np.concatenate([truth + 4, truth + 2, np.zeros((2, 2, 32, 32), np.float16)], 1)
    views = [FusionViews(planes, np.ones((2, 1, 8, 8), np.float16), truth)]
    network = ViewFusion(ViewFusionSize(8, 1)).to(device)
    scores, pictures = validated(views, network)
    assert scores["psnr_y"] == pytest.approx(20 * np.log10(255 / 2), abs=0.1)
    assert scores["gain"] == pytest.approx(20 * np.log10(2), abs=0.1)
    assert pictures["fused"].shape == (3, 32, 32) and 0 <= pictures["fused"].min() <= pictures["fused"].max() <= 1
    network.tail.bias.fill_(-2 / LEVELS)
    assert validated(views, network)[0]["psnr_y"] > scores["psnr_y"] + 10


def test_grids_of_other_clips_are_rendered_anew(config, tmp_path, monkeypatch):
    """Their surfaces are covered with what clips show."""
    monkeypatch.setenv("LFVIDEO_DATA", str(tmp_path))
    shown = replace(config, clips=("a.mkv",))
    folders = set()
    for frames in (2, 4):
        (tmp_path / "a.mkv").unlink(missing_ok=True)
        write_clip(tmp_path / "a.mkv", [np.zeros((3, 32, 32), np.float32)] * frames)
        folders.add(Material.of(shown).cache)
    assert len({*folders, Material.of(config).cache}) == 3


def test_an_untrained_network_adds_nothing():
    network = ViewFusion(ViewFusionSize(8, 1))
    assert not network(torch.rand(1, 4, 32, 32), torch.rand(1, 1, 8, 8)).any()


def test_strips_of_a_large_view_are_as_the_whole(monkeypatch):
    torch.manual_seed(0)
    network = ViewFusion(ViewFusionSize(8, 2))
    torch.nn.init.normal_(network.tail.weight, std=0.1)
    rng = np.random.default_rng(1)
    seen = FusionInput(rng.random((4, 160, 64), np.float32), rng.random((1, 40, 16), np.float32))
    whole = with_torch(network, "cpu")(seen)
    monkeypatch.setattr(view_torch, "PLACES", 8 * 16)
    assert np.allclose(with_torch(network, "cpu")(seen), whole, atol=1e-4)
    monkeypatch.setattr(ViewFusion, "halo", network.halo - 1)
    assert not np.allclose(with_torch(network, "cpu")(seen), whole, atol=1e-4)  # so the halo is as small as can be


def test_a_real_light_field_gives_all_its_views_or_two(tmp_path):
    rng = np.random.default_rng(5)
    sharp = view_grids.rendered_grid(rng, SIDE, random_texture)
    for view, pixels in sharp.items():
        write_png(tmp_path / f"view_{view.row}_{view.column}.png", pixels)
    views, some = real_views(tmp_path, enlarge), real_views(tmp_path, enlarge, some=True)
    assert len(views.truth) == len(sharp) and len(some.truth) == 2


def test_grids_are_made_worse_alike_in_all_views():
    rng = np.random.default_rng(0)
    picture = to_uint8(bicubic(rng.random((3, 8, 8)).astype(np.float32), Size(32, 32)))
    assert np.array_equal(compressed(picture, None), picture)
    errors = [np.abs(compressed(picture, quality).astype(int) - picture).mean() for quality in (95, 50)]
    assert 0 < errors[0] < errors[1]
    assert noisy(rng, picture, 5.0).astype(int).std() > picture.astype(int).std()
    low = {View(0, 0): picture, View(0, 1): picture}
    worse = [made_worse(np.random.default_rng(seed), low) for seed in range(20)]
    changed = [[not np.array_equal(pixels, picture) for pixels in views.values()] for views in worse]
    assert all(len(set(each)) == 1 for each in changed) and 2 < sum(each[0] for each in changed) < 15
