"""Runs what checks a Triton kernel in a process of its own: when kernels load, it is settled whether they are
interpreted."""

import os
import subprocess
import sys


def check_kernel(code: str, device: str, **names: object) -> None:
    """`code` sees DEVICE and `names`, and prints "equal" in the end. On "cpu" kernels run in Triton's interpreter."""
    constants = "".join(f"{name} = {value!r}\n" for name, value in {"DEVICE": device, **names}.items())
    environment = {**os.environ, **({"TRITON_INTERPRET": "1"} if device == "cpu" else {})}
    done = subprocess.run([sys.executable, "-c", constants + code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.strip() == "equal", done.stderr
