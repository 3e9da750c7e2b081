"""Runs exported graphs with ONNX Runtime: the way to run a learned method without torch."""

import os
from collections.abc import Mapping
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from lfvideo_sr.engine import Precision
from lfvideo_sr.errors import EngineError, first_line

from .graph_engine import Graph, GraphEngine
from .graphs import paths, read_about

_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


class OnnxEngine(GraphEngine):
    """The graphs in a folder, on "cpu", "cuda", or "auto": CUDA where this runtime has it."""

    name = "onnx"

    def __init__(self, folder: Path, device: str = "auto"):
        about = read_about(folder)
        kind, number = pick_provider(device)
        graphs: dict[str, Graph] = {verb: OnnxGraph(path, kind, number) for verb, path in paths(folder).items()}
        super().__init__(about, graphs, kind if kind == "cpu" else f"{kind}:{number}")


class OnnxGraph:
    """One session; inputs and outputs are bound, so that features stay on the device they were made on. notes: what the
    file says of itself beside its inputs and outputs, by name."""

    def __init__(self, path: Path, kind: str, number: int = 0):
        self._kind, self._number = kind, number
        self._session = open_session(path, kind, number)
        self._verb = path.stem
        self._outputs = [get_output.name for get_output in self._session.get_outputs()]
        self._inputs = [get_input.name for get_input in self._session.get_inputs()]
        self.notes: Mapping[str, str] = self._session.get_modelmeta().custom_metadata_map

    def __call__(self, inputs: Mapping[str, Any]) -> dict[str, "OnDevice"]:
        binding = self._session.io_binding()
        try:
            values = {name: self._value(inputs[name]) for name in self._inputs}  # alive until the run is over
            for name, value in values.items():
                binding.bind_ortvalue_input(name, value)
            for name in self._outputs:
                binding.bind_output(name, self._kind, self._number)
            self._session.run_with_iobinding(binding)
        except Exception as error:  # its exceptions have no common base but this
            raise EngineError(
                f"{self._verb} failed in ONNX Runtime ({first_line(error)[:160]}); pass --engine torch"
            ) from error
        return dict(zip(self._outputs, map(OnDevice, binding.get_outputs())))

    def _value(self, array: Any) -> onnxruntime.OrtValue:
        if isinstance(array, OnDevice):
            return array.value
        return onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(array), self._kind, self._number)


class OnDevice:
    """An output of ONNX Runtime's where the session left it."""

    def __init__(self, value: onnxruntime.OrtValue):
        self.value = value

    @property
    def nbytes(self) -> int:
        return self.value.tensor_size_in_bytes()

    def numpy(self) -> np.ndarray:
        return self.value.numpy()


def pick_provider(device: str) -> tuple[str, int]:
    """ "auto", "cpu", "cuda", "cuda:1" -> kind and number; raises EngineError for what this runtime has not, or has and
    cannot use here. "auto" is CUDA where that can be used."""
    kind, _, number = device.partition(":")
    there = [name for name, provider in _PROVIDERS.items() if provider in onnxruntime.get_available_providers()]
    if kind == "auto":
        kind = "cuda" if "cuda" in there and _no_cuda(0) is None else "cpu"
    if kind not in there or (number and not number.isdigit()):
        raise EngineError(
            f"device '{device}' is not known to this ONNX Runtime, which has {', '.join(there)}; pass one"
        )
    if kind == "cuda" and (reason := _no_cuda(int(number or 0))):
        raise EngineError(f"ONNX Runtime cannot use device '{device}' ({reason}); pass --device cpu")
    return kind, int(number or 0)


@cache
def _no_cuda(number: int) -> str | None:
    """Why a runtime that was built for CUDA cannot use that device; None where it can. Without its libraries or a GPU
    it would quietly run graphs on the CPU, and then not find the memory they are bound to."""
    onnxruntime.set_default_logger_severity(4)  # it prints what it raises, and more
    try:
        with redirect_stdout(None):  # CUDA's libraries as pip installs them, which it does not look for by itself
            getattr(onnxruntime, "preload_dlls", lambda: None)()  # since 1.21
        onnxruntime.OrtValue.ortvalue_from_numpy(np.zeros(1, np.float32), "cuda", number)
    except Exception as error:  # its exceptions have no common base but this
        return first_line(error).rpartition("() ")[2][:160]  # behind the place in its source
    finally:
        onnxruntime.set_default_logger_severity(2)
    return None


def check_runs(precision: Precision, device: str) -> None:
    """Raise EngineError where ONNX Runtime has no kernels for that precision."""
    if precision is Precision.BF16 and pick_provider(device)[0] == "cpu":
        raise EngineError("ONNX Runtime computes no bf16 on a CPU; pass --dtype fp32")


def open_session(
    path: Path, kind: str, number: int, remedy: str = "build it again: lfvideo-sr engine build"
) -> onnxruntime.InferenceSession:
    """A graph on a provider's device; raises EngineError, with the remedy, where it cannot be loaded."""
    if not path.is_file():
        raise EngineError(f"no graph {path}; build it: lfvideo-sr engine build")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    threads = os.environ.get("OMP_NUM_THREADS", "")
    if threads.isdigit():
        options.intra_op_num_threads = int(threads)
    providers: list[Any] = [_PROVIDERS["cpu"]]
    if kind == "cuda":
        providers.insert(0, (_PROVIDERS["cuda"], {"device_id": number}))
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # its exceptions have no common base but this
        raise EngineError(f"{path} cannot be loaded ({first_line(error)[:160]}); {remedy}") from error
    if _PROVIDERS[kind] not in session.get_providers():  # it goes on with the others
        raise EngineError(f"ONNX Runtime runs {path.name} on no GPU here; pass --device cpu")
    return session
