#!/usr/bin/env python3
"""What a run of `lfvideo-sr` survives, what that costs, and what grows: the rows of the table of docs/reliability.md.

usage: benchmarks/reliability.py [--kills N] [--interrupts N] [--faults N] [--damage N] [--memory FRAMES]
                                 [--overhead PAIRS] [--rest PAIRS] [--ray N] [--queue] [--sequence] [--pipes]
                                 [--live SECONDS] [--codes] [--all] [--seed N] [--folder FOLDER]

All inputs are rendered, so that anyone can run it. A result counts as identical if its video and its sound have the
packets and times of those of an unbroken run; pictures and light fields, if they have the same samples.
"""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from survival import cluster, costs, faults, kills, streams
from survival.bench import Bench, Rows
from survival.forked import ForkedRuns

PARTS: dict[str, tuple[Callable[[Bench, int], Rows], int, str]] = {
    "kills": (kills.kills, 120, "runs that are killed with SIGKILL, over all kinds of output"),
    "interrupts": (kills.interrupts, 20, "runs that are interrupted"),
    "faults": (faults.faults, 20, "runs with each kind of fault"),
    "damage": (faults.damage, 8, "runs with each kind of damage to segments and journals"),
    "memory": (costs.memory, 10_000, "frames of the long runs"),
    "overhead": (costs.overhead, 8, "pairs of runs, with segments and without"),
    "rest": (costs.going_on, 3, "pairs of runs, whole ones and the rest of killed ones"),
    "ray": (cluster.cluster, 3, "runs on two workers of Ray, one of which is killed"),
    "queue": (cluster.queue, 1, "a queue of ten clips"),
    "sequence": (streams.sequence, 1, "numbered pictures"),
    "pipes": (streams.pipes, 1, "a writer and a reader beside the command"),
    "live": (streams.live, 120, "seconds of a live stream"),
    "codes": (cluster.codes, 1, "exit codes of refusals"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, (_, times, what) in PARTS.items():
        parser.add_argument(f"--{name}", nargs="?", type=int, const=times, metavar="N", help=f"{what}; default {times}")
    parser.add_argument("--all", action="store_true", help="every part, with its default")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where to work; default the system's for temporary files")
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    print("| what | tried | result | part |\n|---|---|---|---|")
    for name, (part, times, _) in PARTS.items():
        count = getattr(arguments, name) or (times if arguments.all else None)
        if count:
            with TemporaryDirectory(dir=arguments.folder) as folder, ForkedRuns(Path(folder)) as runs:
                for row in part(Bench(Path(folder), runs, arguments.seed), count):
                    print(f"{row} `--{name} {count}` |")


if __name__ == "__main__":
    main()
