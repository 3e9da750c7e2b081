"""What safety costs, what is saved by going on, and what grows in a long run."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .bench import Bench, Row, Rows, Way
from .clips import write_hybrid, write_video
from .faults import killing_at

_IN_ONE = """
import shutil
from pathlib import Path
from tempfile import mkdtemp
from lfvideo_sr.commands import stream as command
from lfvideo_sr.media.sink import VideoSink
from lfvideo_sr.stream.output import open_sink
class Nothing:
    frames, done, damaged, folder = 0, {}, [], None
    def __init__(self, beside): self.beside = beside
    def __enter__(self): return self
    def __exit__(self, *exc_info): pass
    def room(self): self.folder = Path(mkdtemp(dir=self.beside)); return self.folder
    def remove(self): shutil.rmtree(self.folder)
class InOne:
    def __init__(self, sink): self.sink, self.size, self.warnings = sink, sink.size, sink.warnings
    def converted(self, *arguments): return self.sink.converted(*arguments)
    def encode(self, picture): self.sink.encode(picture)
    def close(self, frames): self.sink.close()
    def leave_partial(self): return None
command.OutputTarget.journal = lambda target, *arguments: Nothing(target.output.parent)
command.OutputTarget.sink = lambda target, job, journal, encoding, overwrite: InOne(
    open_sink(job, target.output, encoding, job.path, overwrite)
)
"""

_LONG = 900  # frames, so that the start of a process is a small part of a run
_now = time.monotonic


def overhead(bench: Bench, pairs: int) -> Rows:
    """A run in segments with a journal against one straight into its file, in turns."""
    clip = write_hybrid(bench.folder / "cost.mkv", 240, (160, 96), sound=True)
    for name, options in {
        "--quality fast, x264 medium": ("--quality", "fast"),
        "--method bicubic, x264 medium": ("--method", "bicubic"),
    }.items():
        way = Way(name, ".mkv", ("stream", clip), (*options, "--progress", "none"))
        passed, spent, sizes = [], [], []
        for number in range(pairs):
            taken = {}
            for segments in (True, False) if number % 2 else (False, True):
                output, started = bench.target(way), _now()
                ended = bench.run(way, output, before="" if segments else _IN_ONE)
                assert ended.code == 0, ended.err
                taken[segments] = (_now() - started, ended.seconds, output.stat().st_size)
            passed.append(taken[True][0] / taken[False][0])
            spent.append(taken[True][1] / taken[False][1])
            sizes.append(taken[True][2] / taken[False][2])
        result = f"{_change(passed)} wall time, {_change(spent)} processor time, {sizes[0] - 1:+.1%} bytes"
        yield Row(f"segments and journal against one file, 240 frames of 160x96, {name}", pairs, f"pairs: {result}")


def going_on(bench: Bench, pairs: int) -> Rows:
    """How long the rest takes of a run that was killed after 70 % of its frames."""
    clip = write_hybrid(bench.folder / "rest.mkv", _LONG, (160, 96))
    for options in (("--quality", "fast"), ("--method", "flow_transfer")):
        name = " ".join(options)
        way = Way(f"rest {name}", ".mkv", ("stream", clip), (*options, "--progress", "none"))
        passed, spent = [], []
        for _ in range(pairs):
            output, started = bench.target(way), _now()
            whole = bench.run(way, output)
            wall = _now() - started
            output = bench.target(way)
            assert bench.run(way, output, before=killing_at(_LONG * 7 // 10)).code == -9
            started = _now()
            rest = bench.run(way, output)
            assert rest.code == 0 and bench.is_identical(way, output)
            passed.append((_now() - started) / wall)
            spent.append(rest.seconds / whole.seconds)
        result = f"{_share(passed)} of the whole's wall time, {_share(spent)} of its processor time"
        yield Row(f"going on after a kill at 70 % of {_LONG} frames of 160x96, {name}", pairs, f"pairs: {result}")


def memory(bench: Bench, frames: int) -> Rows:
    """Memory, descriptors and threads of long runs, looked at about once a second."""
    folder = bench.folder / "long"
    folder.mkdir()
    clip = write_hybrid(folder / "in.mkv", frames, (64, 48))
    plain = ("--preset", "ultrafast", "--progress", "json")
    yield _grown("--method bicubic", frames, ["stream", clip, "-o", folder / "b.mkv", "--method", "bicubic", *plain])
    yield _grown("flow_transfer", frames, ["stream", clip, "-o", folder / "t.mkv", "--method", "flow_transfer", *plain])
    yield _grown("--quality fast", frames, ["stream", clip, "-o", folder / "f.mkv", "--quality", "fast", *plain])
    early, low = folder / "early.mkv", folder / "low.mkv"
    write_video(early, frames, (256, 192), "libx264")
    write_video(low, frames // 2, (64, 48))
    offset = ["--refs", early, "--ref-offset", -(frames // 2) / 25, "--method", "flow_transfer"]
    what = f"a reference video that starts {frames // 50} s before the clip"
    yield _grown(what, frames // 2, ["stream", low, "-o", folder / "e.mkv", *offset, *plain])


def _grown(name: str, frames: int, arguments: Sequence[object]) -> Row:
    command = [sys.executable, "-m", "lfvideo_sr", *map(str, arguments)]
    seen: list[tuple[int, float, int, int]] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            done, state = json.loads(line).get("frame"), _state(process.pid)
            if done is not None and state is not None:
                seen.append((done, *state))
    assert process.returncode == 0
    steady = np.array([(done, size) for done, size, *_ in seen if done > 500])
    slope = float(np.polyfit(steady[:, 0], steady[:, 1], 1)[0])
    half = len(steady) // 2
    late = float(np.polyfit(steady[half:, 0], steady[half:, 1], 1)[0])
    most = max(size for _, size, *_ in seen) / 1e6
    result = (
        f"{slope:+.0f} bytes a frame after the first 500 ({late:+.0f} over the second half), at most {most:.0f} MB; "
        f"{seen[-1][2]} descriptors and {seen[-1][3]} threads at the end, {seen[0][2]} and {seen[0][3]} at the start"
    )
    return Row(f"{frames} frames of 64x48, {name}", 1, result)


def _state(process: int) -> tuple[float, int, int] | None:
    """Resident bytes, open files and threads of a process; None where it has ended."""
    try:
        lines = dict(line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())
        return int(lines["VmRSS"].split()[0]) * 1024.0, len(os.listdir(f"/proc/{process}/fd")), int(lines["Threads"])
    except (OSError, KeyError):
        return None


def _change(ratios: Sequence[float]) -> str:
    """The median ratio as a change, and the range."""
    return f"{statistics.median(ratios) - 1:+.1%} ({min(ratios) - 1:+.1%} to {max(ratios) - 1:+.1%})"


def _share(ratios: Sequence[float]) -> str:
    return f"{statistics.median(ratios):.0%} ({min(ratios):.0%} to {max(ratios):.0%})"
