"""`lfvideo-sr stream`: restores a video, writes it and a report, and prints a summary."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..checks import check_choice
from ..choose import Choice, EngineOptions, choose_engine
from ..engines.host_memory import prepare_process
from ..errors import InputError
from ..media.part import Part
from ..media.partial import unfinished_in
from ..media.picture_sequence import find_sequence
from ..media.sequence_source import check_input, open_clip
from ..methods import METHODS
from ..references.opening import sidecar_folder
from ..references.simulated import GroundTruth
from ..report import Fingerprint, detail_lines, stream_report, summary_lines
from ..stream.job import StreamJob
from ..stream.journal import Journal
from ..stream.match_record import MatchRecord
from ..stream.opening import files_read, low_size, open_source
from ..stream.options import StreamOptions
from ..stream.output import EncodingOptions
from ..stream.pipeline import Restored
from ..stream.segmented_sink import uses_of
from ..stream.segments import SegmentSelection
from ..stream.writing import converted
from .compare import CompareCommand, check_page
from .estimate import estimated_seconds
from .output_target import OutputTarget, default_output, target_of
from .progress import Progress, WarningPrinter, make_progress
from .targets import REPORT, check_targets
from .texts import shown_seconds, shown_training

__all__ = ["OutputTarget", "StreamCommand", "default_output"]


@dataclass(frozen=True)
class StreamCommand:
    """The options of the command. html: a page to write of the result. dry_run: only print what would be done, and how
    long it takes."""

    input: Path
    output: Path | None
    options: StreamOptions
    encoding: EncodingOptions = field(default_factory=EncodingOptions)
    engine: EngineOptions = field(default_factory=EngineOptions)
    report: Path | None = None
    overwrite: bool = False
    resume: bool = True
    progress: str = "auto"
    verbose: bool = False
    dry_run: bool = False
    html: Path | None = None

    def run(self) -> None:
        """Write output, report and page; raises LFVideoError, with segments that are done kept for another run."""
        progress = make_progress(self.progress)
        if self.html is not None:
            check_page(self.html)
        target = self.target(progress)
        record = None if self.html is None or target is None else MatchRecord()
        if target is not None:
            self._write_target(target, progress, record)
        is_new = target is not None or not (self.html and os.path.lexists(self.html))
        if self.html is not None and is_new and not self.dry_run:
            self._write_page(self.html, progress, record)

    def target(self, progress: Progress) -> OutputTarget | None:
        """What is to be written, after all that can be refused is refused; None where it is done already."""
        check_input(self.input)
        check_choice("--method", self.engine.method, list(METHODS))
        target = target_of(self.input, self.output, self.report, self.fingerprint(), self.encoding.codec)
        target.check_names()
        if not self.overwrite and target.is_done:
            target.remove_left()
            progress.say(f"{target.output} is already done: same input, same options (--overwrite runs it again)")
            return None
        read = [*files_read(self.input, self.options), *pictures_read(self.input)]
        if self.html is not None:
            check_targets({"--html": self.html, REPORT: target.report}, read, self.overwrite)
        target.check(read, self.overwrite)
        return target

    def _write_page(self, page: Path, progress: Progress, record: MatchRecord | None) -> None:
        """Of the finished output beside the input, and beside the truth where the whole clip was scored."""
        target = target_of(self.input, self.output, self.report, self.fingerprint(), self.encoding.codec)
        options, encoding = self.options, self.encoding
        is_whole = options.start is None and options.end is None and not (encoding.size or encoding.scale)
        with closing(open_source(self.input, options)) as source:
            rate = source.info.rate
        truth = Path(options.gt) if options.gt else self.input if options.simulate else None
        limits: dict[str, Any] = {"frames": options.frames, "deinterlace": options.deinterlace, "rate": rate}
        limits |= {"max_height": options.max_height} if options.simulate else {}
        progress.say(f"page        {page}: comparing the input with the result")
        CompareCommand(
            (f"{self.input.name} enlarged", target.output.name), lambda: open_source(self.input, options),
            lambda: open_clip(target.output, rate), page,
            open_truth=(lambda size: GroundTruth(truth, size, **limits)) if truth and is_whole else None,
            report=target.report, overwrite=True, matches=record,
        ).run(progress)  # fmt: skip

    def _write_target(self, target: OutputTarget, progress: Progress, record: MatchRecord | None) -> None:
        try:
            self._restore_into(target, progress, record)
        except BaseException:
            target.tidy()
            raise

    def _restore_into(self, target: OutputTarget, progress: Progress, record: MatchRecord | None) -> None:
        changes: list[str] = []  # of the engine, in the middle

        def changed(line: str) -> None:
            changes.append(line)
            progress.say(line)

        printer = WarningPrinter(progress)
        chosen = self._engine(changed)
        prepare_process(chosen.engine.device)
        with chosen.engine as engine, StreamJob(self.input, engine, self.options) as job:
            self._check_unchanged(target)
            on = {"engine": engine.name, "device": engine.device, "dtype": engine.precision.value}
            self._announce(job, chosen, progress)  # in whose estimate the engine may change
            if self.dry_run:
                self._tell_plan(job, target, progress)
                target.tidy()
                return
            with target.journal(target.asked.asked | on, self._resumes, self.overwrite) as journal:
                before = journal.frames
                self._go_on(job, journal, progress)
                restored_frames = job.restored(SegmentSelection(frozenset(journal.done)), record)
                seconds, warnings = self._write(job, restored_frames, target, journal, progress, printer)
                report = stream_report(job, target.output, seconds, warnings + changes)
                report |= {"engine": engine.name, "quality": self.engine.named_quality(), "decoding": str(job.decoding)}
                report |= {"output_size": str(self.encoding.output_size(job)), "frames_done_before": before}
                with unfinished_in(journal.room()):
                    target.write_report(report, job.resolver.seen, job)
                journal.remove()
        unprinted = {"warnings": printer.unprinted(report["warnings"])}
        details = detail_lines(report) if self.verbose else []
        for line in [*details, *summary_lines(report | unprinted), f"report      {target.report}"]:
            progress.say(line)

    def _engine(self, tell: Callable[[str], object]) -> Choice:
        return choose_engine(self.engine, low_size(self.input, self.options), tell)

    def fingerprint(self) -> Fingerprint:
        chosen = self.engine.fingerprinted() | {"encoding": asdict(self.encoding)}
        return Fingerprint.of(files_read(self.input, self.options), self.options, chosen)

    def _check_unchanged(self, target: OutputTarget) -> None:
        """Raise InputError where what was opened is not what the target was found to be made of."""
        if self.fingerprint() != target.asked:
            raise InputError(f"{self.input} or a reference changed while it was opened; run the command again")

    def _announce(self, job: StreamJob, chosen: Choice, progress: Progress) -> None:
        name = chosen.name  # before the estimate, in which the engine may change
        seconds = estimated_seconds(job)
        guess = f"; about {shown_seconds(seconds)}" if seconds else ""
        progress.say(f"{job.info.name} {job.info.size} -> {self.encoding.output_size(job)}{guess}")
        for line in shown_input(job):
            progress.say(line)
        progress.say(f"engine      {name}: {chosen.why}")
        for line in shown_training(job.engine.info.trained):
            progress.say(line)
        if quality := self.engine.named_quality():
            progress.say(f"quality     {quality}")
        if job.decoding.announced:
            progress.say(f"decoding    {job.decoding}")
        progress.say(f"references  {job.reference_kind}: {job.reference_description}")
        for line in [] if job.references is None else job.references.estimates:
            progress.say(f"            {line}")
        if job.reference_kind in ("anchor", "none") and job.engine.info.references and not self.options.no_refs:
            progress.say(
                "            no true detail is added without references: give stills or a sharper video with --refs, "
                f"a second track, or {sidecar_folder(self.input).name}/"
            )

    def _tell_plan(self, job: StreamJob, target: OutputTarget, progress: Progress) -> None:
        """What a dry run prints besides: warnings, where references are, and what would be written."""
        for warning in job.warnings:
            progress.say(f"warning     {warning}")
        if job.references is not None and job.reference_kind != "none":
            progress.say(f"            {shown_times([float(reference.time) for reference in job.references])}")
        progress.say(f"output      {target.output} ({self.encoding.output_size(job)}), not written: --dry-run")

    @property
    def _resumes(self) -> bool:
        """Whether an unfinished run goes on. One that is scored starts over: its scores need every picture."""
        return self.resume and not (self.options.gt or self.options.simulate)

    def _write(
        self, job: StreamJob, restored_frames: Iterator[Restored], target: OutputTarget, journal: Journal,
        progress: Progress, printer: WarningPrinter,
    ) -> tuple[float, list[str]]:  # fmt: skip
        """Write the job's frames; whatever fails, segments that are done stay, and a playable part of them."""
        sink: Any = target.sink(job, journal, self.encoding, self.overwrite)
        printer.show([*job.warnings, *sink.warnings])
        started = time.monotonic()
        try:
            with closing(converted(job, sink, restored_frames)) as pictures:
                for picture in progress.over(pictures, job.info.frames and job.info.frames - journal.frames):
                    with job.watch.stage("write"):
                        sink.encode(picture)
                    printer.show(job.warnings)
            with job.watch.stage("finish"):
                sink.close(job.resolver.seen)
        except BaseException:
            part = sink.leave_partial()
            if journal.frames:
                progress.say(f"{journal.frames} frames are safe; the same command goes on from there")
            if part is not None:
                progress.say(f"what there is so far plays: {part}")
            raise
        return time.monotonic() - started, list(dict.fromkeys(job.warnings + sink.warnings))

    def _go_on(self, job: StreamJob, journal: Journal, progress: Progress) -> None:
        """Take what an earlier run has done."""
        for number, record in journal.done.items():
            job.resolver.add_uses(number, uses_of(record.uses))
        for file in journal.damaged:
            progress.say(f"{journal.folder / file} is damaged or missing: its frames are restored again")
        if journal.frames:
            progress.say(f"going on    {journal.frames} frames are done")


def pictures_read(path: Path) -> tuple[Path, ...]:
    """The pictures of an input that is numbered pictures."""
    sequence = find_sequence(path)
    return () if sequence is None else sequence.paths


def shown_times(seconds: Sequence[float], most: int = 12) -> str:
    """Moments of references for people: "3 at 0.00, 1.00, 2.00 s"."""
    if not seconds:
        return "none within the clip"
    listed = ", ".join(f"{moment:.2f}" for moment in seconds[:most])
    return f"{len(seconds)} at {listed}{' ...' if len(seconds) > most else ''} s"


def shown_input(job: StreamJob) -> Iterator[str]:
    """What numbered pictures and what part of a clip are restored, for people."""
    pictures, part = job.video.pictures, job.part
    if pictures is not None and job.info.rate:
        unasked = "" if job.options.fps else " (--fps is not given)"
        rate = f"{float(job.info.rate):.6g} frames per second{unasked}"
        yield f"input       {pictures}; {job.video.bit_depth} bits, {rate}"
    if part is not None:
        yield f"part        {part.frames} frames from frame {part.first} on, {_shown_interval(part)}"


def _shown_interval(part: Part) -> str:
    end = "the end" if part.end is None else f"{float(part.end):.3f} s"
    return f"{float(part.start):.3f} s to {end} on the clip's clock"
