"""What a run reports: a CSV, TensorBoard, printed lines, a bar; its validations, and the best state."""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn

from ..config import dump_config
from ..media.images import write_png
from .checkpoint import RunState, as_numbers
from .run_folder import BEST, BOARD, CONFIG, LOG, PICTURES, RunFolder
from .task import Losses, Network, RunConfig, Task, Validation

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


_MOST_DIGITS = 20  # of a number in a log
_SILENT = 10.0  # seconds after which a line is printed, where no bar is shown


class Course:
    """The course of a run: CSV, TensorBoard where it is installed, printed lines, a bar, pictures, the best state."""

    def __init__(self, task: Task[Network], averaged: Network, config: RunConfig, folder: RunFolder, step: int):
        self._config = config
        self._validate: Callable[[], Validation] | None = task.validate and partial(task.validate, averaged)
        self._scores = task.scores
        self._folder = folder
        dump_config(replace(config, resume=True), folder.register(CONFIG))
        names = [name for part in task.steps.values() for name in part.names]
        self._csv = _Rows(folder.register(LOG), ("step", *names, "seconds", *task.scores), step)
        self._board = _tensorboard(folder, step)
        self._saved = time.monotonic()
        self._first, self._began = step, time.monotonic()
        self._printed = self._began
        self._bar = _bar(config.max_steps, step)

    def close(self) -> None:
        self._bar.stop()

    def after(self, step: int, losses: Losses, state: RunState) -> Losses:
        """Take note of a step; returns the means of the losses since the last report, so far."""
        self._bar.update(self._bar.task_ids[0], completed=step)
        every = self._config.report_every
        parts = {name: value / every for name, value in losses.items()}
        before = {name: value.to(losses[name]) for name, value in state.sums.items()}  # a resumed run's are on the host
        summed = {name: before[name] + part if name in before else part for name, part in parts.items()}
        if step % every:
            self._print_step(step)
            return summed
        sums = as_numbers(summed)
        scores = self._validated(step, state) if step % self._config.validate_every == 0 else {}
        self._csv.add(step=step, seconds=round(state.seconds, 1), **sums, **scores)
        for name, value in {**sums, **scores}.items():
            if self._board is not None:
                self._board.add_scalar(name, value, step)
        values = "  ".join(f"{name} {value:.5g}" for name, value in {**sums, **scores}.items())
        print(f"{step}/{self._config.max_steps}  {values}  left {self._left(step)}", flush=True)
        self._printed = time.monotonic()
        return {}

    def _print_step(self, step: int) -> None:
        """Between reports, where there is no bar: how far the run is."""
        if self._bar.disable and time.monotonic() - self._printed >= _SILENT:
            self._printed = time.monotonic()
            print(f"{step}/{self._config.max_steps}  left {self._left(step)}", flush=True)

    def due_to_save(self) -> bool:
        """Whether `save_minutes` are over since this was true last."""
        if time.monotonic() - self._saved < 60 * self._config.save_minutes:
            return False
        self._saved = time.monotonic()
        return True

    def _validated(self, step: int, state: RunState) -> dict[str, float]:
        if self._validate is None:
            return {}
        random = torch.get_rng_state()  # validating must not change the course
        with torch.no_grad():
            scores, pictures = self._validate()
        torch.set_rng_state(random)
        for name, pixels in pictures.items():
            write_png(self._folder.register(f"{PICTURES}/{name}_{step:07}.png"), pixels)
        deciding = scores[self._scores[0]]
        if deciding > state.best:
            state.best, state.sums = deciding, {}  # this report is made
            state.save(step, self._folder.register(BEST))
        return scores

    def _left(self, step: int) -> str:
        seconds = (time.monotonic() - self._began) / (step - self._first) * (self._config.max_steps - step)
        return f"{seconds / 60:.0f} min"


class _Rows:
    """A CSV with one row per report. On resume, rows beyond the resumed step and damaged lines are dropped."""

    def __init__(self, path: Path, columns: tuple[str, ...], resume_step: int):
        self.path, self.columns = path, columns
        rows, damaged = _read_rows(path) if path.is_file() else ([], 0)
        if damaged:
            print(f"{path} is damaged: {damaged} of its lines are left out", flush=True)
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(row for row in rows if int(row["step"]) <= resume_step)

    def add(self, **values: float) -> None:
        with self.path.open("a", newline="") as file:
            csv.DictWriter(file, self.columns).writerow(
                {key: f"{value:.6g}" if isinstance(value, float) else value for key, value in values.items()}
            )


def _read_rows(path: Path) -> tuple[list[dict[str, str]], int]:
    """The rows of a log by column, and how many of its lines are damaged."""
    names, *lines = (line.split(",") for line in path.read_text(errors="replace").splitlines() or [""])
    rows = [dict(zip(names, line)) for line in lines if len(line) == len(names) and _are_numbers(line)]
    rows = [row for row in rows if row.get("step", "").isdecimal()]
    return rows, len(lines) - len(rows)


def _are_numbers(words: list[str]) -> bool:
    """Whether each word is empty or a number in few digits."""
    try:
        for word in filter(None, words):
            float(word)
    except ValueError:
        return False
    return max(map(len, words)) < _MOST_DIGITS


def _bar(total: int, done: int) -> Progress:
    """A bar with the time left, at a terminal; a log file has the lines alone."""
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    bar = Progress(*columns, disable=not sys.stdout.isatty())
    bar.add_task("steps", total=total, completed=done)
    bar.start()
    return bar


def _tensorboard(folder: RunFolder, step: int) -> SummaryWriter | None:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    board = folder.path / BOARD
    before = set(board.glob("*"))
    writer = SummaryWriter(str(board), purge_step=step)
    folder.register_new(BOARD, before)
    return writer
