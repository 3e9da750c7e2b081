"""The command stream as people meet it: what is written, what the report says, what is already done."""

import json
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from command_line import FAST, report_of
from small_clips import CUT, EVERY, FRAMES, frames_of, rendered, ticks_of, uneven, write_clip

import lfvideo_sr
from lfvideo_sr.frames import Size
from lfvideo_sr.media.images import write_png
from lfvideo_sr.media.resize import degrade
from lfvideo_sr.media.video import video_tracks


def packets_of(path: Path, kind: str) -> list[tuple]:
    with av.open(str(path)) as container:
        (stream,) = [stream for stream in container.streams if stream.type == kind]
        packets = [packet for packet in container.demux(stream) if packet.size]
        return [(packet.pts * packet.time_base, packet.duration, bytes(packet)) for packet in packets]


@pytest.fixture(scope="module")
def talking_clip(pictures, tmp_path_factory) -> Path:
    """A low-resolution MP4 with sound."""
    path = tmp_path_factory.mktemp("talking") / "talking.mp4"
    with av.open(str(path), "w") as target:
        video = target.add_stream("libx264", rate=25, options={"crf": "12", "preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 48, 32, "yuv420p"
        sound = target.add_stream("aac", rate=16000, layout="mono")
        noise = np.random.default_rng(0).normal(0, 0.1, (1, FRAMES * 640)).astype(np.float32)
        for index, pixels in enumerate(pictures):
            picture = (degrade(pixels).transpose(1, 2, 0) * 255 + 0.5).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            target.mux(video.encode(frame))
            heard = av.AudioFrame.from_ndarray(noise[:, index * 640 : (index + 1) * 640], format="fltp", layout="mono")
            heard.rate, heard.pts, heard.time_base = 16000, index * 640, Fraction(1, 16000)
            target.mux(sound.encode(heard))
        target.mux(video.encode(None))
        target.mux(sound.encode(None))
    return path


def test_the_default_output_lies_beside_the_input(run, low_clip, tmp_path):
    clip = tmp_path / "clip.mkv"
    clip.write_bytes(low_clip.read_bytes())
    assert run("stream", clip, "--method", "bicubic", "--frames", "2").code == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == ["clip.mkv", "clip_x4.mkv", "clip_x4.report.json"]
    assert video_tracks(tmp_path / "clip_x4.mkv")[0].size == Size(192, 128)


def test_done_is_said_and_costs_nothing(run, hybrid_clip, tmp_path):
    output = tmp_path / "out.mkv"
    first = run("stream", hybrid_clip, "-o", output, *FAST)
    stamp = output.stat().st_mtime_ns
    again = run("stream", hybrid_clip, "-o", output, *FAST)
    assert first.code == again.code == 0
    assert "already done" not in first.out and "already done" in again.out
    assert output.stat().st_mtime_ns == stamp
    other = run("stream", hybrid_clip, "-o", output, *FAST, "--causal")
    assert other.code == 3 and "--overwrite" in other.line
    assert run("stream", hybrid_clip, "-o", output, *FAST, "--overwrite").code == 0
    assert output.stat().st_mtime_ns > stamp


def test_other_references_are_not_already_done(run, low_clip, pictures, tmp_path):
    output, stills = tmp_path / "out.mkv", tmp_path / "stills"
    stills.mkdir()
    write_png(stills / "0.png", pictures[0])
    arguments = ("stream", low_clip, "-o", output, *FAST, "--refs", stills)
    assert run(*arguments).code == 0
    assert "already done" in run(*arguments).out
    write_png(stills / "8.png", pictures[8])
    assert run(*arguments).code == 3


@pytest.mark.parametrize("named", ["folder", "file"])
def test_a_changed_picture_that_a_manifest_names_is_not_already_done(run, low_clip, pictures, tmp_path, named):
    output, manifest, elsewhere = tmp_path / "out.mkv", tmp_path / "list" / "refs.csv", tmp_path / "sharp" / "a.png"
    manifest.parent.mkdir()
    elsewhere.parent.mkdir()
    write_png(elsewhere, pictures[0])
    manifest.write_text("file,frame\n../sharp/a.png,0\n")
    references = manifest if named == "file" else manifest.parent
    arguments = ("stream", low_clip, "-o", output, *FAST, "--refs", references, "--trust-manifest")
    assert run(*arguments).code == 0
    assert "already done" in run(*arguments).out
    write_png(elsewhere, pictures[1])
    changed = run(*arguments)
    assert changed.code == 3 and "--overwrite" in changed.line


def test_a_target_that_was_cut_short_is_not_done(run, hybrid_clip, tmp_path):
    output = tmp_path / "out.mkv"
    assert run("stream", hybrid_clip, "-o", output, *FAST).code == 0
    output.write_bytes(output.read_bytes()[:-1])
    assert run("stream", hybrid_clip, "-o", output, *FAST).code == 3


LISTED = {
    "input", "output", "reference_source", "frames", "seconds", "frames_per_second", "references", "cache", "stages",
    "method", "device", "dtype", "version",
}  # fmt: skip


def test_the_report_of_a_run(run, hybrid_clip, tmp_path):
    output = tmp_path / "out.mkv"
    outcome = run("stream", hybrid_clip, "-o", output, *FAST, "--ref-every", EVERY)
    report = report_of(output)
    assert outcome.code == 0 and set(report) >= LISTED and "metrics" not in report
    assert (report["input"], report["output"]) == (str(hybrid_clip), str(output))
    assert (report["reference_source"], report["frames"], report["method"]) == ("track", FRAMES, "flow_transfer")
    assert (report["device"], report["dtype"], report["version"]) == ("cpu", "fp32", lfvideo_sr.__version__)
    assert report["seconds"] > 0
    assert report["frames_per_second"] == pytest.approx(FRAMES / report["seconds"], rel=0.02)
    assert [use["time"] for use in report["references"]] == [0.0, 0.16, 0.32, 0.48]
    for use in report["references"]:
        assert set(use) >= {"source", "time", "frames_served", "mean_relevance"}
        assert str(hybrid_clip) in use["source"] and 0 < use["mean_relevance"] <= 1
    assert [use["frames_served"] for use in report["references"]] == [4, 7, 4, 5]
    assert set(report["cache"]) >= {"hits", "misses", "peak_bytes"}
    assert report["cache"]["misses"] == 4 and report["cache"]["peak_bytes"] > 0
    assert {"decode", "encode", "match", "restore", "write"} <= set(report["stages"])
    assert all(set(stage) == {"median_ms", "p95_ms"} for stage in report["stages"].values())
    assert "track" in outcome.out and str(output) in outcome.out and f"{FRAMES} in" in outcome.out


def test_the_report_goes_where_it_is_asked_to(run, low_clip, tmp_path):
    assert run("stream", low_clip, "-o", tmp_path / "out.mkv", *FAST, "--report", tmp_path / "my.json").code == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == ["my.json", "out.mkv"]


def check_metrics(metrics: dict, count: int) -> None:
    for scores in (metrics, metrics["all_frames"]):
        assert set(scores["psnr_y"]) == set(scores["ssim_y"]) == {"mean", "min"}
        assert scores["psnr_y"]["mean"] >= scores["psnr_y"]["min"] > 15
        assert 0.3 < scores["ssim_y"]["min"] <= scores["ssim_y"]["mean"] <= 1
        assert set(scores["bicubic"]["psnr_y"]) == {"mean"}
    assert metrics["count"] == count and metrics["all_frames"]["count"] == FRAMES
    assert metrics["psnr_y"]["mean"] > metrics["bicubic"]["psnr_y"]["mean"] + 1


def test_simulate_measures_the_frames_that_are_no_references(run, high_clip, pictures, tmp_path):
    output = tmp_path / "out.mkv"
    outcome = run("stream", high_clip, "-o", output, *FAST, "--simulate", "--ref-every", EVERY)
    report = report_of(output)
    assert outcome.code == 0 and report["reference_source"] == "simulate"
    check_metrics(report["metrics"], FRAMES - 4)
    passed = [frame for frame in report["metrics"]["frames"] if frame["is_reference"]]
    assert [frame["index"] for frame in passed] == [0, 4, 8, 12]
    assert all(frame["psnr_y"] is None for frame in passed)  # equal to the truth: infinite
    assert "PSNR-Y" in outcome.out and "bicubic" in outcome.out
    steady = report["metrics"]["steadiness"]
    assert steady["pairs"] == FRAMES - 2  # nothing is compared over the cut
    assert steady["at_references"]["pairs"] == 6  # 0|1, 3|4|5, 7|8, 11|12|13; 8|9 is the cut
    assert steady["at_references"]["psnr_step"] > 3 * steady["elsewhere"]["psnr_step"]
    assert f"flicker {steady['flicker']:.2f} levels; steps at references" in outcome.out
    assert np.abs(frames_of(output)[4] - pictures[4]).max() < 1e-6


def test_simulate_then_stream_with_the_truth(run, high_clip, tmp_path):
    """The two-track file that `simulate` writes, restored and scored, is `stream --simulate` in two steps."""
    hybrid, output, direct = (tmp_path / name for name in ("hybrid.mkv", "out.mkv", "direct.mkv"))
    assert run("simulate", high_clip, "-o", hybrid, "--ref-every", EVERY).code == 0
    assert [track.size for track in video_tracks(hybrid)] == [Size(48, 32), Size(192, 128)]
    assert run("stream", hybrid, "-o", output, *FAST, "--ref-every", EVERY, "--gt", high_clip).code == 0
    assert run("stream", high_clip, "-o", direct, *FAST, "--ref-every", EVERY, "--simulate").code == 0
    report = report_of(output)
    assert report["reference_source"] == "track"
    check_metrics(report["metrics"], FRAMES - 4)
    assert report["metrics"]["psnr_y"] == pytest.approx(report_of(direct)["metrics"]["psnr_y"], abs=0.01)


def test_anchor_mode_says_that_no_true_detail_is_added(run, low_clip, high_clip, tmp_path):
    output = tmp_path / "out.mkv"
    outcome = run("stream", low_clip, "-o", output, *FAST, "--gt", high_clip)
    report = report_of(output)
    assert outcome.code == 0 and report["reference_source"] == "anchor"
    assert "no true detail" in outcome.out and "--refs" in outcome.out
    assert report["metrics"]["count"] == FRAMES
    assert [use["source"] for use in report["references"]] == [f"anchor frame {index}" for index in (0, 8, CUT)]


def test_no_refs_ignores_the_track(run, hybrid_clip, low_clip, tmp_path):
    alone, plain = tmp_path / "alone.mkv", tmp_path / "plain.mkv"
    assert run("stream", hybrid_clip, "-o", alone, *FAST, "--no-refs").code == 0
    assert run("stream", low_clip, "-o", plain, *FAST, "--no-refs").code == 0
    report = report_of(alone)
    assert report["reference_source"] == "none" and report["references"] == []
    assert all(np.array_equal(frame, other) for frame, other in zip(frames_of(alone), frames_of(plain)))


def test_no_reference_beyond_a_cut_is_in_the_report(run, low_clip, pictures, tmp_path):
    stills = tmp_path / "stills"
    stills.mkdir()
    write_png(stills / "3.png", pictures[3])
    assert run("stream", low_clip, "-o", tmp_path / "out.mkv", *FAST, "--refs", stills).code == 0
    (use,) = report_of(tmp_path / "out.mkv")["references"]
    assert use["frames_served"] == CUT  # the first scene's frames, of FRAMES


def test_sound_and_times_are_kept_exactly(run, talking_clip, tmp_path):
    output = tmp_path / "out.mp4"
    assert run("stream", talking_clip, "-o", output, "--method", "bicubic", "--preset", "ultrafast").code == 0
    assert ticks_of(output) == ticks_of(talking_clip)
    assert packets_of(output, "audio") == packets_of(talking_clip, "audio")
    assert video_tracks(output)[0].size == Size(192, 128)


def test_variable_rate_and_a_late_start_are_kept(run, pictures, tmp_path):
    clip = write_clip(tmp_path / "vfr.mkv", [degrade(picture) for picture in pictures], uneven)
    assert run("stream", clip, "-o", tmp_path / "out.mkv", *FAST).code == 0
    assert [ticks for ticks, _ in ticks_of(tmp_path / "out.mkv")] == [uneven(index).ticks for index in range(FRAMES)]


def test_frames_height_scale_and_size(run, low_clip, tmp_path):
    fast = ("--method", "bicubic", "--codec", "ffv1")
    for name, options, size, count in (
        ("few", ["--frames", "3"], Size(192, 128), 3),
        ("low", ["--max-height", "16"], Size(96, 64), FRAMES),
        ("half", ["--scale", "2"], Size(96, 64), FRAMES),
        ("exact", ["--size", "120x80"], Size(120, 80), FRAMES),
    ):
        outcome = run("stream", low_clip, "-o", tmp_path / f"{name}.mkv", *fast, *options)
        assert outcome.code == 0 and str(size) in outcome.out
        assert report_of(tmp_path / f"{name}.mkv")["output_size"] == str(size)
        assert video_tracks(tmp_path / f"{name}.mkv")[0].size == size
        assert len(ticks_of(tmp_path / f"{name}.mkv")) == count


def test_odd_sizes_come_out_exactly_x4(run, tmp_path):
    clip = write_clip(tmp_path / "odd.mkv", rendered(0, 3, seed=5, size=Size(33, 19)))
    for method in ("stream_ref", "flow_transfer", "bicubic"):
        assert run("stream", clip, "-o", tmp_path / f"{method}.mkv", "--method", method, "--codec", "ffv1").code == 0
        assert [frame.shape for frame in frames_of(tmp_path / f"{method}.mkv")] == [(3, 76, 132)] * 3


@pytest.mark.parametrize("high", [Size(4, 8), Size(32, 32), Size(180, 32)], ids=str)
@pytest.mark.parametrize("method", ["stream_ref", "flow_transfer", "bicubic"])
def test_tiny_clips(method, high, run, pictures, tmp_path):
    parts = [np.ascontiguousarray(picture[:, : high.height, : high.width]) for picture in pictures[:3]]
    clip = write_clip(tmp_path / "tiny.mkv", parts)
    outcome = run("stream", clip, "-o", tmp_path / "out.mkv", "--method", method, "--codec", "ffv1", "--simulate")
    assert outcome.code == 0, outcome.err
    assert [frame.shape for frame in frames_of(tmp_path / "out.mkv")] == [(3, high.height, high.width)] * 3
    assert report_of(tmp_path / "out.mkv")["metrics"]["all_frames"]["count"] == 3


def test_a_clip_that_breaks_off_is_restored_as_far_as_it_goes_and_said(run, pictures, tmp_path):
    clip = tmp_path / "in.mp4"
    with av.open(str(clip), "w", container_options={"movflags": "faststart"}) as target:
        video = target.add_stream("libx264", rate=25, options={"g": "1", "crf": "10"})
        video.width, video.height, video.pix_fmt = 192, 128, "yuv420p"
        for pixels in pictures:
            picture = np.ascontiguousarray((pixels.transpose(1, 2, 0) * 255 + 0.5).astype(np.uint8))
            target.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        target.mux(video.encode(None))
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    outcome = run("stream", clip, "-o", tmp_path / "out.mkv", "--method", "bicubic", "--codec", "ffv1")
    report = report_of(tmp_path / "out.mkv")
    assert outcome.code == 0
    assert 2 < report["frames"] == len(ticks_of(tmp_path / "out.mkv")) < FRAMES
    assert report["warnings"] and all(warning in outcome.out for warning in report["warnings"])


def test_progress_for_programs(run, low_clip, tmp_path):
    outcome = run("stream", low_clip, "-o", tmp_path / "out.mkv", "--method", "bicubic", "--progress", "json")
    lines = [json.loads(line) for line in outcome.out.splitlines()]
    assert [line for line in lines if "frame" in line][-1]["frame"] == FRAMES
    assert any("message" in line for line in lines)
    silent = run("stream", low_clip, "-o", tmp_path / "silent.mkv", "--method", "bicubic", "--progress", "none")
    assert silent.code == 0 and silent.out == silent.err == ""
