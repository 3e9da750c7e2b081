"""What was restored, on its way into a video: in the thread that asks on a CPU, ahead of it where a GPU works, and in
the output's colours there, before it comes down."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_clips import EVERY, engine_of

from lfvideo_sr import frames
from lfvideo_sr.api import OpenStream
from lfvideo_sr.choose import make_engine
from lfvideo_sr.engines import numpy_engine
from lfvideo_sr.frames import DeviceFrame, Frame, Size
from lfvideo_sr.media.colour import ColourSpec, Layout
from lfvideo_sr.media.output_format import planes_on_host
from lfvideo_sr.media.planes import planes_of
from lfvideo_sr.media.probe import open_input
from lfvideo_sr.media.sink import VideoSink
from lfvideo_sr.media.video import VideoSource
from lfvideo_sr.stream.job import StreamJob
from lfvideo_sr.stream.options import StreamOptions
from lfvideo_sr.stream.writing import converted, planes_on_its_device

OPTIONS = StreamOptions(frames=4, no_refs=True, decode="cpu")


class Elsewhere:
    """An engine that seems to work on a GPU."""

    device = "cuda:0"

    def __init__(self, engine):
        self._engine = engine

    def __getattr__(self, name):
        return getattr(self._engine, name)


class There(Elsewhere):
    """One that leaves its pictures there; they lie in the host's memory, but nothing knows."""

    def __init__(self, engine):
        super().__init__(engine)
        self.left: list[DeviceFrame] = []

    def restore_frame(self, frame, matches, last=None):
        self.left.append(frame.with_picture(torch.from_numpy(self._engine.restore(frame, matches, last))))
        return self.left[-1]

    @property
    def fetched(self) -> int:
        return sum("pixels" in vars(frame) for frame in self.left)


def written(clip, path, engine, size: Size | None = None):
    """The pictures of a lossless file, and the threads that converted them."""
    threads = set()
    with StreamJob(clip, engine, OPTIONS) as job, VideoSink(path, job.video, size or job.size, codec="ffv1") as sink:
        convert = sink.converted

        def noticed(*arguments):
            threads.add(threading.current_thread().name)
            return convert(*arguments)

        sink.converted = noticed
        for picture in converted(job, sink):
            sink.encode(picture)
        assert "convert" in job.watch.summary()
    with VideoSource(path) as video:
        return [(frame.stamp.seconds, frame.pixels.tobytes()) for frame in video], threads


@pytest.mark.parametrize("no_refs", [True, False])
def test_whoever_stops_in_the_middle_leaves_no_thread(hybrid_clip, tmp_path, no_refs):
    engine = Elsewhere(engine_of("flow_transfer"))
    whole = StreamOptions(no_refs=no_refs, decode="cpu")  # of a few frames all could be decoded at once
    with StreamJob(hybrid_clip, engine, whole) as job:
        sink = VideoSink(tmp_path / "out.mkv", job.video, job.size, codec="ffv1")
        pictures = converted(job, sink)
        sink.encode(next(pictures))
        running = sum(thread.name == "prefetch" for thread in threading.enumerate())
        assert (
            running == 3 if no_refs else running in (3, 4)
        )  # decode, restore, convert, and references if any are left
        pictures.close()
        assert all(thread.name != "prefetch" for thread in threading.enumerate())
        sink.abort()
    assert list(tmp_path.glob("out*")) == []


@pytest.mark.parametrize("size", [None, Size(96, 64)])
def test_pictures_are_the_same_whoever_converts_them(low_clip, tmp_path, size):
    engine = engine_of("bicubic")
    here, mine = written(low_clip, tmp_path / "here.mkv", engine, size)
    there, others = written(low_clip, tmp_path / "there.mkv", Elsewhere(engine), size)
    assert here == there and len(here) == 4
    assert mine == {threading.current_thread().name} and others == {"prefetch"}


LAYOUTS = [
    ("libx264", ColourSpec()),
    ("libx264", ColourSpec(Layout.YUV444, 10, full_range=True)),
    ("ffv1", ColourSpec(Layout.RGB)),
    ("ffv1", ColourSpec(Layout.GRAY)),
    ("libx265", ColourSpec(bit_depth=12, matrix=2020)),
]
LOSSLESS = {"libx264": {"qp": "0"}, "libx265": {"x265-params": "lossless=1"}, "ffv1": {}}


def file_of(clip, path, engine, colour: ColourSpec, codec: str, size: Size | None = None, **options):
    """The planes of each picture of a lossless file, and its job and sink."""
    with StreamJob(clip, engine, StreamOptions(**{"decode": "cpu", "ref_every": EVERY, **options})) as job:
        video = replace(job.video, colour=colour)
        settings = {"codec": codec, "preset": "ultrafast", "options": LOSSLESS[codec]}
        with VideoSink(path, video, size or job.size, **settings) as sink:
            for picture in converted(job, sink):
                sink.encode(picture)
    assert sink.format.colour.pixel_format == colour.pixel_format
    with open_input(path) as container:
        return [planes_of(picture, sink.format.colour) for picture in container.decode(video=0)], job, sink


def check_same(planes, expected) -> None:
    """Within one code value, and not by chance."""
    assert len(planes) == len(expected) > 0
    for ours, theirs in zip(planes, expected):
        for our, other in zip(ours, theirs, strict=True):
            off = np.abs(our.astype(int) - other)
            assert off.max() <= 1 and off.mean() < 0.01 and other.std() > 1


@pytest.mark.parametrize(("codec", "colour"), LAYOUTS, ids=str)
def test_a_picture_that_lies_there_is_written_as_the_host_would_and_never_fetched(low_clip, tmp_path, codec, colour):
    there, engine = There(engine_of("bicubic")), Elsewhere(engine_of("bicubic"))
    options = {"frames": 2, "no_refs": True}
    planes, _, sink = file_of(low_clip, tmp_path / "there.mkv", there, colour, codec, **options)
    check_same(planes, file_of(low_clip, tmp_path / "here.mkv", engine, colour, codec, **options)[0])
    assert len(there.left) == 2 and not there.fetched
    assert not [line for line in sink.warnings if "host" in line]


@pytest.mark.parametrize(
    ("size", "options", "fetched"),
    [
        (Size(96, 64), {}, 4),  # resized on the host
        (None, {"ref_output": "sr"}, 0),
        (None, {"ref_output": "pass"}, 0),  # frames 0 and 4 are the references' own
    ],
    ids=["another size", "restored", "passed"],
)
def test_frames_of_the_host_go_among_those_that_lie_there(hybrid_clip, tmp_path, size, options, fetched):
    there, engine = There(engine_of("flow_transfer")), Elsewhere(engine_of("flow_transfer"))
    options = {"frames": 6, **options}
    planes, _, _ = file_of(hybrid_clip, tmp_path / "there.mkv", there, ColourSpec(), "libx264", size, **options)
    check_same(planes, file_of(hybrid_clip, tmp_path / "here.mkv", engine, ColourSpec(), "libx264", size, **options)[0])
    assert len(there.left) == (6 if options.get("ref_output") == "sr" else 4) and there.fetched == fetched


def test_scores_are_those_of_the_host(high_clip, tmp_path):
    options = {"frames": 6, "simulate": True}
    scores = []
    for engine in (There(engine_of("bicubic")), Elsewhere(engine_of("bicubic"))):
        name = tmp_path / f"{type(engine).__name__}.mkv"
        _, job, _ = file_of(high_clip, name, engine, ColourSpec(), "libx264", **options)
        scores.append(job.scorer.scores)
    assert scores[0] == scores[1] and len(scores[0]) == 6


@pytest.mark.parametrize("output", ["pass", "sr"])
def test_anchors_lie_there_too(low_clip, tmp_path, output, monkeypatch):
    """Given out without being fetched; an engine that encodes on the host fetches each of them once."""
    fetched = []

    def on_host(values):
        fetched.extend([values] if isinstance(values, torch.Tensor) else [])
        return frames.on_host(values)

    monkeypatch.setattr(numpy_engine, "on_host", on_host)
    options = {"frames": 6, "ref_output": output}
    there, engine = There(engine_of("flow_transfer")), Elsewhere(engine_of("flow_transfer"))
    planes, _, _ = file_of(low_clip, tmp_path / "there.mkv", there, ColourSpec(), "libx264", **options)
    check_same(planes, file_of(low_clip, tmp_path / "here.mkv", engine, ColourSpec(), "libx264", **options)[0])
    assert len(there.left) == (6 if output == "pass" else 8) and there.fetched == 0 and len(fetched) == 2


def test_where_there_is_no_room_colours_are_made_on_the_host(low_clip, tmp_path, monkeypatch):
    """Each picture by itself; the report says so once."""
    from lfvideo_sr.nn import planes

    made, tried = planes.rgb_to_planes, []

    def full(pixels, spec):
        tried.append(pixels)
        if len(tried) in (2, 3):
            raise torch.OutOfMemoryError(f"CUDA out of memory. Tried to allocate {len(tried)} MiB. GPU 0 has ...")
        return made(pixels, spec)

    monkeypatch.setattr(planes, "rgb_to_planes", full)
    there, options = There(engine_of("bicubic")), {"frames": 4, "no_refs": True}
    planes, _, sink = file_of(low_clip, tmp_path / "there.mkv", there, ColourSpec(), "libx264", **options)
    engine = Elsewhere(engine_of("bicubic"))
    check_same(planes, file_of(low_clip, tmp_path / "here.mkv", engine, ColourSpec(), "libx264", **options)[0])
    assert there.fetched == 2
    lines = [line for line in sink.warnings if "host" in line]
    assert lines == ["some pictures get their colours on the host (CUDA out of memory)"]


def test_a_sink_takes_any_frame(tmp_path, low_clip):
    """One that lies on a device is fetched where nobody says how else."""
    with VideoSource(low_clip) as source:
        frame = next(iter(source))
        sink = VideoSink(tmp_path / "out.mkv", source.video, source.info.size, codec="ffv1")
        sink.write(frame.with_picture(torch.from_numpy(frame.pixels)))
        sink.close()
    with VideoSource(tmp_path / "out.mkv") as written:
        assert np.array_equal(next(iter(written)).pixels, frame.pixels)


def test_fetched_frames_hold_nothing_on_a_device(low_clip):
    with VideoSource(low_clip) as source:
        frame = next(iter(source))
    there = frame.with_picture(torch.from_numpy(frame.pixels.copy()))
    assert type(there.fetched()) is Frame and np.array_equal(there.fetched().pixels, frame.pixels)
    assert (there.fetched().index, there.fetched().stamp, there.fetched().cut) == (frame.index, frame.stamp, frame.cut)
    assert frame.fetched() is frame


def test_who_streams_from_python_gets_frames_of_the_host(low_clip):
    there = There(engine_of("bicubic"))
    with OpenStream(StreamJob(low_clip, there, OPTIONS)) as stream:
        assert [type(frame) for frame in stream] == 4 * [Frame] and there.fetched == 4


@pytest.mark.gpu
@pytest.mark.parametrize("options", [{"no_refs": True}, {"ref_every": EVERY}], ids=["alone", "anchors"])
def test_a_gpu_writes_what_the_host_would_of_its_pictures(gpu, low_clip, options):
    """The torch engine's own pictures, converted where they lie and, fetched, on the host."""
    with make_engine(device="cuda", engine="torch") as engine, StreamJob(
        low_clip, engine, StreamOptions(frames=6, **options)
    ) as job:  # fmt: skip
        frames = [restored.frame for restored in job]
    assert len(frames) == 6 and all(isinstance(frame, DeviceFrame) and frame.tensor.is_cuda for frame in frames)
    warnings: list[str] = []
    for colour in (ColourSpec(), ColourSpec(bit_depth=10), ColourSpec(Layout.RGB), ColourSpec(Layout.YUV444)):
        planes = [planes_on_its_device(frame, colour, warnings) for frame in frames]
        assert all("pixels" not in vars(frame) for frame in frames) or colour != ColourSpec()
        check_same(planes, [planes_on_host(frame.fetched(), colour) for frame in frames])
    assert not warnings


@pytest.mark.gpu
def test_a_gpu_streams_into_the_file_that_the_host_makes(gpu, hybrid_clip, tmp_path):
    """Whole runs with references: once as they are, and once with every picture fetched when it is restored."""

    class Fetching(Elsewhere):
        def restore_frame(self, frame, matches, last=None):
            return self._engine.restore_frame(frame, matches, last).fetched()

    runs = []
    with make_engine(device="cuda", engine="torch", dtype="fp32") as engine:
        for number, variant in enumerate((engine, Fetching(engine))):
            path = tmp_path / f"{number}.mkv"
            planes, _, sink = file_of(hybrid_clip, path, variant, ColourSpec(), "libx264", frames=14)
            runs.append(planes)
            assert not [line for line in sink.warnings if "host" in line]
    assert len(runs[0]) == len(runs[1]) == 14
    for ours, theirs in zip(*runs):  # kernels of two runs may add up in another order
        assert all(np.abs(our.astype(int) - other).mean() < 0.05 for our, other in zip(ours, theirs))
