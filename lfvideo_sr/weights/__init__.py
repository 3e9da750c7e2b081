"""Weights trained by this project, as safetensors; a model card (.md) and the run's log (.csv) lie beside each."""

import hashlib
import json
from importlib.resources import as_file, files
from pathlib import Path

from ..errors import InputError


def weights_path(name: str) -> Path:
    """The file of shipped weights, or `name` itself if it is a file; raises InputError naming what there is."""
    given = Path(name)
    if given.suffix == ".safetensors":
        if not given.is_file():
            raise InputError(f"no weights at {given}; give a .safetensors file made by `lfvideo-sr weights export`")
        return given
    with as_file(files(__package__) / f"{name}.safetensors") as path:
        if path.is_file():
            return path
    raise InputError(f"no weights named '{name}' are shipped; there are: {', '.join(shipped()) or 'none'}")


def shipped() -> list[str]:
    """Names of the weights in this installation."""
    return sorted(Path(one.name).stem for one in files(__package__).iterdir() if one.name.endswith(".safetensors"))


def fingerprint(path: Path) -> str:
    """The first 12 hex digits of the file's SHA-256."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def save(module, path: Path, about: dict) -> None:
    """Write a module's tensors (each once, though parts may share them) with `about` as JSON metadata."""
    from safetensors.torch import save_model

    save_model(module, str(path), metadata={"about": json.dumps(about)})


def read_about(path: Path) -> dict:
    """The metadata that `save` wrote."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="np") as file:
            return json.loads((file.metadata() or {})["about"])
    except (SafetensorError, KeyError, ValueError) as error:
        raise InputError(f"{path} is no weights file of this project ({error})") from error


def load_into(module, path: Path) -> None:
    """Fill `module` with the tensors of `path`; every one must fit."""
    from safetensors.torch import load_model

    try:
        load_model(module, str(path))
    except RuntimeError as error:
        raise InputError(f"{path} does not fit {type(module).__name__}: {str(error).splitlines()[0]}") from error
