"""Segments that workers of Ray restore, on this machine; and what joining them refuses."""

import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from .bench import Bench, Row, Rows, Way, counted
from .clips import content, write_hybrid

_SHARED = """
import sys
from pathlib import Path
from lfvideo_sr.commands import cluster
from lfvideo_sr.stream.plan import RunPlan
import time, ray
plan, folder, workers = RunPlan.of_text(Path(sys.argv[1]).read_text()), Path(sys.argv[2]), int(sys.argv[3])
started = []
def tell(done):
    started.append(time.monotonic())
cluster.run_with_ray(plan, "local", folder, workers=workers, tell=tell)
# From the first segment that is done to the last: the start of the cluster and of its workers is not counted.
print(len(started) - 1, started[-1] - started[0])
"""


def cluster(bench: Bench, times: int) -> Rows:
    """Two workers against an unbroken run; one of them is killed; one worker against two."""
    clip = write_hybrid(bench.folder / "ray.mkv", 400, (96, 64))
    way = Way("ray", ".mkv", ("stream", clip), ("--quality", "fast", "--preset", "ultrafast", "--progress", "none"))
    bench.seconds(way)
    plan = bench.folder / "plan.json"
    words = [sys.executable, "-m", "lfvideo_sr", "plan", str(clip), "-o", str(bench.folder / "ray_out.mkv")]
    printed = subprocess.run([*words, *map(str, way.options[:-2])], capture_output=True, text=True, check=True)
    plan.write_text(printed.stdout)
    yield _killed_workers(bench, way, plan, times)
    yield _throughput(bench, plan, times)
    yield _refusals(bench, plan)


def _start(plan: Path, folder: Path, workers: int) -> subprocess.Popen[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", _SHARED, str(plan), str(folder), str(workers)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def _killed_workers(bench: Bench, way: Way, plan: Path, times: int) -> Row:
    outcomes = Counter[str]()
    for number in range(times):
        folder = bench.folder / f"pieces{number}"
        with _start(plan, folder, 2) as process:
            victim = _worker_at_work(folder, process)
            if victim is not None:
                time.sleep(bench.random.uniform(0, 0.5))
                os.kill(victim, signal.SIGKILL)
                outcomes["workers killed"] += 1
            process.communicate()
        outcomes["runs done"] += process.returncode == 0
        joined = bench.folder / f"joined{number}.mkv"
        words = ["join", plan, "--folder", folder, "-o", joined]
        ended = bench.runs.run(words)
        outcomes["identical"] += ended.code == 0 and bench.is_identical(way, joined)
    return Row("two workers of Ray, one of which is killed", times, counted(outcomes))


def _worker_at_work(folder: Path, process: subprocess.Popen[str]) -> int | None:
    """The process id in the name of an unfinished piece."""
    while process.poll() is None:
        for file in folder.glob("[0-9]*.*-*.nut"):
            return int(file.name.split("-")[-1].split(".")[0])
        time.sleep(0.01)
    return None


def _throughput(bench: Bench, plan: Path, pairs: int) -> Row:
    """Segments a second of two workers over those of one, of one thread each."""
    ratios = []
    for number in range(pairs):
        rates = {}
        for workers in (1, 2):
            with _start(plan, bench.folder / f"rate{number}-{workers}", workers) as process:
                printed, _ = process.communicate()
            count, seconds = printed.split()[-2:]
            rates[workers] = int(count) / float(seconds)
        ratios.append(rates[2] / rates[1])
    shown = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    load = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end"
    return Row("segments a second, two workers of one thread over one", pairs, f"{shown}; {load}")


def _refusals(bench: Bench, plan: Path) -> Row:
    """Pieces that are missing, damaged, there twice or of another plan."""
    outcomes = Counter[str]()
    pieces = bench.folder / "pieces0"
    record = sorted(pieces.glob("*.json"))[1]
    harms = {
        "missing": lambda folder: (folder / record.name).unlink(),
        "twice": lambda folder: shutil.copy(folder / record.name, folder / "copy.json"),
        "damaged": lambda folder: os.truncate(folder / record.with_suffix(".nut").name, 100),
        "another plan": lambda folder: (folder / record.name).write_text(
            json.dumps(json.loads(record.read_text()) | {"plan": "0123"})
        ),
    }
    for what, harm in harms.items():
        folder, joined = bench.folder / f"harmed {what}", bench.folder / f"{what}.mkv"
        shutil.copytree(pieces, folder)
        harm(folder)
        ended = bench.runs.run(["join", plan, "--folder", folder, "-o", joined])
        refused = ended.in_one_line and what in ended.err and not joined.exists()
        outcomes[f"exit {ended.code} in one line that says so" if refused else f"{what}: exit {ended.code}"] += 1
    return Row("join: a piece is missing, there twice, damaged, of another plan", len(harms), counted(outcomes))


def queue(bench: Bench, times: int) -> Rows:
    """Ten clips of which two are damaged; the next run, with these whole, does only them."""
    clips, outputs = bench.folder / "queue", bench.folder / "queue_out"
    clips.mkdir()
    for number in range(10):
        shutil.copy(bench.clip, clips / f"{number}.mkv")
    for number in (3, 7):
        (clips / f"{number}.mkv").write_bytes(b"not a video" * 1000)
    words = ["stream", clips / "*.mkv", "-o", outputs, "--method", "bicubic", "--preset", "ultrafast", "--frames", "40"]
    first = bench.runs.run([*words, "--progress", "plain"])
    before = {path.name: content(path) for path in outputs.glob("*.mkv")}
    table = first.out.count("  done") == 8 and "8 of 10 clips are done" in first.out
    for number in (3, 7):
        shutil.copy(bench.clip, clips / f"{number}.mkv")
    second = bench.runs.run([*words, "--progress", "plain"])
    unchanged = all(content(outputs / name) == packets for name, packets in before.items())
    result = (
        f"exit {first.code}{' in one line' if first.in_one_line else ''}, {'with the table' if table else 'no table'}; "
        f"then exit {second.code}, {second.out.count('already done')} passed over, "
        f"{len(list(outputs.glob('*.mkv')))} outputs, the first {len(before)} {'unchanged' if unchanged else 'changed'}"
    )
    yield Row("a queue of ten clips, two of them damaged; then whole", 1, result)


def codes(bench: Bench, times: int) -> Rows:
    """The exit codes of refusals, each with one line."""
    way, outcomes = bench.ways[0], Counter[str]()
    output = bench.target(way)
    bench.run(way, output, before="import sys; sys.setrecursionlimit(5000)")
    from .faults import killing_at

    unfinished = bench.target(way)
    bench.run(way, unfinished, before=killing_at(100))
    refusals = {
        3: ["stream", bench.folder / "nothing.mkv"],
        5: [*way.words(unfinished), "--crf", "40"],
        2: [*way.words(bench.target(way)), "--max-refs", "0"],
    }
    for code, words in refusals.items():
        ended = bench.runs.run(words)
        good = ended.code == code and ended.in_one_line
        outcomes[f"exit {code} in one line" if good else f"exit {ended.code} instead of {code}"] += 1
    exists = bench.runs.run([*way.words(output), "--crf", "40"])
    outcomes["exit 3 in one line" if exists.code == 3 and exists.in_one_line else f"exit {exists.code}"] += 1
    yield Row("no input; an output that exists; one begun with other options; a wrong option", 4, counted(outcomes))
