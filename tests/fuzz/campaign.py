"""Runs the command line on many damaged files, and counts how it ends: `python tests/fuzz/campaign.py --count 3000`."""

import argparse
import hashlib
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

from forked import Ended, run_forked  # noqa: E402
from kinds import KINDS, Kind  # noqa: E402
from mutations import damaged  # noqa: E402


@dataclass(frozen=True)
class Case:
    """A damaged file and what became of it. problem: as in `Ended`, or what was left behind; None where all is well."""

    kind: str
    number: int
    ended: Ended
    problem: str | None
    folder: Path


LIGHT = [name for name, kind in KINDS.items() if not kind.heavy]
_LOADED = "commands.image commands.lightfield commands.lightfield_info commands.stream commands.queue commands.plan"
_METHODS = "engines.numpy_engine methods.bicubic methods.flow_transfer lightfields.matlab"
_HEAVY = "engines.onnx_engine engines.torch_engine trainers.features methods.stream_ref commands.train"


def prepare(heavy: bool) -> None:
    """Load what the commands need, once, in one thread: a forked child has it."""
    import cv2

    cv2.setNumThreads(1)
    for name in f"{_LOADED} {_METHODS} {_HEAVY if heavy else ''}".split():
        import_module(f"lfvideo_sr.{name}")
    if heavy:
        sys.modules["torch"].set_num_threads(1)
        sys.modules["onnxruntime"].set_default_logger_severity(4)


def cases(names: Sequence[str], count: int, seed: int, scratch: Path) -> Iterator[Case]:
    """`count` cases, each kind in its turn; those with a problem stay in `scratch`."""
    seeds = {name: _seed(name, scratch) for name in names}
    for number in range(count):
        name = names[number % len(names)]
        case = _run(name, KINDS[name], seeds[name], number, seed, scratch)
        yield case
        if case.problem is None:
            _remove(case.folder)
    for folder in seeds.values():
        shutil.rmtree(folder)


def _seed(name: str, scratch: Path) -> Path:
    folder = scratch / f"seed {name}"
    folder.mkdir()
    KINDS[name].make(folder)
    return folder


def _run(name: str, kind: Kind, seed_folder: Path, number: int, seed: int, scratch: Path) -> Case:
    digest = hashlib.sha256(f"{seed} {number} {name}".encode()).digest()
    rng = random.Random(int.from_bytes(digest[:8], "big"))
    folder = scratch / f"{name.replace(' ', '_').replace('.', '_')}_{number}"
    shutil.copytree(seed_folder, folder)
    path = rng.choice(sorted(path for pattern in kind.mutated for path in folder.glob(pattern)))
    path.write_bytes(damaged(path.read_bytes(), rng, kind.format))
    before = _names(folder)
    os.environ["LFVIDEO_CACHE"] = str(folder / "cache")
    ended = run_forked(kind.arguments, folder)
    return Case(name, number, ended, ended.problem or _left_behind(ended, before, _names(folder)), folder)


def _names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def _left_behind(ended: Ended, before: set[str], after: set[str]) -> str | None:
    """Of a refusal: files that were not there. What a run has finished in part stays, and so does a training's."""
    kept = ("out.partial.mkv", "run", "photos", "pieces", "lightning_logs")
    new = sorted(name for name in after - before if not name.startswith(kept) and not _is_of_a_journal(name))
    return f"leaves {new[0]}" if ended.code and new else None


def _is_of_a_journal(name: str) -> bool:
    """Whether it is in the folder of a run that can go on, of a video or of a light field."""
    return Path(name).parts[0].endswith(".work")


def _remove(folder: Path) -> None:
    shutil.rmtree(folder)
    for ending in (".out", ".err"):
        folder.with_suffix(ending).unlink(missing_ok=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--keep", type=Path, help="an empty folder where cases with a problem stay")
    asked = parser.parse_args()
    kinds = asked.kinds.split(",")
    prepare(heavy=any(KINDS[name].heavy for name in kinds))
    scratch = asked.keep or Path(tempfile.mkdtemp())
    scratch.mkdir(parents=True, exist_ok=True)
    started, codes, problems, seconds = time.monotonic(), Counter[object](), Counter[str](), Counter[str]()
    for case in cases(kinds, asked.count, asked.seed, scratch):
        codes[case.ended.code] += 1
        seconds[case.kind] += time.monotonic() - started - sum(seconds.values())
        if case.problem is not None:
            problems[f"{case.kind}: {case.problem}"] += 1
            print(f"{case.folder.name}: {case.problem}: {case.ended.err.strip()[-300:]!r}", flush=True)
    print(f"{asked.count} files in {time.monotonic() - started:.0f} s; exit codes {dict(codes)}")
    for problem, times in problems.most_common():
        print(f"{times:5}  {problem}")
    print("seconds:", ", ".join(f"{kind} {spent:.0f}" for kind, spent in seconds.most_common(12)))


if __name__ == "__main__":
    main()
