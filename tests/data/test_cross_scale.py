"""MPI Sintel's frames with known flow and light fields, where LFVIDEO_DATA names the folder with sintel/ and
lightfields/."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from lfvideo_sr.datasets import open_dataset
from lfvideo_sr.training.flow_views import sintel_views
from lfvideo_sr.training.window_samples import WindowSettings, window_sample

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not os.environ.get("LFVIDEO_DATA"), reason="LFVIDEO_DATA names no folder of data sets"),
]


def test_sintels_flow_leads_to_what_looks_alike():
    views = [load() for part in ("train", "validation") for load in sintel_views(_data() / "sintel", part)]
    assert len(views) == 3
    for view in views:
        height, width = view.flow.shape[:2]
        places = np.dstack(np.meshgrid(np.arange(width), np.arange(height))).astype(np.float32)
        first, second = (picture.astype(np.float32).mean(0) for picture in view[:2])
        fetched = cv2.remap(second, np.nan_to_num(places + view.flow), None, cv2.INTER_LINEAR)
        known = np.isfinite(view.flow).all(-1)
        assert known.mean() > 0.5
        apart, at_rest = (np.abs(other - first)[known].mean() for other in (fetched, second))
        assert apart < 0.6 * at_rest


def test_sintel_gives_training_samples():
    (load,) = sintel_views(_data() / "sintel", "validation")
    settings = WindowSettings(scale=8, reach=64, queries=1)
    truths = [int(window_sample(load(), np.random.default_rng(n), settings)["truth"][0]) for n in range(8)]
    assert sum(truth >= 0 for truth in truths) > 5


def test_data_sets_find_frames_and_views():
    frames = open_dataset("sintel", _data()).items
    assert {"alley_1/frame_0002", "cave_2/frame_0003"} <= {item.name for item in frames}
    assert all(item.references[0].is_file() for item in frames)
    views = {item.name: item.references[0].name for item in open_dataset("lightfields", _data()).items}
    assert views["antinous"] == "view_2_2.png"


def _data() -> Path:
    return Path(os.environ["LFVIDEO_DATA"])
