"""Short runs of every trainer of the papers' methods, on rendered pictures."""

import csv
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from small_networks import SMALL, SMALL_E2ENT2, SMALL_REFSR

from lfvideo_sr.trainers import ccnet, correspondence, e2ent2, features, restoration, sisr, ssnet
from lfvideo_sr.training import sources

COMMON = {"batch": 2, "max_steps": 5, "report_every": 1, "validate_every": 1000, "save_minutes": 1e9}
SIZE = {key: list(value) if isinstance(value, tuple) else value for key, value in SMALL.items()}
SHRUNK = {"side": 32, "reference_side": 40}


def train_features(folder: Path, **changes: Any) -> features.FeaturesConfig:
    options = {"photos": ("rendered:2",), "width": 4, "side": 32, "output": str(folder), **COMMON, **changes}
    return _run(features, features.FeaturesConfig(**options))


def train_teacher(folder: Path, **changes: Any) -> correspondence.CorrespondenceConfig:
    options = {"photos": ("rendered:2",), "width": 4, "homographies": "near", "output": str(folder)}
    options |= {**COMMON, **changes}
    return _run(correspondence, correspondence.CorrespondenceConfig(**options))


def train_student(folder: Path, **changes: Any) -> correspondence.CorrespondenceConfig:
    teacher = train_teacher(folder / "teacher", max_steps=2)
    return train_teacher(folder / "student", stage="student", teacher=f"{teacher.output}/last.pt", **changes)


def train_restoration(folder: Path, **changes: Any) -> restoration.RestorationConfig:
    """Both extractors start alike, from features: two that were drawn apart find nothing relevant in each other."""
    features_run = train_features(folder / "features", max_steps=1)
    options = {"pairs": ("rendered:2",), "size": SIZE, "output": str(folder), **SHRUNK, **COMMON}
    options |= {"features": f"{features_run.output}/last.pt", **changes}
    return _run(restoration, restoration.RestorationConfig(**options))


def train_rrsr(folder: Path, **changes: Any) -> restoration.RestorationConfig:
    size = {**SIZE, "alignments": 2, "filters": 3}
    return train_restoration(folder, **{"method": "rrsr", "size": size, "rtrr_weight": 0.4, **changes})


def train_amsa(folder: Path, **changes: Any) -> restoration.RestorationConfig:
    options = {"method": "amsa", "size": {**SIZE, "scales": 2}, "betas": (0.9, 0.99), "no_reference": 0.3, **changes}
    return train_restoration(folder, **options)


def train_gan(folder: Path, **changes: Any) -> restoration.RestorationConfig:
    """With losses of perception and of a critic, far heavier than the papers', so that they show in a few steps."""
    weights = {"perceptual_weight": 0.1, "perceptual_width": 4, "adversarial_weight": 0.1, "critic_width": 4}
    return train_restoration(folder, **{**weights, "learning_rate": 1e-3, **changes})


def train_ccnet(folder: Path, **changes: Any) -> ccnet.CCNetConfig:
    options = {"width": 12, "scale": 4, "reach": 4, "queries": 2, "scenes": 2, "side": 128, "motion": 6.0}
    options |= {"validation_samples": 2, "cache": str(folder / "cache"), "output": str(folder), **COMMON, **changes}
    return _run(ccnet, ccnet.CCNetConfig(**options))


def train_sisr(folder: Path, **changes: Any) -> sisr.SISRConfig:
    options = {"photos": ("rendered:2",), "channels": 8, "blocks": 1, "side": 32, "output": str(folder)}
    return _run(sisr, sisr.SISRConfig(**{**options, **COMMON, **changes}))


def train_ssnet(folder: Path, **changes: Any) -> ssnet.SSNetConfig:
    """By patches; every part begins untrained."""
    options = {"size": listed(SMALL_REFSR), "scenes": 2, "scene_side": 64, "motion": 6.0, "side": 48, "windows": 3}
    options |= {"no_reference": 0.3, "cache": str(folder / "cache"), "output": str(folder), **COMMON, **changes}
    return _run(ssnet, ssnet.SSNetConfig(**options))


def train_ssnet_at_once(folder: Path, **changes: Any) -> ssnet.SSNetConfig:
    return train_ssnet(folder, **{"windows": 0, **changes})


def train_e2ent2(folder: Path, **changes: Any) -> e2ent2.E2ENT2Config:
    """Both branches, with critics far heavier than the paper's, and reciprocal reconstruction."""
    options = {"photos": ("rendered:2",), "size": listed(SMALL_E2ENT2), "side": 32, "apart": 16, "critic_width": 4}
    options |= {"adversarial_weight": 1e-3, "rtrr_weight": 0.4, "output": str(folder), **COMMON, **changes}
    return _run(e2ent2, e2ent2.E2ENT2Config(**options))


def train_e2ent2_single(folder: Path, **changes: Any) -> e2ent2.E2ENT2Config:
    """The single-image branch alone."""
    return train_e2ent2(folder, **{"stage": "single", **changes})


def listed(size: dict[str, Any]) -> dict[str, Any]:
    """A size as a YAML file states it."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in size.items()}


# How a shipped configuration of a trainer gets small, beyond what all have in common.
SHRINKING: dict[str, dict[str, Any]] = {
    "ccnet": {"width": 12, "reach": 4, "queries": 1, "scenes": 2, "side": 144, "motion": 6.0, "sintel": ""},
    "ssnet": {"scenes": 2, "scene_side": 80, "motion": 6.0, "side": 64, "sintel": "", "light_fields": ("rendered:1",)},
    "sisr": {"channels": 8, "blocks": 1},
    "e2ent2": {"apart": 8},
}
SMALLEST: dict[str, dict[str, Any]] = {"e2ent2": SMALL_E2ENT2, "ssnet": SMALL_REFSR, "restoration": SMALL}


RUNS: dict[str, Callable[..., Any]] = {
    "features": train_features,
    "teacher": train_teacher,
    "student": train_student,
    "c2_matching": train_restoration,
    "rrsr": train_rrsr,
    "amsa": train_amsa,
    "gan": train_gan,
    "ccnet": train_ccnet,
    "sisr": train_sisr,
    "ssnet": train_ssnet,
    "ssnet_at_once": train_ssnet_at_once,
    "e2ent2": train_e2ent2,
}


ALL_RUNS = {**RUNS, "e2ent2_single": train_e2ent2_single}  # beside those with golden losses


def course(config: Any) -> list[dict[str, str]]:
    """The rows of a run's log."""
    with open(f"{config.output}/log.csv", newline="") as file:
        return list(csv.DictReader(file))


def saved(config: Any, name: str = "last.pt") -> dict[str, Any]:
    """What a run saved."""
    return torch.load(f"{config.output}/{name}", weights_only=True)


def equal(first: Any, second: Any) -> bool:
    """Whether all tensors and numbers of two nested states are the same."""
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(equal(first[key], second[key]) for key in first)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(equal, first, second))
    return first == second


def untimed_course(config: Any) -> list[dict[str, str]]:
    """A run's log without the seconds, which differ each time."""
    return [{key: value for key, value in row.items() if key != "seconds"} for row in course(config)]


def again(config: Any, **changes: Any) -> Any:
    """The same run, once more or with changes."""
    return _run(sys.modules[type(config).__module__], replace(config, **changes))


def _run(module: Any, config: Any) -> Any:
    with mock.patch.object(sources, "_rendered", lambda number: partial(_kept, number)):
        module.train(config)
    return config


_RENDERED = sources._rendered


@lru_cache(32)
def _kept(number: int) -> sources.Pair:
    """Rendering a pair takes longer than a step; runs do not change it."""
    return _RENDERED(number)()
