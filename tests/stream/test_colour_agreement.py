"""Untagged tracks of one file are read with one matrix, though their sizes alone would suggest two."""

from fractions import Fraction

import av
import numpy as np
import pytest

from lfvideo_sr.choose import make_engine
from lfvideo_sr.stream.job import StreamJob


@pytest.fixture
def untagged(tmp_path):
    """A 320x180 track and a 1280x720 track of the same flat colour, neither saying its matrix."""
    path = tmp_path / "two.mkv"
    with av.open(str(path), "w") as target:
        streams = []
        for width, height in ((320, 180), (1280, 720)):
            stream = target.add_stream("ffv1", 25)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            streams.append(stream)
        for number in range(3):
            for stream in streams:
                planes = np.vstack(
                    [np.full((stream.height, stream.width), 110), np.full((stream.height // 2, stream.width), 160)]
                )
                picture = av.VideoFrame.from_ndarray(planes.astype(np.uint8), format="yuv420p")
                picture.pts, picture.time_base = number, Fraction(1, 25)
                target.mux(stream.encode(picture))
        for stream in streams:
            target.mux(stream.encode())
    return path


def test_both_tracks_show_the_same_colour(untagged):
    with StreamJob(untagged, make_engine("bicubic")) as job:
        assert job.video.colour.assumed and job.video.colour.matrix == 709
        low = next(iter(job.source)).pixels
        high = next(iter(job.references)).load()
    assert np.abs(low.mean((1, 2)) - high.mean((1, 2))).max() < 0.5 / 255
