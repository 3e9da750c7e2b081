#!/usr/bin/env python3
"""What a run of `lfvideo-sr stream` survives: kills, faults, harmed segments; what that costs, and what grows.

usage: benchmarks/reliability.py [PART] [--times N] [--frames N] [--seconds N] [--seed N]

Prints a table, which docs/reliability.md shows. The clip is rendered, so that anyone can run it; the method is
flow_transfer, which has no weights and is fast, so that encoding and keeping a journal take a larger share of its time
than of a network's. A result counts as identical if its video has the same packets as that of an unbroken run.
"""

import argparse
import json
import os
import random
import resource
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cached_property, partial
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import cv2
import numpy as np
from rtsp_server import RTSPServer

from lfvideo_sr.choose import make_engine
from lfvideo_sr.media.sink import VideoSink
from lfvideo_sr.stream.job import StreamJob
from lfvideo_sr.stream.journal import Journal
from lfvideo_sr.stream.segmented_sink import SegmentedSink, Settings
from lfvideo_sr.stream.writing import converted

FRAMES = 200
OPTIONS = ("--method", "flow_transfer", "--preset", "ultrafast", "--progress", "none")
SETTINGS: Settings = {"codec": "libx264", "crf": 16, "preset": "medium", "options": {}}
FAULTS = {
    "the encoder fails at a random frame": "patch(sink.VideoSink, '_mux', av.error.ExternalError(1, 'no'))",
    "reading the input fails at a random packet": "patch(decoding.Decoder, '_next_packet', OSError(5, 'I/O error'))",
    "memory runs out at a random frame": "patch(pipeline.SuperResolver, '_made', MemoryError('no room'))",
    "writing a segment to the disk fails": "patch(journal.Journal, 'add', OSError(28, 'No space left on device'))",
}
FAULTY = """
import random, sys
import av
from lfvideo_sr.media import decoding, sink
from lfvideo_sr.stream import journal, pipeline
random.seed(int(sys.argv.pop(1)))
def patch(owner, name, error):
    plain, calls = getattr(owner, name), random.randint(1, 8 if name == 'add' else 290)
    def failing(*arguments, **options):
        nonlocal calls
        calls -= 1
        if calls == 0:
            raise error
        return plain(*arguments, **options)
    setattr(owner, name, failing)
{patch}
from lfvideo_sr.cli import main
main()
"""


class Bench:
    """A rendered clip, and what an unbroken run makes of it."""

    def __init__(self, folder: Path):
        self.folder = folder

    @cached_property
    def clip(self) -> Path:
        return hybrid_clip(self.folder / "in.mkv", FRAMES)

    @cached_property
    def _unbroken(self) -> tuple[float, list[tuple[int | None, bytes]]]:
        assert self.clip.exists()  # made before the clock starts
        started = time.monotonic()
        assert self.run(self.folder / "unbroken.mkv").returncode == 0
        return time.monotonic() - started, packets(self.folder / "unbroken.mkv")

    @property
    def seconds(self) -> float:
        return self._unbroken[0]

    @property
    def packets(self) -> list[tuple[int | None, bytes]]:
        return self._unbroken[1]

    def command(self, output: Path, code: tuple[str, ...] = ("-m", "lfvideo_sr")) -> list[str]:
        return [sys.executable, *code, "stream", str(self.clip), "-o", str(output), *OPTIONS]

    def run(self, output: Path, code: tuple[str, ...] = ("-m", "lfvideo_sr"), **options) -> subprocess.CompletedProcess:
        return subprocess.run(self.command(output, code), capture_output=True, text=True, **options)

    def is_identical(self, output: Path) -> bool:
        return packets(output) == self.packets

    def target(self, name: str) -> Path:
        """An output in an empty folder of its own."""
        folder = self.folder / name
        folder.mkdir()
        return folder / "out.mkv"


def hybrid_clip(path: Path, frames: int, size: tuple[int, int] = (192, 128)) -> Path:
    """A texture that drifts, another after each 120 frames; small frames and every eighth sharp, lossless."""
    high = path.with_name("high.mkv")
    with av.open(str(high), "w") as container:
        stream = container.add_stream("ffv1", 25, time_base=Fraction(1, 25))
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for number in range(frames):
            noise = np.random.default_rng(number // 120).random((size[1] + 128, size[0] + 256, 3)).astype(np.float32)
            texture = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 1.2), None, 0, 255, cv2.NORM_MINMAX)
            x, y = number % 120, number % 60
            picture = np.ascontiguousarray(texture[y : y + size[1], x : x + size[0]].astype(np.uint8))
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    command = [sys.executable, "-m", "lfvideo_sr", "simulate", str(high), "-o", str(path)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    high.unlink()
    return path


def packets(path: Path) -> list[tuple[int | None, bytes]]:
    with av.open(str(path)) as container:
        return [(packet.pts, bytes(packet)) for packet in container.demux(video=0) if packet.size]


def plays(path: Path) -> int:
    """How many frames of a file decode; 0 where it does not open."""
    try:
        with av.open(str(path)) as container:
            return sum(1 for _ in container.decode(video=0))
    except (av.FFmpegError, IndexError):
        return 0


def kills(bench: Bench, arguments: argparse.Namespace) -> Iterator[str]:
    rng, killed, finished, identical, playable = random.Random(arguments.seed), 0, 0, 0, Counter[bool]()
    while killed < arguments.times:
        output = bench.target(f"kill{finished}")
        while not output.exists():
            process = subprocess.Popen(bench.command(output), stdout=subprocess.DEVNULL)
            try:
                process.wait(rng.uniform(0.3, bench.seconds))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                killed += 1
                playable.update(plays(segment) > 0 for segment in output.parent.glob("*.work/[0-9]*[0-9].nut"))
        finished += 1
        identical += bench.is_identical(output)
    yield f"| kill -9 at random moments | {killed} | {identical} of {finished} results identical after going on |"
    yield f"| segments found after a kill | {playable.total()} | {playable[True]} play |"


def interrupts(bench: Bench, arguments: argparse.Namespace) -> Iterator[str]:
    rng, outcomes = random.Random(arguments.seed), Counter[str]()
    for number in range(arguments.times // 5):
        output = bench.target(f"interrupt{number}")
        process = subprocess.Popen(bench.command(output), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(rng.uniform(1.0, bench.seconds))
        except subprocess.TimeoutExpired:
            process.send_signal(rng.choice([signal.SIGINT, signal.SIGTERM]))
            process.wait()
        part = output.with_name("out.partial.mkv")
        left = "done" if output.exists() else "a part that plays" if plays(part) else "nothing was encoded yet"
        if left == "nothing was encoded yet" and list(output.parent.iterdir()):
            left = "something that does not play"
        outcomes[left] += 1
        assert bench.run(output).returncode == 0
        outcomes["identical after going on"] += bench.is_identical(output)
    yield f"| SIGINT or SIGTERM at random moments | {arguments.times // 5} | {_listed(outcomes)} |"


def faults(bench: Bench, arguments: argparse.Namespace) -> Iterator[str]:
    for fault, patch in FAULTS.items():
        outcomes = Counter[str]()
        for number in range(arguments.times // 10):
            output = bench.target(f"{fault[:12]}{number}")
            done = bench.run(output, ("-c", FAULTY.format(patch=patch), str(arguments.seed + number)))
            one_line = len(done.stderr.splitlines()) == 1 and "Traceback" not in done.stderr
            outcomes["no fault met" if done.returncode == 0 else "one line" if one_line else "more lines"] += 1
            again = bench.run(output)
            same = again.returncode == 0 and bench.is_identical(output)
            outcomes["identical after going on" if same else "not identical"] += 1
        yield f"| {fault} | {arguments.times // 10} | {_listed(outcomes)} |"
    yield from full_disk(bench, arguments)


def full_disk(bench: Bench, arguments: argparse.Namespace) -> Iterator[str]:
    """No file may grow beyond a random size, which a run meets as it meets a full disk."""
    rng, outcomes = random.Random(arguments.seed), Counter[str]()
    most = sum(len(content) for _, content in bench.packets)
    for number in range(arguments.times // 5):
        output, limit = bench.target(f"full{number}"), rng.randint(1, most)
        limited = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (limit, limit))
        done = bench.run(output, preexec_fn=limited)
        outcomes[f"exit {done.returncode}"] += 1
        same = bench.run(output).returncode == 0 and bench.is_identical(output)
        outcomes["identical after going on" if same else "not identical"] += 1
    yield f"| no room for another byte, at a random byte of a file | {arguments.times // 5} | {_listed(outcomes)} |"


def damage(bench: Bench, arguments: argparse.Namespace) -> Iterator[str]:
    rng, identical, noticed = random.Random(arguments.seed), 0, 0
    for number in range(arguments.times // 10):
        output = bench.target(f"damage{number}")
        while not output.exists():
            process = subprocess.Popen(bench.command(output), stdout=subprocess.DEVNULL)
            segments = output.with_name("out.mkv.work")
            while process.poll() is None and len(list(segments.glob("[0-9]*[0-9].nut"))) < 3:
                time.sleep(0.02)
            process.kill()
            process.wait()
            break
        victim = rng.choice(sorted(segments.glob("[0-9]*[0-9].nut")))
        content = victim.read_bytes()
        cut = rng.randrange(len(content))
        harmed = [None, content[:cut], content[:cut] + bytes([content[cut] ^ 255]) + content[cut + 1 :]][number % 3]
        victim.unlink() if harmed is None else victim.write_bytes(harmed)
        done = subprocess.run([*bench.command(output)[:-1], "plain"], capture_output=True, text=True)
        noticed += f"{victim.name} is damaged or missing" in done.stdout
        identical += done.returncode == 0 and bench.is_identical(output)
    what = "a segment deleted, cut short, or with one byte changed"
    yield f"| {what} | {arguments.times // 10} | {noticed} noticed, {identical} identical after going on |"


def going_on(bench: Bench, arguments: argparse.Namespace) -> Iterator[str]:
    """How long the rest takes of a run that was killed when it had restored 70 % of its frames."""
    shares = []
    for number in range(3):
        output = bench.target(f"rest{number}")
        started = time.monotonic()
        assert bench.run(output).returncode == 0
        whole = time.monotonic() - started
        output.unlink()
        process = subprocess.Popen(bench.command(output), stdout=subprocess.DEVNULL)
        time.sleep(0.7 * whole)
        process.kill()
        process.wait()
        started = time.monotonic()
        assert bench.run(output).returncode == 0
        shares.append((time.monotonic() - started) / whole)
    yield f"| going on after a kill at 70 % of the time | 3 | {statistics.median(shares):.0%} of the whole run's time |"


def overhead(bench: Bench, arguments: argparse.Namespace) -> Iterator[str]:
    """Seconds of a run in segments against one into a single file, in turns; flow_transfer, x264 at its own preset."""
    ratios, sizes = [], []
    with make_engine("flow_transfer") as engine:
        for number in range(5):
            taken: list[float] = []
            for segments in (False, True):
                target = bench.target(f"cost{number}{segments}")
                started = time.monotonic()
                with StreamJob(bench.clip, engine) as job:
                    written = _in_segments(job, target) if segments else _in_one(job, target)
                taken.append(time.monotonic() - started)
                sizes.append(written)
            ratios.append(taken[1] / taken[0])
    cost = f"{statistics.median(ratios) - 1:+.1%} time ({min(ratios) - 1:+.1%} to {max(ratios) - 1:+.1%})"
    larger = f"{sizes[1] / sizes[0] - 1:+.1%} bytes"
    yield f"| segments and journal against a single file | {len(ratios)} pairs | {cost}, {larger} |"


def _in_one(job: StreamJob, target: Path) -> int:
    with VideoSink(target, job.video, job.size, copy_from=job.path, **SETTINGS) as sink:
        for picture in converted(job, sink):
            sink.encode(picture)
    return target.stat().st_size


def _in_segments(job: StreamJob, target: Path) -> int:
    with Journal(target, {}) as journal:
        sink = SegmentedSink(
            target, job.video, job.size, journal, SETTINGS, job.resolver.uses_in, copy_from=job.path
        )  # fmt: skip
        for picture in converted(job, sink):
            sink.encode(picture)
        sink.close(job.resolver.seen)
    return target.stat().st_size


def growth(bench: Bench, arguments: argparse.Namespace) -> Iterator[str]:
    """Memory, descriptors and threads of a long run, looked at once a second."""
    folder = bench.folder / "long"
    folder.mkdir()
    clip = hybrid_clip(folder / "in.mkv", arguments.frames)
    command = [sys.executable, "-m", "lfvideo_sr", "stream", str(clip), *OPTIONS]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    memory, other = [], (0, 0)
    while process.poll() is None:
        time.sleep(1)
        state = _state(process.pid)
        if state is not None:
            memory.append(state[0])
            other = state[1:]
    assert process.returncode == 0
    steady = memory[len(memory) // 5 :]
    slope = float(np.polyfit(np.linspace(0.2, 1, len(steady)), steady, 1)[0]) / (arguments.frames / 1000)
    yield (
        f"| {arguments.frames} frames | 1 | {slope:+.2f} MB per 1,000 frames, at most {max(memory):.0f} MB; "
        f"{other[0]} descriptors and {other[1]} threads at the end |"
    )


def live(bench: Bench, arguments: argparse.Namespace) -> Iterator[str]:
    """A live RTSP stream, 160x96 at 10 frames a second, that is away for five seconds once."""
    output = bench.target("live")
    with RTSPServer((160, 96), 10) as server:
        options = (*OPTIONS, "--method", "bicubic", "--duration", str(arguments.seconds))
        process = subprocess.Popen(
            [sys.executable, "-m", "lfvideo_sr", "stream", server.url, "-o", str(output), *options]
        )
        while not output.with_name("out.partial.mkv").exists() and process.poll() is None:
            time.sleep(0.1)
        time.sleep(arguments.seconds / 2)
        server.drop(5.0)
        playing = plays(output.with_name("out.partial.mkv"))
        assert process.wait() == 0
    report = json.loads(output.with_suffix(".report.json").read_text())
    state, latency = report["live"], report["live"]["latency"]
    times = [float(time_of * Fraction(1, 1000)) for time_of, _ in packets(output) if time_of is not None]
    gap = max(later - earlier for earlier, later in pairwise(times))
    yield (
        f"| a live RTSP stream of {arguments.seconds} s, away for 5 s once | 1 | back after a gap of {gap:.1f} s; "
        f"{report['frames']} frames, {state['frames_dropped']} dropped; {playing} of them played half-way; latency "
        f"p50 {latency['p50_ms']:.0f}, p95 {latency['p95_ms']:.0f}, p99 {latency['p99_ms']:.0f} ms |"
    )


def _state(process: int) -> tuple[float, int, int] | None:
    """Resident megabytes, open files and threads of a process; None where it has ended."""
    try:
        lines = dict(line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())
        return int(lines["VmRSS"].split()[0]) / 1024, len(os.listdir(f"/proc/{process}/fd")), int(lines["Threads"])
    except (OSError, KeyError):
        return None


def _listed(outcomes: Counter[str]) -> str:
    return ", ".join(f"{count} {what}" for what, count in outcomes.items() if count)


PARTS: dict[str, Callable[[Bench, argparse.Namespace], Iterator[str]]] = {
    "kills": kills, "interrupts": interrupts, "faults": faults, "damage": damage, "going-on": going_on,
    "overhead": overhead, "growth": growth, "live": live,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="?", choices=[*PARTS, "all"], default="all")
    parser.add_argument("--times", type=int, default=100, help="kills; other parts try a fifth or a tenth of that")
    parser.add_argument("--frames", type=int, default=10_000, help="of the long run")
    parser.add_argument("--seconds", type=int, default=120, help="of the live stream")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    print("| what | tried | result |\n|---|---|---|", flush=True)
    with TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        for name, part in PARTS.items():
            if arguments.part in ("all", name):
                for line in part(bench, arguments):
                    print(line, flush=True)


if __name__ == "__main__":
    main()
