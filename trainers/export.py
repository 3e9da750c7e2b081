"""From a run's checkpoint to weights that can be shipped."""

from importlib import import_module
from pathlib import Path
from typing import Any

from lfvideo_sr.errors import InputError
from lfvideo_sr.methods import BEHIND, METHODS
from lfvideo_sr.weights import CHECKPOINT, check_target, load_into, network_of_size, read_about, save


def export_weights(checkpoint: Path, output: Path, *, overwrite: bool = False, half: bool = False) -> dict[str, Any]:
    """Write the averaged weights of a checkpoint as safetensors; returns their metadata. A file that exists is replaced
    with `overwrite` only. half: numbers are stored as float16, in half the space; a network is float32 all the same."""
    check_target(output, [checkpoint], overwrite)
    if checkpoint.suffix != CHECKPOINT:
        raise InputError(f"{checkpoint} is no checkpoint of this project's trainers; give the last.pt of a run")
    about, entries = read_about(checkpoint), {**METHODS, **BEHIND}
    if about["method"] not in entries:
        raise InputError(
            f"{checkpoint} trained '{about['method']}', which is no method; give the last.pt of a method's run"
        )
    module = import_module(f"lfvideo_sr.methods.{entries[about['method']].module}")
    network = network_of_size(module.network, about, checkpoint)
    load_into(network, checkpoint)
    save(network.half() if half else network, output, about)
    return about
