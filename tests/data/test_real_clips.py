"""Real clips, where LFVIDEO_DATA names the folder they lie in: odd files come through whole, references help."""

import os
from pathlib import Path

import numpy as np
import pytest
from small_clips import engine_of

from lfvideo_sr.commands.stream import EncodingOptions, StreamCommand
from lfvideo_sr.errors import InputError
from lfvideo_sr.media.clock import frame_times
from lfvideo_sr.media.video import VideoSource, video_tracks
from lfvideo_sr.metrics import psnr_y
from lfvideo_sr.stream.job import StreamJob, StreamOptions

DATA = os.environ.get("LFVIDEO_DATA")
pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not DATA, reason="LFVIDEO_DATA names no folder of clips"),
]
VIDEO = Path(DATA or ".") / "video"
WHOLE = [
    "multitrack_audio_subs.mp4", "hevc_10bit.mp4", "full_range_bt709.mp4", "odd_fps.mp4", "rotated_90_metadata.mp4",
    "vfr.mp4", "odd_dims_851x477_yuv444.mkv",
]  # fmt: skip
FRAMES = 25


def run(path: Path, method: str, **options) -> list:
    with StreamJob(path, engine_of(method), StreamOptions(**options)) as job:
        return list(job)


@pytest.mark.parametrize("method", ["flow_transfer", "stream_ref"])
def test_references_help_and_stay_in_their_scene(method):
    """Frames 200 to 250 of the clip hold cuts; whatever the first 60 hold is checked by the detector's own marks."""
    clip = VIDEO / "bikes.mp4"
    restored = run(clip, method, simulate=True, frames=FRAMES, max_height=136)
    truth = [frame.pixels for frame in VideoSource(clip, frames=FRAMES, max_height=136)]
    alone = run(clip, "bicubic", simulate=True, frames=FRAMES, max_height=136)
    gains = []
    for one, other in zip(restored, alone):
        height, width = one.frame.pixels.shape[1:]
        high = truth[one.frame.index][:, :height, :width]
        if not one.own:
            gains.append(psnr_y(one.frame.pixels, high) - psnr_y(other.frame.pixels, high))
    assert len(gains) == FRAMES - 4
    assert np.mean(gains) > 1.0


def test_no_reference_crosses_a_cut():
    """All of bikes.mp4, which has several shots: the scene of each reference's frame is that of the frame it serves."""
    restored = run(VIDEO / "bikes.mp4", "flow_transfer", simulate=True, max_height=68, scene_refs=True)
    scenes = np.cumsum([one.source.cut for one in restored])
    scene_at = {one.frame.stamp.seconds: scene for one, scene in zip(restored, scenes)}
    assert scenes[-1] >= 3
    for one, scene in zip(restored, scenes):
        assert all(scene_at[reference.time] == scene for reference in one.references)


@pytest.mark.parametrize("name", WHOLE)
def test_odd_clips_keep_every_frame_and_its_time(name, tmp_path):
    clip, output = VIDEO / "odd" / name, tmp_path / "out.mkv"
    encoding = EncodingOptions(crf=30, preset="ultrafast", scale=0.5)
    StreamCommand(clip, output, StreamOptions(no_refs=True), encoding, method="bicubic", progress="none").run()
    with StreamJob(clip, engine_of("bicubic"), StreamOptions(no_refs=True)) as job:
        given = [float(time) for time in frame_times(job.video)]
    written = [float(time) for time in frame_times(video_tracks(output)[0])]
    assert len(written) == len(given)
    assert np.abs(np.subtract(written, given)).max() <= 0.0005 + 1e-9  # Matroska counts milliseconds


def test_an_mp4_keeps_times_to_the_tick(tmp_path):
    clip, output = VIDEO / "odd" / "vfr.mp4", tmp_path / "out.mp4"
    encoding = EncodingOptions(crf=30, preset="ultrafast", scale=0.5)
    StreamCommand(clip, output, StreamOptions(no_refs=True), encoding, method="bicubic", progress="none").run()
    assert list(frame_times(video_tracks(output)[0])) == list(frame_times(video_tracks(clip)[0]))


def test_what_is_cut_off_is_said(tmp_path):
    command = StreamCommand(
        VIDEO / "odd" / "truncated_no_index.mp4", tmp_path / "out.mkv", StreamOptions(), method="bicubic", progress="none"
    )
    with pytest.raises(InputError, match="cut off"):
        command.run()
    assert list(tmp_path.iterdir()) == []
