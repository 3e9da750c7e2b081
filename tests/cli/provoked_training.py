"""Messages about trainings, each with a command that gets it; see `provoked.py`."""

from pathlib import Path

from filelock import FileLock
from provoked import Prepare, write

from lfvideo_sr.training.run_folder import LIST, LOCK

HELD: list[FileLock] = []  # by trainings at work, until this process ends


def foreign_run(folder: Path) -> None:
    write("run.yaml", "trainer: features\nbatch: 2\n")(folder)
    write("run/config.yaml", "mine")(folder)


def training_at_work(folder: Path) -> None:
    """In the folder `run`."""
    write("run.yaml", "trainer: features\nbatch: 2\n")(folder)
    (folder / "run").mkdir()
    HELD.append(FileLock(folder / "run" / LOCK))
    write(f"run/{LIST}", f"{LOCK}\n")(folder)
    HELD[-1].acquire()


PROVOKED: dict[str, tuple[list[str], Prepare | None]] = {
    "no '...' in configs; did you mean": (["train", "strem_ref"], None),
    "training clips, first": (["train", "run.yaml"], write("run.yaml", "trainer: stream_ref\nclips: [a.mp4]\n")),
    "holds no pictures to train on": (["train", "run.yaml"], write("run.yaml", "trainer: features\nphotos: [x]\n")),
    "cannot be read as YAML": (["train", "run.yaml"], write("run.yaml", "a: [")),
    "is not a run's; move it away": (["train", "run.yaml", "-o", "run"], foreign_run),
    "another training writes to": (["train", "run.yaml", "-o", "run"], training_at_work),
}  # fmt: skip
