"""The loop that trainers share, on a line: samples, accumulation, averages, the best state, logs, rates."""

import multiprocessing

import numpy as np
import pytest
import torch
from small_runs import COMMON, course, equal, saved, untimed_course
from torch import nn

from lfvideo_sr.errors import InputError, UsageError
from lfvideo_sr.training.loop import fit
from lfvideo_sr.training.task import RunConfig, Step, Task, drops, rise_and_fall

ROUNDING = 1e-5  # of weights after a few steps, where sums are taken in another order


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
    options = {**COMMON, "max_steps": 6, "output": str(output), **changes}
    config = RunConfig(**options)
    task = Task(losses.network, {"about": "a line"}, steps, numbered, validate, ("score", "other") if validate else ())
    fit(task, config)
    return losses, config, task


def test_workers_are_refused_where_processes_cannot_be_forked(tmp_path, monkeypatch):
    monkeypatch.setattr(multiprocessing, "get_all_start_methods", lambda: ["spawn"])
    with pytest.raises(UsageError, match="`workers` is 2, and this system cannot fork processes; leave it at 0"):
        straight(tmp_path, workers=2)


def test_every_sample_is_seen_once_in_order(tmp_path):
    losses, _, _ = straight(tmp_path, batch=2, accumulate=3, max_steps=2)
    expected = [[float(np.float32(number) / np.float32(10)) for number in pair] for pair in np.arange(12).reshape(6, 2)]
    assert losses.seen == expected
    losses, _, _ = straight(tmp_path, batch=2, accumulate=3, max_steps=4)  # goes on
    assert losses.seen[0] == [float(np.float32(number) / np.float32(10)) for number in (12, 13)]


def test_workers_make_the_same_samples_in_the_same_order(tmp_path):
    """Without drawing from the random state of the run, and after a stop too."""
    _, by_thread, _ = straight(tmp_path / "thread", batch=2, accumulate=2, average=0.9)
    losses, by_workers, _ = straight(tmp_path / "workers", batch=2, accumulate=2, average=0.9, workers=3, stop_after=4)
    assert len(losses.seen) == 8
    losses, by_workers, _ = straight(tmp_path / "workers", batch=2, accumulate=2, average=0.9, workers=2)
    assert len(losses.seen) == 4
    assert untimed_course(by_workers) == untimed_course(by_thread)
    assert all(
        equal(saved(by_workers)[key], saved(by_thread)[key]) for key in ("modules", "averaged", "optimizers", "rng")
    )


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
    rows, other_rows = (course(RunConfig(output=str(tmp_path / name))) for name in ("once", "twice"))
    assert [float(row["loss"]) for row in rows] == pytest.approx([float(row["loss"]) for row in other_rows], rel=1e-4)


def test_averages_follow_the_weights(tmp_path):
    """Each step's share of what was before is the decay, less at first."""
    seen = []

    class Watching(Line):
        def forward(self, batch):
            seen.append(self.network.weight.detach().clone())
            return super().forward(batch)

    torch.manual_seed(3)
    losses = Watching(nn.Linear(3, 1))
    expected = losses.network.weight.detach().clone()
    steps = {"fit": Step(losses, torch.optim.SGD(losses.network.parameters(), 0.1), ("loss", "noise"))}
    config = RunConfig(**{**COMMON, "max_steps": 30, "average": 0.6, "output": str(tmp_path)})
    fit(Task(losses.network, {}, steps, numbered), config)
    seen.append(losses.network.weight.detach())
    for step, weight in enumerate(seen[1:]):
        decay = min(0.6, (step + 1) / (step + 10))
        expected = decay * expected + (1 - decay) * weight
    assert torch.allclose(saved(config)["averaged"]["weight"], expected, atol=ROUNDING)


def test_the_norm_of_a_gradient_is_clipped(tmp_path):
    before, _, _ = straight(tmp_path / "start", max_steps=0)
    after, _, _ = straight(tmp_path / "one", max_steps=1, clip=0.01)
    moved = [(a - b).detach().flatten() for a, b in zip(after.network.parameters(), before.network.parameters())]
    assert torch.cat(moved).norm() == pytest.approx(0.1 * 0.01, rel=1e-3)  # rate times the largest norm


def scoring(scores):
    """A validation that draws random numbers and gives such scores in turn."""
    remaining = iter(scores)

    def validate(network):
        torch.rand(7)
        assert not network.training and not any(parameter.requires_grad for parameter in network.parameters())
        scores = {"other": float(network.weight.sum()), "score": next(remaining)}  # the task has the deciding one first
        return scores, {"picture": np.zeros((3, 4, 4), np.float32)}

    return validate


def test_best_is_the_best_validation(tmp_path):
    _, config, _ = straight(tmp_path, scoring([1.0, 5.0, 5.0, 2.0, -1.0, 4.0]), validate_every=1)
    best = saved(config, "best.pt")
    assert best["step"] == 2 and best["best"] == saved(config)["best"] == 5.0
    assert float(best["averaged"]["weight"].sum()) == pytest.approx(float(course(config)[1]["other"]), rel=1e-4)
    pictures = sorted(path.name for path in (tmp_path / "pictures").iterdir())
    assert pictures == [f"picture_{step:07}.png" for step in range(1, 7)]


def test_a_validation_between_two_reports_is_refused_before_anything_is_written(tmp_path):
    message = "'validate_every' is 5, and a validation is part of a report; give a multiple of 'report_every', 2"
    with pytest.raises(UsageError, match=message) as raised:
        straight(tmp_path / "run", scoring([1.0]), validate_every=5, report_every=2)
    assert "\n" not in str(raised.value) and not (tmp_path / "run").exists()


def test_a_resumed_run_keeps_its_best(tmp_path):
    straight(tmp_path, scoring([3.0, 7.0]), validate_every=1, stop_after=2)
    _, config, _ = straight(tmp_path, scoring([6.0, 6.5, 7.0, 1.0]), validate_every=1)
    assert saved(config, "best.pt")["step"] == 2
    assert [row["score"] for row in course(config)] == ["3", "7", "6", "6.5", "7", "1"]


def test_a_run_can_go_on_from_its_best(tmp_path):
    """Whose losses since the last report are those of none."""
    _, config, _ = straight(tmp_path, scoring([1.0, 5.0, 2.0]), validate_every=2, report_every=2)
    rows = untimed_course(config)
    (tmp_path / "best.pt").rename(tmp_path / "last.pt")
    straight(tmp_path, scoring([2.0]), validate_every=2, report_every=2)
    assert untimed_course(config) == rows


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
    rows = untimed_course(config)
    with open(tmp_path / "log.csv", "a") as file:
        file.write("4,9,9,0\n5,9,9,0\n")
    straight(tmp_path)
    assert untimed_course(config)[:3] == rows and [row["step"] for row in course(config)] == list("123456")


def test_rates_rise_hold_and_fall():
    plan = rise_and_fall(100, warmup=10, decay=20)
    rates = [plan(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1) and rates[9:81] == [1.0] * 72 and rates[-1] == pytest.approx(0.05)
    plain = rise_and_fall(100)
    assert {plain(step) for step in range(100)} == {1.0}
    dropped = drops(3, 5)
    assert [dropped(step) for step in range(7)] == pytest.approx([1, 1, 1, 0.1, 0.1, 0.01, 0.01])
