"""`lfvideo-sr stream`: restores a video, writes it and a report, and prints a summary."""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..checks import check_choice
from ..choose import Choice, EngineOptions, choose_engine
from ..engines.host_memory import prepare_process
from ..media.codecs import codec_of
from ..media.probe import check_file
from ..methods import METHODS
from ..report import Fingerprint, is_done, stream_report, summary_lines, write_json
from ..stream.job import StreamJob, StreamOptions, files_read, low_size
from ..stream.journal import Journal
from ..stream.output import EncodingOptions
from ..stream.segmented_sink import SegmentedSink, uses_of
from ..stream.writing import converted
from .estimate import estimated_seconds
from .progress import Progress, WarningPrinter, make_progress
from .targets import REPORT, beside, check_lengths, check_targets
from .texts import shown_seconds


@dataclass(frozen=True)
class OutputTarget:
    """An output with its report, and what it was asked to be."""

    output: Path
    report: Path
    asked: Fingerprint

    def write_report(self, report: dict[str, Any]) -> None:
        """With what tells a later run that the output is done."""
        done = {"fingerprint": self.asked.text, "output_bytes": self.output.stat().st_size}
        write_json(self.report, report | done)


@dataclass(frozen=True)
class StreamCommand:
    """The options of the command."""

    input: Path
    output: Path | None
    options: StreamOptions
    encoding: EncodingOptions = field(default_factory=EncodingOptions)
    engine: EngineOptions = field(default_factory=EngineOptions)
    report: Path | None = None
    overwrite: bool = False
    resume: bool = True
    progress: str = "auto"

    def run(self) -> None:
        """Write output and report; raises LFVideoError, with the segments that are done kept for another run."""
        progress = make_progress(self.progress)
        target = self.target(progress)
        if target is not None:
            self._write_target(target, progress)

    def target(self, progress: Progress) -> OutputTarget | None:
        """What is to be written, after all that can be refused is refused; None where it is done already."""
        check_file(self.input)
        output = self.output or default_output(self.input, self.encoding.codec)
        report = self.report or beside(output, ".report.json")
        check_choice("--method", self.engine.method, list(METHODS))
        check_lengths({"-o": output, REPORT: report})
        asked = self.fingerprint()
        if not self.overwrite and is_done(output, report, asked):
            progress.say(f"{output} is already done: same input, same options (--overwrite runs it again)")
            return None
        check_targets({"-o": output, REPORT: report}, files_read(self.input, self.options), self.overwrite)
        return OutputTarget(output, report, asked)

    def _write_target(self, target: OutputTarget, progress: Progress) -> None:
        changes: list[str] = []  # of the engine, in the middle

        def changed(line: str) -> None:
            changes.append(line)
            progress.say(line)

        printer = WarningPrinter(progress)
        chosen = self._engine(changed)
        prepare_process(chosen.engine.device)
        with chosen.engine as engine, StreamJob(self.input, engine, self.options) as job:
            on = {"engine": engine.name, "device": engine.device, "dtype": engine.precision.value}
            self._announce(job, chosen, progress)  # in whose estimate the engine may change
            with Journal(target.output, target.asked.asked | on, self._resumes) as journal:
                before = journal.frames
                seconds, warnings = self._write(job, target.output, journal, progress, printer)
            report = stream_report(job, target.output, seconds, warnings + changes)
            report |= {"engine": engine.name, "quality": self.engine.named_quality(), "decoding": str(job.decoding)}
        report |= {"output_size": str(self.encoding.output_size(job)), "frames_done_before": before}
        target.write_report(report)
        unprinted = {"warnings": printer.unprinted(report["warnings"])}
        for line in [*summary_lines(report | unprinted), f"report      {target.report}"]:
            progress.say(line)

    def _engine(self, tell: Callable[[str], object]) -> Choice:
        return choose_engine(self.engine, low_size(self.input, self.options), tell)

    def fingerprint(self) -> Fingerprint:
        chosen = self.engine.fingerprinted() | {"encoding": asdict(self.encoding)}
        return Fingerprint.of(files_read(self.input, self.options), self.options, chosen)

    def _announce(self, job: StreamJob, chosen: Choice, progress: Progress) -> None:
        name = chosen.name  # before the estimate, in which the engine may change
        seconds = estimated_seconds(job)
        guess = f"; about {shown_seconds(seconds)}" if seconds else ""
        progress.say(f"{job.info.name} {job.info.size} -> {self.encoding.output_size(job)}{guess}")
        progress.say(f"engine      {name}: {chosen.why}")
        if quality := self.engine.named_quality():
            progress.say(f"quality     {quality}")
        if job.decoding.announced:
            progress.say(f"decoding    {job.decoding}")
        progress.say(f"references  {job.reference_kind}: {job.reference_description}")
        for line in [] if job.references is None else job.references.estimates:
            progress.say(f"            {line}")
        if job.reference_kind in ("anchor", "none") and not self.options.no_refs:
            progress.say(
                "            no true detail is added without references: give stills or a sharper video with --refs, "
                f"a second track, or {self.input.stem}.refs/"
            )

    @property
    def _resumes(self) -> bool:
        """Whether an unfinished run goes on. One that is scored starts over: its scores need every picture."""
        return self.resume and not (self.options.gt or self.options.simulate)

    def _write(
        self, job: StreamJob, output: Path, journal: Journal, progress: Progress, printer: WarningPrinter
    ) -> tuple[float, list[str]]:
        """Run the job into the target; whatever fails, segments that are done stay, and a playable part of them."""
        self._go_on(job, journal, progress)
        sink = SegmentedSink(
            output, job.video, self.encoding.output_size(job), journal, self.encoding.settings(),
            job.resolver.uses_in, copy_from=self.input, ends_at=job.ends_at, overwrite=self.overwrite,
            choice=self.encoding.choice(),
        )  # fmt: skip
        printer.show([*job.warnings, *sink.warnings])
        started = time.monotonic()
        try:
            with closing(converted(job, sink)) as pictures:
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
        job.done = set(journal.done)
        for number, record in journal.done.items():
            job.resolver.add_uses(number, uses_of(record.uses))
        for file in journal.damaged:
            progress.say(f"{journal.folder / file} is damaged or missing: its frames are restored again")
        if journal.frames:
            progress.say(f"going on    {journal.frames} frames are done")


def default_output(path: Path, codec: str) -> Path:
    """`<stem>_x4` beside the input; Matroska where files of the input's kind do not hold the codec."""
    return beside(path, f"_x4{path.suffix if path.suffix.lower() in codec_of(codec).endings else '.mkv'}")
