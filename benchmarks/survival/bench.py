"""What all measurements share: inputs, targets, runs, and the rows of the table."""

import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from .clips import content, write_hybrid, write_pictures, write_sharp_view, write_views
from .forked import Ended, ForkedRuns

FRAMES = 150
SIZE = (48, 32)
FAST = ("--method", "bicubic", "--preset", "ultrafast", "--progress", "none")


@dataclass(frozen=True)
class Row:
    """A row of the table: what was done, how often, and what came of it."""

    what: str
    tried: int
    result: str

    def __str__(self) -> str:
        return f"| {self.what} | {self.tried} | {self.result} |"


Rows = Iterator[Row]


@dataclass(frozen=True)
class Way:
    """A way from an input to an output, by a command line. ending: of the output, which is called `out`."""

    name: str
    ending: str
    command: tuple[object, ...]
    options: tuple[object, ...]

    def words(self, output: Path) -> list[object]:
        return [*self.command, "-o", output, *self.options]

    def result(self, output: Path) -> Path:
        """What is compared: the folder of numbered pictures, else the output."""
        return output.parent if "%" in output.name else output


class Bench:
    """Inputs in a folder, made when they are first needed, and runs of the command line."""

    def __init__(self, folder: Path, runs: ForkedRuns, seed: int):
        self.folder, self.runs, self.random = folder, runs, random.Random(seed)
        self._count = 0
        self._unbroken: dict[str, tuple[float, float, object]] = {}

    @cached_property
    def clip(self) -> Path:
        """FRAMES frames with references every eight, and sound."""
        return write_hybrid(self.folder / "in.mkv", FRAMES, SIZE, sound=True)

    @cached_property
    def pictures(self) -> Path:
        return write_pictures(self.folder / "pictures", FRAMES, SIZE)

    @cached_property
    def views(self) -> Path:
        write_sharp_view(self.folder / "sharp.png", (40, 32), 2)
        return write_views(self.folder / "views.h5", 5, (40, 32))

    @cached_property
    def view_video(self) -> Path:
        return write_views(self.folder / "video.h5", 3, (40, 32), frames=8)

    def video_way(self, codec: str, ending: str, *options: object) -> Way:
        words = ("stream", self.clip)
        return Way(f"{codec} in {ending}", f".{ending}", words, (*FAST, "--codec", codec, *options))

    @cached_property
    def ways(self) -> list[Way]:
        """Every kind of output."""
        fast = ("--quality", "fast", "--preset", "ultrafast", "--progress", "none")
        refs = ("--refs", self.folder / "sharp.png", "--ref-view", "2,2", "--progress", "none")
        return [
            self.video_way("libx264", "mkv"),
            self.video_way("libx264", "mp4"),
            self.video_way("libx265", "mp4", "-e", "x265-params=log-level=none"),
            self.video_way("ffv1", "mkv"),
            Way("pictures of pictures", "/%04d.png", ("stream", self.pictures), ("--method", "bicubic")),
            Way("libx264 in mkv, --quality fast", ".mkv", ("stream", self.clip, "--frames", 70), fast),
            Way("views of a light field", ".h5", ("lightfield", self.views), (*refs, "--method", "flow_transfer")),
            Way(
                "views of a light-field video", ".h5", ("lightfield", self.view_video),
                ("--method", "flow_transfer", "--progress", "none"),
            ),
        ]  # fmt: skip

    def target(self, way: Way) -> Path:
        """An output in a new folder."""
        self._count += 1
        folder = self.folder / f"run{self._count}"
        folder.mkdir()
        if way.ending.startswith("/"):
            (folder / "out").mkdir()
            return folder / "out" / way.ending[1:]
        return folder / f"out{way.ending}"

    def run(self, way: Way, output: Path, **limits) -> Ended:
        return self.runs.run(way.words(output), **limits)

    def _unbroken_of(self, way: Way) -> tuple[float, float, object]:
        """Seconds that pass, seconds of processor time, and content of an unbroken run."""
        if way.name not in self._unbroken:
            output, started = self.target(way), time.monotonic()
            ended = self.run(way, output)
            assert ended.code == 0, ended.err
            taken = time.monotonic() - started
            self._unbroken[way.name] = taken, ended.seconds, content(way.result(output))
        return self._unbroken[way.name]

    def seconds(self, way: Way) -> float:
        """How long an unbroken run takes."""
        return self._unbroken_of(way)[0]

    def is_identical(self, way: Way, output: Path) -> bool:
        """Whether an output is that of an unbroken run: packets and times, samples, or files."""
        result = way.result(output)
        if not result.exists():
            return False
        resumed, unbroken = content(result), self._unbroken_of(way)[2]
        if isinstance(resumed, dict) and isinstance(unbroken, dict):
            return {name: resumed.get(name) for name in unbroken} == unbroken
        return resumed == unbroken

    def restore(self, copy: Path, state: os.stat_result) -> None:
        """Make a copy of the clip what it was, with the times that it had."""
        copy.write_bytes(self.clip.read_bytes())
        os.utime(copy, ns=(state.st_atime_ns, state.st_mtime_ns))

    def left(self, output: Path) -> set[str]:
        """What is left of a finished run besides its output and its report."""
        folder = output.parent.parent if "%" in output.name else output.parent
        expected = {"out", f"out{output.suffix}", "out.report.json"}
        left = {path.name for path in folder.iterdir()} - expected
        if "%" in output.name:
            left |= {path.name for path in output.parent.iterdir() if path.suffix != ".png"}
        return left


def counted(outcomes: Counter[str]) -> str:
    """ "3 this, 2 that" """
    return ", ".join(f"{count} {what}" for what, count in outcomes.items() if count)
