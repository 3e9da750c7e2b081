"""What a method is: what it takes, what its parts are made of, and the weights it comes with."""

from dataclasses import asdict
from importlib import import_module
from typing import Any

from .checks import check_choice
from .choose import load_learned
from .method import Method
from .methods import METHODS, Entry
from .weights import fingerprint, read_about, shipped, weights_path

PARTS = ("encoder", "matcher", "restorer")


def describe(name: str) -> dict[str, Any]:
    """For `json.dumps`: all of MethodInfo, `learned`, `seeder`, `weights` (None where none are shipped), `parts` by
    name with their parameters, and `parameters` of all parts together, shared ones counted once.

    Without weights the untrained network of default size is described. Raises UsageError for an unknown name.
    """
    check_choice("the methods", name, list(METHODS))
    entry = METHODS[name]
    method = _method(name, entry)
    parts = [getattr(method, part) for part in PARTS]
    return {
        **asdict(method.info),
        "learned": entry.learned,
        "seeder": None if method.seeder is None else type(method.seeder).__name__,
        "weights": _weights(name, entry),
        "parts": {part: {"parameters": count_parameters([module])} for part, module in zip(PARTS, parts)},
        "parameters": count_parameters(parts),
    }


def count_parameters(modules: list[Any]) -> dict[str, int]:
    """Numbers in torch modules, those that training changes and those that it keeps apart; a function has none."""
    shared = [parameter for module in modules for parameter in getattr(module, "parameters", list)()]
    parameters = {id(parameter): parameter for parameter in shared}.values()
    total = sum(parameter.numel() for parameter in parameters)
    trainable = sum(parameter.numel() for parameter in parameters if parameter.requires_grad)
    return {"total": total, "trainable": trainable, "frozen": total - trainable}


def weights_name(name: str, entry: Entry) -> str | None:
    """The shipped weights of a learned method, None where there are none."""
    weights = entry.weights or name
    return weights if entry.learned and weights in shipped() else None


def _method(name: str, entry: Entry) -> Method:
    if weights_name(name, entry):
        return load_learned(name)
    module = import_module(f".methods.{entry.module}", __package__)
    return module.build(module.network({})) if entry.learned else module.build()


def _weights(name: str, entry: Entry) -> dict[str, Any] | None:
    weights = weights_name(name, entry)
    if weights is None:
        return None
    path = weights_path(weights)
    return {"name": weights, "bytes": path.stat().st_size, "fingerprint": fingerprint(path), "about": read_about(path)}
