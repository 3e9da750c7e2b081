"""Runs that are killed or interrupted at random moments, and go on."""

import os
import signal
import time
from collections import Counter
from pathlib import Path

from .bench import Bench, Row, Rows, Way, counted
from .clips import Bystanders, plays


def kills(bench: Bench, times: int) -> Rows:
    """kill -9 at random moments, over every kind of output; each run goes on, and may be killed again."""
    ways = bench.ways
    for place, way in enumerate(ways):
        yield _killed(bench, way, times // len(ways) + (place < times % len(ways)))


def _killed(bench: Bench, way: Way, times: int) -> Row:
    seconds, killed, outcomes, played = bench.seconds(way), 0, Counter[str](), Counter[bool]()
    while killed < times:
        output = bench.target(way)
        others = Bystanders(output)
        while True:
            ended = bench.run(way, output, meanwhile=lambda process: _kill_later(bench, process, seconds))
            if ended.code != -signal.SIGKILL:
                break
            killed += 1
            played.update(plays(segment) > 0 for segment in _segments(output))
            if bench.random.random() < 0.5:
                ended = bench.run(way, output)
                break
        outcomes["identical" if ended.code == 0 and bench.is_identical(way, output) else f"exit {ended.code}"] += 1
        outcomes["something foreign harmed"] += not others.unharmed
        outcomes["something left behind"] += bool(bench.left(output) - others.names)
    segments = f"; {played[True]} of {played.total()} segments play" if played else ""
    return Row(f"kill -9, {way.name}", killed, f"results: {counted(outcomes)}{segments}")


def _kill_later(bench: Bench, process: int, seconds: float) -> None:
    time.sleep(bench.random.uniform(0, 1.1 * seconds))
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        return


def _segments(output: Path) -> list[Path]:
    return sorted(output.parent.glob("*.work/[0-9]*[0-9].nut"))


def interrupts(bench: Bench, times: int) -> Rows:
    """SIGINT or SIGTERM at random moments."""
    way, outcomes = bench.ways[0], Counter[str]()
    seconds = bench.seconds(way)
    for _ in range(times):
        output = bench.target(way)
        others = Bystanders(output)
        ended = bench.run(way, output, meanwhile=lambda process: _interrupt(bench, process, seconds))
        parts = [part for part in output.parent.glob("out.partial*") if part.name not in others.names]
        if ended.code == 0:
            outcomes["done"] += 1
        elif ended.code == 130 and ended.in_one_line:
            outcomes["a part that plays" if any(map(plays, parts)) else "nothing was encoded yet"] += 1
        else:
            outcomes[f"exit {ended.code}"] += 1
        again = bench.run(way, output)
        same = again.code == 0 and bench.is_identical(way, output)
        outcomes["identical after going on" if same else "not identical"] += 1
        outcomes["something foreign harmed"] += not others.unharmed
        outcomes["something left behind"] += bool(bench.left(output) - others.names)
    yield Row("SIGINT or SIGTERM at a random moment", times, counted(outcomes))


def _interrupt(bench: Bench, process: int, seconds: float) -> None:
    time.sleep(bench.random.uniform(0.1, seconds))
    try:
        os.kill(process, bench.random.choice([signal.SIGINT, signal.SIGTERM]))
    except ProcessLookupError:
        return
