"""A run between pipes or of a live stream, from its engine to its report."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..choose import Choice, EngineOptions, choose_engine
from ..engine import Engine
from ..engines.host_memory import prepare_process
from ..errors import InputError, LFVideoError, ReaderGone
from ..media.arrival_sink import ArrivalSink
from ..media.codecs import codec_of
from ..media.live_video import LiveSource
from ..media.pipe_sink import PipeSink, PipeTarget
from ..media.piped_video import OnceSource
from ..references.arriving import ArrivingReferences, arriving_references
from ..references.offset import parse_offset
from ..report import detail_lines, stream_report, summary_lines, write_json
from ..stream.job import StreamJob
from ..stream.opening import low_size
from ..stream.options import StreamOptions
from ..stream.output import EncodingOptions
from ..stream.writing import converted
from .progress import Progress
from .texts import shown_training

Sink = ArrivalSink | PipeSink


@dataclass(frozen=True)
class RunTarget:
    """A file or standard output, and where the report goes, if anywhere. overwrite: whether the file may be there."""

    output: Path | PipeTarget
    report: Path | None
    overwrite: bool = False

    @property
    def name(self) -> Path:
        """As the command line has it."""
        return self.output if isinstance(self.output, Path) else Path("-")

    @property
    def shown(self) -> str:
        """For people."""
        return str(self.output) if isinstance(self.output, Path) else "standard output"


@dataclass(frozen=True)
class PipeRun:
    """source: what is read once, or a file."""

    source: OnceSource | Path
    target: RunTarget
    options: StreamOptions
    encoding: EncodingOptions
    engine: EngineOptions
    progress: Progress
    verbose: bool = False

    def run(self) -> None:
        """Raises LFVideoError; KeyboardInterrupt where an interrupt ended the input, once the output is whole."""
        changes: list[str] = []
        chosen = self._choose_engine(changes)
        prepare_process(chosen.engine.device)
        with chosen.engine as engine, self._job(engine) as job, ended_by_interrupt(self._stop) as interrupts:
            self._announce(job, chosen)
            sink = self._sink(job)
            started = time.monotonic()
            self._write(job, sink, interrupts)
            self._report(job, sink, time.monotonic() - started, changes)
        if interrupts:
            raise KeyboardInterrupt
        if isinstance(self.source, OnceSource) and self.source.broken:
            raise InputError(f"{self._broken_off(job)}; what came is in {self.target.shown}")

    def _choose_engine(self, changes: list[str]) -> Choice:
        def changed(line: str) -> None:
            changes.append(line)
            self.progress.say(line)

        known = self.source.info.size if isinstance(self.source, OnceSource) else low_size(self.source, self.options)
        return choose_engine(self.engine, known, changed)

    def _job(self, engine: Engine) -> StreamJob:
        source = self.source
        if isinstance(source, Path):
            return StreamJob(source, engine, self.options)
        options = replace(self.options, causal=True) if self._is_live else self.options
        references = self._references(source, engine)
        return StreamJob(source.video.path, engine, options, source, references, ahead=0 if self._is_live else 2)

    def _references(self, source: OnceSource, engine: Engine) -> ArrivingReferences | None:
        options = self.options
        if options.no_refs or options.refs is None:
            return None
        offset = parse_offset(options.ref_offset)
        return arriving_references(
            options.refs, source.video, source.start, source.info.size.scaled(engine.info.scale),
            index_base=options.ref_index_base or 0, offset=offset if isinstance(offset, Fraction) else None,
            deinterlace=options.deinterlace,
        )  # fmt: skip

    @property
    def _is_live(self) -> bool:
        return isinstance(self.source, LiveSource) and not self.source.is_recording

    @property
    def _is_cut_off(self) -> bool:
        """Whether the output is not all that the input should have been. A live stream may end at any time."""
        return isinstance(self.source, OnceSource) and not self._is_live and bool(self.source.broken)

    def _stop(self) -> None:
        if isinstance(self.source, OnceSource):
            self.source.stop()

    def _announce(self, job: StreamJob, chosen: Choice) -> None:
        say = self.progress.say
        say(f"{job.path} {job.info.size} -> {self.encoding.output_size(job)}")
        say(f"engine      {chosen.name}: {chosen.why}")
        for line in shown_training(job.engine.info.trained):
            say(line)
        say(f"references  {job.reference_kind}: {job.reference_description}")

    def _sink(self, job: StreamJob) -> Sink:
        source, size = self.source, self.encoding.output_size(job)
        arrival = source.arrival if isinstance(source, LiveSource) else None
        settings: dict[str, Any] = dict(self.encoding.settings()) | {"choice": self.encoding.choice()}
        if self._is_live:  # what the user asks of the encoder comes first
            settings["options"] = dict(codec_of(self.encoding.codec).live) | self.encoding.options
        if isinstance(self.target.output, PipeTarget):
            ends_at = 0.0 if isinstance(source, OnceSource) and source.is_limited else job.ends_at
            return PipeSink(
                self.target.output, job.video, size, beside=source, ends_at=ends_at, arrival=arrival, **settings
            )  # fmt: skip
        assert isinstance(source, OnceSource), "from a file to a file there is a journal"
        return ArrivalSink(
            self.target.output, source, size, arrival=arrival, overwrite=self.target.overwrite, **settings
        )  # fmt: skip

    def _write(self, job: StreamJob, sink: Sink, interrupts: list[int]) -> None:
        """Whatever ends the run, what was restored so far stays: in a file that plays, or with the reader."""
        try:
            with closing(converted(job, sink)) as pictures:
                for picture in self.progress.over(pictures, job.info.frames):
                    with job.watch.stage("write"):
                        sink.encode(picture)
            if self._is_cut_off and isinstance(sink, ArrivalSink):
                raise InputError(f"{self._broken_off(job)}; what came plays: {sink.leave_partial()}")
            if interrupts and not self._is_live:
                raise KeyboardInterrupt
            with job.watch.stage("finish"):
                sink.close()
        except ReaderGone:
            sink.abort()
            raise
        except BaseException:
            if not sink.finished:
                self._leave(job, sink)
            raise

    def _leave(self, job: StreamJob, sink: Sink) -> None:
        with suppress(LFVideoError):
            if not job.frames:
                sink.abort()
            elif isinstance(sink, PipeSink):
                sink.close()
            else:
                self.progress.say(f"what there is so far plays: {sink.leave_partial()}")

    def _broken_off(self, job: StreamJob) -> str:
        assert isinstance(self.source, OnceSource)
        return f"{job.path} broke off after {job.frames} frames ({self.source.broken})"

    def _report(self, job: StreamJob, sink: Sink, seconds: float, changes: list[str]) -> None:
        report = stream_report(job, self.target.name, seconds, [*job.warnings, *sink.warnings, *changes])
        report |= {"engine": job.engine.name, "output_size": str(self.encoding.output_size(job))}
        if isinstance(self.source, LiveSource):
            report["live"] = live_report(self.source, sink)
        details = detail_lines(report) if self.verbose else []
        for line in [*details, *summary_lines(report), *(live_lines(report["live"]) if "live" in report else [])]:
            self.progress.say(line)
        if self.target.report is not None:
            write_json(self.target.report, report)
            self.progress.say(f"report      {self.target.report}")


def live_report(source: LiveSource, sink: Sink) -> dict[str, Any]:
    """What is reported of a live stream only; latency from the arrival of a frame to its encoded picture."""
    return {
        "latency": sink.latencies.summary(), "frames_dropped": source.dropped, "reconnections": source.reconnections,
    }  # fmt: skip


def live_lines(live: dict[str, Any]) -> list[str]:
    """The same in lines for people."""
    latency = live["latency"] or {}
    shown = ", ".join(f"{name.removesuffix('_ms')} {value:.0f} ms" for name, value in latency.items())
    lost = f"{live['frames_dropped']} frames dropped, reconnected {live['reconnections']} times"
    return [*([f"latency     {shown}"] if shown else []), f"live        {lost}"]


@contextmanager
def ended_by_interrupt(stop: Callable[[], None]) -> Iterator[list[int]]:
    """Inside, the first interrupt or request to end calls `stop` and is noted in the list that this gives; the next
    one interrupts as it did before. Signals that are ignored stay so."""
    noted: list[int] = []
    before: dict[int, Any] = {}

    def end(number: int, frame: object) -> None:
        noted.append(number)
        for each, handler in before.items():
            signal.signal(each, handler)
        stop()

    if threading.current_thread() is threading.main_thread():
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            if number is not None and signal.getsignal(number) != signal.SIG_IGN:
                before[number] = signal.signal(number, end)
    try:
        yield noted
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
