"""What cuDNN may do while a method runs on a GPU. The settings are the process's, so they are put back afterwards."""

import threading

import torch


class CudnnSettings:
    """A context manager: convolutions in float32 compute in float32 (no TF32), and the fastest algorithm is looked for.

    Contexts may be nested and may overlap in several threads: the first one stores what the process had set, and the
    last one puts that back.
    """

    _lock = threading.Lock()
    _running = 0
    _stored = (False, False)

    def __enter__(self) -> None:
        cudnn = torch.backends.cudnn
        with self._lock:
            if CudnnSettings._running == 0:
                CudnnSettings._stored = (cudnn.allow_tf32, cudnn.benchmark)
                cudnn.allow_tf32, cudnn.benchmark = False, True
            CudnnSettings._running += 1

    def __exit__(self, *exc_info: object) -> None:
        cudnn = torch.backends.cudnn
        with self._lock:
            CudnnSettings._running -= 1
            if CudnnSettings._running == 0:
                cudnn.allow_tf32, cudnn.benchmark = CudnnSettings._stored
