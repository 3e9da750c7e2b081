"""`lfvideo-sr stream --ray`: the segments of a run on the machines and GPUs of a Ray cluster.

Each worker is an actor that holds an engine. Another takes the place of one that dies, and its segment goes to
whichever worker is free; pieces that are whole are never done again, whoever made them.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from .. import __version__
from ..choose import EngineOptions, choose_engine
from ..errors import EngineError, UsageError, first_line
from ..stream.job import low_size
from ..stream.plan import Plan, join_plan, remove_pieces, run_segment
from .plan import pieces_of, plan_of
from .progress import Progress
from .stream import StreamCommand

_TRIES = 4  # of a segment, before the run gives up


def run_on_a_cluster(command: StreamCommand, address: str, output: Path, progress: Progress) -> dict[str, Any]:
    """Restore a clip with the workers of a cluster and join their pieces; returns the report."""
    if command.options.gt or command.options.simulate:
        raise UsageError("--ray does not score its result; leave out --gt and --simulate, or --ray")
    started = time.monotonic()
    plan = plan_of(replace(command, output=output))
    progress.say(f"{len(plan.segments)} segments for the workers of {address}")
    folder = pieces_of(plan)
    run_with_ray(
        plan, address, folder, tell=lambda done: progress.say(f"segment {done} of {len(plan.segments)} is done")
    )
    warnings = join_plan(plan, folder, output, overwrite=command.overwrite)
    remove_pieces(plan, folder)
    return {
        "input": plan.input,
        "output": str(output),
        "output_size": str(plan.size),
        "frames": sum(frames for _, frames in plan.segments),
        "segments": len(plan.segments),
        "seconds": round(time.monotonic() - started, 3),
        "method": command.engine.method,
        "version": __version__,
        "warnings": warnings,
    }


class _Worker:
    """An engine on a machine of the cluster; made a Ray actor by `run_with_ray`."""

    def __init__(self, plan: str):
        self._plan = Plan.of_text(plan)
        size = low_size(Path(self._plan.input), self._plan.stream_options())
        self._engine = choose_engine(EngineOptions(**self._plan.engine), size).engine.__enter__()

    def run(self, number: int, folder: str) -> int:
        """Restore a segment; returns its number."""
        run_segment(self._plan, number, self._engine, Path(folder))
        return number


def run_with_ray(
    plan: Plan,
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
    ray: Any, hire: Callable[[], Any], count: int, plan: Plan, folder: Path, tell: Callable[[int], object]
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
                cause = getattr(error, "cause", None) or error
                why = first_line(cause) if isinstance(cause, BaseException) else first_line(error)
                raise EngineError(f"segment {number} failed {_TRIES} times ({why}); run it without --ray") from error
            waiting.append(number)
        free.append(worker)


def _started(address: str) -> Any:
    try:
        import ray
    except ImportError as error:
        raise EngineError("Ray is not installed; pip install 'lfvideo-sr[ray]', or leave --ray out") from error
    if ray.is_initialized():
        return ray
    try:
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": True}
        if address == "local":
            ray.init(address="local", include_dashboard=False, **quiet)
        else:
            ray.init(address=address, **quiet)
    except ConnectionError as error:
        if address != "auto":
            raise EngineError(f"no Ray cluster answers at {address} ({first_line(error)}); start one") from error
        ray.init(address="local", include_dashboard=False, **quiet)
    return ray
