"""`lfvideo-sr doctor`: what is installed, what is missing and the command that installs it, which engine would run and
why, and whether each engine restores ten frames as it should."""

import json
import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from .. import __version__
from ..checks import install_command, is_installed, package_of
from ..errors import EngineError, LFVideoError, first_line, printable

# What each module is for, the necessary ones first.
NEEDED = {
    "numpy": "arrays", "av": "videos", "cv2": "pictures and optical flow", "PIL": "pictures", "h5py": "HDF5",
    "scipy": "MATLAB files", "safetensors": "weights", "typer": "this command line", "rich": "progress bars",
    "filelock": "runs that go on", "platformdirs": "the cache of engines", "yaml": "configurations",
}  # fmt: skip
OPTIONAL = {
    "torch": "learned methods, on a CPU or a GPU", "torchvision": "losses of trainings",
    "onnxruntime": "learned methods without torch", "tensorrt": "compiled engines on NVIDIA GPUs",
    "lightning": "training", "ray": "stream --ray", "pillow_heif": "HEIC stills",
}  # fmt: skip
_BOTH_OPENCVS = ("opencv-python", "opencv-python-headless")
_CPU_TORCH = "pip install torch torchvision --index-url https://download.pytorch.org/whl/cpu"


@dataclass(frozen=True)
class Package:
    """A module, the version of its package, or None where it is missing, and what it is for."""

    module: str
    purpose: str
    version: str | None

    @property
    def name(self) -> str:
        return package_of(self.module)

    @property
    def install(self) -> str:
        return _CPU_TORCH if self.module in ("torch", "torchvision") else install_command(self.module)


def run_doctor(as_json: bool) -> None:
    """Print the findings; raises EngineError (exit code 4) where something that is installed does not work, or
    something necessary is missing."""
    findings = _Findings(as_json)
    needed, optional = ([_package(*each) for each in table.items()] for table in (NEEDED, OPTIONAL))
    findings.add("machine", f"lfvideo-sr {__version__}, Python {platform.python_version()}, {platform.platform()}")
    present = [package for package in (*needed, *optional) if package.version]
    findings.add("installed", ", ".join(f"{package.name} {package.version}" for package in present))
    for package in needed:
        if package.version is None:
            findings.fail("missing", f"{package.name} ({package.purpose}): {package.install}")
    for package in optional:
        if package.version is None:
            findings.add("missing", f"{package.name} ({package.purpose}), not necessary: {package.install}")
    for line in conflicts():
        findings.fail("problem", line)
    for line in notes():
        findings.add("note", line)
    if not findings.failed:
        _check_engines(findings)
    findings.finish()


def conflicts() -> Iterator[str]:
    """What of the installation cannot work, each with the command that mends it."""
    both = [name for name in (*_BOTH_OPENCVS, "opencv-contrib-python") if _version(name)]
    if len(both) > 1:
        yield (
            f"{' and '.join(both)} are installed into the same folder and overwrite each other: "
            f"pip uninstall -y {' '.join(both)} && pip install opencv-python-headless"
        )
    from ..engines.cache import cache_folder

    folder = cache_folder()
    if folder.exists() and not os.access(folder, os.W_OK):
        yield f"{folder}, the cache of engines, cannot be written: set LFVIDEO_CACHE to a folder of your own"


def notes() -> Iterator[str]:
    """What works, and could work better."""
    if not (is_installed("torch") or is_installed("onnxruntime")):
        yield f"without torch and ONNX Runtime only flow_transfer and bicubic run: {_CPU_TORCH}"
    if "+cpu" in (_version("torch") or "") and Path("/proc/driver/nvidia/version").exists():
        yield "an NVIDIA GPU is here, and this torch is the build for CPUs: pip install torch torchvision"
    if sys.flags.optimize > 1:
        yield "python -OO removes the texts of help; run without it"


def _check_engines(findings: "_Findings") -> None:
    """The engine that would run, the encoders, and a self-test of each engine."""
    from ..choose import EngineOptions, choose_engine
    from .info import encoders_that_open
    from .self_test import LOW, run_self_test

    options = EngineOptions(quality="auto")
    try:
        chosen = choose_engine(options, LOW)
        with chosen.engine as engine:
            runs = f"{engine.name} on {engine.device} in {engine.precision.value}"
        findings.add("engine", f"stream runs stream_ref ({options.named_quality()}) by {runs}: {chosen.why}")
    except (LFVideoError, ImportError, OSError, RuntimeError) as error:
        findings.fail("engine", first_line(error))
    encoders = encoders_that_open()
    findings.add("encoders", ", ".join(encoders))
    if "libx264" not in encoders:
        findings.fail("problem", "libx264, the default encoder, does not open: pip install --force-reinstall av")
    for result in run_self_test():
        (findings.fail if result.problem else findings.add)("self-test", result.line(), result.values())


class _Findings:
    """Prints each finding as it is made, or all as JSON at the end, and counts those that are problems."""

    def __init__(self, as_json: bool):
        self._as_json = as_json
        self._rows: list[dict[str, Any]] = []
        self.failed: list[str] = []

    def add(self, kind: str, text: str, values: dict[str, Any] | None = None, ok: bool = True) -> None:
        row = {"kind": kind, "ok": ok, "text": text}
        self._rows.append(row if values is None else row | {"values": values})
        if not self._as_json:
            print(f"{kind:<11} {printable(text)}", flush=True)

    def fail(self, kind: str, text: str, values: dict[str, Any] | None = None) -> None:
        self.failed.append(text)
        self.add(kind, text, values, ok=False)

    def finish(self) -> None:
        if self._as_json:
            print(json.dumps({"ok": not self.failed, "findings": self._rows}, indent=1))
        elif not self.failed:
            print("verdict     all that is installed works")
        if self.failed:
            count = f"{len(self.failed)} problem{'s' * (len(self.failed) > 1)}"
            raise EngineError(f"{count}; first: {self.failed[0]}")


def _package(module: str, purpose: str) -> Package:
    return Package(module, purpose, (_version(package_of(module)) or "unknown") if is_installed(module) else None)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
