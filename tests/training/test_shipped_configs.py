"""Every shipped configuration loads, and takes two steps on rendered data."""

from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from small_runs import COMMON, RUNS, SHRINKING, SHRUNK, SMALLEST, again, course, listed, saved

from lfvideo_sr.commands.train import TRAINERS, shipped_configs
from lfvideo_sr.config import load_config, read_mapping

CONFIGS = [Path(str(path)) for path in shipped_configs().values()]


def test_every_file_in_the_folder_is_shipped_under_a_name_of_its_own():
    folder = Path(__file__).parents[2] / "configs"
    assert len(shipped_configs()) == len(list(folder.rglob("*.yaml")))
    names = list(shipped_configs())
    assert names.index("stream_ref") < names.index("c2_equal") < names.index("rrsr_no_rtrr_small")  # ablations last
    assert (
        shipped_configs()["rrsr_no_rtrr_small"].read_text()
        == (folder / "ablations/rrsr_no_rtrr_small.yaml").read_text()
    )


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configs_load(path):
    module, kind = TRAINERS[read_mapping(path)["trainer"]]
    trainer = __import__(f"lfvideo_sr.trainers.{module}", fromlist=[kind])
    config = load_config(path, getattr(trainer, kind))
    assert config.output == f"runs/{path.stem}"
    assert config.validate_every % config.report_every == 0


def family():
    """Configurations of the trainers above; those that state the same options as one before, by other numbers, only
    run with -m slow."""
    seen = set()
    for path in CONFIGS:
        values = read_mapping(path)
        if values["trainer"] not in ("stream_ref", "view_fusion"):  # which have tests of their own
            stated = (values["trainer"], values.get("method"), values.get("stage"))
            options = (*stated, *sorted(values), *sorted(values.get("size", {})))
            yield pytest.param(path, id=path.stem, marks=[pytest.mark.slow] if options in seen else [])
            seen.add(options)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Checkpoints of what runs start from."""
    folder = tmp_path_factory.mktemp("made")
    names = ("features", "teacher", "sisr", "ccnet")
    runs = {name: RUNS[name](folder / name, max_steps=1, batch=1) for name in names}
    return {name: f"{run.output}/last.pt" for name, run in runs.items()}


@pytest.mark.parametrize("path", list(family()))
def test_shipped_configs_take_two_steps(path, tmp_path, made):
    """On rendered data, smaller, from checkpoints of the trainers before."""
    module, kind = TRAINERS[read_mapping(path)["trainer"]]
    trainer = __import__(f"lfvideo_sr.trainers.{module}", fromlist=[kind])
    config = load_config(path, getattr(trainer, kind))
    changes = {
        **COMMON, **SHRUNK, "batch": 1, "max_steps": 2, "validate_every": 2, "report_every": 2,
        "output": str(tmp_path / "run"), "photos": ("rendered:2",), "validation_photos": ("rendered:1",),
        "pairs": ("rendered:2",), "split": "", "validation": "rendered:1", "validation_samples": 1,
        "width": 4, "perceptual_width": 4, "critic_width": 4, "reconstruction_steps": 0,
    }  # fmt: skip
    if asdict(config).get("critic") == "published":
        changes["batch"] = 2  # over which it normalises
    if asdict(config).get("whiten"):
        changes["whiten"] = 2
    if "size" in asdict(config):
        changes["size"] = {**config.size, **listed(SMALLEST[module])}
    if config.trainer == "e2ent2" and "vgg_width" in config.size:
        changes["size"]["vgg_width"] = 4
    if module == "ssnet":  # both parts have their own sizes here
        changes |= {"correspondence": "", "features": ""}
    changes |= {"cache": str(tmp_path / "cache"), **SHRINKING.get(module, {})}
    starts = dict.fromkeys(("start", "features", "perceptual_features", "vgg_features"), "features")
    starts |= {"teacher": "teacher", "correspondence": "teacher", "enlarge_by": "sisr"}
    for key, name in (starts | ({"start": module} if module == "ccnet" else {})).items():
        if asdict(config).get(key) and key not in changes:
            changes[key] = made[name]
    if module in ("restoration", "e2ent2") and config.start:
        method = {"method": config.method} if module == "restoration" else {}
        before = type(config)(size=changes["size"], **method)
        changes["start"] = str(tmp_path / "first.pt")
        torch.save({"averaged": trainer._network(before).state_dict()}, changes["start"])
    config = again(config, **{key: value for key, value in changes.items() if key in asdict(config)})
    (row,) = course(config)
    assert row["step"] == "2" and all(value not in ("", "nan", "inf") for value in row.values())
    assert load_config(tmp_path / "run" / "config.yaml", type(config)) == config  # what lies beside it tells it all
    assert saved(config, "best.pt")["step"] == 2
