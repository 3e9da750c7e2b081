"""Runs what checks a Triton kernel in a process of its own: when kernels load, it is settled whether they are
interpreted."""

import io
import multiprocessing
import os
import traceback
from contextlib import redirect_stdout
from multiprocessing.connection import Connection
from unittest import mock

INTERPRETED = {"TRITON_INTERPRET": "1"}


def check_kernel(code: str, device: str, **names: object) -> None:
    """`code` sees DEVICE and `names`, and prints "equal" in the end. On "cpu" kernels run in Triton's interpreter, in a
    fork of one process that has imported torch and Triton for all checks."""
    context = multiprocessing.get_context("forkserver" if device == "cpu" else "spawn")
    if device == "cpu":
        context.set_forkserver_preload(["torch", "triton"])
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_check, args=(sender, code, {"DEVICE": device, **names}))
    with mock.patch.dict(os.environ, INTERPRETED if device == "cpu" else {}):
        process.start()
    sender.close()
    try:
        printed, error = receiver.recv()
    except EOFError:
        printed, error = "", "the process ended before its check did"
    process.join()
    assert error == "" and printed.strip() == "equal", error or printed


def _check(sender: Connection, code: str, names: dict[str, object]) -> None:
    printed, error = io.StringIO(), ""
    try:
        with redirect_stdout(printed):
            exec(compile(code, "check", "exec"), {"__name__": "check", **names})
    except BaseException:
        error = traceback.format_exc()
    sender.send((printed.getvalue(), error))
