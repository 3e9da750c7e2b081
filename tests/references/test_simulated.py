"""The papers' protocol: which frames stay, how the others are made small, and the two-track file of both."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hybrid_clips import CLOCKWISE, SMALL, TICK, as_pixels, even, picture, pictures, write_tracks, write_with_audio
from odd_media import write_clip
from PIL import Image
from round_trips import clip_planes

from lfvideo_sr.errors import InputError, OutputError, UsageError
from lfvideo_sr.frames import Size, StreamInfo, TimeStamp
from lfvideo_sr.media.video import VideoSource, video_tracks
from lfvideo_sr.references.hybrid_file import write_hybrid
from lfvideo_sr.references.opening import ReferenceOptions, find_references, lr_track
from lfvideo_sr.references.simulated import GroundTruth, SimulatedReferences, SimulatedSource

FULL = Size(131, 98)  # no multiple of 4: 128x96 is left of it
UNEVEN = [0, 40, 90, 210, 240, 500, 520, 560, 600]


@pytest.fixture
def truth(tmp_path) -> Path:
    return write_tracks(tmp_path / "in.mkv", (pictures(9, FULL), UNEVEN))


def pillow_small(number: int) -> np.ndarray:
    cropped = Image.fromarray(picture(number, FULL)[:96, :128])
    return np.asarray(cropped.resize((32, 24), Image.Resampling.BICUBIC))


def test_small_frames_equal_pillows_bicubic(truth):
    source = SimulatedSource(truth)
    assert source.info.size == SMALL
    frames = list(source)
    assert [float(frame.stamp.seconds) for frame in frames] == [time / 1000 for time in UNEVEN]
    for frame in frames:
        np.testing.assert_array_equal(frame.pixels, as_pixels(pillow_small(frame.index)))
    source.close()


@pytest.mark.parametrize(("every", "kept"), [(1, range(9)), (3, [0, 3, 6]), (4, [0, 4, 8]), (100, [0])])
def test_exactly_every_nth_frame_stays(truth, every, kept):
    references = list(SimulatedReferences(truth, every))
    assert [each.time for each in references] == [Fraction(UNEVEN[index], 1000) for index in kept]
    for index, reference in zip(kept, references):
        np.testing.assert_allclose(reference.load(), as_pixels(picture(index, FULL)[:96, :128]), atol=1e-6)
        assert reference.aligned


def test_scene_starts_stay_when_asked_for(tmp_path):
    before, after = np.random.default_rng(0).integers(0, 256, (2, 96, 128, 1), dtype=np.uint8).repeat(3, axis=3)
    clip = write_tracks(tmp_path / "cut.mkv", ([before] * 5 + [after] * 5, even(10)))
    without, with_cuts = SimulatedReferences(clip, 8), SimulatedReferences(clip, 8, scene_refs=True)
    assert [float(each.time) for each in without] == [0, 0.32]
    assert [float(each.time) for each in with_cuts] == [0, 0.2, 0.32]
    assert "scene start" in with_cuts.description


def test_frames_and_height_cut_both_sides_alike(truth):
    source = SimulatedSource(truth, frames=5, max_height=64)
    references = list(SimulatedReferences(truth, 4, frames=5, max_height=64))
    assert len(list(source)) == 5 and len(references) == 2
    _, height, width = references[0].load().shape
    assert (width, height) == source.info.size.scaled(4) and height <= 64


def test_the_simulation_is_a_reference_source(truth):
    options = ReferenceOptions(source="simulate", every=4)
    source = find_references(truth, StreamInfo("in.mkv", SMALL), options)
    assert source.kind == "simulate" and len(list(source)) == 3


def test_every_has_to_be_above_0(truth, tmp_path):
    with pytest.raises(UsageError, match="--ref-every is 0"):
        SimulatedReferences(truth, 0)
    with pytest.raises(UsageError, match="--ref-every is 0"):
        write_hybrid(VideoSource(truth), tmp_path / "out.mkv", 0)


def test_ground_truth_is_found_by_time_within_half_a_frame(truth):
    ground_truth = GroundTruth(truth, SMALL.scaled(4))
    for index, time in enumerate(UNEVEN):
        pixels = ground_truth.at(TimeStamp(time * 90 + 100, Fraction(1, 90000)))
        np.testing.assert_allclose(pixels, as_pixels(picture(index, FULL)[:96, :128]), atol=1e-6)
    assert ground_truth.at(TimeStamp(900, TICK)) is None
    ground_truth.close()


def test_ground_truth_of_another_size_is_refused(truth):
    with pytest.raises(InputError, match="131x98, the result 256x192"):
        GroundTruth(truth, Size(256, 192))


def test_the_hybrid_file_holds_both_tracks_bit_exactly(truth, tmp_path):
    output = tmp_path / "hybrid.mkv"
    write_hybrid(VideoSource(truth), output, 4)
    assert lr_track(output) == 0
    low = VideoSource(output, track=0)
    assert [frame.stamp.seconds for frame in low] == [Fraction(time, 1000) for time in UNEVEN]
    for frame in VideoSource(output, track=0):
        np.testing.assert_array_equal(np.rint(frame.pixels * 255).transpose(1, 2, 0), pillow_small(frame.index))
    source = find_references(output, low.info, ReferenceOptions())
    references = list(source)
    assert source.kind == "track" and [float(each.time) for each in references] == [0, 0.24, 0.6]
    for index, reference in zip((0, 4, 8), references):
        assert reference.aligned
        shown = np.rint(reference.load() * 255).transpose(1, 2, 0)
        np.testing.assert_array_equal(shown, picture(index, FULL)[:96, :128])


def test_the_hybrid_file_marks_the_low_resolution_track_as_default(truth, tmp_path):
    write_hybrid(VideoSource(truth), tmp_path / "hybrid.mkv", 4)
    with av.open(str(tmp_path / "hybrid.mkv")) as container:
        low, high = container.streams.video
        assert low.disposition & av.stream.Disposition.default and not high.disposition
        assert (low.codec_context.name, low.pix_fmt, high.pix_fmt) == ("ffv1", "bgr0", "bgr0")


def test_too_small_a_clip_is_refused(run, tmp_path):
    clip = write_clip(tmp_path / "in.mkv", clip_planes(2))
    assert "at least 4x4" in run("simulate", clip, "-o", tmp_path / "hybrid.mkv", "--max-height", "3").line
    assert "at least 4x4" in run("stream", clip, "--simulate", "--method", "bicubic", "--max-height", "3").line
    assert list(tmp_path.iterdir()) == [clip]


def test_the_command_says_what_is_lost(run, tmp_path):
    planes = [[*clip_planes(1)[0], np.full((48, 64), 9, np.uint8)]]
    clip = write_clip(tmp_path / "clear.mkv", planes, pixel_format="yuva420p")
    outcome = run("simulate", clip, "-o", tmp_path / "hybrid.mkv")
    assert outcome.code == 0 and "transparency (yuva420p) is left out" in outcome.out


@pytest.mark.parametrize("ending", ["mkv", "mp4"])
def test_the_hybrid_file_keeps_audio_and_time_stamps(tmp_path, ending):
    clip = write_with_audio(tmp_path / f"in.{ending}", pictures(25), even(25))
    write_hybrid(VideoSource(clip), tmp_path / "hybrid.mkv", 8)
    assert audio_packets(tmp_path / "hybrid.mkv") == audio_packets(clip)
    with av.open(str(tmp_path / "hybrid.mkv")) as container:
        assert [frame.pts for frame in container.decode(video=0)] == even(25)
    write_hybrid(VideoSource(clip, frames=9), tmp_path / "hybrid.mkv", 8, overwrite=True)
    assert 0 < len(audio_packets(tmp_path / "hybrid.mkv")) < len(audio_packets(clip))


def audio_packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def test_the_hybrid_file_gets_its_name_when_whole_and_replaces_only_when_told(truth, tmp_path, monkeypatch):
    output = tmp_path / "hybrid.mkv"
    output.write_bytes(b"kept")
    with pytest.raises(OutputError, match="--overwrite"):
        write_hybrid(VideoSource(truth), output, 4)
    with monkeypatch.context() as broken:
        broken.setattr("lfvideo_sr.references.hybrid_file.degrade", None)
        with pytest.raises(TypeError):
            write_hybrid(VideoSource(truth), output, 4, overwrite=True)
    assert output.read_bytes() == b"kept"
    write_hybrid(VideoSource(truth), output, 4, overwrite=True)
    assert output.stat().st_size > 1000
    assert {path.name for path in tmp_path.iterdir()} == {"in.mkv", "hybrid.mkv"}


def test_the_hybrid_file_keeps_depth_rotation_and_transfer(tmp_path):
    deep = np.random.default_rng(0).integers(0, 1024, (96, 128, 3), dtype=np.uint16)
    clip = tmp_path / "in.mkv"
    with av.open(str(clip), "w") as target:
        stream = target.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "gbrp10le"
        stream.codec_context.color_primaries, stream.codec_context.color_trc = 9, 18
        stream.set_display_matrix(CLOCKWISE)
        frame = av.VideoFrame.from_ndarray(deep, format="gbrp10le")
        frame.pts, frame.color_primaries, frame.color_trc = 0, 9, 18
        target.mux(stream.encode(frame) + stream.encode(None))
    write_hybrid(VideoSource(clip), tmp_path / "hybrid.mkv", 4)
    low, high = video_tracks(tmp_path / "hybrid.mkv")
    assert (low.bit_depth, high.bit_depth) == (8, 10)
    assert low.rotation == high.rotation == -90
    assert low.colour.transfer == high.colour.transfer == 18 and high.colour.primaries == 9
    (kept,) = VideoSource(tmp_path / "hybrid.mkv", track=1)
    np.testing.assert_array_equal(np.rint(kept.pixels * 1023), deep.transpose(2, 0, 1))


def test_the_hybrid_file_is_matroska_and_not_the_input(truth, tmp_path):
    with pytest.raises(OutputError, match="input itself"):
        write_hybrid(VideoSource(truth), truth, 4, overwrite=True)
    with pytest.raises(OutputError, match=r"no \.mkv"):
        write_hybrid(VideoSource(truth), tmp_path / "hybrid.mp4", 4)


def test_an_interlaced_clip_is_simulated_where_it_is_deinterlaced(run, tmp_path):
    options = {"preset": "ultrafast", "flags": "+ildct", "x264-params": "interlaced=1"}
    clip = write_clip(tmp_path / "in.mp4", clip_planes(4), codec="libx264", options=options)
    words = ("simulate", clip, "-o", tmp_path / "out.mkv")
    assert "pass --deinterlace" in run(*words).line
    assert run(*words, "--deinterlace").code == 0
    assert len(list(VideoSource(tmp_path / "out.mkv"))) == 4
