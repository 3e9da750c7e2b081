"""Where kernels of Triton's take the place of torch's operators."""

import torch

from ..checks import is_installed


def by_triton(x: torch.Tensor) -> bool:
    """Whether they may work on `x`: it lies on CUDA, Triton is there, nothing is to be differentiated and nobody
    compiles or exports what is called."""
    free = not torch.is_grad_enabled() and not torch.compiler.is_compiling()
    return x.is_cuda and free and is_installed("triton")
