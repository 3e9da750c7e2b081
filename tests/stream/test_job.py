"""Whole runs over small clips: what comes out, which references made it, and that nothing piles up."""

import gc
import threading
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from small_clips import CUT, EVERY, FRAMES, STEP, TICK, engine_of, rendered, stamp, uneven, write_clip

from lfvideo_sr.correspondence import Correspondence
from lfvideo_sr.errors import ReferencesMissing, UsageError
from lfvideo_sr.frames import Frame, LazyFrame, Size, TimeStamp
from lfvideo_sr.media.images import write_png
from lfvideo_sr.media.resize import degrade
from lfvideo_sr.media.video import VideoSource
from lfvideo_sr.metrics import psnr_y
from lfvideo_sr.references.hybrid_file import write_hybrid
from lfvideo_sr.references.reference import Reference, ReferenceCache
from lfvideo_sr.report import stream_report
from lfvideo_sr.stream.job import StreamJob
from lfvideo_sr.stream.options import StreamOptions
from lfvideo_sr.stream.pairing import ReferencePolicy, TimedFeed, pair_with_references
from lfvideo_sr.stream.pipeline import Restored, SuperResolver
from lfvideo_sr.stream.still_uses import shown_uses
from lfvideo_sr.stream.stopwatch import Stopwatch

METHODS = ("flow_transfer", "stream_ref")
SHARP = (0, 4, 8, 12)  # frames that are references in the hybrid clip
HARMLESS = 0.05  # dB: what a reference of another scene may cost


def run(path: Path, method: str = "flow_transfer", **options) -> tuple[StreamJob, list[Restored]]:
    """A finished run with the hybrid clip's cadence unless told otherwise."""
    with StreamJob(path, engine_of(method), StreamOptions(**{"ref_every": EVERY, **options})) as job:
        return job, list(job)


finished = cache(run)  # for tests that only look at what a run of the session's clips made


def frames_used(restored: Restored) -> list[int]:
    """Which frames' pictures were the references."""
    return [int(reference.time / (STEP * TICK)) for reference in restored.references]


def scene(index: int) -> int:
    return index >= CUT


def quality(restored: list[Restored], pictures: list[np.ndarray], indices: set[int] | None = None) -> float:
    """Mean PSNR-Y against the truth, of all frames or of those in `indices`."""
    frames = [result.frame for result in restored if indices is None or result.frame.index in indices]
    return np.mean([psnr_y(frame.pixels, pictures[frame.index]) for frame in frames])


@pytest.fixture(scope="module")
def foreign(tmp_path_factory) -> list[Path]:
    """Folders of stills at frames 0, 4, 8 and 12 that show other scenes."""
    folders = []
    for seed in (101, 102, 103):
        folder = tmp_path_factory.mktemp(f"foreign{seed}")
        for index, pixels in zip(SHARP, rendered(0, len(SHARP), seed)):
            write_png(folder / f"{index}.png", pixels)
        folders.append(folder)
    return folders


@pytest.mark.parametrize("method", ["bicubic", *METHODS])
def test_every_frame_comes_out_x4_in_order_with_its_time(method, hybrid_clip):
    job, restored = finished(hybrid_clip, method)
    assert [result.frame.index for result in restored] == list(range(FRAMES)) and job.frames == FRAMES
    assert [result.frame.stamp.ticks for result in restored] == [stamp(index).ticks for index in range(FRAMES)]
    assert job.size == Size(192, 128)
    for result in restored:
        assert result.frame.size == job.size
        assert result.frame.pixels.dtype == np.float32
        assert result.frame.pixels.min() >= 0 and result.frame.pixels.max() <= 1
    assert [result.frame.cut for result in restored] == [index in (0, CUT) for index in range(FRAMES)]


@pytest.mark.parametrize("method", METHODS)
def test_own_references_are_passed_on_bit_for_bit(method, hybrid_clip):
    sharp = {frame.stamp.ticks: frame.pixels for frame in VideoSource(hybrid_clip, track=1)}
    _, restored = finished(hybrid_clip, method)
    assert [result.frame.index for result in restored if result.passed] == list(SHARP)
    for result in restored:
        assert result.own is result.passed
        if result.passed:
            assert np.array_equal(result.frame.pixels, sharp[result.frame.stamp.ticks])
            assert frames_used(result) == [result.frame.index]


def test_stills_named_by_cut_milliseconds_are_passed_on_at_their_frames(pictures, tmp_path):
    """At 30 frames a second frame 5 is shown at 0.1666... s: Matroska says 0.167, a name that is cut 0.166."""
    thirties = [TimeStamp(round(1000 * Fraction(index, 30)), TICK) for index in range(CUT)]
    low = write_clip(tmp_path / "low.mkv", [degrade(pixels) for pixels in pictures[:CUT]], thirties.__getitem__)
    (tmp_path / "stills").mkdir()
    for name, index in (("t0.000", 0), ("t0.166", 5), ("t0.250", 8)):
        write_png(tmp_path / "stills" / f"{name}.png", pictures[index])
    job, restored = run(low, refs=str(tmp_path / "stills"), ref_every=None)
    assert [result.frame.index for result in restored if result.passed] == [0, 5]
    np.testing.assert_allclose(restored[5].frame.pixels, pictures[5], atol=0.5 / 255 + 1e-6)
    assert [use.at_frame for use in job.still_uses()] == [True, True, False]
    assert shown_uses(job.still_uses()) == "3 of 3 stills used, 2 at a frame"


def test_with_sr_output_nothing_is_passed_on(hybrid_clip):
    job, restored = run(hybrid_clip, ref_output="sr")
    assert not any(result.passed for result in restored)
    assert [result.frame.index for result in restored if result.own] == list(SHARP)
    assert frames_used(restored[4]) == [4, 8]
    assert "pass" not in job.watch.summary()


@pytest.mark.parametrize("method", METHODS)
def test_frames_take_the_nearest_references_of_their_scene(method, hybrid_clip):
    _, restored = finished(hybrid_clip, method)
    for result in restored:
        index = result.frame.index
        same = [sharp for sharp in SHARP if scene(sharp) == scene(index)]
        past, future = [x for x in same if x <= index], [x for x in same if x > index]
        assert frames_used(result) == ([index] if index in SHARP else past[-1:] + future[:1])


@pytest.mark.parametrize("method", METHODS)
def test_references_help(method, hybrid_clip, pictures):
    between = set(range(FRAMES)) - set(SHARP)
    with_references = quality(finished(hybrid_clip, method)[1], pictures, between)
    without = quality(run(hybrid_clip, method, no_refs=True)[1], pictures, between)
    assert with_references > without + 1.5


@pytest.mark.parametrize("method", METHODS)
def test_no_frame_uses_a_reference_from_beyond_the_cut(method, low_clip, pictures, tmp_path):
    write_png(tmp_path / "6.png", pictures[6])
    job, restored = run(low_clip, method, refs=str(tmp_path), ref_every=1)
    assert not any(result.references for result in restored[CUT:])
    assert restored[6].passed and restored[5].references and restored[7].references
    (use,) = stream_report(job, Path("out.mkv"), 1.0, [])["references"]
    assert use["time"] == 0.24
    assert use["frames_served"] == sum(bool(result.references) for result in restored)
    assert use["frames_served"] + use["frames_dropped"] == CUT


def test_every_reference_in_the_report_serves_its_own_scene_only(hybrid_clip):
    job, restored = finished(hybrid_clip, "flow_transfer")
    served = {index: 0 for index in SHARP}
    for result in restored:
        for index in frames_used(result):
            assert scene(index) == scene(result.frame.index)
            served[index] += 1
    report = stream_report(job, Path("out.mkv"), 1.0, [])["references"]
    assert {round(use["time"] / 0.04): use["frames_served"] for use in report} == served
    assert all(0 < use["mean_relevance"] <= 1 for use in report)


@pytest.mark.parametrize("method", METHODS)
def test_references_of_another_scene_are_dropped_or_harmless(method, low_clip, pictures, foreign):
    alone = quality(finished(low_clip, method, no_refs=True)[1], pictures)
    qualities = []
    for folder in foreign:
        job, restored = run(low_clip, method, refs=str(folder))
        assert not any(result.passed for result in restored)
        assert job.reference_kind == "refs"
        qualities.append(quality(restored, pictures))
    assert np.mean(qualities) > alone - HARMLESS


def test_a_worthless_reference_is_dropped_and_said(low_clip, tmp_path):
    write_png(tmp_path / "4.png", np.ones((3, 128, 192), np.float32))
    job, restored = run(low_clip, refs=str(tmp_path))
    (use,) = stream_report(job, Path("out.mkv"), 1.0, [])["references"]
    assert use["frames_dropped"] == CUT and use["frames_served"] == 0
    alone = finished(low_clip, "flow_transfer", no_refs=True)[1]
    assert all(np.array_equal(result.frame.pixels, other.frame.pixels) for result, other in zip(restored, alone))


@pytest.fixture
def encoded(monkeypatch) -> list[tuple]:
    """The keys of the references that flow_transfer's engine encodes, in order."""
    engine, keys = engine_of("flow_transfer"), []
    encode = engine.encode
    monkeypatch.setattr(engine, "encode", lambda reference: keys.append(reference.key) or encode(reference))
    return keys


def test_each_reference_is_encoded_once(hybrid_clip, encoded):
    job, restored = run(hybrid_clip)
    assert len(encoded) == len(SHARP) == len(set(encoded))
    statistics = job.cache.statistics
    matched = sum(len(result.references) for result in restored if not result.passed)
    assert (statistics.misses, statistics.hits) == (len(SHARP), matched - len(SHARP))
    assert statistics.peak_bytes > 0


def test_the_references_in_use_are_kept_however_small_the_cache(hybrid_clip, encoded):
    _, roomy = run(hybrid_clip)
    once = len(encoded)
    job, tight = run(hybrid_clip, ref_cache=1)
    assert len(encoded) == 2 * once
    assert len(job.cache) <= 2
    assert all(np.array_equal(result.frame.pixels, other.frame.pixels) for result, other in zip(roomy, tight))


def test_without_references_nothing_is_encoded(hybrid_clip, encoded):
    job, restored = run(hybrid_clip, no_refs=True)
    assert encoded == [] and job.reference_kind == "none"
    assert not any(result.references or result.own for result in restored)


@pytest.mark.parametrize("method", METHODS)
def test_anchor_mode_takes_every_nth_frame_and_scene_starts(method, low_clip, pictures):
    job, restored = run(low_clip, method, ref_source="anchor")
    assert job.reference_kind == "anchor"
    assert [result.frame.index for result in restored if result.passed] == [0, 4, 8, CUT, CUT + 4]
    assert not any(result.own for result in restored)  # nothing true stands there: all frames count in the metrics
    _, alone = finished(low_clip, method, no_refs=True)
    engine = engine_of(method)
    for result in restored:
        assert all(scene(index) == scene(result.frame.index) for index in frames_used(result))
        if result.passed:
            assert np.array_equal(result.frame.pixels, engine.restore(result.source, []))
        else:
            assert result.references
    assert quality(restored, pictures) > quality(alone, pictures) - 0.3


def test_without_references_a_recurrent_method_goes_on_from_what_it_restored(low_clip):
    """No anchors: the first frame of each scene stands alone, the others differ from what they would be alone."""
    job, restored = run(low_clip, "stream_ref")
    assert job.reference_kind == "none" and "restored before it" in job.reference_description
    assert not any(result.passed or result.references for result in restored)
    engine = engine_of("stream_ref")
    same = [np.array_equal(result.frame.pixels, engine.restore(result.source, [])) for result in restored]
    assert [index for index, alike in enumerate(same) if alike] == [0, CUT]


def test_a_method_that_is_not_recurrent_takes_anchors(low_clip):
    assert run(low_clip, "flow_transfer")[0].reference_kind == "anchor"


def test_anchor_mode_can_be_asked_for(hybrid_clip):
    job, restored = run(hybrid_clip, ref_source="anchor")
    assert job.reference_kind == "anchor" and "as asked for" in job.reference_description
    assert all(reference.generated for each in restored for reference in each.references)


def test_anchors_are_super_resolved_once(low_clip, monkeypatch):
    engine, alone = engine_of("flow_transfer"), []
    restore = engine.restore

    def counted(frame: Frame, matches, last=None) -> np.ndarray:
        alone.extend([] if matches else [frame.index])
        return restore(frame, matches, last)

    monkeypatch.setattr(engine, "restore", counted)
    run(low_clip)
    assert sorted(alone) == [0, 4, 8, CUT, CUT + 4]


def test_causal_uses_past_references_only(hybrid_clip):
    _, restored = run(hybrid_clip, causal=True)
    for result in restored:
        assert all(index <= result.frame.index for index in frames_used(result))
    assert [frames_used(restored[index]) for index in (1, 6, 9, 13)] == [[0], [4, 0], [], [12]]


def test_causal_gives_a_frame_out_before_the_next_is_needed(hybrid_clip):
    pulled = []
    with StreamJob(hybrid_clip, engine_of("flow_transfer"), StreamOptions(causal=True)) as job:
        frames = (pulled.append(frame.index) or frame for frame in job.source)
        for pair in job._pairs(frames, iter(job.references)):
            assert pulled[-1] == pair.frame.index


def test_one_reference_per_frame(hybrid_clip):
    _, restored = run(hybrid_clip, max_refs=1)
    assert [frames_used(result) for result in restored[:9]] == [[0], [0], [0], [4], [4], [4], [4], [8], [8]]


def test_the_cadence_thins_references_out(hybrid_clip):
    _, restored = run(hybrid_clip, ref_every=8)
    used = {index for result in restored for index in frames_used(result)}
    assert used == {0, 8, 12}  # 12 is the first of its scene


@pytest.mark.parametrize("method", METHODS)
def test_a_run_can_be_repeated_bit_for_bit(method, hybrid_clip):
    first, second = finished(hybrid_clip, method)[1], run(hybrid_clip, method)[1]
    assert all(np.array_equal(result.frame.pixels, other.frame.pixels) for result, other in zip(first, second))


def test_a_second_iteration_of_one_job_is_refused(hybrid_clip):
    """It would go on from the first run's counts, scores and caches."""
    with StreamJob(hybrid_clip, engine_of("bicubic")) as job:
        assert len(list(job)) == FRAMES
        with pytest.raises(UsageError, match="make another StreamJob"):
            iter(job)
        assert job.frames == FRAMES


def test_the_simulation_equals_the_hybrid_file(high_clip, hybrid_clip):
    """What `simulate` writes as two tracks is what `--simulate` does in one go."""
    job, simulated = run(high_clip, simulate=True)
    _, restored = finished(hybrid_clip, "flow_transfer")
    assert job.reference_kind == "simulate"
    for result, other in zip(simulated, restored):
        assert result.passed == other.passed
        np.testing.assert_allclose(result.frame.pixels, other.frame.pixels, atol=2e-6)
    assert [score.is_reference for score in job.scorer.scores] == [index in SHARP for index in range(FRAMES)]


def test_scene_starts_stay_sharp_when_asked_for(high_clip):
    _, restored = run(high_clip, simulate=True, scene_refs=True)
    assert [result.frame.index for result in restored if result.passed] == [
        0,
        4,
        8,
        CUT,
    ]  # 12 comes too soon after the cut


def test_require_refs_and_contradictions_fail_before_the_first_frame(low_clip):
    engine = engine_of("bicubic")
    with pytest.raises(ReferencesMissing):
        StreamJob(low_clip, engine, StreamOptions(require_refs=True))
    for wrong in ({"ref_every": 0}, {"max_refs": 0}, {"ref_output": "both"}, {"simulate": True, "ref_source": "track"}):
        with pytest.raises(UsageError):
            StreamOptions(**wrong)


def test_leaving_early_ends_the_decoding_thread(hybrid_clip):
    with StreamJob(hybrid_clip, engine_of("bicubic"), StreamOptions()) as job:
        frames = iter(job)
        next(frames)
        frames.close()
    assert [thread.name for thread in threading.enumerate() if thread.name == "prefetch"] == []


def test_stages_are_timed(hybrid_clip):
    job, _ = finished(hybrid_clip, "flow_transfer")
    stages = job.watch.summary()
    assert set(stages) == {"decode", "pass", "encode", "match", "restore"}
    assert all(0 <= stage["median_ms"] <= stage["p95_ms"] for stage in stages.values())


def alive(kind: type) -> int:
    return sum(type(get_object) is kind for get_object in gc.get_objects())


def test_memory_does_not_grow_with_the_clip(tmp_path):
    """References and frames alive at any moment are a few, however many have passed."""
    high = write_clip(tmp_path / "high.mkv", rendered(0, 60, seed=5, size=Size(64, 48)))
    with VideoSource(high) as clip:
        write_hybrid(clip, tmp_path / "hybrid.mkv", EVERY)
    with StreamJob(tmp_path / "hybrid.mkv", engine_of("flow_transfer"), StreamOptions(ref_every=EVERY)) as job:
        gc.collect()
        before = alive(Reference), alive(Frame) + alive(LazyFrame), alive(Correspondence)
        for result in job:
            if result.frame.index % 20 == 19:
                gc.collect()
                assert alive(Reference) - before[0] <= 9
                assert alive(Frame) + alive(LazyFrame) - before[1] <= 20
                assert alive(Correspondence) - before[2] <= 5
    assert job.cache.statistics.misses == 16  # 15 of them, and one anew at the start of the later segment


def test_pixels_of_references_are_let_go_of():
    """An endless stream of references whose pixels are made on demand: all but the last few can be collected."""
    made: list[int] = []
    gone: list[int] = []

    class Pixels(np.ndarray):
        def __del__(self):
            gone.append(1)

    def load() -> np.ndarray:
        made.append(1)
        return np.full((3, 48, 64), 0.5, np.float32).view(Pixels)

    def references() -> Iterator[Reference]:
        for number in range(10**6):
            yield Reference(("made", number), stamp(4 * number).seconds, "made", load)

    frames = (Frame(np.full((3, 12, 16), 0.5, np.float32), index, stamp(index)) for index in range(200))
    engine = engine_of("flow_transfer")
    cache = ReferenceCache(engine.encode, 1 << 20)
    pairs = pair_with_references(frames, TimedFeed(references()), ReferencePolicy(every=4))
    for _ in SuperResolver(engine, cache, Stopwatch()).run(pairs):
        assert len(made) - len(gone) <= 12
    assert len(made) >= 50


def test_variable_rate_and_a_late_start(tmp_path, pictures):
    """Frames and references meet by their exact times, whatever the rate; the second track starts with the first."""
    high = write_clip(tmp_path / "high.mkv", pictures[:CUT], uneven)
    with VideoSource(high) as clip:
        write_hybrid(clip, tmp_path / "hybrid.mkv", EVERY)
    _, restored = run(tmp_path / "hybrid.mkv")
    assert [result.frame.stamp.ticks for result in restored] == [uneven(index).ticks for index in range(CUT)]
    assert [result.frame.index for result in restored if result.passed] == [0, 4, 8]
    times = [[reference.time / TICK for reference in each.references] for each in restored]
    first, second, third = (uneven(index).ticks for index in (0, 4, 8))
    assert times == [[first], *[[first, second]] * 3, [second], *[[second, third]] * 3, [third]]
