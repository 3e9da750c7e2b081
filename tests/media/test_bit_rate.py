"""Bits per pixel of a track, beside what its file holds."""

import av
import pytest

from lfvideo_sr.media.bit_rate import bits_per_pixel
from lfvideo_sr.media.video import video_track


def test_bits_are_those_of_the_tracks_packets(hybrid_clip):
    for track in (0, 1):
        video = video_track(hybrid_clip, track)
        with av.open(str(hybrid_clip)) as container:
            sizes = [packet.size for packet in container.demux(container.streams[video.stream_index]) if packet.size]
        width, height = video.size
        assert bits_per_pixel(video) == pytest.approx(8 * sum(sizes) / len(sizes) / width / height)
        assert 1 < bits_per_pixel(video) < 40
