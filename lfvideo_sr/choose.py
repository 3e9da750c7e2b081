"""Chooses by name: the method, the engine that runs it, and its weights."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from .checks import check_choice, is_installed
from .engine import Engine, Precision
from .errors import EngineError, InputError, TorchMissing, UsageError
from .frames import Size
from .method import Method
from .methods import METHODS

ENGINES = ("auto", "torch", "onnx", "tensorrt")


class Choice(NamedTuple):
    """An engine, its name, and why it was taken."""

    engine: Engine
    name: str
    why: str


def make_engine(
    method: str = "stream_ref", *, weights: str | None = None, device: str = "auto", dtype: str = "auto",
    engine: str = "auto",
) -> Engine:  # fmt: skip
    """The engine for a method's name. A learned method takes shipped weights by name, a .safetensors file, or
    a run's checkpoint (.pt)."""
    return choose_engine(method, weights=weights, device=device, dtype=dtype, engine=engine).engine


def choose_engine(
    method: str = "stream_ref", *, weights: str | None = None, device: str = "auto", dtype: str = "auto",
    engine: str = "auto", size: Size | None = None, tell: Callable[[str], object] = lambda line: None,
) -> Choice:  # fmt: skip
    """`engine`: torch, onnx, tensorrt, or auto: TensorRT where a usable plan is there (for frames of `size`, if known),
    else torch, and ONNX Runtime where torch is absent. Raises EngineError for one that cannot be had.

    tell: is given a line where TensorRT, taken by auto, refuses in the middle and another goes on."""
    check_choice("--method", method, list(METHODS))
    check_choice("--engine", engine, ENGINES)
    if not METHODS[method].learned:
        return _classical(method, engine)
    if engine == "torch":
        return Choice(_torch(method, weights, device, dtype), "torch", "asked for")
    if engine == "onnx":
        return Choice(_onnx(method, weights, device, dtype), "onnx", "asked for")
    if engine == "tensorrt":
        return Choice(_tensorrt(method, weights, device, dtype, size), "tensorrt", "asked for")
    return _best(method, weights, device, dtype, size, tell)


def _best(
    method: str, weights: str | None, device: str, dtype: str, size: Size | None, tell: Callable[[str], object]
) -> Choice:
    """What "auto" takes."""
    refused = "no TensorRT plan is built"
    if (device == "auto" or device.startswith("cuda")) and _plans_are_there(method, weights, dtype):
        from .engines.fallback import FallingBack

        def following() -> tuple[str, Engine]:
            chosen = _without_plans(method, weights, device, dtype, "")
            return chosen.name, chosen.engine

        try:
            first = _tensorrt(method, weights, device, dtype, size)
            return Choice(FallingBack("tensorrt", first, following, tell), "tensorrt", "a plan is there")
        except EngineError as error:
            refused = str(error).split("; ")[0]
    return _without_plans(method, weights, device, dtype, refused)


def _without_plans(method: str, weights: str | None, device: str, dtype: str, refused: str) -> Choice:
    """Torch, or ONNX Runtime where it is absent. Where there are no graphs either, that torch is missing is what is
    said."""
    if is_installed("torch"):
        return Choice(_torch(method, weights, device, dtype), "torch", refused)
    if not graphs_are_there(method, weights, dtype):
        raise TorchMissing(
            f"{method} needs torch, which is not installed, or its ONNX graphs; pip install torch, or carry over what "
            "`lfvideo-sr engine build` makes where torch is"
        )
    return Choice(_onnx(method, weights, device, dtype), "onnx", "torch is not installed")


def _classical(method: str, engine: str) -> Choice:
    if engine != "auto":
        raise UsageError(f"--engine {engine}: {method} is classical and runs on NumPy; leave --engine out")
    from .engines.numpy_engine import NumpyEngine

    module = import_module(f".methods.{METHODS[method].module}", __package__)
    return Choice(NumpyEngine(module.build()), "numpy", f"{method} is classical")


def _torch(method: str, weights: str | None, device: str, dtype: str) -> Engine:
    from .engines.torch_engine import TorchEngine

    return TorchEngine(load_learned(method, weights), device=device, precision=dtype)


def _onnx(method: str, weights: str | None, device: str, dtype: str) -> Engine:
    from .engines.cache import graphs_misfit, graphs_to_run
    from .engines.onnx_engine import OnnxEngine, check_runs

    precision, folder, print_of_weights = graphs_of(method, weights, dtype)
    folder = graphs_to_run(folder)
    check_runs(precision, device)
    misfit = graphs_misfit(folder, print_of_weights, precision)
    if misfit:
        raise EngineError(
            f"no ONNX graphs of {method} in {precision.value} ({misfit}); "
            f"lfvideo-sr engine build {method} --precision {precision.value}"
        )
    return OnnxEngine(folder, device)


def _tensorrt(method: str, weights: str | None, device: str, dtype: str, size: Size | None) -> Engine:
    from .engines.device_buffers import device_buffers
    from .engines.plans import find_plans, library
    from .engines.tensorrt_engine import TensorRTEngine

    precision, folder, print_of_weights = graphs_of(method, weights, dtype, default=Precision.FP16)
    trt, buffers = library(), device_buffers(device)
    plans = find_plans(folder, print_of_weights, precision, trt.builder, buffers.gpu, size)
    return TensorRTEngine(plans, trt, buffers)


def graphs_of(
    method: str, weights: str | None, dtype: str, default: Precision = Precision.FP32
) -> tuple[Precision, Path, str]:
    """Precision, folder in the cache and fingerprint of weights of a method's graphs, whether they are there or not."""
    from .engines.cache import graph_folder
    from .engines.graphs import check_precision
    from .weights import fingerprint

    precision = default if dtype == "auto" else check_precision(dtype)
    print_of_weights = fingerprint(weights_file(method, weights))
    return precision, graph_folder(method, print_of_weights, precision), print_of_weights


def graphs_are_there(method: str, weights: str | None, dtype: str) -> bool:
    """Whether anything was built or is shipped at all, fit or not."""
    from .engines.cache import graphs_to_run

    return is_installed("onnxruntime") and graphs_to_run(graphs_of(method, weights, dtype)[1]).is_dir()


def _plans_are_there(method: str, weights: str | None, dtype: str) -> bool:
    """Whether any plan lies there, fit or not: looking for TensorRT itself takes longer than this."""
    from .engines.cache import plans_in

    try:
        return any(plans_in(graphs_of(method, weights, dtype, Precision.FP16)[1]))
    except EngineError:  # a dtype that is none: whoever runs will say so
        return False


def weights_file(method: str, weights: str | None) -> Path:
    """The weights of a learned method, shipped ones or what is given; raises InputError where there are none."""
    from .weights import shipped, weights_path

    entry = METHODS[method]
    if weights is None and entry.weights is None:
        to_try = "".join(f", or --weights {name} to try it" for name in shipped(method))
        raise InputError(f"{method} has no default weights; pass --weights FILE, a run's last.pt or converted{to_try}")
    return weights_path(weights or entry.weights or method)


def load_learned(method: str, weights: str | None = None) -> Method:
    """A learned method with its weights."""
    from .weights import load_into, read_about

    entry = METHODS[method]
    module = import_module(f".methods.{entry.module}", __package__)
    path = weights_file(method, weights)
    about = read_about(path)
    if about["method"] != method:
        raise InputError(f"{path} holds weights of '{about['method']}', not of '{method}'; pass --method to match")
    network = module.network(about["size"])
    load_into(network, path)
    return module.build(network)
