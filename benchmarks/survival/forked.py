"""Runs of the command line as children of a process that has imported everything, so that a run begins at once.

A child is a process of its own: it can be killed, limited and made to fail, and its processor time is known.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

_PARENT = """
import json, os, resource, signal, sys
from lfvideo_sr import cli
from lfvideo_sr.commands import cluster, lightfield, progress, queue, stream
from lfvideo_sr.engines import numpy_engine
from lfvideo_sr.lightfields import hdf5
from lfvideo_sr.media import decoding, sink
from lfvideo_sr.methods import bicubic, flow_transfer
from lfvideo_sr.registration import conform
from lfvideo_sr.stream import journal, pipeline, writing

def run(asked):
    os.chdir(asked["folder"])
    with open(asked["printed"], "w") as printed:
        os.dup2(printed.fileno(), 1)
    with open(asked["errors"], "w") as errors:
        os.dup2(errors.fileno(), 2)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    exec(asked["before"], globals())
    if asked["file_limit"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (asked["file_limit"],) * 2)
    if asked["more_memory"] is not None:
        used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + asked["more_memory"],) * 2)
    sys.argv = ["lfvideo-sr", *asked["arguments"]]
    cli.main()

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            run(json.loads(line))
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        except BaseException:
            import traceback
            traceback.print_exc()
        finally:
            sys.stdout.flush(), sys.stderr.flush()
            os._exit(code)
    print(child, flush=True)
    _, status, used = os.wait4(child, 0)
    print(json.dumps([os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime]), flush=True)
"""


@dataclass(frozen=True)
class Ended:
    """How a run ended: exit code (below zero: the signal), seconds of processor time, and what it printed."""

    code: int
    seconds: float
    out: str
    err: str

    @property
    def in_one_line(self) -> bool:
        return len(self.err.splitlines()) == 1 and self.err.startswith("lfvideo-sr: ")


class ForkedRuns:
    """A context. `run` runs a command line to its end."""

    def __init__(self, folder: Path):
        self._folder = folder

    def __enter__(self) -> "ForkedRuns":
        self._parent = subprocess.Popen(
            [sys.executable, "-c", _PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._parent.stdin is not None
        self._parent.stdin.close()
        self._parent.wait()

    def run(
        self, arguments: Sequence[object], meanwhile: Callable[[int], object] = lambda process: None, *,
        before: str = "", file_limit: int | None = None, more_memory: int | None = None,
    ) -> Ended:  # fmt: skip
        """meanwhile: is called with the process id while the run goes on. before: Python that the run executes first.
        file_limit: the largest file, in bytes, that the run may write. more_memory: bytes of address space that it may
        take besides what it has at its start."""
        assert self._parent.stdin is not None and self._parent.stdout is not None
        asked = {
            "arguments": [str(argument) for argument in arguments], "folder": str(self._folder), "before": before,
            "printed": str(self._folder / "printed"), "errors": str(self._folder / "errors"),
            "file_limit": file_limit, "more_memory": more_memory,
        }  # fmt: skip
        self._parent.stdin.write(json.dumps(asked) + "\n")
        self._parent.stdin.flush()
        process = int(self._parent.stdout.readline())
        meanwhile(process)
        code, seconds = json.loads(self._parent.stdout.readline())
        out, err = ((self._folder / name).read_text(errors="replace") for name in ("printed", "errors"))
        return Ended(code, seconds, out, err)
