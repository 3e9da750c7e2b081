"""Streams of cameras that do not reduce as the papers do: their frames are filtered before an engine sees them."""

import numpy as np
import pytest
from small_clips import engine_of, frames_of, rendered, stamp, write_clip

from lfvideo_sr.camera.equaliser import Equaliser
from lfvideo_sr.camera.reduction import reduce_by, reduction_taps
from lfvideo_sr.engine import AroundAnother
from lfvideo_sr.frames import Frame, Size
from lfvideo_sr.media.images import write_png
from lfvideo_sr.stream.job import StreamJob
from lfvideo_sr.stream.options import StreamOptions
from lfvideo_sr.stream.scoring import summarise

EVERY, FRAMES = 4, 9


class Watched(AroundAnother):
    """Keeps what an engine is given: frames, and the sides of references."""

    def __init__(self, engine):
        self._engine = engine
        self.frames, self.encoded = {}, []

    def encode(self, reference):
        self.encoded.append((float(reference.time), reference.side))
        return self._engine.encode(reference)

    def match_all(self, frame, references, previous):
        self.frames[frame.index] = frame.pixels
        return self._engine.match_all(frame, references, previous)


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """A moving scene, its frames by a blurring camera and by the papers' reduction, and its references."""
    folder = tmp_path_factory.mktemp("equalising")
    sharp = rendered(0, FRAMES, seed=6, size=Size(256, 192))

    def made_small(way):
        taps = np.stack([reduction_taps(way)] * 2)
        return [np.clip(reduce_by(taps, picture), 0, 1) for picture in sharp]

    write_clip(folder / "truth.mkv", sharp)
    write_clip(folder / "gauss.mkv", made_small("gauss"))
    write_clip(folder / "bicubic.mkv", made_small("bicubic"))
    return folder


def restored(clips, name, engine):
    truth = str(clips / "truth.mkv")
    with StreamJob(clips / name, engine, StreamOptions(ref_every=EVERY, refs=truth, gt=truth)) as job:
        sources = [result.source.pixels for result in job.restored()]
        return summarise(job.scorer.scores)["psnr_y"]["mean"], sources, job.resolver.preparation


def test_what_a_camera_blurs_is_sharpened_for_the_engine_alone(clips, monkeypatch):
    engine = Watched(engine_of("stream_ref"))
    psnr, sources, preparation = restored(clips, "gauss.mkv", engine)
    decoded, papers = frames_of(clips / "gauss.mkv"), frames_of(clips / "bicubic.mkv")
    for index, frame in engine.frames.items():
        errors = [np.square(low - papers[index]).mean() for low in (frame, decoded[index])]
        assert errors[0] < 0.3 * errors[1]
    assert [time for time, side in engine.encoded if side.decoded] == [0, 0.16, 0.32]
    assert all(np.array_equal(*pair) for pair in zip(sources, decoded))
    assert "frames brought to bicubic" in preparation.camera
    monkeypatch.setattr(Equaliser, "of", lambda frame, picture: None)
    without, *_ = restored(clips, "gauss.mkv", engine_of("stream_ref"))
    assert psnr > without + 0.8


@pytest.mark.parametrize("method", ["flow_transfer", "bicubic"])
def test_a_method_that_learned_from_no_reduction_gets_frames_as_they_are(clips, method):
    *_, preparation = restored(clips, "gauss.mkv", engine_of(method))
    frame = Frame(frames_of(clips / "gauss.mkv")[1], 1, stamp(1))
    assert preparation.equaliser is None and preparation.equalised(frame) is frame


def test_the_papers_own_frames_are_handed_on_as_they_are(clips):
    engine = Watched(engine_of("stream_ref"))
    *_, preparation = restored(clips, "bicubic.mkv", engine)
    decoded = frames_of(clips / "bicubic.mkv")
    assert all(np.array_equal(frame, decoded[index]) for index, frame in engine.frames.items())
    assert preparation.equaliser is None


def test_references_that_were_encoded_before_the_filter_was_known_are_encoded_anew(clips, tmp_path):
    """Two stills of moments between frames, which tell nothing of the camera, then one of a frame's own moment."""
    sharp = frames_of(clips / "truth.mkv")
    for time, index in (("0.020", 0), ("0.060", 1), ("0.160", 4)):
        write_png(tmp_path / f"t{time}.png", sharp[index])
    engine = Watched(engine_of("stream_ref"))
    with StreamJob(clips / "gauss.mkv", engine, StreamOptions(refs=str(tmp_path))) as job:
        assert len(list(job)) == FRAMES and job.resolver.preparation.equaliser is not None
    assert [time for time, _ in engine.encoded] == [0.02, 0.06, 0.06, 0.16]
