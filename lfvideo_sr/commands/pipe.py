"""`lfvideo-sr stream` between pipes and of live streams: what is read once, or written to standard output."""

import os
import sys
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from ..checks import check_choice
from ..choose import EngineOptions
from ..errors import UsageError
from ..media.live_address import live_address
from ..media.live_video import LiveOptions, LiveSource
from ..media.pipe_sink import PipeTarget
from ..media.piped_video import FORMATS, OnceSource, PipedSource
from ..media.probe import check_file
from ..media.standard_streams import PipeReader, pictures_on_stdout
from ..methods import METHODS
from ..references.offset import AUTO, parse_offset
from ..stream.opening import files_read
from ..stream.options import StreamOptions
from ..stream.output import EncodingOptions
from .pipe_run import PipeRun, RunTarget
from .progress import make_progress
from .targets import REPORT, beside, check_targets

PIPE = "-"


@dataclass(frozen=True)
class PipeOptions:
    """What is asked of pipes and live streams.

    input_format, output_format: of standard input and output, names of FORMATS; None: as FFmpeg sees the input, and
                                 y4m of y4m, else NUT.
    duration: seconds of the stream's own time after which the run ends.
    """

    input_format: str | None = None
    output_format: str | None = None
    duration: float | None = None
    live: LiveOptions = field(default_factory=LiveOptions)

    def __post_init__(self) -> None:
        for option, name in (("--input-format", self.input_format), ("--output-format", self.output_format)):
            if name is not None:
                check_choice(option, name, list(FORMATS))


def is_piped(named: str, output: Path | None) -> bool:
    """Whether a run reads what can be read once only, or writes to standard output."""
    return named == PIPE or str(output) == PIPE or live_address(named) is not None


@dataclass(frozen=True)
class PipeCommand:
    """A run without a journal: it cannot go on later, since what it reads is gone, or its output is with a reader.

    input: "-", an address, a camera or, where the output is "-", a file.
    """

    input: str
    output: Path | None
    options: StreamOptions
    encoding: EncodingOptions
    engine: EngineOptions
    pipes: PipeOptions = field(default_factory=PipeOptions)
    report: Path | None = None
    overwrite: bool = False
    progress: str = "auto"
    verbose: bool = False

    def run(self) -> None:
        """Raises LFVideoError; KeyboardInterrupt where an interrupt ended the input, once the output is whole."""
        self._check()
        with pictures_on_stdout() if self._writes_pipe else nullcontext(None) as descriptor:
            progress = make_progress(self.progress)
            with closing(self._source()) if self._reads_once else nullcontext(Path(self.input)) as source:
                target = self._target(source, descriptor)
                PipeRun(source, target, self.options, self.encoding, self.engine, progress, self.verbose).run()

    def _source(self) -> OnceSource:
        options = self.options
        limits = {"frames": options.frames, "max_height": options.max_height, "deinterlace": options.deinterlace}
        address = live_address(self.input)
        if address is not None:
            return LiveSource(address, self.pipes.live, duration=self.pipes.duration, **limits)
        return PipedSource(PipeReader(), self.pipes.input_format, duration=self.pipes.duration, **limits)

    def _target(self, source: OnceSource | Path, descriptor: int | None) -> RunTarget:
        if descriptor is None:
            assert self.output is not None, "checked"
            return RunTarget(self.output, self._report, self.overwrite)
        from_y4m = isinstance(source, PipedSource) and source.is_y4m
        chosen = self.pipes.output_format or ("y4m" if from_y4m else "nut")
        return RunTarget(PipeTarget(descriptor, chosen), self._report, self.overwrite)

    def _check(self) -> None:
        check_choice("--method", self.engine.method, list(METHODS))
        if self._reads_once:
            self._check_read_once()
        else:
            check_file(Path(self.input))
        if not self._writes_pipe and self.output is None:
            raise UsageError(f"{self.input} is read once and is nowhere on the disk; name the output with -o")
        if self._writes_pipe and sys.stdout.isatty():
            raise UsageError("-o - writes pictures, and standard output is a terminal; pipe it into a program")
        if self.input == PIPE and os.isatty(0):
            raise UsageError("standard input is a terminal; pipe a video into it, or name a file")
        if self.pipes.output_format is not None and not self._writes_pipe:
            raise UsageError("--output-format is for -o -; the ending of -o chooses the format of a file")
        if self.pipes.input_format is not None and self.input != PIPE:
            raise UsageError("--input-format is for standard input; give - as the input")
        if self.pipes.duration is not None and not self._reads_once:
            raise UsageError("--duration ends a pipe or a live stream; of a file, give --frames")
        check_targets(self._files_written, files_read(Path(self.input), self.options), self.overwrite)

    def _check_read_once(self) -> None:
        options = self.options
        twice = {
            "--simulate": options.simulate, "--gt": options.gt, "--scene-refs": options.scene_refs,
            "--ref-offset auto": parse_offset(options.ref_offset) == AUTO, "--decode cuda": options.decode == "cuda",
        }  # fmt: skip
        for option, asked in twice.items():
            if asked:
                raise UsageError(f"{option} needs a file: {self.input} is read once; save it first, or drop the option")
        if options.ref_source not in (None, "refs", "anchor"):
            raise UsageError(f"--ref-source {options.ref_source} needs a file: {self.input} is read once; use --refs")
        if options.require_refs and not options.refs:
            raise UsageError(f"--require-refs: nothing lies beside {self.input}; name references with --refs")

    @property
    def _reads_once(self) -> bool:
        return self.input == PIPE or live_address(self.input) is not None

    @property
    def _writes_pipe(self) -> bool:
        return str(self.output) == PIPE

    @property
    def _report(self) -> Path | None:
        """Beside an output that is a file, unless another place is named; beside a pipe there is none."""
        if self.report is not None or self.output is None or self._writes_pipe:
            return self.report
        return beside(self.output, ".report.json")

    @property
    def _files_written(self) -> dict[str, Path]:
        written = {"-o": None if self._writes_pipe else self.output, REPORT: self._report}
        return {option: path for option, path in written.items() if path is not None}
