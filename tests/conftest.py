"""Small rendered clips that many tests share. They are made once, lossless, and never changed."""

import os
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # for tiny pictures more threads cost time, above all on a busy machine

from small_clips import CUT, EVERY, FRAMES, rendered, write_clip

from lfvideo_sr.media.hybrid_file import write_hybrid
from lfvideo_sr.media.resize import degrade
from lfvideo_sr.media.video import VideoSource
from lfvideo_sr.metrics import eight_bit


@pytest.fixture(scope="session")
def pictures() -> list[np.ndarray]:
    """Two rendered scenes with a hard cut between frames CUT - 1 and CUT; exactly what `high_clip` decodes to."""
    return [eight_bit(one) for one in rendered(0, CUT, seed=3) + rendered(CUT, FRAMES - CUT, seed=11)]


@pytest.fixture(scope="session")
def high_clip(pictures, tmp_path_factory) -> Path:
    """The pictures as a high-resolution clip."""
    return write_clip(tmp_path_factory.mktemp("clips") / "high.mkv", pictures)


@pytest.fixture(scope="session")
def low_clip(pictures, tmp_path_factory) -> Path:
    """The pictures made small, with nothing beside them."""
    return write_clip(tmp_path_factory.mktemp("low") / "low.mkv", [degrade(one) for one in pictures])


@pytest.fixture(scope="session")
def hybrid_clip(high_clip) -> Path:
    """All frames small, and frames 0, EVERY, 2 * EVERY ... sharp as a second track."""
    path = high_clip.with_name("hybrid.mkv")
    with VideoSource(high_clip) as clip:
        write_hybrid(clip, path, EVERY)
    return path
