"""`lfvideo-sr stream --ray`: the segments of a run on the machines and GPUs of a Ray cluster.

Each worker is an actor that holds an engine. Another takes the place of one that dies, and its segment goes to
whichever worker is free; pieces that are whole are never done again, whoever made them.
"""

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from .. import __version__
from ..checks import install_command
from ..choose import EngineOptions, choose_engine
from ..errors import EngineError, UsageError, first_line
from ..stream.finished import mark_finished
from ..stream.opening import low_size
from ..stream.plan import RunPlan, join_plan, remove_pieces, run_segment
from .output_target import OutputTarget, check_is_video
from .plan import check_input_unchanged, check_unchanged, pieces_of, plan_of
from .progress import Progress, make_progress
from .stream import StreamCommand

_TRIES = 4  # of a segment, before the run gives up


@dataclass(frozen=True)
class ClusterRun:
    """`lfvideo-sr stream` by the workers of a cluster at an address: "auto", "local", or what Ray calls it."""

    command: StreamCommand
    address: str

    def run(self) -> None:
        """Write output and report; raises LFVideoError, with the pieces that are done kept for another run."""
        command = self.command
        if command.options.gt or command.options.simulate:
            raise UsageError("--ray does not score its result; leave out --gt and --simulate, or --ray")
        check_is_video(command.input, command.output, "--ray")
        progress = make_progress(command.progress)
        target = command.target(progress)
        if target is None:
            return
        plan = plan_of(replace(command, output=target.output))
        target.write_report(self._restored(plan, target, progress))
        remove_pieces(plan, pieces_of(plan))
        for line in (f"output      {target.output}", f"report      {target.report}"):
            progress.say(line)

    def _restored(self, plan: RunPlan, target: OutputTarget, progress: Progress) -> dict[str, Any]:
        """The report of the run, which ends with the whole output."""
        started = time.monotonic()
        folder, count = pieces_of(plan), len(plan.segments)
        progress.say(f"{count} segments for the workers of {self.address}")
        run_with_ray(plan, self.address, folder, tell=lambda done: progress.say(f"{done} of {count} segments are done"))
        check_input_unchanged(plan)
        overwrite, mark = self.command.overwrite or target.is_left, partial(mark_finished, folder)
        warnings = join_plan(plan, folder, target.output, overwrite=overwrite, before_naming=mark)
        return {
            "input": plan.input,
            "output": str(target.output),
            "output_size": str(plan.size),
            "frames": sum(frames for _, frames in plan.segments),
            "segments": count,
            "seconds": round(time.monotonic() - started, 3),
            "method": self.command.engine.method,
            "version": __version__,
            "warnings": warnings,
        }


class _Worker:
    """An engine on a machine of the cluster; made a Ray actor by `run_with_ray`."""

    def __init__(self, plan: str):
        self._plan = RunPlan.of_text(plan)
        check_unchanged(self._plan)
        size = low_size(Path(self._plan.input), self._plan.options)
        self._engine = choose_engine(EngineOptions(**self._plan.engine), size).engine.__enter__()

    def run(self, number: int, folder: str) -> int:
        """Restore a segment; returns its number."""
        run_segment(self._plan, number, self._engine, Path(folder))
        return number


def run_with_ray(
    plan: RunPlan,
    address: str,
    folder: Path,
    workers: int | None = None,
    tell: Callable[[int], object] = lambda done: None,
) -> None:
    """Restore all segments of a plan into `folder`, which every machine of the cluster has to see under this name.

    address: of the cluster, "local" to start one on this machine, or "auto" to find one and else start one.
    workers: how many at most; None: one for each GPU, or one for each four processor cores without any.
    tell:    is given how many segments are done.
    Raises EngineError where Ray is not installed or not reached, or a segment fails on every try.
    """
    ray = _started(address)
    gpus = int(ray.cluster_resources().get("GPU", 0))
    cores = int(ray.cluster_resources().get("CPU", 1))
    count = workers or gpus or max(1, cores // 4)
    share = {"num_gpus": 1} if gpus else {"num_cpus": max(1, cores // count)}
    actor = ray.remote(**share)(_Worker)
    _distribute(ray, partial(actor.remote, plan.text()), min(count, len(plan.segments)), plan, folder, tell)


def _distribute(
    ray: Any, hire: Callable[[], Any], count: int, plan: RunPlan, folder: Path, tell: Callable[[int], object]
) -> None:
    free = [hire() for _ in range(count)]
    waiting, tries = plan.longest_first, [0] * len(plan.segments)
    running: dict[Any, tuple[Any, int]] = {}
    done = 0
    while waiting or running:
        while waiting and free:
            worker, number = free.pop(), waiting.pop(0)
            running[worker.run.remote(number, str(folder))] = worker, number
        finished, _ = ray.wait(list(running), num_returns=1)
        worker, number = running.pop(finished[0])
        try:
            ray.get(finished[0])
            done += 1
            tell(done)
        except ray.exceptions.RayError as error:
            if isinstance(error, ray.exceptions.RayActorError):
                worker = hire()
            tries[number] += 1
            if tries[number] == _TRIES:
                why = first_line(getattr(error, "cause", None) or error)  # what failed on the worker, if it said
                raise EngineError(f"segment {number} failed {_TRIES} times ({why}); run it without --ray") from error
            waiting.append(number)
        free.append(worker)


def _started(address: str) -> Any:
    try:
        import ray
    except ImportError as error:
        raise EngineError(f"Ray is not installed; {install_command('ray')}, or leave --ray out") from error
    if ray.is_initialized():
        return ray
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": True}
    if address == "local":
        ray.init(address="local", include_dashboard=False, **quiet)
        return ray
    try:
        _check_reachable(address)
        ray.init(address=address, **quiet)
    except (ConnectionError, OSError) as error:
        if address != "auto":
            raise EngineError(f"no Ray cluster answers at {address} ({first_line(error)}); start one there") from error
        ray.init(address="local", include_dashboard=False, **quiet)
    return ray


def _check_reachable(address: str) -> None:
    """Raises OSError where nobody listens at HOST:PORT: Ray itself would end the process."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=10).close()
