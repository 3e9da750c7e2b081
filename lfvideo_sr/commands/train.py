"""`lfvideo-sr train`: shipped configurations by name, or YAML files."""

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from importlib import import_module
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from ..checks import check_choice, package_of
from ..config import load_config, read_mapping
from ..errors import UsageError, printable
from ..training.data_check import check_data

TRAINERS = {
    "stream_ref": ("stream_ref", "StreamRefConfig"),
    "features": ("features", "FeaturesConfig"),
    "correspondence": ("correspondence", "CorrespondenceConfig"),
    "restoration": ("restoration", "RestorationConfig"),
    "ccnet": ("ccnet", "CCNetConfig"),
    "sisr": ("sisr", "SISRConfig"),
    "ssnet": ("ssnet", "SSNetConfig"),
    "e2ent2": ("e2ent2", "E2ENT2Config"),
    "view_fusion": ("view_fusion", "ViewFusionConfig"),
}


def run_trainings(configs: Sequence[str], changes: dict[str, Any]) -> None:
    """Train as each configuration says with `changes`, one after the other; the first that fails ends it."""
    if len(configs) > 1 and "output" in changes:
        raise UsageError(f"-o names one folder, and there are {len(configs)} runs; leave it out, each has its own")
    for config in configs:
        if len(configs) > 1:
            print(f"training {printable(config)}", flush=True)
        run_training(config, changes)


def run_training(config: str, changes: dict[str, Any]) -> Path:
    """Train as `config` says with `changes`; returns the last checkpoint's path."""
    with config_file(config) as path:
        values = read_mapping(path)
        name = values.get("trainer")
        check_choice("trainer", str(name), list(TRAINERS))
        module, kind = TRAINERS[str(name)]
        print(f"train       {config}: looking for the data, then loading torch", flush=True)
        check_data(values, Path(os.environ.get("LFVIDEO_DATA", ".")))
        trainer = _import(module)
        resolved = load_config(path, getattr(trainer, kind), changes)
    print(f"train       {_shown(resolved)}", flush=True)
    return trainer.train(resolved)


def _shown(config: Any) -> str:
    """What a run will do, in a line."""
    until = min(config.stop_after or config.max_steps, config.max_steps)
    return f"{until} steps of {config.batch} samples, into {config.output}; the first samples are made now"


def _import(module: str):
    try:
        return import_module(f"lfvideo_sr.trainers.{module}")
    except ModuleNotFoundError as error:
        raise UsageError(f"training needs {package_of(error.name or '')}; pip install 'lfvideo-sr[train]'") from error


def shipped_configs() -> dict[str, Traversable]:
    """Every shipped configuration by name, sorted: those to train with first, then those of an equal budget, then the
    ablations."""
    folder = files("lfvideo_sr.configs")
    parts = folder, folder / "equal", folder / "ablations"
    paths = [path for part in parts for path in sorted(part.iterdir(), key=lambda path: path.name)]
    return {Path(path.name).stem: path for path in paths if path.name.endswith(".yaml")}


def config_file(name: str) -> AbstractContextManager[Path]:
    """A context manager that gives the path of a YAML file or of a shipped configuration.

    Raises UsageError, with the nearest name or all of them, where no configuration has that name.
    """
    if name.endswith((".yaml", ".yml")):
        return as_file(Path(name))
    configs = shipped_configs()
    check_choice("configs", name, list(configs))
    return as_file(configs[name])
