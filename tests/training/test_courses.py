"""Every trainer's course: golden losses, precision, exact resume, accumulation, and two processes as one."""

import math
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import golden_files
import pytest
import torch
from small_runs import (
    ALL_RUNS,
    RUNS,
    again,
    course,
    equal,
    saved,
    train_features,
    train_gan,
    train_restoration,
    untimed_course,
)

from lfvideo_sr.errors import InputError, UsageError
from lfvideo_sr.methods.c2_matching import CorrespondenceNetwork
from lfvideo_sr.trainers import restoration
from lfvideo_sr.training import adversarial, loop
from lfvideo_sr.training.task import RunConfig

GOLDEN = 2e-3  # of a loss, between machines and versions of torch, where a match may fall differently


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
    assert saved(parts)["step"] == stop and len(course(parts)) == stop // 2
    torch.manual_seed(99)  # another process has another random state
    parts = again(parts, stop_after=0)
    unstopped, resumed = saved(config), saved(parts)
    assert unstopped.keys() == resumed.keys()
    for key in unstopped.keys() - {"seconds"}:
        assert equal(unstopped[key], resumed[key]), key
    assert untimed_course(parts) == untimed_course(config)


def test_the_seed_decides_the_first_weights_and_the_course(whole, tmp_path):
    torch.manual_seed(5)  # whatever was drawn before
    same = again(whole["one"], output=str(tmp_path / "same"))
    assert equal(saved(same)["modules"], saved(whole["one"])["modules"])
    other = again(whole["one"], output=str(tmp_path / "other"), seed=2, max_steps=2)
    assert [row["loss"] for row in course(other)] != [row["loss"] for row in course(same)][:1]


@pytest.mark.parametrize("run", [train_restoration, train_features])
def test_accumulated_pictures_are_one_larger_batch(run, tmp_path):
    once = run(tmp_path / "once", batch=2, max_steps=3)
    twice = run(tmp_path / "twice", batch=1, accumulate=2, max_steps=3)
    losses, repeated = ([float(row["loss"]) for row in course(config)] for config in (once, twice))
    assert losses == pytest.approx(repeated, rel=1e-3)


def test_a_critic_judges_what_was_restored_of_each_batch(tmp_path, monkeypatch):
    """Not clipped, as the generator's loss sees it; also where several batches make one step."""
    restored, targets, judged = [], [], []

    class Watched(restoration.RestorationLosses):
        def forward(self, batch):
            targets.append(batch["target"].float() / 255)
            return super().forward(batch)

        def restore(self, *inputs):
            restored.append(super().restore(*inputs) + 0.7)
            return restored[-1]

    def critic_loss(critic, pictures, truth):
        judged.append((pictures, truth))
        return adversarial.critic_loss(critic, pictures, truth)

    monkeypatch.setattr(restoration, "RestorationLosses", Watched)
    monkeypatch.setattr(restoration, "critic_loss", critic_loss)
    train_gan(tmp_path, batch=1, accumulate=2, max_steps=2)
    assert len(restored) == len(targets) == len(judged) == 4
    assert all((made > 1).any() for made in restored)
    for made, target, (pictures, truth) in zip(restored, targets, judged):
        assert torch.equal(pictures, made) and torch.equal(truth, target)


def test_rates_reach_the_optimizer(tmp_path):
    """In each group by its own rate, also after a resume."""
    config = train_restoration(tmp_path, drop_at=(2,), offset_rates=(0.01, 0.1, 1.0), max_steps=4, stop_after=3)
    again(config, stop_after=0)
    groups = saved(config)["optimizers"]["restore"]["param_groups"]
    assert [group["lr"] for group in groups] == pytest.approx([1e-5, 1e-7, 1e-6])


@pytest.mark.parametrize("name", golden_files.CURVES)
def test_golden_losses(name):
    losses, expected = golden_files.losses(name), golden_files.read(f"losses_{name}")
    assert losses.keys() == expected.keys()
    for key in expected:
        assert len(losses[key]) == 5
        assert losses[key] == pytest.approx(expected[key], rel=GOLDEN, abs=1e-7), key


@pytest.mark.parametrize("name", golden_files.CURVES)
def test_two_steps_in_bfloat16(name, tmp_path):
    config = RUNS[name](tmp_path, max_steps=2, precision="bf16-mixed")
    modules = saved(config)["modules"]
    values = [value for module in modules.values() for value in module.values()]
    values = [value for value in values if value.dtype != torch.int64]  # batches that a normalisation counted
    assert all(value.dtype == torch.float32 and value.isfinite().all() for value in values)
    expected = golden_files.read(f"losses_{name}")["loss"][0]
    assert float(course(config)[0]["loss"]) == pytest.approx(expected, rel=0.1)


def test_a_reports_loss_is_what_the_first_optimizer_minimises(tmp_path):
    row = course(train_gan(tmp_path, max_steps=1))[0]
    parts = float(row["reconstruction"]) + 0.1 * float(row["perceptual"]) + 0.1 * float(row["adversarial"])
    assert float(row["loss"]) == pytest.approx(parts, rel=1e-4)
    assert float(row["loss_critic"]) != pytest.approx(float(row["loss"]), rel=1e-2)


@pytest.mark.parametrize(
    ("name", "changes", "error", "message"),
    [
        ("student", {"teacher": "gone.pt"}, InputError, "no checkpoint at gone.pt"),
        ("student", {"teacher": "gone.safetensors"}, InputError, "gone.safetensors is no weights file"),
        ("student", {"teacher": ""}, UsageError, "a student has no teacher"),
        (
            "c2_matching",
            {"correspondence": "wider.pt"},
            InputError,
            "wider.pt does not fit CorrespondenceNetwork .*mismatch",
        ),
        ("c2_matching", {"start": "wider.pt"}, InputError, "wider.pt does not fit C2Matching .*Missing key"),
    ],
)
def test_what_a_run_cannot_start_from_is_one_line(name, changes, error, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"averaged": CorrespondenceNetwork(8).state_dict()}, "wider.pt")
    train = RUNS[name] if name != "student" else partial(RUNS["teacher"], stage="student")
    with pytest.raises(error, match=message) as raised:
        train(tmp_path / "run", **changes)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ALL_RUNS)
def test_every_parameter_that_is_trained_gets_a_gradient(name, tmp_path, monkeypatch):
    """Processes that train together wait for the gradient of each of them."""
    lacking = []

    def take(self, batches, *others):
        losses = taken(self, batches, *others)
        parameters = self._module.named_parameters()
        lacking.extend(key for key, value in parameters if value.requires_grad and value.grad is None)
        return losses

    taken = loop._Ready.take
    monkeypatch.setattr(loop._Ready, "take", take)
    ALL_RUNS[name](tmp_path, max_steps=1)
    assert not lacking


def by_two_processes(name: str, folder: Path) -> RunConfig:
    """A run of small_runs with a batch of one in each of two processes on the CPU, as torchrun starts them."""
    script = folder.with_suffix(".py")
    script.write_text(
        "import torch, small_runs\nfrom pathlib import Path\ntorch.set_num_threads(1)\n"
        f"small_runs.ALL_RUNS[{name!r}](Path({str(folder)!r}), batch=1, max_steps=3)\n"
    )
    search_path = os.pathsep.join([str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", str(script)],
        env={**os.environ, "PYTHONPATH": search_path, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"},
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
    for row, other_row in zip(course(alone), course(apart), strict=True):
        for loss in golden_files.read(f"losses_{name}").keys() - {"loss_critic", "adversarial"}:  # of other mixtures
            assert float(other_row[loss]) == pytest.approx(float(row[loss]), rel=1e-3), loss
    for key, value in saved(alone)["modules"]["network"].items():
        assert torch.allclose(value, saved(apart)["modules"]["network"][key], atol=1e-4), key


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted({*ALL_RUNS} - {"features", "c2_matching", "rrsr", "gan"}))
def test_two_processes_train_every_stage(name, tmp_path):
    """Those whose batches normalise or draw for themselves, which one process with twice the batch does otherwise."""
    rows = course(by_two_processes(name, tmp_path / "two"))
    assert [row["step"] for row in rows] == ["1", "2", "3"]
    assert all(math.isfinite(float(row["loss"])) for row in rows)
