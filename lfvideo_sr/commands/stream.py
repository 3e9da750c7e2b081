"""`lfvideo-sr stream`: restores a video, writes it and a report, and prints a summary."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ..choose import Choice, EngineOptions, choose_engine
from ..engines.host_memory import prepare_process
from ..media.codecs import codec_of
from ..media.probe import check_file
from ..methods import METHODS
from ..references.opening import reference_files, sidecars_of
from ..report import Fingerprint, is_done, stream_report, summary_lines, write_json
from ..stream.job import StreamJob, StreamOptions, low_size
from ..stream.output import EncodingOptions, open_sink, write_video
from .estimate import estimated_seconds
from .progress import Progress, make_progress
from .targets import REPORT, beside, check_targets
from .texts import shown_seconds


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
    progress: str = "auto"

    def run(self) -> None:
        """Write output and report; raises LFVideoError with nothing half-written left."""
        check_file(self.input)
        output = self.output or default_output(self.input, self.encoding.codec)
        report_path = self.report or beside(output, ".report.json")
        progress = make_progress(self.progress)
        asked = self._fingerprint()
        if asked and not self.overwrite and is_done(output, report_path, asked):
            progress.say(f"{output} is already done: same input, same options (--overwrite runs it again)")
            return
        check_targets({"-o": output, REPORT: report_path}, self._files_read(), self.overwrite)
        changes: list[str] = []  # of the engine, in the middle

        def changed(line: str) -> None:
            changes.append(line)
            progress.say(line)

        chosen = self._engine(changed)
        prepare_process(chosen.engine.device)
        with chosen.engine as engine, StreamJob(self.input, engine, self.options) as job:
            self._announce(job, chosen, progress)
            seconds, warnings = self._write(job, output, progress)
            report = stream_report(job, output, seconds, warnings + changes)
            report["engine"], report["decoding"] = engine.name, str(job.decoding)
        report["output_size"] = str(self.encoding.output_size(job))
        report |= {"fingerprint": asked.text if asked else None, "output_bytes": output.stat().st_size}
        write_json(report_path, report)
        for line in [*summary_lines(report), f"report      {report_path}"]:
            progress.say(line)

    def _engine(self, tell: Callable[[str], object]) -> Choice:
        return choose_engine(self.engine, low_size(self.input, self.options), tell)

    def _fingerprint(self) -> Fingerprint | None:
        if self.engine.method not in METHODS:
            return None
        chosen = self.engine.fingerprinted() | {"encoding": asdict(self.encoding)}
        return Fingerprint.of(self._files_read(), self.options, chosen)

    def _files_read(self) -> list[Path]:
        """The input, the truth, and what references come from or could come from."""
        places = sidecars_of(self.input) + ([Path(self.options.refs)] if self.options.refs else [])
        references = [file for place in places for file in reference_files(place)]
        return [self.input, *([Path(self.options.gt)] if self.options.gt else []), *references]

    def _announce(self, job: StreamJob, chosen: Choice, progress: Progress) -> None:
        seconds = estimated_seconds(job)
        guess = f"; about {shown_seconds(seconds)}" if seconds else ""
        progress.say(f"{job.info.name} {job.info.size} -> {self.encoding.output_size(job)}{guess}")
        progress.say(f"engine      {chosen.name}: {chosen.why}")
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

    def _write(self, job: StreamJob, output: Path, progress: Progress) -> tuple[float, list[str]]:
        """Run the job into the target; on any failure the target does not appear, on an interrupt its part is kept."""
        sink = open_sink(job, output, self.encoding, self.input, self.overwrite)
        started = time.monotonic()
        write_video(job, sink, progress.over, lambda: progress.say(f"what is done so far is {sink.leave_partial()}"))
        return time.monotonic() - started, job.warnings + sink.warnings


def default_output(path: Path, codec: str) -> Path:
    """`<stem>_x4` beside the input; Matroska where files of the input's kind do not hold the codec."""
    return beside(path, f"_x4{path.suffix if path.suffix.lower() in codec_of(codec).endings else '.mkv'}")
