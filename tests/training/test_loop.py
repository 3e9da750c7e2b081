"""The loop that trainers share: exact resume, accumulation, averages, the best state, logs; every trainer's course."""

import os
import subprocess
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path

import golden_files
import numpy as np
import pytest
import torch
from small_runs import (
    COMMON,
    RUNS,
    SHRINKING,
    SHRUNK,
    SMALLEST,
    again,
    course,
    listed,
    train_features,
    train_gan,
    train_restoration,
)
from torch import nn

import lfvideo_sr.configs
from lfvideo_sr.commands.train import TRAINERS
from lfvideo_sr.config import load_config, read_mapping
from lfvideo_sr.errors import InputError, UsageError
from lfvideo_sr.methods.c2_matching import Correspondence
from lfvideo_sr.trainers import restoration
from lfvideo_sr.training import adversarial
from lfvideo_sr.training.loop import RunConfig, Step, Task, drops, fit, rise_and_fall

GOLDEN = 2e-3  # of a loss, between machines and versions of torch, where a match may fall differently
ROUNDING = 1e-5  # of weights after a few steps, where sums are taken in another order
CONFIGS = sorted(Path(lfvideo_sr.configs.__path__[0]).glob("*.yaml"))


def state(config, name="last.pt"):
    return torch.load(f"{config.output}/{name}", weights_only=True)


def equal(one, other):
    """All tensors and numbers of two nested states."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    return one == other


def lines(config):
    return [{key: value for key, value in row.items() if key != "seconds"} for row in course(config)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Five steps at a falling rate by one optimiser, and five by two."""
    folder = tmp_path_factory.mktemp("whole")
    return {
        "one": train_restoration(folder / "one", drop_at=(2, 4), report_every=2, max_steps=6, no_reference=0.5),
        "two": train_gan(folder / "two", decay=4, report_every=2, max_steps=6, accumulate=2),
    }


@pytest.mark.parametrize("name", ["one", "two"])
@pytest.mark.parametrize("stop", [2, 3])
def test_a_stopped_run_goes_on_exactly(whole, name, stop, tmp_path):
    config = whole[name]
    parts = again(config, output=str(tmp_path), stop_after=stop)
    assert state(parts)["step"] == stop and len(course(parts)) == stop // 2
    torch.manual_seed(99)  # another process has another random state
    parts = again(parts, stop_after=0)
    one, other = state(config), state(parts)
    assert one.keys() == other.keys()
    for key in one.keys() - {"seconds"}:
        assert equal(one[key], other[key]), key
    assert lines(parts) == lines(config)


def test_the_seed_decides_the_first_weights_and_the_course(whole, tmp_path):
    torch.manual_seed(5)  # whatever was drawn before
    same = again(whole["one"], output=str(tmp_path / "same"))
    assert equal(state(same)["modules"], state(whole["one"])["modules"])
    other = again(whole["one"], output=str(tmp_path / "other"), seed=2, max_steps=2)
    assert [row["loss"] for row in course(other)] != [row["loss"] for row in course(same)][:1]


class Line(nn.Module):
    """A loss that needs no pictures: the square of weight * x - y, and a second module that is seen by nobody."""

    def __init__(self, network):
        super().__init__()
        self.network, self.seen = network, []

    def forward(self, batch):
        self.seen.append(batch["x"][:, 0].tolist())
        loss = (self.network(batch["x"]) - batch["y"]).square().mean()
        return {"loss": loss, "noise": loss * 0 + torch.rand(())}


def numbered(number):
    rng = np.random.default_rng(number)
    return {"x": np.float32([number, *rng.random(2)]) / 10, "y": rng.random(1, np.float32)}


def straight(output, validate=None, **changes):
    """A run of a linear layer; returns its losses, its config and its task."""
    torch.manual_seed(3)
    losses = Line(nn.Linear(3, 1))
    optimizer = torch.optim.SGD(losses.network.parameters(), 0.1)
    steps = {"fit": Step(losses, optimizer, ("loss", "noise"))}
    given = {**COMMON, "max_steps": 6, "output": str(output), **changes}
    config = RunConfig(**given)
    task = Task(losses.network, {"about": "a line"}, steps, numbered, validate, ("score", "other") if validate else ())
    fit(task, config)
    return losses, config, task


def test_every_sample_is_seen_once_in_order(tmp_path):
    losses, _, _ = straight(tmp_path, batch=2, accumulate=3, max_steps=2)
    wanted = [[float(np.float32(number) / np.float32(10)) for number in pair] for pair in np.arange(12).reshape(6, 2)]
    assert losses.seen == wanted
    losses, _, _ = straight(tmp_path, batch=2, accumulate=3, max_steps=4)  # goes on
    assert losses.seen[0] == [float(np.float32(number) / np.float32(10)) for number in (12, 13)]


def test_workers_make_the_same_samples_in_the_same_order(tmp_path):
    """Without drawing from the random state of the run, and after a stop too."""
    _, one, _ = straight(tmp_path / "thread", batch=2, accumulate=2, average=0.9)
    losses, other, _ = straight(tmp_path / "workers", batch=2, accumulate=2, average=0.9, workers=3, stop_after=4)
    assert len(losses.seen) == 8
    losses, other, _ = straight(tmp_path / "workers", batch=2, accumulate=2, average=0.9, workers=2)
    assert len(losses.seen) == 4
    assert lines(other) == lines(one)
    assert all(equal(state(other)[key], state(one)[key]) for key in ("modules", "averaged", "optimizers", "rng"))


def broken(number):
    raise InputError(f"sample {number} is not there")


def test_an_error_of_a_worker_is_told(tmp_path):
    network = nn.Linear(3, 1)
    steps = {"fit": Step(Line(network), torch.optim.SGD(network.parameters(), 0.1), ("loss",))}
    config = RunConfig(**{**COMMON, "workers": 1, "output": str(tmp_path)})
    with pytest.raises(InputError, match="sample 0 is not there"):
        fit(Task(network, {}, steps, broken), config)


def test_accumulated_batches_are_one_larger_batch(tmp_path):
    once, _, _ = straight(tmp_path / "once", batch=4)
    twice, _, _ = straight(tmp_path / "twice", batch=2, accumulate=2)
    for name, value in once.network.state_dict().items():
        assert torch.allclose(value, twice.network.state_dict()[name], atol=ROUNDING), name
    one, two = (course(RunConfig(output=str(tmp_path / name))) for name in ("once", "twice"))
    assert [float(row["loss"]) for row in one] == pytest.approx([float(row["loss"]) for row in two], rel=1e-4)


@pytest.mark.parametrize("run", [train_restoration, train_features])
def test_accumulated_pictures_are_one_larger_batch(run, tmp_path):
    once = run(tmp_path / "once", batch=2, max_steps=3)
    twice = run(tmp_path / "twice", batch=1, accumulate=2, max_steps=3)
    one, two = ([float(row["loss"]) for row in course(config)] for config in (once, twice))
    assert one == pytest.approx(two, rel=1e-3)


def test_a_critic_judges_what_was_restored_of_each_batch(tmp_path, monkeypatch):
    """Also where several batches make one step."""
    restored, targets, judged = [], [], []

    class Watched(restoration.RestorationLosses):
        def forward(self, batch):
            targets.append(batch["target"].float() / 255)
            return super().forward(batch)

        def restore(self, *given):
            restored.append(super().restore(*given))
            return restored[-1]

    def critic_loss(critic, pictures, truth):
        judged.append((pictures, truth))
        return adversarial.critic_loss(critic, pictures, truth)

    monkeypatch.setattr(restoration, "RestorationLosses", Watched)
    monkeypatch.setattr(restoration, "critic_loss", critic_loss)
    train_gan(tmp_path, batch=1, accumulate=2, max_steps=2)
    assert len(restored) == len(targets) == len(judged) == 4
    for made, target, (pictures, truth) in zip(restored, targets, judged):
        assert torch.equal(pictures, made.detach().clamp(0, 1)) and torch.equal(truth, target)


def test_averages_follow_the_weights(tmp_path):
    """Each step's share of what was before is the decay, less at first."""
    seen = []

    class Watching(Line):
        def forward(self, batch):
            seen.append(self.network.weight.detach().clone())
            return super().forward(batch)

    torch.manual_seed(3)
    losses = Watching(nn.Linear(3, 1))
    wanted = losses.network.weight.detach().clone()
    steps = {"fit": Step(losses, torch.optim.SGD(losses.network.parameters(), 0.1), ("loss", "noise"))}
    config = RunConfig(**{**COMMON, "max_steps": 30, "average": 0.6, "output": str(tmp_path)})
    fit(Task(losses.network, {}, steps, numbered), config)
    seen.append(losses.network.weight.detach())
    for step, weight in enumerate(seen[1:]):
        decay = min(0.6, (step + 1) / (step + 10))
        wanted = decay * wanted + (1 - decay) * weight
    assert torch.allclose(state(config)["averaged"]["weight"], wanted, atol=ROUNDING)


def test_the_norm_of_a_gradient_is_clipped(tmp_path):
    before, _, _ = straight(tmp_path / "start", max_steps=0)
    after, _, _ = straight(tmp_path / "one", max_steps=1, clip=0.01)
    moved = [(a - b).detach().flatten() for a, b in zip(after.network.parameters(), before.network.parameters())]
    assert torch.cat(moved).norm() == pytest.approx(0.1 * 0.01, rel=1e-3)  # rate times the largest norm


def scoring(scores):
    """A validation that draws random numbers and gives such scores in turn."""
    given = iter(scores)

    def validate(network):
        torch.rand(7)
        assert not network.training and not any(one.requires_grad for one in network.parameters())
        scores = {"score": next(given), "other": float(network.weight.sum())}
        return scores, {"picture": np.zeros((3, 4, 4), np.float32)}

    return validate


def test_best_is_the_best_validation(tmp_path):
    _, config, _ = straight(tmp_path, scoring([1.0, 5.0, 5.0, 2.0, -1.0, 4.0]), validate_every=1)
    best = state(config, "best.pt")
    assert best["step"] == 2 and best["best"] == state(config)["best"] == 5.0
    assert float(best["averaged"]["weight"].sum()) == pytest.approx(float(course(config)[1]["other"]), rel=1e-4)
    pictures = sorted(path.name for path in (tmp_path / "pictures").iterdir())
    assert pictures == [f"picture_{step:07}.png" for step in range(1, 7)]


def test_a_resumed_run_keeps_its_best(tmp_path):
    straight(tmp_path, scoring([3.0, 7.0]), validate_every=1, stop_after=2)
    _, config, _ = straight(tmp_path, scoring([6.0, 6.5, 7.0, 1.0]), validate_every=1)
    assert state(config, "best.pt")["step"] == 2
    assert [row["score"] for row in course(config)] == ["3", "7", "6", "6.5", "7", "1"]


def test_a_run_can_go_on_from_its_best(tmp_path):
    """Whose losses since the last report are those of none."""
    _, config, _ = straight(tmp_path, scoring([1.0, 5.0, 2.0]), validate_every=2, report_every=2)
    rows = lines(config)
    (tmp_path / "best.pt").rename(tmp_path / "last.pt")
    straight(tmp_path, scoring([2.0]), validate_every=2, report_every=2)
    assert lines(config) == rows


def test_validation_does_not_change_the_course(tmp_path):
    often, config, _ = straight(tmp_path / "often", scoring(range(6)), validate_every=1)
    never, other, _ = straight(tmp_path / "never", scoring([]))
    assert equal(dict(often.network.state_dict()), dict(never.network.state_dict()))
    assert [row["noise"] for row in course(config)] == [row["noise"] for row in course(other)]
    assert not (tmp_path / "never" / "best.pt").exists()


def test_rows_are_means_since_the_one_before(tmp_path):
    _, each, _ = straight(tmp_path / "each")
    _, three, _ = straight(tmp_path / "three", report_every=3)
    losses = [float(row["loss"]) for row in course(each)]
    assert [row["step"] for row in course(three)] == ["3", "6"]
    means = [sum(losses[:3]) / 3, sum(losses[3:]) / 3]
    assert [float(row["loss"]) for row in course(three)] == pytest.approx(means, rel=1e-4)


def test_rows_beyond_the_resumed_step_are_dropped(tmp_path):
    """A run killed after its last save has told more than it can remember."""
    _, config, _ = straight(tmp_path, stop_after=3)
    rows = lines(config)
    with open(tmp_path / "log.csv", "a") as file:
        file.write("4,9,9,0\n5,9,9,0\n")
    straight(tmp_path)
    assert lines(config)[:3] == rows and [row["step"] for row in course(config)] == list("123456")


def test_rates_rise_hold_and_fall():
    plan = rise_and_fall(100, warmup=10, decay=20)
    rates = [plan(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1) and rates[9:81] == [1.0] * 72 and rates[-1] == pytest.approx(0.05)
    plain = rise_and_fall(100)
    assert {plain(step) for step in range(100)} == {1.0}
    dropped = drops(3, 5)
    assert [dropped(step) for step in range(7)] == pytest.approx([1, 1, 1, 0.1, 0.1, 0.01, 0.01])


def test_rates_reach_the_optimizer(tmp_path):
    """In each group by its own rate, also after a resume."""
    config = train_restoration(tmp_path, drop_at=(2,), offset_rates=(0.01, 0.1, 1.0), max_steps=4, stop_after=3)
    again(config, stop_after=0)
    groups = state(config)["optimizers"]["restore"]["param_groups"]
    assert [group["lr"] for group in groups] == pytest.approx([1e-5, 1e-7, 1e-6])


@pytest.mark.parametrize("name", golden_files.CURVES)
def test_golden_losses(name):
    found, wanted = golden_files.losses(name), golden_files.read(f"losses_{name}")
    assert found.keys() == wanted.keys()
    for key in wanted:
        assert len(found[key]) == 5
        assert found[key] == pytest.approx(wanted[key], rel=GOLDEN, abs=1e-7), key


@pytest.mark.parametrize("name", golden_files.CURVES)
def test_two_steps_in_bfloat16(name, tmp_path):
    config = RUNS[name](tmp_path, max_steps=2, precision="bf16-mixed")
    modules = state(config)["modules"]
    values = [value for module in modules.values() for value in module.values()]
    values = [value for value in values if value.dtype != torch.int64]  # batches that a normalisation counted
    assert all(value.dtype == torch.float32 and value.isfinite().all() for value in values)
    wanted = golden_files.read(f"losses_{name}")["loss"][0]
    assert float(course(config)[0]["loss"]) == pytest.approx(wanted, rel=0.1)


def test_a_reports_loss_is_what_the_first_optimizer_minimises(tmp_path):
    row = course(train_gan(tmp_path, max_steps=1))[0]
    parts = float(row["reconstruction"]) + 0.1 * float(row["perceptual"]) + 0.1 * float(row["adversarial"])
    assert float(row["loss"]) == pytest.approx(parts, rel=1e-4)
    assert float(row["loss_critic"]) != pytest.approx(float(row["loss"]), rel=1e-2)


@pytest.mark.parametrize(
    ("name", "changes", "error", "said"),
    [
        ("student", {"teacher": "gone.pt"}, InputError, "gone.pt is no checkpoint"),
        ("student", {"teacher": "gone.safetensors"}, InputError, "gone.safetensors is no weights file"),
        ("student", {"teacher": ""}, UsageError, "a student has no teacher"),
        ("c2_matching", {"correspondence": "wider.pt"}, InputError, "wider.pt does not fit Correspondence .*mismatch"),
        ("c2_matching", {"start": "wider.pt"}, InputError, "wider.pt does not fit C2Matching .*Missing key"),
    ],
)
def test_what_a_run_cannot_start_from_is_one_line(name, changes, error, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"averaged": Correspondence(8).state_dict()}, "wider.pt")
    train = RUNS[name] if name != "student" else partial(RUNS["teacher"], stage="student")
    with pytest.raises(error, match=said) as raised:
        train(tmp_path / "run", **changes)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configs_load(path):
    module, kind = TRAINERS[read_mapping(path)["trainer"]]
    trainer = __import__(f"lfvideo_sr.trainers.{module}", fromlist=[kind])
    config = load_config(path, getattr(trainer, kind))
    assert config.output == f"runs/{path.stem}"


def family():
    """Configurations of the trainers above; those that state the same options as one before, by other numbers, only
    run with -m slow."""
    seen = set()
    for path in CONFIGS:
        values = read_mapping(path)
        if values["trainer"] != "stream_ref":
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
        "width": 4, "perceptual_width": 4, "critic_width": 4,
    }  # fmt: skip
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
    assert state(config, "best.pt")["step"] == 2


def by_two_processes(name: str, folder: Path) -> RunConfig:
    """A run of small_runs with a batch of one in each of two processes on the CPU, as torchrun starts them."""
    script = folder.with_suffix(".py")
    script.write_text(
        "import torch, small_runs\nfrom pathlib import Path\ntorch.set_num_threads(1)\n"
        f"small_runs.RUNS[{name!r}](Path({str(folder)!r}), batch=1, max_steps=3)\n"
    )
    found = os.pathsep.join([str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", str(script)],
        env={**os.environ, "PYTHONPATH": found, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return RunConfig(output=str(folder))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["features", "c2_matching", "rrsr", "gan"])
def test_two_processes_train_as_one_with_twice_the_batch(name, tmp_path):
    apart = by_two_processes(name, tmp_path / "two")
    alone = RUNS[name](tmp_path / "one", batch=2, max_steps=3)
    for one, two in zip(course(alone), course(apart), strict=True):
        for loss in golden_files.read(f"losses_{name}").keys() - {"loss_critic", "adversarial"}:  # of other mixtures
            assert float(two[loss]) == pytest.approx(float(one[loss]), rel=1e-3), loss
    for key, value in state(alone)["modules"]["network"].items():
        assert torch.allclose(value, state(apart)["modules"]["network"][key], atol=1e-4), key
