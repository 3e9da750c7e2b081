"""The graph of the network that fuses views, which comes with the installation: equal to torch, and used without it."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from command_line import TORCH, report_of, run_without
from small_grids import MAKERS, rendered_grid

from lfvideo_sr.camera.kernels import SCALE
from lfvideo_sr.choose import view_fusion_weights
from lfvideo_sr.engines.view_export import export_view_fusion
from lfvideo_sr.engines.view_graph import open_view_graph, view_graph_path
from lfvideo_sr.engines.view_torch import load_view_fusion, with_torch
from lfvideo_sr.frames import Size, View
from lfvideo_sr.lightfields.opening import open_light_field
from lfvideo_sr.matching.view_samples import FusionInput
from lfvideo_sr.media.resize import degrade
from lfvideo_sr.methods.bicubic import enlarge
from lfvideo_sr.metrics import psnr_y


def shipped_graph() -> Path:
    weights = view_fusion_weights()
    assert weights is not None
    return view_graph_path(weights)


def read_view(path: Path) -> np.ndarray:
    field = open_light_field(path)
    pixels = field.read(View(0, 0))
    field.close()
    return pixels


@pytest.fixture(scope="module")
def fusion():
    return load_view_fusion(view_fusion_weights())


def test_one_graph_is_shipped_and_it_is_of_the_shipped_weights(fusion):
    path = shipped_graph()
    assert list(path.parent.glob("view_fusion-*.onnx")) == [path]
    notes = {note.key: note.value for note in onnx.load(path).metadata_props}
    assert notes["halo"] == str(fusion.halo)


@pytest.mark.parametrize("height, width", [(20, 24), (33, 17), (5, 90)])
def test_the_shipped_graph_equals_torch(fusion, height, width):
    rng = np.random.default_rng(height)
    planes = rng.random((4, SCALE * height, SCALE * width), np.float32) * np.float32([[[255]], [[255]], [[8]], [[4]]])
    seen = FusionInput(planes, rng.random((1, height, width), np.float32))
    by_torch, by_graph = (
        with_torch(fusion, "cpu")(seen),
        open_view_graph(view_graph_path(view_fusion_weights()), "cpu")(seen),
    )
    assert by_torch.shape == planes.shape[1:] and np.abs(by_torch).max() > 0.1
    assert np.abs(by_graph - by_torch).max() < 1e-3  # levels of 255


@pytest.mark.slow
def test_a_graph_can_be_made_anew(fusion, tmp_path):
    export_view_fusion(fusion, tmp_path / "fuse.onnx")
    seen = FusionInput(np.full((4, 64, 80), 9, np.float32), np.ones((1, 16, 20), np.float32))
    made, shipped = (open_view_graph(path)(seen) for path in (tmp_path / "fuse.onnx", shipped_graph()))
    assert np.allclose(made, shipped, atol=1e-4)


def test_without_torch_views_take_from_each_other_by_the_graph(run, tmp_path):
    sharp = rendered_grid(3, 3, Size(96, 80), seed=2)
    low = np.stack([np.stack([degrade(view) for view in row]) for row in sharp])
    words = ("lightfield", MAKERS["hci2016"](tmp_path, low).path, "--views", "1:1,1:1", "--quality", "fast")
    assert run(*words, "-o", tmp_path / "torch.h5").code == 0
    done = run_without(TORCH, *words, "-o", tmp_path / "graph.h5")
    assert done.returncode == 0, done.stderr
    assert report_of(tmp_path / "graph.h5")["engine"] == "onnx"
    by_torch, by_graph = (read_view(tmp_path / name) for name in ("torch.h5", "graph.h5"))
    assert np.abs(by_graph - by_torch).max() <= 1.5 / 255
    truth = sharp[1, 1]
    assert psnr_y(by_graph, truth) > psnr_y(enlarge(low[1, 1]), truth) + 1
