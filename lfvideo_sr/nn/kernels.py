"""Where kernels of Triton's take the place of torch's operators."""

import warnings
from functools import cache

import torch

from ..checks import is_installed
from ..errors import first_line

_OLDEST = 7, 0  # compute capability that Triton compiles for


def by_triton(x: torch.Tensor) -> bool:
    """Whether they may work on `x`: it is on a GPU that Triton knows, nothing is to be differentiated, and nobody
    compiles or exports what is called."""
    if not x.is_cuda or torch.is_grad_enabled() or torch.compiler.is_compiling():
        return False
    return _starts() and torch.cuda.get_device_capability(x.device) >= _OLDEST


@cache
def _starts() -> bool:
    """Whether Triton is there, and has what it needs to start kernels: a C compiler, Python's headers."""
    if not is_installed("triton"):
        return False
    try:
        from triton.runtime import driver

        driver.active.get_current_device()  # as each kernel does; the first time it compiles C
    except Exception as error:  # its own, and those of the compiler
        warnings.warn(f"Triton does not start ({first_line(error)[:160]}); torch does what it would do", stacklevel=3)
        return False
    return True
