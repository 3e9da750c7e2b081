"""Where kernels of Triton's take the place of torch's operators."""

import torch

from ..checks import is_installed

_OLDEST = 7, 0  # compute capability that Triton compiles for


def by_triton(x: torch.Tensor) -> bool:
    """Whether they may work on `x`: it lies on a GPU that Triton knows, nothing is to be differentiated, and nobody
    compiles or exports what is called."""
    if not x.is_cuda or torch.is_grad_enabled() or torch.compiler.is_compiling():
        return False
    return is_installed("triton") and torch.cuda.get_device_capability(x.device) >= _OLDEST
