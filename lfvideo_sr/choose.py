"""Chooses by name: the method, the engine that runs it, and its weights."""

from importlib import import_module

from .checks import check_choice
from .engine import Engine
from .errors import InputError
from .method import Method
from .methods import METHODS


def make_engine(
    method: str = "stream_ref", *, weights: str | None = None, device: str = "auto", dtype: str = "auto"
) -> Engine:
    """The engine for a method's name. A learned method takes shipped weights by name, a .safetensors file, or
    a run's checkpoint (.pt)."""
    check_choice("--method", method, list(METHODS))
    entry = METHODS[method]
    module = import_module(f".methods.{entry.module}", __package__)
    if not entry.learned:
        from .engines.numpy_engine import NumpyEngine

        return NumpyEngine(module.build())
    from .engines.torch_engine import TorchEngine

    return TorchEngine(load_learned(method, weights), device=device, precision=dtype)


def load_learned(method: str, weights: str | None = None) -> Method:
    """A learned method with its weights."""
    from .weights import load_into, read_about, weights_path

    entry = METHODS[method]
    module = import_module(f".methods.{entry.module}", __package__)
    if weights is None and entry.weights is None:
        raise InputError(f"{method} comes without weights; pass --weights FILE, a run's last.pt or converted ones")
    path = weights_path(weights or entry.weights or method)
    about = read_about(path)
    if about["method"] != method:
        raise InputError(f"{path} holds weights of '{about['method']}', not of '{method}'; pass --method to match")
    network = module.network(about["size"])
    load_into(network, path)
    return module.build(network)
