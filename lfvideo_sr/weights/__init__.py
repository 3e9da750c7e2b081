"""Weights trained by this project, as safetensors; a model card (.md) and the run's log (.csv) are beside each."""

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from importlib.resources import as_file, files
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from ..errors import InputError, OutputError, first_line, shortened
from ..media.partial import whole_file

if TYPE_CHECKING:
    from torch import nn

CHECKPOINT = ".pt"  # last.pt and best.pt of a training run


def weights_path(name: str) -> Path:
    """The file of shipped weights, or `name` itself if it is a file (.safetensors, or a run's checkpoint .pt); raises
    InputError naming what there is."""
    path = Path(name)
    if path.suffix in (".safetensors", CHECKPOINT):
        if not path.is_file():
            raise InputError(f"no weights at {path}; give a .safetensors file made by `lfvideo-sr weights export`")
        return path
    with as_file(files(__package__) / f"{name}.safetensors") as path:
        if path.is_file():
            return path
    raise InputError(f"no weights named '{name}' are shipped; there are: {', '.join(shipped()) or 'none'}")


def shipped(method: str | None = None) -> list[str]:
    """Names of the weights in this installation, of one method or of all."""
    names = sorted(Path(path.name).stem for path in files(__package__).iterdir() if path.name.endswith(".safetensors"))
    return names if method is None else [name for name in names if read_about(weights_path(name))["method"] == method]


def fingerprint(path: Path) -> str:
    """The first 12 hex digits of the file's SHA-256."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def check_target(path: Path, read: Sequence[Path] = (), overwrite: bool = False) -> None:
    """Refuse what cannot become weights, what is itself among the files that they are made of, and what exists, unless
    it may be replaced."""
    if path.suffix != ".safetensors" or not path.parent.is_dir():
        raise OutputError(f"cannot write {path}; name a .safetensors file in a folder that exists")
    if path.resolve() in [file.resolve() for file in read]:
        raise OutputError(f"{path} is read here; give another name with -o")
    if path.is_dir() or (os.path.lexists(path) and not overwrite):
        raise OutputError(f"{path} exists; pass --overwrite or give another -o")


def save(module: "nn.Module", path: Path, about: dict[str, Any]) -> None:
    """Write a module's tensors (each once, though parts may share them) with `about` as JSON metadata. The file appears
    under its name when it is whole, with the mode that any new file gets."""
    from safetensors import SafetensorError
    from safetensors.torch import save_model

    try:
        with whole_file(path) as partial:
            mode = partial.stat().st_mode
            save_model(module, str(partial), metadata={"about": json.dumps(about)})
            partial.chmod(mode)  # the library lets only the owner read what it writes
    except (OSError, SafetensorError) as error:
        raise OutputError(f"{path} cannot be written ({error}); free some space or give another -o") from error


def read_about(path: Path) -> dict[str, Any]:
    """The metadata that `save` wrote, or the same fields of a checkpoint."""
    if path.suffix == CHECKPOINT:
        state = _checkpoint(path, ("method", "size", "step", "seconds"), optional=("generation",))
        try:
            progress = {"steps": int(state["step"]), "seconds": round(state["seconds"])}
        except (TypeError, ValueError, OverflowError) as error:
            raise InputError(
                f"{path} does not say how far its run came ({error}); give the last.pt of a run"
            ) from error
        return _checked({key: state[key] for key in ("method", "generation", "size") if key in state}, path) | progress
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="np") as file:
            about = json.loads((file.metadata() or {})["about"])
    except (SafetensorError, KeyError, ValueError, RecursionError, OSError) as error:
        raise InputError(f"{path} is no weights file of this project ({shortened(first_line(error))})") from error
    return _checked(about, path)


def _checked(about: Any, path: Path) -> dict[str, Any]:
    """What weights say of themselves: at least their method's name and its size."""
    if not (isinstance(about, dict) and isinstance(about.get("method"), str) and isinstance(about.get("size"), dict)):
        raise InputError(
            f"{path} does not say which method it is of and how large; it is damaged, or of another project"
        )
    return about


def network_of_size(build: Callable[[dict[str, Any]], "nn.Module"], about: dict[str, Any], path: Path) -> "nn.Module":
    """The network, by its method's `build`, of the size that weights state; InputError for one that cannot be built."""
    try:
        return build(about["size"])
    except (TypeError, ValueError, KeyError, AttributeError, ArithmeticError, IndexError, RuntimeError) as error:
        why = shortened(first_line(error), 100)
        raise InputError(f"{path} is of no size that {about['method']} has ({why}); it is damaged") from error


def load_into(module: "nn.Module", path: Path) -> None:
    """Fill `module` with the tensors of `path` (of a checkpoint: the averaged ones); every one must fit."""
    from safetensors import SafetensorError

    try:
        if path.suffix == CHECKPOINT:
            module.load_state_dict(_checkpoint(path, ("averaged",))["averaged"])
        else:
            _load_saved(module, path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path} is no weights file of this project ({error})") from error
    except RuntimeError as error:
        first = shorten(" ".join(str(error).splitlines()[1:]), 120)  # line 0 states only that there are errors
        raise InputError(f"{path} does not fit {type(module).__name__} ({first}); give one of its size") from error


def _load_saved(module: "nn.Module", path: Path) -> None:
    """Fill `module` from what `save` wrote; RuntimeError, as torch's, where tensors are missing or have no place."""
    from safetensors.torch import load_model

    missing, unexpected = load_model(module, str(path), strict=False)
    # of parts that share a normalisation, the library takes the counters under other names for unexpected
    foreign = set(unexpected) - module.state_dict().keys()
    kinds = {"Missing": sorted(missing), "Unexpected": sorted(foreign)}
    lines = [f"{kind} key(s) in state_dict: {', '.join(names)}" for kind, names in kinds.items() if names]
    if lines:
        raise RuntimeError("\n".join(["", *lines]))


def _checkpoint(path: Path, required: Sequence[str], optional: Sequence[str] = ()) -> dict[str, Any]:
    if not path.is_file():
        raise InputError(f"no checkpoint at {path}; give the last.pt of a run")
    import torch

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        return {key: state[key] for key in (*required, *(key for key in optional if key in state))}
    except Exception as error:  # whatever the reader raises, the file is not one
        raise InputError(f"{path} is no checkpoint of this project's trainers; give the last.pt of a run") from error
