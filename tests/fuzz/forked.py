"""Runs a command line in a forked child, where it may crash, hang or fill its memory without harm."""

import faulthandler
import os
import re
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path

from lfvideo_sr import cli

SECONDS = 30.0  # of processor time, so that a busy machine makes no command look as if it hung
_WAITING = 10  # times as many seconds on the clock, for one that waits for something that never comes
MEMORY = 2 << 30  # bytes of address space beyond what the parent has


@dataclass(frozen=True)
class Ended:
    """How a command ended. code: its exit code; None where it was killed, by `signal` or because it `hung`."""

    code: int | None
    signal: int
    hung: bool
    out: str
    err: str

    @property
    def problem(self) -> str | None:
        """What is wrong with the way it ended, short enough to count by; None for a result and an orderly refusal."""
        if self.hung:
            return "hangs"
        if self.signal:
            return f"signal {signal.Signals(self.signal).name}"
        if "Traceback" in self.err:
            return f"traceback {_where(self.err)}"
        lines = self.err.splitlines()
        if self.code and (len(lines) != 1 or not lines[0].startswith("lfvideo-sr: ")):
            return f"exit {self.code} with {len(lines)} lines"
        if self.code not in (0, 2, 3, 4, 5, 6):
            return f"exit {self.code}"
        return None


def run_forked(arguments: Sequence[str], folder: Path, seconds: float = SECONDS, memory: int = MEMORY) -> Ended:
    """Run `lfvideo-sr ARGUMENTS` with `folder` as working folder; what it prints is collected beside the folder."""
    out, err = folder.with_suffix(".out"), folder.with_suffix(".err")
    child = os.fork()
    if child == 0:
        _be_the_command(arguments, folder, out, err, memory)
    hung = not _ends(child, seconds)
    if hung:
        os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
    number = os.WTERMSIG(status) if os.WIFSIGNALED(status) and not hung else 0
    texts = [path.read_text(errors="replace") if path.exists() else "" for path in (out, err)]
    return Ended(code, number, hung, *texts)


def _ends(child: int, seconds: float) -> bool:
    watched, until = os.pidfd_open(child), time.monotonic() + _WAITING * seconds
    try:
        while not select.select([watched], [], [], min(1.0, seconds))[0]:
            if _processor_time(child) > seconds or time.monotonic() > until:
                return False
        return True
    finally:
        os.close(watched)


def _processor_time(child: int) -> float:
    """Seconds that a process has computed so far."""
    fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _be_the_command(arguments: Sequence[str], folder: Path, out: Path, err: Path, memory: int) -> None:
    """Never returns."""
    code = 1
    faulthandler.disable()  # pytest's would print a crash past what is collected here
    try:
        os.chdir(folder)
        _limit(memory)
        _print_to(out, err)
        sys.argv = ["lfvideo-sr", *arguments]
        cli.main()
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


def _limit(memory: int) -> None:
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + memory, held + memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 28, 1 << 28))


def _print_to(out: Path, err: Path) -> None:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    sys.stdout, sys.stderr = (TextIOWrapper(os.fdopen(number, "wb", closefd=False)) for number in (1, 2))


def _where(err: str) -> str:
    """The last place in this project that a traceback names, and the kind of error."""
    places = re.findall(r'File "[^"]*/((?:lfvideo_sr|engines|trainers)/[^"]+)", line (\d+)', err)
    kind = next(
        (line.split(":")[0] for line in reversed(err.splitlines()) if re.match(r"\w[\w.]*(Error|Exit|\w+)\b", line)), ""
    )
    return f"{':'.join(places[-1]) if places else '?'} {kind}"
