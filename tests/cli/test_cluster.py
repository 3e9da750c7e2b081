"""What `--ray` does about segments that fail, by a stand-in for Ray; real workers are in `stream/test_plan.py`."""

from types import SimpleNamespace

import pytest

from lfvideo_sr.commands.cluster import _distribute
from lfvideo_sr.errors import EngineError


class RayError(Exception):
    pass


class RayActorError(RayError):
    pass


class Ray:
    """Runs what a worker is asked for when somebody waits for it."""

    exceptions = SimpleNamespace(RayError=RayError, RayActorError=RayActorError)

    def wait(self, tasks, num_returns):
        return tasks[:num_returns], tasks[num_returns:]

    def get(self, task):
        return task()


def worker(work):
    """An actor whose segments are done by `work`, a function of the number."""

    def remote(number, folder):
        return lambda: work(number)

    return SimpleNamespace(run=SimpleNamespace(remote=remote))


def plan_of(segments: int):
    return SimpleNamespace(segments=[None] * segments, longest_first=list(range(segments)))


def test_a_segment_that_fails_on_every_worker_ends_the_run(tmp_path):
    tried = []

    def work(number):
        tried.append(number)
        if number == 1:
            raise RayError("the disk of the worker is full")

    with pytest.raises(EngineError, match=r"segment 1 failed 4 times \(the disk .* is full\); run it without --ray"):
        _distribute(Ray(), lambda: worker(work), 2, plan_of(3), tmp_path, lambda done: None)
    assert tried.count(1) == 4 and {0, 2} <= set(tried)


def test_another_worker_takes_the_place_of_one_that_died(tmp_path):
    hired, done = [], []

    def dying(number):
        raise RayActorError("it was killed")

    def hire():
        hired.append(dying if not hired else done.append)
        return worker(hired[-1])

    _distribute(Ray(), hire, 1, plan_of(2), tmp_path, lambda count: None)
    assert len(hired) == 2 and sorted(done) == [0, 1]
