"""Keeps freed memory in the process, so that the next frame's buffers need no new pages from the system, and gives it
back between the stages of a large picture."""

import ctypes
import platform
from functools import cache

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3  # glibc's malloc.h
_MAPPED = 32 << 20  # bytes from which a block is mapped by itself, the most that glibc allows


def prepare_process(device: str) -> None:
    """For a command that does nothing else than run an engine on `device`: on a CPU, keep freed memory."""
    if device == "cpu":
        keep_freed_memory()


@cache
def keep_freed_memory() -> bool:
    """Tell glibc's malloc to serve large blocks from its heap and not to give them back; whether that was possible.

    Without it every large buffer is mapped, zeroed page by page and unmapped again. The largest still are: among blocks
    of many sizes a heap keeps holes that none of these fits into, gigabytes of them in a large network. This holds for
    the whole process, so that the command line alone calls it, when an engine runs on the CPU; a program that imports
    the package decides for itself.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    settings = {_MMAP_THRESHOLD: _MAPPED, _TRIM_THRESHOLD: 2**31 - 1, _TOP_PAD: 64 << 20}
    return all(mallopt(name, value) for name, value in settings.items())


def return_freed_memory() -> None:
    """Give freed blocks back to the system after all, as between the stages of a large picture, which need blocks of
    other sizes each."""
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)
