"""`lfvideo-sr plan`, `run-segment` and `join`: a run as pieces for many machines."""

import json
from dataclasses import asdict, replace
from pathlib import Path

from ..choose import EngineOptions, choose_engine
from ..config import from_mapping
from ..errors import InputError, UsageError, first_line
from ..report import Fingerprint
from ..stream.job import StreamJob
from ..stream.journal import check_same
from ..stream.opening import files_read, low_size
from ..stream.plan import RunPlan, join_plan, pieces_folder, run_segment, segments_of
from ..stream.records import SegmentRecord
from .output_target import check_is_video, default_output
from .stream import StreamCommand
from .targets import check_targets


def plan_of(command: StreamCommand) -> RunPlan:
    """What `lfvideo-sr stream` would do as a plan; the clip is decoded once to find its segments."""
    command = replace(command, input=command.input.resolve())
    check_is_video(command.input, command.output, "a plan")
    output = command.output or default_output(command.input, command.encoding.codec)
    chosen = choose_engine(command.engine, low_size(command.input, command.options))
    with chosen.engine as engine, StreamJob(command.input, engine, command.options) as job:
        return RunPlan(
            input=str(command.input),
            output=str(output.resolve()),
            asked=json.loads(json.dumps(command.fingerprint().asked)),
            options=command.options,
            encoding=command.encoding,
            engine=asdict(command.engine.settled()),
            size=command.encoding.output_size(job),
            segments=segments_of(job),
        )


def read_plan(path: Path) -> RunPlan:
    """Raises InputError for a file that is no plan."""
    try:
        text = path.read_text()
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({first_line(error)}); check the name") from error
    plan = RunPlan.of_text(text, str(path))
    try:
        from_mapping(plan.engine, EngineOptions, "its engine")
    except UsageError as error:
        raise InputError(f"{path} is not a plan of this version ({error}); make it with lfvideo-sr plan") from error
    return plan


def pieces_of(plan: RunPlan) -> Path:
    """The folder for a plan's pieces, beside its output."""
    return pieces_folder(Path(plan.output))


def check_input_unchanged(plan: RunPlan) -> None:
    """Raises ResumeRefused where the clip, whose sound goes beside the pieces, is not what the plan was made of."""
    now = Fingerprint.of([Path(plan.input)], plan.options, {}).asked
    states = json.loads(json.dumps(now[plan.input]))
    check_same({"input": plan.asked.get(plan.input)}, {"input": states}, "the plan was made", "make another plan")


def check_unchanged(plan: RunPlan) -> None:
    """Raises ResumeRefused where a file, the weights or the version is not what the plan was made with."""
    chosen = EngineOptions(**plan.engine).fingerprinted() | {"encoding": asdict(plan.encoding)}
    now = Fingerprint.of(files_read(Path(plan.input), plan.options), plan.options, chosen)
    check_same(plan.asked, json.loads(json.dumps(now.asked)), "the plan was made", "make another plan")


def run_planned_segment(plan: RunPlan, number: int, folder: Path | None = None) -> SegmentRecord:
    """Restore one segment with the engine that the plan names."""
    plan.segment(number)
    check_unchanged(plan)
    options = EngineOptions(**plan.engine)
    chosen = choose_engine(options, low_size(Path(plan.input), plan.options))
    with chosen.engine as engine:
        return run_segment(plan, number, engine, folder or pieces_of(plan))


def join_planned(plan: RunPlan, folder: Path | None, output: Path | None, overwrite: bool) -> tuple[Path, list[str]]:
    """Join the pieces of a plan; returns the output and warnings."""
    target = output or Path(plan.output)
    check_targets({"-o": target}, [Path(plan.input)], overwrite)
    check_input_unchanged(plan)
    return target, join_plan(plan, folder or pieces_of(plan), target, overwrite=overwrite)
