"""From a run's checkpoint to weights that can be shipped."""

from importlib import import_module
from pathlib import Path
from pickle import UnpicklingError

import torch

from lfvideo_sr.errors import InputError
from lfvideo_sr.methods import METHODS
from lfvideo_sr.weights import save


def export_weights(checkpoint: Path, output: Path) -> dict:
    """Write the averaged weights of a checkpoint as safetensors; returns what is said about them."""
    try:
        state = torch.load(checkpoint, map_location="cpu", weights_only=True)
        about = {
            "method": state["method"],
            "size": state["size"],
            "steps": state["step"],
            "seconds": round(state["seconds"]),
        }
        averaged = state["averaged"]
    except (OSError, KeyError, RuntimeError, UnpicklingError) as error:
        raise InputError(
            f"{checkpoint} is no checkpoint of this project's trainers; give the last.pt of a run"
        ) from error
    if about["method"] not in METHODS:
        raise InputError(f"{checkpoint} is of a run of '{about['method']}', which is a part of methods, none itself")
    module = import_module(f"lfvideo_sr.methods.{METHODS[about['method']].module}").network(state["size"])
    module.load_state_dict(averaged)
    save(module, output, about)
    return about
