"""Runs in which something fails: the disk, the encoder, memory, the input, the folder of the output."""

import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .bench import Bench, Row, Rows, Way, counted
from .clips import Bystanders, plays, write_video
from .forked import Ended

_PATCH = """
def failing(owner, name, error, calls):
    plain = getattr(owner, name)
    def call(*arguments, **options):
        global left
        left -= 1
        if left == 0:
            raise error
        return plain(*arguments, **options)
    global left
    left = calls
    setattr(owner, name, call)
import av
failing({owner}, {name!r}, {error}, {calls})
"""
_RAISED = {
    "the encoder fails at a random frame": ("sink.VideoSink", "_mux", "av.error.ExternalError(1, 'no')", 200),
    "memory runs out at a random frame": ("pipeline.SuperResolver", "_made", "MemoryError('no room')", 200),
    "the disk is full at a random record": ("journal.Journal", "_append", "OSError(28, 'No space left on device')", 7),
    "fsync fails at a random moment": ("os", "fsync", "OSError(5, 'Input/output error')", 20),
}
_UNREADABLE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>
/* A disk that cannot be read from byte LFV_BAD of file LFV_FILE (an inode) on. */
ssize_t read(int fd, void *data, size_t size) {
    static ssize_t (*plain)(int, void *, size_t);
    struct stat state;
    const char *bad = getenv("LFV_BAD"), *file = getenv("LFV_FILE");
    if (!plain) plain = dlsym(RTLD_NEXT, "read");
    if (bad && file && !fstat(fd, &state) && state.st_ino == strtoull(file, 0, 10)) {
        off_t at = lseek(fd, 0, SEEK_CUR), end = strtoll(bad, 0, 10);
        if (at >= end) { errno = EIO; return -1; }
        if (at + (off_t)size > end) size = end - at;
    }
    return plain(fd, data, size);
}
"""


def faults(bench: Bench, times: int) -> Rows:
    """Each kind of fault so many times."""
    for what, (owner, name, error, most) in _RAISED.items():
        yield _tried(bench, what, times, lambda o=owner, n=name, e=error, m=most: _patched(bench, o, n, e, m))
    yield _tried(bench, "no file may grow beyond a random size", times, lambda: _limited(bench))
    yield _tried(bench, "address space for 1 to 120 MB more than at the start", times, lambda: _starved(bench))
    if (row := _full_disks(bench, times)) is not None:
        yield row
    yield _input_harmed(bench, "the input is cut short while it is read", times, _cut)
    yield _input_harmed(bench, "the input is written over while it is read", times, _overwritten)
    yield _folder_gone(bench, times)
    yield from _unreadable(bench, times)


def _tried(bench: Bench, what: str, times: int, limits: Callable[[], dict]) -> Row:
    """Runs with a fault, each followed by the same command without one."""
    way, outcomes = bench.ways[0], Counter[str]()
    for _ in range(times):
        output = bench.target(way)
        others = Bystanders(output)
        _note(outcomes, bench.run(way, output, **limits()), output, others)
        _go_on(bench, way, output, others, outcomes)
    return Row(what, times, counted(outcomes))


def _note(outcomes: Counter[str], ended: Ended, output: Path, others: Bystanders) -> None:
    """How a run ended, and whether the part that it left plays."""
    if ended.code == 0:
        outcomes["met no fault"] += 1
        return
    outcomes[_ending(ended)] += 1
    parts = [part for part in output.parent.glob("out.partial*") if part.name not in others.names]
    for part in parts:
        outcomes["parts that play" if plays(part) else "parts that do not play"] += 1
    outcomes["outputs that do not play"] += output.exists() and not plays(output)


def _ending(ended: Ended) -> str:
    """The exit code, and whether it comes with one line."""
    return (
        f"exit {ended.code} in one line"
        if ended.in_one_line
        else f"exit {ended.code}, {ended.err.count(chr(10))} lines"
    )


def _go_on(bench: Bench, way: Way, output: Path, others: Bystanders, outcomes: Counter[str]) -> None:
    again = bench.run(way, output)
    same = again.code == 0 and bench.is_identical(way, output)
    outcomes["identical after going on" if same else f"exit {again.code} after going on"] += 1
    outcomes["something foreign harmed"] += not others.unharmed
    outcomes["something left behind"] += bool(bench.left(output) - others.names)


def _patched(bench: Bench, owner: str, name: str, error: str, most: int) -> dict:
    calls = bench.random.randint(1, most)
    return {"before": _PATCH.format(owner=owner, name=name, error=error, calls=calls)}


def _limited(bench: Bench) -> dict:
    bench.seconds(bench.ways[0])  # made before it is looked at
    largest = max(path.stat().st_size for path in bench.folder.glob("run*/out.mkv"))
    return {"file_limit": bench.random.randint(1, largest)}


def _starved(bench: Bench) -> dict:
    return {"more_memory": bench.random.randint(1, 120) << 20}


def _full_disks(bench: Bench, times: int) -> Row | None:
    """Disks of a limited size, mounted for the purpose; None where that is not allowed."""
    way, outcomes = bench.ways[0], Counter[str]()
    bench.seconds(way)
    largest = max(path.stat().st_size for path in bench.folder.glob("run*/out.mkv"))
    for _ in range(times):
        folder = bench.folder / f"disk{len(list(bench.folder.glob('disk*')))}"
        folder.mkdir()
        size = bench.random.randint(40 << 10, 3 * largest)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
        if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
            return None
        try:
            output = folder / "out.mkv"
            others = Bystanders(output)
            _note(outcomes, bench.run(way, output), output, others)
            remount = ["mount", "-o", f"remount,size={20 * largest}", str(folder)]
            subprocess.run(remount, check=True, capture_output=True)
            _go_on(bench, way, output, others, outcomes)
        finally:
            subprocess.run(["umount", str(folder)], capture_output=True)
    return Row("a disk of 40 kB to three times the output (tmpfs)", times, counted(outcomes))


def _cut(path: Path, bench: Bench) -> None:
    os.truncate(path, bench.random.randint(path.stat().st_size // 3, path.stat().st_size - 1))


def _overwritten(path: Path, bench: Bench) -> None:
    with path.open("r+b") as file:
        file.seek(bench.random.randint(path.stat().st_size // 3, path.stat().st_size - 5000))
        file.write(bench.random.randbytes(4096))


def _input_harmed(bench: Bench, what: str, times: int, harm: Callable[[Path, Bench], None]) -> Row:
    """A copy of the input is harmed at a random moment; then it is as it was, with the times that it had."""
    plain, outcomes = bench.ways[0], Counter[str]()
    copy = bench.folder / "copy.mkv"
    way = Way(f"copy of {plain.name}", plain.ending, ("stream", copy), plain.options)
    shutil.copy2(bench.clip, copy)
    seconds, state = bench.seconds(way), copy.stat()
    for _ in range(times):
        output = bench.target(way)
        others = Bystanders(output)

        def meanwhile(process: int) -> None:
            time.sleep(bench.random.uniform(0.1, 0.9) * seconds)
            harm(copy, bench)

        _note(outcomes, bench.run(way, output, meanwhile=meanwhile), output, others)
        if output.exists():
            at_once = bench.is_identical(way, output)
            outcomes["identical at once" if at_once else "harmed before they were opened"] += 1
            bench.restore(copy, state)
            continue
        bench.restore(copy, state)
        _go_on(bench, way, output, others, outcomes)
    return Row(what, times, counted(outcomes))


def _folder_gone(bench: Bench, times: int) -> Row:
    """The folder of the output disappears at a random moment, and is there again for the next run."""
    way, outcomes = bench.ways[0], Counter[str]()
    seconds = bench.seconds(way)
    for _ in range(times):
        output = bench.target(way)

        def meanwhile(process: int, folder: Path = output.parent) -> None:
            time.sleep(bench.random.uniform(0.1, 0.9) * seconds)
            shutil.rmtree(folder, ignore_errors=True)

        ended = bench.run(way, output, meanwhile=meanwhile)
        outcomes["met no fault" if ended.code == 0 else _ending(ended)] += 1
        output.parent.mkdir(exist_ok=True)
        again = bench.run(way, output)
        done = again.code == 0 and bench.is_identical(way, output)
        outcomes["identical after going on" if done else f"exit {again.code} after going on"] += 1
    return Row("the output's folder is removed at a random moment", times, counted(outcomes))


@contextmanager
def _library(folder: Path) -> Iterator[Path | None]:
    """A library that makes a part of a file unreadable; None without a C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    source, library = folder / "unreadable.c", folder / "unreadable.so"
    if compiler is not None:
        source.write_text(_UNREADABLE)
        subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True)
    yield library if compiler is not None else None


def _unreadable(bench: Bench, times: int) -> Rows:
    """From a random byte on, reading the input fails as on a broken disk; then it can be read."""
    with _library(bench.folder) as library:
        for ending in () if library is None else ("mkv", "mp4", "ts"):
            clip = write_video(bench.folder / f"read.{ending}", 120, (48, 32), "libx264", sound=True)
            way, outcomes = Way(f"read {ending}", ".mkv", ("stream", clip), bench.ways[0].options), Counter[str]()
            bench.seconds(way)
            for _ in range(max(1, times // 4)):
                output = bench.target(way)
                others = Bystanders(output)
                bad = bench.random.randint(clip.stat().st_size // 4, clip.stat().st_size - 1)
                environment = {**os.environ, "LD_PRELOAD": str(library), "LFV_BAD": str(bad)}
                environment["LFV_FILE"] = str(clip.stat().st_ino)
                command = [sys.executable, "-m", "lfvideo_sr", *map(str, way.words(output))]
                done = subprocess.run(command, capture_output=True, text=True, env=environment)
                _note(outcomes, Ended(done.returncode, 0, done.stdout, done.stderr), output, others)
                _go_on(bench, way, output, others, outcomes)
            what = f"the input ({ending}) cannot be read from a random byte on"
            yield Row(what, max(1, times // 4), counted(outcomes))


def damage(bench: Bench, times: int) -> Rows:
    """A run is killed in the middle, and its folder harmed."""
    way = bench.ways[0]
    bench.seconds(way)
    segments = {"deleted": _deleted, "cut short": _shortened, "with one byte changed": _changed}
    for name, harm in segments.items():
        yield _damaged(bench, way, f"a segment {name}", "[0-9]*[0-9].nut", times, harm)
    for name, harm in segments.items():
        yield _damaged(bench, way, f"the journal {name}", "journal.jsonl", times, harm)


def _damaged(bench: Bench, way: Way, what: str, pattern: str, times: int, harm: Callable[[Path, Bench], None]) -> Row:
    outcomes = Counter[str]()
    for _ in range(times):
        output = bench.target(way)
        others = Bystanders(output)
        frames = bench.random.randint(70, 145)
        killed = bench.run(way, output, before=killing_at(frames))
        assert killed.code == -9, killed
        work = output.with_name("out.mkv.work")
        victims = sorted(work.glob(pattern))
        harm(bench.random.choice(victims), bench)
        ended = bench.run(way, output)
        if ended.code == 5 and ended.in_one_line:
            outcomes["exit 5 in one line"] += 1
            ended = bench.runs.run([*way.words(output), "--no-resume"])
        same = ended.code == 0 and bench.is_identical(way, output)
        outcomes["identical after going on" if same else f"exit {ended.code} after going on"] += 1
        outcomes["something foreign harmed"] += not others.unharmed
        outcomes["something left behind"] += bool(bench.left(output) - others.names)
    return Row(what, times, counted(outcomes))


def killing_at(frames: int) -> str:
    """Python that a run executes first, so that it is killed when it has encoded so many frames."""
    return f"""
from lfvideo_sr.media.segment_sink import SegmentSink
plain, frames_left = SegmentSink.encode, {frames}
def killing(*arguments):
    global frames_left
    frames_left -= 1
    if frames_left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return plain(*arguments)
SegmentSink.encode = killing
"""


def _deleted(path: Path, bench: Bench) -> None:
    with suppress(FileNotFoundError):
        path.unlink()


def _shortened(path: Path, bench: Bench) -> None:
    os.truncate(path, bench.random.randrange(path.stat().st_size))


def _changed(path: Path, bench: Bench) -> None:
    content = bytearray(path.read_bytes())
    content[bench.random.randrange(len(content))] ^= 1 << bench.random.randrange(8)
    path.write_bytes(content)
