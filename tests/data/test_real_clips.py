"""Real clips, where LFVIDEO_DATA names the folder they lie in: odd files come through whole, references help."""

import os
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from small_clips import engine_of

from lfvideo_sr.choose import EngineOptions
from lfvideo_sr.commands.stream import EncodingOptions, StreamCommand
from lfvideo_sr.errors import InputError
from lfvideo_sr.media.clock import frame_times
from lfvideo_sr.media.video import VideoSource, video_tracks
from lfvideo_sr.metrics import psnr_y
from lfvideo_sr.stream.job import StreamJob
from lfvideo_sr.stream.options import StreamOptions

DATA = os.environ.get("LFVIDEO_DATA")
pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not DATA, reason="LFVIDEO_DATA names no folder of clips"),
]
VIDEO = Path(DATA or ".") / "video"
WHOLE = {  # odd clips, and how much of each is enough
    "multitrack_audio_subs.mp4": {"frames": 60},
    "hevc_10bit.mp4": {},
    "full_range_bt709.mp4": {"max_height": 180},
    "odd_fps.mp4": {},
    "rotated_90_metadata.mp4": {"max_height": 120},
    "vfr.mp4": {"frames": 120, "max_height": 68},
    "odd_dims_851x477_yuv444.mkv": {"frames": 3},
}
FRAMES = 25


def run(path: Path, method: str, **options) -> list:
    with StreamJob(path, engine_of(method), StreamOptions(**options)) as job:
        return list(job)


@pytest.mark.parametrize("method", ["flow_transfer", "stream_ref"])
def test_references_help(method):
    clip = VIDEO / "bikes.mp4"
    limits = {"frames": FRAMES, "max_height": 136}
    restored, enlarged = (run(clip, name, simulate=True, **limits) for name in (method, "bicubic"))
    gains = []
    for result, other, truth in zip(restored, enlarged, VideoSource(clip, **limits)):
        high = truth.pixels[:, : result.frame.size.height, : result.frame.size.width]
        if not result.own:
            gains.append(psnr_y(result.frame.pixels, high) - psnr_y(other.frame.pixels, high))
    assert len(gains) == FRAMES - 4
    assert np.mean(gains) > 1.0


def test_no_reference_crosses_a_cut():
    """All of bikes.mp4, which has several shots: the scene of each reference's frame is that of the frame it serves."""
    restored = run(VIDEO / "bikes.mp4", "flow_transfer", simulate=True, max_height=68, scene_refs=True)
    scenes = np.cumsum([result.source.cut for result in restored])
    scene_at = {result.frame.stamp.seconds: scene for result, scene in zip(restored, scenes)}
    assert scenes[-1] >= 3
    for result, scene in zip(restored, scenes):
        assert all(scene_at[reference.time] == scene for reference in result.references)


@pytest.mark.parametrize("name", WHOLE)
def test_odd_clips_keep_every_frame_and_its_time(name, tmp_path):
    clip = VIDEO / "odd" / name
    output = tmp_path / f"out{clip.suffix}"
    options = StreamOptions(no_refs=True, **WHOLE[name])
    encoding = EncodingOptions(crf=30, preset="ultrafast")
    StreamCommand(clip, output, options, encoding, EngineOptions("bicubic"), progress="none").run()
    with StreamJob(clip, engine_of("bicubic"), options) as job:
        times = list(islice(frame_times(job.video), options.frames))
        size = job.size
    written = video_tracks(output)[0]
    assert list(frame_times(written)) == times
    assert sum(1 for _ in VideoSource(output, detect_cuts=False)) == len(times)
    assert written.size == size


def test_what_is_cut_off_is_said(tmp_path):
    clip = VIDEO / "odd" / "truncated_no_index.mp4"
    with pytest.raises(InputError, match="cut off"):
        StreamCommand(
            clip, tmp_path / "out.mkv", StreamOptions(), engine=EngineOptions("bicubic"), progress="none"
        ).run()
    assert list(tmp_path.iterdir()) == []


def test_what_breaks_off_is_restored_as_far_as_it_goes(tmp_path):
    clip = VIDEO / "odd" / "truncated_faststart.mp4"
    options = StreamOptions(no_refs=True, max_height=45)
    with StreamJob(clip, engine_of("bicubic"), options) as job:
        count = sum(1 for _ in job)
    assert 100 < count < 287
    assert job.warnings
