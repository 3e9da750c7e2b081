"""Streams from Python: what goes in, what comes out, and that nothing is left behind."""

import logging
import threading
from dataclasses import fields

import numpy as np
import pytest
import torch
from odd_media import packets, write_clip
from round_trips import clip_planes
from small_clips import CUT, EVERY, FRAMES, engine_of, frames_of

import lfvideo_sr
from lfvideo_sr.api.parameters import GridParameters, StreamParameters
from lfvideo_sr.media.video import VideoSource

FAST = {"method": "flow_transfer"}


class Watched:
    """An engine that counts how often its context is entered and left."""

    def __init__(self) -> None:
        self.engine, self.entered, self.left = engine_of("flow_transfer"), 0, 0

    def __getattr__(self, name: str):
        return getattr(self.engine, name)

    def __enter__(self) -> "Watched":
        self.entered += 1
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.left += 1


@pytest.fixture
def watched(monkeypatch) -> Watched:
    """The engine that choosing by name gives."""
    from lfvideo_sr import choose
    from lfvideo_sr.api import running

    engine = Watched()
    monkeypatch.setattr(running, "choose_engine", lambda *_: choose.Choice(engine, "watched"))
    return engine


def pixels_of(stream) -> list[np.ndarray]:
    return [frame.pixels for frame in stream]


def threads() -> int:
    return sum(thread.name == "prefetch" for thread in threading.enumerate())


# engines and iterations


def test_leaving_a_stream_leaves_its_engines_context(watched, low_clip):
    with lfvideo_sr.open_stream(low_clip, frames=2) as stream:
        assert len(list(stream)) == 2
        assert (watched.entered, watched.left) == (1, 0)
    assert (watched.entered, watched.left) == (1, 1)


def test_a_stream_that_cannot_be_opened_leaves_its_engines_context(watched, low_clip):
    with pytest.raises(lfvideo_sr.InputError):
        lfvideo_sr.open_stream(low_clip, refs="nowhere")
    assert watched.entered == watched.left == 1


def test_a_callers_engine_is_used_and_left_as_it_is(low_clip):
    engine = Watched()
    with lfvideo_sr.open_stream(low_clip, engine=engine, frames=2) as stream:
        assert len(list(stream)) == 2
    assert engine.entered == engine.left == 0


def test_a_callers_method_runs(low_clip):
    from dataclasses import replace

    from lfvideo_sr.methods import bicubic

    plain = bicubic.build()
    dark = replace(plain, restorer=lambda frame, matches: plain.restorer(frame, matches).clip(0, 1) / 2)
    with (
        lfvideo_sr.open_stream(low_clip, method=dark, frames=2) as halved,
        lfvideo_sr.open_stream(low_clip, method="bicubic", frames=2) as whole,
    ):
        np.testing.assert_allclose(pixels_of(halved), np.divide(pixels_of(whole), 2), atol=0.01)


def test_a_callers_network_runs_with_torch(low_clip):
    from lfvideo_sr.choose import load_learned

    with (
        lfvideo_sr.open_stream(low_clip, method=load_learned("stream_ref"), dtype="fp32", frames=2) as own_network,
        lfvideo_sr.open_stream(low_clip, dtype="fp32", engine="torch", frames=2, quality="best") as named,
    ):
        assert own_network.job.engine.precision == "fp32"
        np.testing.assert_array_equal(pixels_of(own_network), pixels_of(named))


def test_every_iteration_starts_at_the_first_frame(hybrid_clip):
    with lfvideo_sr.open_stream(hybrid_clip, **FAST) as stream:
        first = [(frame.index, frame.pixels) for frame in stream]
        again = [(frame.index, frame.pixels) for frame in stream]
        assert stream.job.frames == FRAMES
    assert [index for index, _ in first] == [index for index, _ in again] == list(range(FRAMES))
    assert all(np.array_equal(a, b) for (_, a), (_, b) in zip(first, again))


def test_a_closed_stream_says_so(low_clip):
    with lfvideo_sr.open_stream(low_clip, **FAST) as stream:
        pass
    with pytest.raises(lfvideo_sr.UsageError, match="is closed; open it anew"):
        list(stream)


def test_closing_ends_the_threads_of_what_runs(hybrid_clip):
    before = threads()
    stream = lfvideo_sr.open_stream(hybrid_clip, **FAST)
    frames = iter(stream)
    next(frames)
    assert threads() > before
    stream.close()
    assert threads() == before
    assert list(frames) == []


# frames in memory


def test_arrays_give_what_their_file_gives(small_frames, low_clip):
    with (
        lfvideo_sr.open_stream(small_frames, **FAST) as memory,
        lfvideo_sr.open_stream(low_clip, **FAST) as file,
    ):
        assert memory.size == file.size and memory.info.frames == FRAMES
        frames, expected = list(memory), list(file)
    assert [frame.cut for frame in frames] == [frame.cut for frame in expected]
    assert [frame.stamp.seconds for frame in frames] == [frame.stamp.seconds for frame in expected]
    for frame, other in zip(frames, expected, strict=True):
        np.testing.assert_allclose(frame.pixels, other.pixels, atol=1e-6)


@pytest.mark.parametrize("kind", ["torch", "whole", "generator"])
def test_tensors_and_iterables_are_frames_too(small_frames, kind):
    def camera():
        yield from small_frames[:3]

    whole = np.stack(small_frames[:3])
    sources = {"torch": torch.from_numpy(whole), "whole": whole.astype(np.float32) / 255, "generator": camera()}
    with (
        lfvideo_sr.open_stream(sources[kind], rate=10, **FAST) as stream,
        lfvideo_sr.open_stream(small_frames[:3], **FAST) as plain,
    ):
        frames = list(stream)
        np.testing.assert_allclose([frame.pixels for frame in frames], pixels_of(plain), atol=1e-6)
    assert [float(frame.stamp.seconds) for frame in frames] == [0, 0.1, 0.2]


def test_a_camera_is_followed_without_waiting_for_its_end(small_frames):
    def camera():
        while True:
            yield from small_frames[:2]

    before = threads()
    with lfvideo_sr.open_stream(camera(), causal=True, **FAST) as stream:
        assert [frame.index for frame, _ in zip(stream, range(5))] == list(range(5))
    assert threads() == before


@pytest.mark.parametrize("as_tensor", [False, True])
def test_a_camera_may_use_one_buffer_for_all_frames(small_frames, as_tensor):
    buffer = np.empty((3, 32, 48), np.float32)

    def camera():
        for frame in small_frames[:4]:
            buffer[:] = frame / np.float32(255)
            yield torch.from_numpy(buffer) if as_tensor else buffer

    with (
        lfvideo_sr.open_stream(camera(), method="bicubic") as stream,
        lfvideo_sr.open_stream(small_frames[:4], method="bicubic") as plain,
    ):
        np.testing.assert_array_equal(pixels_of(stream), pixels_of(plain))


def test_an_iterator_can_be_used_up_once(small_frames):
    with lfvideo_sr.open_stream(iter(small_frames[:2]), **FAST) as stream:
        assert len(list(stream)) == 2
        with pytest.raises(lfvideo_sr.UsageError, match="used up; give a list"):
            list(stream)


def test_an_error_of_the_camera_reaches_the_caller(small_frames):
    def camera():
        yield small_frames[0]
        raise OSError("unplugged")

    with lfvideo_sr.open_stream(camera(), causal=True, **FAST) as stream, pytest.raises(OSError, match="unplugged"):
        list(stream)


REFUSED = {
    "no frames": ([], lfvideo_sr.InputError, "are empty"),
    "no iterable": (7, lfvideo_sr.UsageError, "the source is a int"),
    "channels last": ([np.zeros((32, 48, 3), np.uint8)], lfvideo_sr.ShapeError, r"transpose\(2, 0, 1\)"),
    "float out of range": ([np.full((3, 8, 8), 200.0)], lfvideo_sr.InputError, "from 200 to 200; floats in"),
    "no number": ([np.full((3, 8, 8), np.nan)], lfvideo_sr.InputError, "floats in"),
    "a word": (["frame"], lfvideo_sr.ShapeError, "frame 0 is a str"),
    "signed": ([np.zeros((3, 8, 8), np.int32)], lfvideo_sr.ShapeError, "frame 0 is int32"),
    "a graph's tensor": ([torch.zeros(3, 8, 8, requires_grad=True)], lfvideo_sr.ShapeError, "detached"),
}


@pytest.mark.parametrize(("source", "kind", "message"), REFUSED.values(), ids=REFUSED)
def test_frames_that_are_none_are_refused(source, kind, message):
    with pytest.raises(kind, match=message):
        lfvideo_sr.open_stream(source, **FAST)


def test_frames_of_another_size_are_refused(small_frames):
    frames = [small_frames[0], small_frames[0][:, :, :-1]]
    with (
        lfvideo_sr.open_stream(frames, **FAST) as stream,
        pytest.raises(lfvideo_sr.InputError, match="frame 1 is 47x32, those before it 48x32"),
    ):
        list(stream)


# references


def by_frame(pictures) -> dict[int, np.ndarray]:
    return {index: pictures[index] for index in (0, 8, 9)}


def test_references_in_memory_serve_frames_in_memory(small_frames, pictures):
    with lfvideo_sr.open_stream(small_frames, references=by_frame(pictures), **FAST) as stream:
        assert stream.references == "refs: 3 given by frame"
        results = list(stream.results())
    assert [result.frame.index for result in results if result.passed] == [0, 8, 9]
    np.testing.assert_allclose(results[8].frame.pixels, pictures[8], atol=1e-6)
    assert [reference.origin for reference in results[4].references] == ["reference of frame 0", "reference of frame 8"]


def test_references_by_frame_serve_a_file(low_clip, pictures):
    with lfvideo_sr.open_stream(low_clip, references=by_frame(pictures), **FAST) as stream:
        results = list(stream.results())
    assert [result.frame.index for result in results if result.passed] == [0, 8, 9]
    assert len(results[4].references) == 2


def test_a_result_says_what_it_was_made_with(hybrid_clip):
    with lfvideo_sr.open_stream(hybrid_clip, ref_every=EVERY, **FAST) as stream:
        results = list(stream.results())
    matched = results[1]
    assert matched.low.size.scaled(4) == matched.frame.size and not matched.passed
    for reference in matched.references:
        field = reference.correspondence
        assert isinstance(field.positions, np.ndarray) and field.positions.shape == (1, *field.relevance.shape[1:], 2)
        assert reference.relevance == pytest.approx(float(field.relevance.mean())) and 0 < reference.relevance <= 1
    (itself,) = results[EVERY].references
    assert results[EVERY].passed and itself.relevance is itself.correspondence is None


def test_fields_of_a_network_come_to_the_host(hybrid_clip):
    with lfvideo_sr.open_stream(hybrid_clip, ref_every=EVERY, frames=2, dtype="fp32", engine="torch") as stream:
        _, result = stream.results()
    assert all(isinstance(reference.correspondence.relevance, np.ndarray) for reference in result.references)


@pytest.mark.parametrize(
    ("source", "index", "message"), [("file", FRAMES, f"the clip has {FRAMES} frames"), ("memory", -1, "frame -1")]
)
def test_references_of_frames_that_are_not_there(small_frames, low_clip, pictures, source, index, message):
    frames = low_clip if source == "file" else small_frames
    with pytest.raises(lfvideo_sr.InputError, match=message):
        lfvideo_sr.open_stream(frames, references={index: pictures[0]}, **FAST)


# files


def test_a_written_file_has_the_frames(hybrid_clip, tmp_path):
    steps: list[tuple[int, int | None]] = []
    with lfvideo_sr.open_stream(hybrid_clip, **FAST) as stream:
        path = stream.write(tmp_path / "out.mkv", codec="ffv1", progress=lambda *step: steps.append(step))
        expected = pixels_of(stream)
    assert path == tmp_path / "out.mkv" and steps == [(done, FRAMES) for done in range(1, FRAMES + 1)]
    np.testing.assert_allclose(frames_of(path), expected, atol=1 / 255)


def test_a_written_file_has_the_sound(tmp_path):
    source = write_clip(tmp_path / "in.mkv", clip_planes(4), audio="libopus")
    with lfvideo_sr.open_stream(source, **FAST) as stream:
        path = stream.write(tmp_path / "out.mkv")
    assert packets(path, "audio") == packets(source, "audio") != []


def test_frames_in_memory_are_written_with_their_rate(small_frames, tmp_path):
    with lfvideo_sr.open_stream(small_frames[:3], rate=10, **FAST) as stream:
        path = stream.write(tmp_path / "out.mp4", codec="x264", crf=1, scale=2)
    video = VideoSource(path)
    assert (video.video.codec, video.info.rate, video.info.size) == ("h264", 10, (96, 64))
    assert len(list(video)) == 3


class Cancelled(Exception):
    pass


def test_cancelling_leaves_nothing(hybrid_clip, tmp_path):
    def cancel(done: int, total: int | None) -> None:
        if done == 3:
            raise Cancelled

    before = threads()
    with lfvideo_sr.open_stream(hybrid_clip, **FAST) as stream, pytest.raises(Cancelled):
        stream.write(tmp_path / "out.mkv", codec="ffv1", progress=cancel)
    assert list(tmp_path.iterdir()) == [] and threads() == before


def test_what_is_there_or_read_is_not_written_over(hybrid_clip, tmp_path):
    (tmp_path / "out.mkv").write_text("mine")
    with lfvideo_sr.open_stream(hybrid_clip, **FAST) as stream:
        with pytest.raises(lfvideo_sr.OutputError, match="exists; pass overwrite=True or give another path"):
            stream.write(tmp_path / "out.mkv")
        with pytest.raises(lfvideo_sr.OutputError, match="is read here"):
            stream.write(hybrid_clip, overwrite=True)
    assert (tmp_path / "out.mkv").read_text() == "mine"


# parameters, errors and warnings


@pytest.mark.parametrize(
    ("options", "kind"),
    [(lfvideo_sr.StreamOptions, StreamParameters), (lfvideo_sr.GridOptions, GridParameters)],
    ids=["stream", "light field"],
)
def test_typed_parameters_are_the_fields_of_the_options(options, kind):
    names = set(kind.__annotations__)
    opening = {field.name for field in fields(lfvideo_sr.OpenOptions)} if kind is GridParameters else set()
    assert names == {field.name for field in fields(options)} | opening


def test_an_unknown_parameter_is_a_type_error_with_the_nearest_name(low_clip):
    with pytest.raises(TypeError, match="open_stream has no parameter 'max_ref'; did you mean 'max_refs'"):
        lfvideo_sr.open_stream(low_clip, max_ref=2)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"max_refs": 0}, "^max_refs is 0; give a number above 0$"),
        ({"no_refs": True, "refs": "x"}, "^no_refs=True contradicts refs, require_refs=True and ref_source"),
        ({"method": "strem_ref"}, "^no 'strem_ref' in method; did you mean 'stream_ref'"),
        ({"method": "bicubic", "engine": "onnx"}, "^engine='onnx': bicubic is classical .* leave engine out"),
        ({"simulate": True, "ref_source": "track"}, "simulate=True contradicts ref_source='track'"),
        ({"references": {}, "refs": "x"}, "^references contradicts refs"),
        ({"engine": engine_of("bicubic"), "weights": "x"}, "decides about weights; leave weights out"),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else "",
)
def test_errors_name_parameters_and_not_options(low_clip, parameters, message):
    with pytest.raises(ValueError, match=message):
        method = {} if "engine" in parameters else {"method": "flow_transfer"}
        lfvideo_sr.open_stream(low_clip, **method | parameters)


def test_warnings_go_to_the_logger_and_nothing_is_printed(small_frames, tmp_path, caplog, capfd):
    with caplog.at_level(logging.WARNING, "lfvideo_sr"), lfvideo_sr.open_stream(small_frames[:2], **FAST) as stream:
        stream.write(tmp_path / "out.mkv", codec="ffv1")
        stream.job.source.warnings.append("the lens is dirty")
        list(stream)
    assert "the lens is dirty" in caplog.messages
    assert capfd.readouterr() == ("", "")


def test_the_package_lists_its_names():
    assert set(lfvideo_sr.__all__) <= set(dir(lfvideo_sr))
    for name in lfvideo_sr.__all__:
        assert getattr(lfvideo_sr, name) is not None


def test_cuts_of_frames_in_memory_are_seen(small_frames):
    with lfvideo_sr.open_stream(small_frames, method="bicubic") as stream:
        assert [frame.index for frame in stream if frame.cut] == [0, CUT]
