"""The classical floor on compressed frames: it stands on the decoded frame of the reference's own moment."""

import cv2
import numpy as np
import pytest

from lfvideo_sr.camera.reduction import papers_taps, reduce_by
from lfvideo_sr.frames import Size
from lfvideo_sr.method import Match
from lfvideo_sr.methods import flow_transfer
from lfvideo_sr.metrics import psnr_y
from lfvideo_sr.synthetic import random_scene, render

SIZE = Size(256, 192)


@pytest.fixture(scope="module")
def sharp() -> np.ndarray:
    return render(random_scene(np.random.default_rng(3), width=SIZE.width), 0.0, SIZE).astype(np.float32)


def blocky(low: np.ndarray, quality: int) -> np.ndarray:
    """As an encoder gives it back."""
    eight = np.ascontiguousarray((np.clip(low, 0, 1) * 255 + 0.5).astype(np.uint8).transpose(1, 2, 0))
    data = cv2.imencode(".jpg", eight, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(data, cv2.IMREAD_COLOR).transpose(2, 0, 1).astype(np.float32) / 255


def restored(frame: np.ndarray, sharp: np.ndarray, side: np.ndarray | None) -> np.ndarray:
    beside = () if side is None else (side[None], papers_taps())
    features = flow_transfer.encode(sharp[None], *beside)
    match = Match(features, *flow_transfer.match(frame[None], features, None))
    return np.clip(flow_transfer.restore(frame[None], [match])[0], 0, 1)


def test_the_errors_of_a_compressed_frame_go_where_a_reference_shows_the_place(sharp):
    """A still scene, compressed twice: the reference knows what one of them lost."""
    low = reduce_by(papers_taps(), sharp)
    frame, low_side = blocky(low, 80), blocky(low, 75)
    beside, alone = (psnr_y(restored(frame, sharp, side), sharp) for side in (low_side, None))
    assert beside > alone + 1


def test_on_clean_frames_a_side_changes_little(sharp):
    low = np.clip(reduce_by(papers_taps(), sharp), 0, 1)
    beside, alone = (psnr_y(restored(low, sharp, side), sharp) for side in (low, None))
    assert beside > alone - 0.3
