"""Ground-truth flow in the trees in which MPI Sintel and Middlebury publish it."""

import cv2
import numpy as np
import pytest

from lfvideo_sr.errors import InputError
from lfvideo_sr.media.flow_files import find_flow_pairs, frames_around, read_flow
from lfvideo_sr.media.images import write_png

FLOW = np.dstack(np.meshgrid(np.arange(6, dtype=np.float32), np.arange(4, dtype=np.float32)))


def put(path, what=FLOW):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".flo":
        assert cv2.writeOpticalFlow(str(path), what)
    else:
        write_png(path, np.zeros((3, 4, 6)))


@pytest.mark.parametrize(
    ("frames", "flow", "mask"),
    [
        ("training/clean/alley_1/frame_{:04}.png", "training/flow/alley_1/frame_0009.flo", None),
        ("alley_1/final/frame_{:04}.png", "alley_1/flow/frame_0009.flo", "alley_1/occlusions/frame_0009.png"),
        ("other-data/Whale/frame{:02}.png", "other-gt-flow/Whale/flow09.flo", None),
        ("Whale/frame{:02}.png", "Whale/flow09.flo", None),
    ],
)
def test_frames_are_found_from_their_flow(tmp_path, frames, flow, mask):
    for number in (2, 9, 10, 11):
        put(tmp_path / frames.format(number))
    put(tmp_path / flow)
    if mask is not None:
        put(tmp_path / mask)
    (pair,) = find_flow_pairs(tmp_path)
    assert pair.first == tmp_path / frames.format(9) and pair.second == tmp_path / frames.format(10)
    assert pair.occlusion == (None if mask is None else tmp_path / mask)
    assert frames_around(pair) == [tmp_path / frames.format(number) for number in (9, 10, 11)]


def test_flow_without_its_frames_is_left_out(tmp_path):
    put(tmp_path / "flow" / "frame_0001.flo")
    put(tmp_path / "clean" / "frame_0001.png")
    put(tmp_path / "mean.flo")
    assert find_flow_pairs(tmp_path) == []


def test_flow_is_read_as_it_was_written_and_unknown_becomes_nan(tmp_path):
    written = FLOW.copy()
    written[1, 2] = 1.7e9
    put(tmp_path / "flow1.flo", written)
    read = read_flow(tmp_path / "flow1.flo")
    assert np.isnan(read[1, 2]).all() and np.isnan(read).sum() == 2
    assert np.array_equal(read[2:], FLOW[2:])


@pytest.mark.parametrize("content", [None, b"", b"PIEH\x06\x00\x00\x00"], ids=["missing", "empty", "cut"])
def test_what_is_no_flow_is_refused(tmp_path, content):
    path = tmp_path / "bad.flo"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match="is no flow that can be read"):
        read_flow(path)
