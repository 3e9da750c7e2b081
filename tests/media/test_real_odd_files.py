"""The real odd and broken files, where LFVIDEO_DATA names the folder they lie in."""

import os
from pathlib import Path

import pytest
from odd_media import packets
from round_trips import copy, seconds

from lfvideo_sr.errors import InputError
from lfvideo_sr.frames import Size
from lfvideo_sr.media.sink import VideoSink
from lfvideo_sr.media.video import VideoSource, video_tracks


@pytest.fixture
def odd() -> Path:
    folder = os.environ.get("LFVIDEO_DATA")
    if not folder or not Path(folder, "video/odd").is_dir():
        pytest.skip("LFVIDEO_DATA names no folder with video/odd")
    return Path(folder, "video/odd")


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "frames", "size"),
    [
        ("full_range_bt709.mp4", 30, Size(1280, 720)),
        ("hevc_10bit.mp4", 30, Size(200, 200)),
        ("multitrack_audio_subs.mp4", 325, Size(320, 180)),
        ("odd_dims_851x477_yuv444.mkv", 30, Size(851, 477)),
        ("odd_fps.mp4", 36, Size(320, 240)),
        ("rotated_90_metadata.mp4", 87, Size(368, 480)),
        ("vfr.mp4", 250, Size(640, 272)),
    ],
)
def test_real_odd_files_come_through(odd, tmp_path, name, frames, size):
    source = VideoSource(odd / name)
    assert source.info.size == size
    target = tmp_path / f"out{Path(name).suffix}"
    copy(odd / name, target)
    assert len(seconds(odd / name)) == frames and seconds(target) == seconds(odd / name)
    assert packets(target, "audio") == packets(odd / name, "audio")
    assert packets(target, "subtitle") == packets(odd / name, "subtitle")
    result = VideoSource(target).video
    assert result.display_matrix == source.video.display_matrix and result.bit_depth == source.video.bit_depth
    for tag in ("matrix", "full_range", "primaries", "transfer", "siting"):
        assert getattr(result.colour, tag) == getattr(source.video.colour, tag)


@pytest.mark.data
def test_real_broken_files(odd):
    source = VideoSource(odd / "truncated_faststart.mp4")
    assert 100 < len(list(source)) < 120 and "of 287 frames decode" in " ".join(source.warnings)
    with pytest.raises(InputError, match="moov"):
        VideoSource(odd / "truncated_no_index.mp4")
    assert [track.size for track in video_tracks(odd / "multitrack_audio_subs.mp4")] == [Size(320, 180), Size(480, 270)]


@pytest.mark.data
def test_a_real_undecodable_data_stream_is_no_obstacle(odd, tmp_path):
    clip = odd.parent / "dog.mp4"
    source = VideoSource(clip, frames=10, max_height=90)
    options = {"preset": "ultrafast", "copy_from": clip, "ends_at": source.info.seconds}
    with VideoSink(tmp_path / "out.mp4", source.video, source.info.size, **options) as sink:
        for frame in source:
            sink.write(frame)
    assert len(packets(tmp_path / "out.mp4", "audio")) > 10
