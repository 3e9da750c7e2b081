"""Numbered pictures, pipes and live streams."""

import json
import subprocess
import sys
import time
from collections import Counter
from fractions import Fraction
from itertools import pairwise

import av
import cv2
import numpy as np
from rtsp_server import RTSPServer

from lfvideo_sr.frames import Size
from lfvideo_sr.media.resize import bicubic

from .bench import Bench, Row, Rows, counted
from .clips import plays, write_video

_WRITER = """
import sys, av
with av.open(sys.argv[1]) as source, av.open(sys.stdout.buffer, "w", format=sys.argv[2]) as target:
    video = target.add_stream("rawvideo", 25)
    video.width, video.height, video.pix_fmt = source.streams.video[0].width, source.streams.video[0].height, "yuv420p"
    copies = {}
    if sys.argv[2] == "nut":
        copies = {stream.index: target.add_stream_from_template(stream) for stream in source.streams.audio}
    for packet in source.demux():
        if packet.stream.type == "video":
            for picture in packet.decode():
                picture = picture.reformat(format="yuv420p")
                target.mux(video.encode(picture))
        elif packet.stream_index in copies and packet.size:
            packet.stream = copies[packet.stream_index]
            target.mux(packet)
    target.mux(video.encode(None))
"""
_READER = """
import sys, av, json, hashlib
pictures, sound, digest = 0, [], hashlib.sha256()
with av.open(sys.stdin.buffer) as source:
    for packet in source.demux():
        if packet.stream.type == "video":
            for picture in packet.decode():
                pictures += 1
                digest.update(picture.to_ndarray().tobytes())
        elif packet.size:
            sound.append(hashlib.sha256(bytes(packet)).hexdigest())
print(json.dumps([pictures, digest.hexdigest(), sound]))
"""


def sequence(bench: Bench, times: int) -> Rows:
    """Pictures of 8 and 16 bits in and out are bicubic enlargements, bit by bit."""
    outcomes = Counter[str]()
    size = Size(24, 16)
    for depth in (np.uint8, np.uint16):
        folder, peak = bench.folder / f"bits{np.iinfo(depth).bits}", np.iinfo(depth).max
        folder.mkdir()
        samples = np.random.default_rng(0).integers(0, peak + 1, (20, 3, size.height, size.width), depth)
        for number, picture in enumerate(samples):
            cv2.imwrite(str(folder / f"{number:03}.png"), np.ascontiguousarray(picture.transpose(1, 2, 0)))
        ended = bench.runs.run(["stream", folder, "--method", "bicubic", "--progress", "none"])
        assert ended.code == 0, ended.err
        for number, picture in enumerate(samples):
            exact = np.clip(bicubic(picture / np.float32(peak), size.scaled(4)), 0, 1) * peak
            made = cv2.imread(str(folder.with_name(f"{folder.name}_x4") / f"{number:03}.png"), cv2.IMREAD_UNCHANGED)
            same = np.array_equal(made.transpose(2, 0, 1), np.rint(exact).astype(depth))
            outcomes[f"of {np.iinfo(depth).bits} bits exact" if same else "another picture"] += 1
    yield Row("numbered pictures in and out by bicubic", sum(outcomes.values()), counted(outcomes))


def pipes(bench: Bench, times: int) -> Rows:
    """A writer, the command and a reader with pipes between them; what passes is what a file gives."""
    clip = write_video(bench.folder / "piped.mkv", 60, (48, 32), sound=True)
    command = [
        sys.executable,
        "-m",
        "lfvideo_sr",
        "stream",
        "-",
        "-o",
        "-",
        "--method",
        "bicubic",
        "--progress",
        "none",
    ]
    for kind in ("yuv4mpegpipe", "nut"):
        with (
            subprocess.Popen([sys.executable, "-c", _WRITER, str(clip), kind], stdout=subprocess.PIPE) as writer,
            subprocess.Popen(command, stdin=writer.stdout, stdout=subprocess.PIPE) as restoring,
            subprocess.Popen([sys.executable, "-c", _READER], stdin=restoring.stdout, stdout=subprocess.PIPE) as reader,
        ):
            for pipe in (writer.stdout, restoring.stdout):
                assert pipe is not None
                pipe.close()
            printed, _ = reader.communicate()
        codes = (writer.wait(), restoring.wait(), reader.wait())
        pictures, _, sound = json.loads(printed)
        with av.open(str(clip)) as container:
            heard = sum(1 for packet in container.demux(audio=0) if packet.size)
        beside = f", {len(sound)} of {heard} packets of sound" if kind == "nut" else ""
        yield Row(
            f"writer, lfvideo-sr stream - -o - and reader, {kind}",
            1,
            f"exit {codes}; {pictures} of 60 pictures{beside}",
        )


def live(bench: Bench, seconds: int) -> Rows:
    """A live RTSP stream, 160x96 at 10 frames a second, that is away for five seconds once."""
    output = bench.folder / "live" / "out.mkv"
    output.parent.mkdir()
    with RTSPServer((160, 96), 10) as server:
        options = ("--method", "bicubic", "--preset", "ultrafast", "--progress", "none", "--duration", str(seconds))
        words = [sys.executable, "-m", "lfvideo_sr", "stream", server.url, "-o", str(output), *options]
        process = subprocess.Popen(words)
        while not output.with_name("out.partial.mkv").exists() and process.poll() is None:
            time.sleep(0.1)
        time.sleep(seconds / 2)
        server.drop(5.0)
        playing = plays(output.with_name("out.partial.mkv"))
        code = process.wait()
    report = json.loads(output.with_suffix(".report.json").read_text())
    state, latency = report["live"], report["live"]["latency"]
    with av.open(str(output)) as container:
        times = sorted(packet.pts * packet.time_base for packet in container.demux(video=0) if packet.pts is not None)
    gap = max(later - earlier for earlier, later in pairwise(times))
    yield Row(
        f"a live RTSP stream of {seconds} s, away for 5 s once",
        1,
        f"exit {code}, back after a gap of {float(Fraction(gap)):.1f} s; {report['frames']} frames, "
        f"{state['frames_dropped']} dropped, reconnected {state['reconnections']} times; {playing} of them played "
        f"half-way; latency p50 {latency['p50_ms']:.0f}, p95 {latency['p95_ms']:.0f}, p99 {latency['p99_ms']:.0f} ms",
    )
