"""Whether torch serves on this machine: it may be absent, fail to load, or not fit under a limit of memory. Whether it
could find a GPU, asked without loading it."""

import ctypes
import platform
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from .checks import is_installed
from .errors import first_line
from .media.limits import free_address_space


def why_no_torch() -> str | None:
    """Why torch does not serve, for people; None where it does, and is loaded."""
    if is_loaded():
        return None
    if not is_installed("torch"):
        return "torch is not installed"
    if without := _no_space():
        return without
    try:
        import_module("torch")
    except (ImportError, OSError, RuntimeError, MemoryError) as error:
        return f"torch cannot be loaded ({first_line(error)[:160]})"
    return None


def is_loaded() -> bool:
    """Whether this process has loaded torch already."""
    return bool(sys.modules.get("torch"))


def may_have_gpu() -> bool:
    """Whether there may be a GPU that torch or ONNX Runtime can use; False only where that is certain. Neither is
    loaded: without NVIDIA's driver library and AMD's device, no library finds a GPU on Linux or Windows."""
    library = {"Linux": "libcuda.so.1", "Windows": "nvcuda.dll"}.get(platform.system())
    if library is None or Path("/dev/kfd").exists():
        return True
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _no_space() -> str | None:
    """Why torch is not even tried under a limit of memory: its libraries, and those that it loads, do not fit, and once
    some of them are mapped, ONNX Runtime does not fit either. None where there is no such limit."""
    free = free_address_space()
    if free is None:
        return None
    spec = find_spec("torch")
    folders = [Path(folder) for folder in (spec.submodule_search_locations or [] if spec else [])]
    libraries = [file for folder in folders for file in (folder / "lib").glob("*.so*")]
    libraries += [file for folder in folders for file in folder.parent.glob("nvidia/*/lib/*.so*")]
    if sum(file.stat().st_size for file in libraries) <= free:
        return None
    return f"torch cannot be loaded (its libraries are larger than the {free / 1e9:.1f} GB that ulimit -v leaves)"
