"""What was restored, on its way into a video: in the thread that asks on a CPU, ahead of it where a GPU works."""

import threading

import pytest
from small_clips import engine_of

from lfvideo_sr.frames import Size
from lfvideo_sr.media.sink import VideoSink
from lfvideo_sr.media.video import VideoSource
from lfvideo_sr.stream.job import StreamJob, StreamOptions
from lfvideo_sr.stream.writing import converted

OPTIONS = StreamOptions(frames=4, no_refs=True, decode="cpu")


class Elsewhere:
    """An engine that seems to work on a GPU."""

    device = "cuda:0"

    def __init__(self, engine):
        self._engine = engine

    def __getattr__(self, name):
        return getattr(self._engine, name)


def written(clip, path, engine, size: Size | None = None):
    """The pictures of a lossless file, and the threads that converted them."""
    threads = set()
    with StreamJob(clip, engine, OPTIONS) as job, VideoSink(path, job.video, size or job.size, codec="ffv1") as sink:
        convert = sink.converted

        def noticed(frame):
            threads.add(threading.current_thread().name)
            return convert(frame)

        sink.converted = noticed
        for picture in converted(job, sink):
            sink.encode(picture)
        assert "convert" in job.watch.summary()
    with VideoSource(path) as video:
        return [(frame.stamp.seconds, frame.pixels.tobytes()) for frame in video], threads


def test_whoever_stops_in_the_middle_leaves_no_thread(low_clip, tmp_path):
    engine = Elsewhere(engine_of("bicubic"))
    whole = StreamOptions(no_refs=True, decode="cpu")  # of a few frames all could be decoded at once
    with StreamJob(low_clip, engine, whole) as job:
        sink = VideoSink(tmp_path / "out.mkv", job.video, job.size, codec="ffv1")
        pictures = converted(job, sink)
        sink.encode(next(pictures))
        assert sum(one.name == "prefetch" for one in threading.enumerate()) == 3  # decode, restore, convert
        pictures.close()
        assert all(one.name != "prefetch" for one in threading.enumerate())
        sink.abort()
    assert list(tmp_path.glob("out*")) == []


@pytest.mark.parametrize("size", [None, Size(96, 64)])
def test_pictures_are_the_same_whoever_converts_them(low_clip, tmp_path, size):
    engine = engine_of("bicubic")
    here, mine = written(low_clip, tmp_path / "here.mkv", engine, size)
    there, others = written(low_clip, tmp_path / "there.mkv", Elsewhere(engine), size)
    assert here == there and len(here) == 4
    assert mine == {threading.current_thread().name} and others == {"prefetch"}
