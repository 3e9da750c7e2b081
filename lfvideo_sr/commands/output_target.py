"""What a stream is written to, a video or numbered pictures: where it goes, whether it is done, and what writes it."""

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import OutputError, UsageError
from ..media.codecs import codec_of
from ..media.picture_sequence import (
    PictureSequence,
    check_pattern,
    find_sequence,
    is_numbered,
    is_picture_name,
    is_sequence,
    number_in,
    numbered_name,
)
from ..media.picture_writing import WRITABLE, PictureFormat, check_writable
from ..media.probe import VideoInfo, open_input
from ..report import Fingerprint, is_done, write_json
from ..stream.finished import is_marked
from ..stream.job import StreamJob
from ..stream.journal import Journal, remove_left, work_folder
from ..stream.output import EncodingOptions
from ..stream.plan import pieces_folder
from ..stream.segmented_sink import SegmentedSink
from ..stream.sequence_sink import LIST, SequenceSink, pictures_are_whole
from .targets import REPORT, beside, check_lengths, check_targets


@dataclass(frozen=True)
class OutputTarget:
    """A video with its report, and what it was asked to be."""

    output: Path
    report: Path
    asked: Fingerprint

    @property
    def is_done(self) -> bool:
        """Whether it is the finished result of the same input and options, by its report."""
        return is_done(self.output, self.report, self.asked)

    def check_names(self) -> None:
        """Refuse names that are longer than their file system takes."""
        check_lengths({"-o": self.output, REPORT: self.report})

    @property
    def is_left(self) -> bool:
        """Whether the output is that of a run which ended before its report was written, so that it may be replaced."""
        folders = (work_folder(self.output), pieces_folder(self.output))
        return any(is_marked(folder, self.output) for folder in folders)

    def remove_left(self) -> None:
        """Remove what a run left that ended right after its report."""
        remove_left(self.output, self.asked.asked)

    def check(self, read: Iterable[Path], overwrite: bool) -> None:
        """Refuse what cannot be written, or would be written over."""
        ours = [self.output] if self.is_left else []
        check_targets({"-o": self.output, REPORT: self.report}, read, overwrite, ours)

    def journal(self, asked: Mapping[str, Any], resume: bool, overwrite: bool) -> Journal:
        return Journal(self.output, asked, resume, ending=codec_of(asked["encoding"]["codec"]).segments)

    def sink(
        self, job: StreamJob, journal: Journal, encoding: EncodingOptions, overwrite: bool
    ) -> SegmentedSink | SequenceSink:
        """What takes the pictures of a run. Raises OutputError for what the output cannot hold."""
        return SegmentedSink(
            self.output, job.video, encoding.output_size(job), journal, encoding.settings(), job.resolver.uses_in,
            copy_from=None if job.video.pictures else job.path, ends_at=job.ends_at,
            overwrite=overwrite or self.is_left, part=job.part, choice=encoding.choice(),
            check_input=job.source.check_unchanged,
        )  # fmt: skip

    def write_report(self, report: dict[str, Any], frames: int = 0, job: StreamJob | None = None) -> None:
        """With what shows a later run that the output of so many frames is done."""
        done = {"fingerprint": self.asked.text, "output_bytes": self.output.stat().st_size}
        write_json(self.report, report | done)

    def tidy(self) -> None:
        """Remove what was made for the output and stayed empty."""


@dataclass(frozen=True)
class PictureTarget(OutputTarget):
    """Numbered pictures: `output` is the pattern of their names, in their folder. fresh: that folder was not there."""

    fresh: bool = False

    @property
    def is_done(self) -> bool:
        try:
            content = json.loads(self.report.read_text())
            first, last = (number_in(self.output.name, content[key]) for key in ("first_picture", "last_picture"))
            there = self._bytes(range(first or 0, (last or 0) + 1))
            same = content["fingerprint"] == self.asked.text
            return same and there == (content["pictures"], content["output_bytes"])
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def _bytes(self, numbers: Iterable[int]) -> tuple[int, int]:
        """How many of these pictures there are, and how many bytes they have."""
        paths = [self.output.with_name(numbered_name(self.output.name, number)) for number in numbers]
        sizes = [path.stat().st_size for path in paths if path.is_file()]
        return len(sizes), sum(sizes)

    def check(self, read: Iterable[Path], overwrite: bool) -> None:
        """Refuse what cannot be written, and make the folder of the pictures."""
        read, folder = list(read), self.output.parent
        for path in read:
            if path.is_file() and path.parent.resolve() == folder.resolve() and self._is_written(path.name):
                raise OutputError(f"{path} is read here; write the pictures to another folder or name with -o")
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(f"{folder} cannot be made ({error.strerror}); choose another -o") from error
        try:
            check_targets({REPORT: self.report}, read, overwrite)
        except OutputError:
            self.tidy()
            raise

    def _is_written(self, name: str) -> bool:
        return number_in(self.output.name, name) is not None

    def journal(self, asked: Mapping[str, Any], resume: bool, overwrite: bool) -> Journal:
        return Journal(self.output, asked, resume, ending=LIST, whole=pictures_are_whole(self.output, overwrite))

    def sink(
        self, job: StreamJob, journal: Journal, encoding: EncodingOptions, overwrite: bool
    ) -> SegmentedSink | SequenceSink:
        video, size = job.video, encoding.output_size(job)
        turns = round(video.rotation / 90)
        picture_format = PictureFormat(self.output.suffix, video.bit_depth, size, turns, video.alpha)
        return SequenceSink(
            self.output, picture_format, journal, numbering(job), job.resolver.uses_in, frames=job.info.frames,
            overwrite=overwrite, warnings=not_in_pictures(video), check_input=job.source.check_unchanged,
        )  # fmt: skip

    def write_report(self, report: dict[str, Any], frames: int = 0, job: StreamJob | None = None) -> None:
        assert job is not None
        number_of = numbering(job)
        numbers = [number_of(index) for index in range(frames)]
        count, size = self._bytes(numbers)
        first, last = (numbered_name(self.output.name, number) for number in (numbers[0], numbers[-1]))
        done = {"pictures": count, "first_picture": first, "last_picture": last, "output_bytes": size}
        write_json(self.report, report | done | {"fingerprint": self.asked.text})

    def tidy(self) -> None:
        if self.fresh:
            with suppress(OSError):  # it is not empty
                self.output.parent.rmdir()


def numbering(job: StreamJob) -> Callable[[int], int]:
    """The number in the name of the picture of a frame: that of the input's picture, else the frame's own."""
    pictures = job.video.pictures
    if pictures is None:
        return int
    numbers, first = pictures.numbers, 0 if job.part is None else job.part.first
    return lambda index: numbers[first + index]


def not_in_pictures(video: VideoInfo) -> list[str]:
    """What of a video is not written with pictures, one line each."""
    if video.pictures is not None:
        return []
    with open_input(video.path) as container:
        kinds = sorted({stream.type for stream in container.streams if stream.type != "video"})
    lines = [f"pictures have no {', '.join(kinds)}: the streams of {video.path} are left out"] if kinds else []
    if video.sample_aspect_ratio not in (None, 1):
        aspect = video.sample_aspect_ratio
        lines.append(f"pictures do not store that the pixels of {video.path} have the aspect {aspect}")
    return lines


def target_of(input: Path, output: Path | None, report: Path | None, asked: Fingerprint, codec: str) -> OutputTarget:
    """Where the result of an input goes: `output`, or beside the input; pictures of an input that is pictures."""
    sequence = find_sequence(input)
    named = output or default_output(input, codec)
    pattern = picture_pattern(named, sequence)
    if pattern is None:
        return OutputTarget(named, report or beside(named, ".report.json"), asked)
    folder = pattern.parent  # whose name is that of the report too, so that there is nothing but pictures in it
    default = folder.with_name(f"{folder.name}.report.json") if folder.name else beside(pattern, ".report.json")
    return PictureTarget(pattern, report or default, asked, fresh=not folder.exists())


def picture_pattern(output: Path, sequence: PictureSequence | None) -> Path | None:
    """The pattern of the pictures that an output is: its own, or that of the input in a folder; None: it is a video.
    Raises OutputError for a format that is not written, and for the name of a single picture."""
    if is_numbered(output):
        check_writable(output)
        if reason := check_pattern(output.name):
            raise OutputError(f"{output} {reason}")
        return output
    if is_picture_name(output.name) and not output.is_dir():
        numbered = f"{output.stem}_%05d{output.suffix}"
        raise OutputError(f"{output} is the name of one picture, and a stream has many; end -o in {numbered}")
    if sequence is None or not (output.is_dir() or not output.suffix):
        return None
    ending = Path(sequence.pattern).suffix
    kept = ending.lower() in WRITABLE and ending.lower() not in (".jpg", ".jpeg")
    return output / (sequence.pattern if kept else f"{sequence.pattern.removesuffix(ending)}.png")


def check_is_video(input: Path, output: Path | None, what: str) -> None:
    """Refuse pictures as the output of what joins pieces of a video."""
    sequence = find_sequence(input)
    if (output is None and sequence) or (output is not None and picture_pattern(output, sequence)):
        raise UsageError(f"{what} writes videos, not pictures; name a video with -o, or use lfvideo-sr stream alone")


def default_output(path: Path, codec: str) -> Path:
    """`<stem>_x4` beside the input; Matroska where files of the input's kind do not hold the codec. Of numbered
    pictures a folder beside theirs."""
    if is_sequence(path):
        folder = path if path.is_dir() else path.parent
        named = folder if folder.name not in ("", "..") else folder.resolve()
        return named.with_name(f"{named.name}_x4")
    return beside(path, f"_x4{path.suffix if path.suffix.lower() in codec_of(codec).endings else '.mkv'}")
