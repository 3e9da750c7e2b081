"""Runs the command line in processes that end at a chosen moment, as a crash or an interrupt ends them.

A parent that has imported everything, and started no thread, is forked for each run: that saves the seconds that a new
process takes to import it all.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

# Ends the process, or sends it a signal, at the N-th time that a file is made safe, given a name or written to.
_PARENT = """
import json, os, signal, sys
from lfvideo_sr import cli
from lfvideo_sr.commands import cluster, lightfield, progress, queue, stream
from lfvideo_sr.engines import numpy_engine
from lfvideo_sr.lightfields import arrays, folder, frames_of, hdf5, pictures
from lfvideo_sr.media import sink
from lfvideo_sr.methods import bicubic, flow_transfer
from lfvideo_sr.registration import conform
from lfvideo_sr.stream import writing

def counting(function, signal_number):
    def call(*arguments, **options):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal_number) if signal_number else os._exit(9)
        return function(*arguments, **options)
    return call

def run(asked):
    global left
    left = asked["after"]
    os.chdir(asked["folder"])
    output = os.open(asked["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1), os.dup2(output, 2)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    for owner, name in ((os, "fsync"), (os, "replace"), (sink.VideoSink, "encode")):
        setattr(owner, name, counting(getattr(owner, name), asked["signal"]))
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
        finally:
            sys.stdout.flush(), sys.stderr.flush()
            os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
NEVER = 10**9


class CrashingRuns:
    """A context: `run` gives the exit code of one run."""

    def __enter__(self) -> "CrashingRuns":
        self._parent = subprocess.Popen(
            [sys.executable, "-c", _PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._parent.stdin.close()
        self._parent.wait(60)
        self._parent.stdout.close()

    def run(self, arguments: Sequence[object], folder: Path, after: int = NEVER, signal_number: int = 0) -> int:
        """Run `lfvideo-sr ARGUMENTS` in `folder`, until file work has been done `after` times. What it prints is in
        the file of `printed`."""
        asked = {
            "arguments": [str(argument) for argument in arguments], "folder": str(folder), "after": after,
            "signal": signal_number, "output": str(self.printed(folder)),
        }  # fmt: skip
        self._parent.stdin.write(json.dumps(asked) + "\n")
        self._parent.stdin.flush()
        return int(self._parent.stdout.readline())

    @staticmethod
    def printed(folder: Path) -> Path:
        """The file beside `folder` with all that the last run there printed."""
        return folder.with_name(folder.name + ".printed")
