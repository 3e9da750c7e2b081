"""A run as pieces for many machines: a plan names the segments of an output, any machine restores any of them, and the
pieces are joined. A plan and the records of pieces are JSON; a piece is a playable video beside its record.

What a piece holds is what the same command would have made of these frames (segments.py), so that the joined output is
the same whoever made the pieces, as long as their engines are.
"""

import hashlib
import json
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ..config import from_mapping
from ..engine import Engine
from ..errors import InputError, OutputError, ResumeRefused, first_line, shortened
from ..frames import Size
from ..media.codecs import SEGMENT_ENDINGS, codec_of
from ..media.limits import check_size
from ..media.output_format import alpha_kept
from ..media.partial import folder_beside, put_in_place
from ..media.probe import VideoInfo
from ..media.segment_sink import JoinedSink, SegmentSink
from .finished import FINISHED
from .job import StreamJob
from .opening import open_source
from .options import StreamOptions
from .output import EncodingOptions
from .records import SegmentRecord, is_whole, record_of
from .segmented_sink import recorded_uses
from .segments import SegmentSelection
from .writing import converted

_FORMAT = "lfvideo-sr plan 2"


@dataclass(frozen=True)
class RunPlan:
    """What is to be made, and its segments.

    asked:    everything that decides what comes out, by name: files with their sizes and times, options, weights.
    engine:   what runs it, the fields of EngineOptions.
    size:     of the output's frames.
    segments: the first frame of each segment and how many it holds.
    """

    input: str
    output: str
    asked: dict[str, Any]
    options: StreamOptions
    encoding: EncodingOptions
    engine: dict[str, Any]
    size: Size
    segments: tuple[tuple[int, int], ...]

    @property
    def name(self) -> str:
        """A short hash of it all: pieces of another plan have another."""
        return hashlib.sha256(self.text().encode()).hexdigest()[:16]

    @property
    def longest_first(self) -> list[int]:
        """The numbers of its segments, those of most frames first."""
        return sorted(range(len(self.segments)), key=lambda number: -self.segments[number][1])

    def text(self) -> str:
        """As JSON, a line an entry."""
        return json.dumps({"plan": _FORMAT} | asdict(self), indent=1) + "\n"

    @classmethod
    def of_text(cls, text: str, name: str = "the plan") -> "RunPlan":
        """Raises InputError for what is no plan of this version."""
        try:
            values = json.loads(text)
            if values.pop("plan") != _FORMAT:
                raise ValueError("another format")
            read = {
                "options": from_mapping(values["options"], StreamOptions, "its options"),
                "encoding": _encoding_of(values["encoding"]),
                "size": _size_of(values["size"]),
                "segments": tuple((int(first), int(frames)) for first, frames in values["segments"]),
            }
            return cls(**values | read)._checked()
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            why = shortened(first_line(error), 200)
            raise InputError(f"{name} is not a plan of this version ({why}); make it with lfvideo-sr plan") from error

    def _checked(self) -> "RunPlan":
        """The plan itself; ValueError or TypeError for parts that no plan has."""
        for text in (self.input, self.output, self.encoding.codec, self.encoding.preset):
            if not isinstance(text, str) or not text or "\0" in text:
                raise ValueError(f"{shortened(repr(text))} where a name is wanted")
        if not all(first >= 0 and frames > 0 for first, frames in self.segments):
            raise ValueError("its numbers are none of frames")
        if not (isinstance(self.asked.get("version"), str) and isinstance(self.engine, dict)):
            raise ValueError("it does not say what it was made of, or what runs it")
        return self

    def keeps_alpha(self, video: VideoInfo) -> bool:
        """Whether the output keeps the transparency of its input."""
        codec, options = codec_of(self.encoding.codec), self.encoding.options
        return alpha_kept(video, codec, self.size, Path(self.output), options)

    def segment(self, number: int) -> tuple[int, int]:
        """First frame and number of frames; raises InputError for a segment that the plan has not."""
        if not 0 <= number < len(self.segments):
            raise InputError(f"segment {number} is not in the plan; its segments are 0 to {len(self.segments) - 1}")
        return self.segments[number]


def _size_of(sides: Sequence[int]) -> Size:
    size = Size(*(int(side) for side in sides))
    if min(size) < 1:
        raise ValueError(f"its size is {size}")
    check_size(size, "its result")
    return size


def _encoding_of(values: Mapping[str, Any]) -> EncodingOptions:
    size, options = values["size"], values["options"]
    if not all(isinstance(text, str) for pair in options.items() for text in pair):
        raise ValueError("its encoder's options are no texts")
    read = {"size": None if size is None else _size_of(size)}
    return from_mapping(dict(values) | read, EncodingOptions, "its encoding")


def pieces_folder(output: Path) -> Path:
    """The folder for the pieces of an output, beside it."""
    return folder_beside(output, ".pieces")


def segments_of(job: StreamJob) -> tuple[tuple[int, int], ...]:
    """First frame and number of frames of each segment of a clip, which is decoded for it; nothing is restored."""
    firsts: list[int] = []
    for frame, number in job.segment_numbers():
        if number == len(firsts):
            firsts.append(frame)
    ends = [*firsts[1:], job.resolver.seen]
    return tuple((first, end - first) for first, end in zip(firsts, ends))


def run_segment(plan: RunPlan, number: int, engine: Engine, folder: Path) -> SegmentRecord:
    """Restore a segment into `folder`: a file, such as NUMBER.nut, then NUMBER.json, its record. One that is there and
    whole is kept.

    Raises ResumeRefused where the folder holds pieces of another plan, InputError where the clip has other frames than
    the plan, or changes while it is read.
    """
    first, frames = plan.segment(number)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{number:06}{codec_of(plan.encoding.codec).segments}"
    before = _read_record(path.with_suffix(".json"), plan)
    if before is not None and is_whole(path, before):
        return before
    with StreamJob(plan.input, engine, plan.options) as job:
        unfinished = path.with_suffix(f".{_unique()}{path.suffix}")
        video = replace(job.video, alpha=plan.keeps_alpha(job.video))  # which a piece by itself could keep
        settings = plan.encoding.settings()
        sink = SegmentSink(path, video, plan.size, **settings, unfinished=unfinished, part=job.part)
        try:
            with closing(converted(job, sink, job.restored(SegmentSelection(only=number)))) as pictures:
                for picture in pictures:
                    sink.encode(picture)
            sink.close()
        except BaseException:
            sink.abort()
            raise
        if len(sink.shown) != frames:
            path.unlink(missing_ok=True)
            frames_there = f"{plan.input} has {len(sink.shown)} frames where the plan has {frames} from {first} on"
            raise InputError(f"{frames_there}; make the plan again")
        record = record_of(path, number, first, sink.shown, recorded_uses(job.resolver.uses_in(number)))
    _write_record(path.with_suffix(".json"), record, plan)
    return record


def join_plan(
    plan: RunPlan, folder: Path, output: Path, *, overwrite: bool = False,
    before_naming: Callable[[Path], object] | None = None,
) -> list[str]:  # fmt: skip
    """Join the pieces in `folder` into `output`; returns warnings.

    Raises OutputError, and writes nothing, where a piece is missing, damaged or there twice, and ResumeRefused where
    one is of another plan. before_naming: is given the finished file before that gets its name.
    """
    read = [_read_record(path, plan) for path in sorted(folder.glob("*.json"))]
    records = [record for record in read if record is not None]
    numbers = [record.number for record in records]
    twice = sorted({number for number in numbers if numbers.count(number) > 1})
    missing = sorted(set(range(len(plan.segments))) - set(numbers))
    harmed = [record.file for record in records if not is_whole(folder / record.file, record)]
    for what, which in (("twice", twice), ("missing", missing), ("damaged", harmed)):
        if which:
            listed = f"of {len(plan.segments)} segments these are {what}: {_some(which)}"
            raise OutputError(f"{folder}: {listed}; run them again")
    records.sort(key=lambda record: record.number)
    if [(record.first, record.frames) for record in records] != list(plan.segments):
        raise OutputError(f"{folder} does not hold the frames of the plan; run its segments again")
    with closing(open_source(Path(plan.input), plan.options)) as source:
        video, part = source.video, source.part
        ends_at = plan.options.ends_at(source.info, part)
    with JoinedSink(
        output, video, plan.size, **plan.encoding.settings(), copy_from=None if video.pictures else plan.input,
        ends_at=ends_at, overwrite=overwrite, part=part, choice=plan.encoding.choice(),
    ) as sink:  # fmt: skip
        sink.join([folder / record.file for record in records], [record.shown for record in records], before_naming)
    return sink.warnings


def remove_pieces(plan: RunPlan, folder: Path) -> None:
    """Remove the pieces of a plan that was joined, unfinished ones too that workers left which were killed, and the
    folder unless it holds more."""
    for number in range(len(plan.segments)):
        for ending in (*SEGMENT_ENDINGS, ".json", *(f".*-[0-9]*{ending}" for ending in (*SEGMENT_ENDINGS, ".new"))):
            for path in folder.glob(f"{number:06}{ending}"):
                path.unlink(missing_ok=True)
    (folder / FINISHED).unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()


def _read_record(path: Path, plan: RunPlan) -> SegmentRecord | None:
    """The record of a piece; None where there is none that can be read. Raises ResumeRefused for another plan's."""
    try:
        values = json.loads(path.read_text())
        name, record = values["plan"], SegmentRecord.of_line(values["segment"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    if name != plan.name:
        raise ResumeRefused(f"{path} is a piece of another plan ({name}, not {plan.name}); give a folder of its own")
    return record


def _write_record(path: Path, record: SegmentRecord, plan: RunPlan) -> None:
    unfinished = path.with_suffix(f".{_unique()}.new")
    unfinished.write_text(json.dumps({"plan": plan.name, "segment": asdict(record)}) + "\n")
    put_in_place(unfinished, path)


def _unique() -> str:
    """Tells apart machines and processes that work on one segment at once; the last one to finish wins."""
    return f"{socket.gethostname()}-{os.getpid()}"


def _some(which: list[Any]) -> str:
    return ", ".join(map(str, which[:5])) + (" ..." if len(which) > 5 else "")
