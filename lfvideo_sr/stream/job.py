"""A whole run over one clip: source, references, pairing, engine; frames come out one by one."""

from collections.abc import Container, Iterator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from ..checks import check_choice, check_positive
from ..engine import Engine
from ..errors import UsageError
from ..frames import Frame, Size, StreamInfo
from ..media.hardware import Reader
from ..media.limits import check_size
from ..media.loss import Loss
from ..media.part import Part, check_order, parse_moment, part_of
from ..media.picture_sequence import find_sequence, is_sequence
from ..media.sequence_source import SequenceSource, clip_info, open_clip, parse_rate
from ..media.video import VideoInfo, VideoSource, background_of, video_tracks
from ..prefetch import beside_a_gpu, prefetch
from ..references.arriving import ArrivingReferences
from ..references.offset import parse_offset
from ..references.opening import ReferenceOptions, find_references, lr_track, reference_files, sidecars_of
from ..references.picture_track import unused_tracks
from ..references.reference import Reference, ReferenceCache
from ..references.simulated import GroundTruth, SimulatedSource
from ..references.source import EVERY, ReferenceSource
from ..references.still_references import StillReferences
from ..references.tracks import TrackReferences
from .decoding import DECODE_CHOICES, Decoding, choose_decoding
from .easing import Easing
from .pairing import AnchorFeed, Paired, ReferenceFeed, ReferencePolicy, TimedFeed, pair_with_references
from .pipeline import Restored, SuperResolver
from .scoring import Scorer
from .still_uses import StillUse, still_uses
from .stopwatch import Stopwatch

DEFAULT_CACHE = 256 << 20
_SCALE = 4  # of every method, before it is known which one runs


@dataclass(frozen=True)
class StreamOptions:
    """What a run over a clip is asked to do; the command line's flags of the same names.

    ref_every:  at most one reference per so many frames; None: 8 of tracks and anchors, every one of stills.
    ref_offset: seconds to add to the times of references with a clock of their own, or "auto".
    ref_output: "pass" gives out a reference's own pixels at its own time, "sr" the method's result, "blend" the former
                eased into the frames around (see easing.py).
    ref_cache:  bytes of encoded references to keep, besides those of the present frame, which are always kept.
    decode:     "cpu", "cuda", or "auto": on the engine's GPU where that works.
    trust_manifest: a manifest of references may list files outside of its folder.
    track:      the number of the video track to restore, cover art not counted; None: see `picture_track`.
    alpha:      what becomes of transparency: "keep" where the output can, "drop", or "#RRGGBB" to lay pictures over.
    ref_index_base: what stills' plain numbers call the first frame; None: 0, of numbered pictures their first number.
    fps:        frames per second of numbered pictures, such as "24000/1001"; None: 25.
    start, end: --from and --to: seconds since the first frame, "MM:SS.mmm", "HH:MM:SS.mmm", or frames, "120f".
    """

    ref_every: int | None = None
    refs: str | None = None
    ref_source: str | None = None
    no_refs: bool = False
    require_refs: bool = False
    ref_index_base: int | None = None
    ref_offset: float | str | None = None
    ref_output: str = "pass"
    ref_cache: int = DEFAULT_CACHE
    max_refs: int = 2
    causal: bool = False
    simulate: bool = False
    scene_refs: bool = False
    gt: str | None = None
    frames: int | None = None
    max_height: int | None = None
    deinterlace: bool = False
    decode: str = "auto"
    trust_manifest: bool = False
    track: int | None = None
    alpha: str = "keep"
    fps: float | str | None = None
    start: float | str | None = None
    end: float | str | None = None

    def __post_init__(self) -> None:
        if self.ref_every is not None:
            check_positive("--ref-every", self.ref_every)
        parse_offset(self.ref_offset)
        check_positive("--max-refs", self.max_refs)
        check_choice("--ref-output", self.ref_output, ("pass", "sr", "blend"))
        check_choice("--decode", self.decode, DECODE_CHOICES)
        background_of(self.alpha)
        check_order(parse_moment("--from", self.start), parse_moment("--to", self.end))
        if self.fps is not None:
            object.__setattr__(self, "fps", str(parse_rate(self.fps)))
        if self.ref_source == "simulate":
            object.__setattr__(self, "simulate", True)
        if self.simulate and self.ref_source not in (None, "simulate"):
            raise UsageError(f"--simulate contradicts --ref-source {self.ref_source}; drop one of them")
        if self.simulate and (self.track is not None or self.alpha != "keep"):
            raise UsageError("--simulate takes the first track, opaque; leave out --track and --alpha")

    @property
    def rate(self) -> Fraction | None:
        """Frames per second of numbered pictures; None where nothing is asked for."""
        return None if self.fps is None else Fraction(str(self.fps))

    def part_of(self, video: VideoInfo) -> Part | None:
        """The part of a clip that is restored; None: the whole, or its first `frames` frames."""
        start, end = parse_moment("--from", self.start), parse_moment("--to", self.end)
        return part_of(video, start, end, self.frames)

    def reference_options(self, scale: int, part: Part | None = None) -> ReferenceOptions:
        return ReferenceOptions(
            refs=self.refs,
            source="simulate" if self.simulate and not (self.refs or self.no_refs) else self.ref_source,
            no_refs=self.no_refs,
            require=self.require_refs,
            index_base=self.ref_index_base,
            scale=scale,
            every=self.ref_every or EVERY,
            scene_refs=self.scene_refs,
            frames=None if part else self.frames,
            max_height=self.max_height,
            deinterlace=self.deinterlace,
            trust_manifest=self.trust_manifest,
            track=self.track,
            offset=parse_offset(self.ref_offset),
            part=part,
        )


class StreamSource(Protocol):
    """Frames in order, what is known of them, and the track that an output is made like.

    loss: what is missing of what the input promises, once the last frame was given.
    """

    info: StreamInfo
    video: VideoInfo
    warnings: list[str]

    @property
    def loss(self) -> Loss: ...

    def __iter__(self) -> Iterator[Frame]: ...

    def check_unchanged(self) -> None:
        """Raise InputError where the input is no longer what was opened."""

    def close(self) -> None: ...


class StreamJob:
    """Opened and checked; iterate it once for the restored frames, a second time raises UsageError. Close it, or use it
    as a context manager."""

    def __init__(
        self, path: Path | str, engine: Engine, options: StreamOptions = StreamOptions(),
        clip: StreamSource | None = None, references: ReferenceSource | None = None, ahead: int = 2,
    ):  # fmt: skip
        """clip: frames to restore instead of those of the file `path`. references: instead of those found for it.
        ahead: how many frames are decoded before they are needed; 0 where the newest ones are wanted."""
        self.path, self.engine, self.options = Path(path), engine, options
        self.watch = Stopwatch()
        self.decoding = Decoding(None, "the frames are given", announced=False)
        self.source: StreamSource = clip or self._decoded()
        self.references: ReferenceSource | None = references or (None if clip else self._find_references())
        self.cache = ReferenceCache(engine.encode, options.ref_cache)
        easing = Easing() if options.ref_output == "blend" else None
        self.resolver = SuperResolver(engine, self.cache, self.watch, options.ref_output != "sr", easing)
        self.scorer = self._open_scorer()
        self.frames = 0
        self._ahead = ahead
        self.done: Container[int] = ()  # numbers of segments that an earlier run restored
        self._started = False

    def _decoded(self) -> VideoSource | SimulatedSource | SequenceSource:
        """The frames of the file, from the device that the options choose."""
        options = self.options
        source = open_source(self.path, options)
        self.decoding = choose_decoding(options.decode, self.engine.device, source, options.deinterlace)
        if self.decoding.reader is None:
            return source
        return open_source(self.path, options, self.decoding.reader)

    def _find_references(self) -> ReferenceSource | None:
        options = self.options.reference_options(self.engine.info.scale, self.part)
        return find_references(self.path, self.source.info, options)

    @property
    def info(self) -> StreamInfo:
        """Of the low-resolution stream."""
        return self.source.info

    @property
    def video(self) -> VideoInfo:
        """Of the track the frames come from."""
        return self.source.video

    @property
    def part(self) -> Part | None:
        """The part of the clip that is restored; None where neither --from nor --to is given."""
        return getattr(self.source, "part", None)

    @property
    def ends_at(self) -> float | None:
        """Seconds where what is copied beside the video ends; None where the whole clip is restored, and for a part,
        to which what is copied is cut."""
        return self.info.seconds if self.options.frames and self.part is None else None

    def files_read(self) -> list[Path]:
        """The files that the job reads or could read, none of which may be written over."""
        return files_read(self.path, self.options)

    @property
    def size(self) -> Size:
        """Of the output."""
        return self.info.size.scaled(self.engine.info.scale)

    @property
    def reference_kind(self) -> str:
        """Where references come from, as the report names it; "none" where none are used. A recurrent method needs no
        anchors: it goes on from what it restored last."""
        if self.options.no_refs or self.engine.info.references == 0:
            return "none"
        if self.references is not None:
            return self.references.kind
        asked = self.options.ref_source == "anchor"
        return "none" if self.engine.info.recurrent and not asked else "anchor"

    @property
    def reference_description(self) -> str:
        """The same for people."""
        if self.reference_kind == "none":
            return self._why_none()
        if self.references is not None:
            return self.references.description
        reason = "as asked for" if self.options.ref_source == "anchor" else "none found"
        return f"{reason}: one frame in {self.cadence} and each scene start is an anchor"

    def _why_none(self) -> str:
        if not self.engine.info.references:
            return f"{self.engine.info.name} takes none"
        reason = "as asked for" if self.options.no_refs else "none found"
        recurrent = self.engine.info.recurrent
        return f"{reason}: each frame by itself" + (" and by what was restored before it" if recurrent else "")

    @property
    def cadence(self) -> int:
        """At most one reference serves so many frames; 0: all there are."""
        if self.options.ref_every is not None:
            return self.options.ref_every
        return EVERY if self.references is None else self.references.cadence

    def still_uses(self) -> list[StillUse]:
        """What became of the stills given, once all frames are restored; empty where references come from elsewhere."""
        if not isinstance(self.references, StillReferences) or self.reference_kind == "none":
            return []
        thinned = self.options.ref_every is not None
        frames = self.resolver.seen if self.part is None else self.part.first + self.part.frames
        return still_uses(self.references, self.resolver.uses, frames, thinned, self.part)

    @property
    def warnings(self) -> list[str]:
        """What was wrong with the input or its references but did not stop the run, one line each."""
        return [
            *self._unused_tracks,
            *self.source.warnings,
            *([] if self.references is None else self.references.warnings),
        ]

    @cached_property
    def _unused_tracks(self) -> list[str]:
        """A line for each video track of the file that the run passes over."""
        if self.video.path != self.path or not self.path.is_file():  # a caller's frames, or numbered pictures
            return []
        track = self.references.video if isinstance(self.references, TrackReferences) else None
        return unused_tracks(self.path, [self.video, *([track] if track and track.path.samefile(self.path) else [])])

    def __iter__(self) -> Iterator[Restored]:
        if self._started:
            raise UsageError(
                f"this StreamJob of {self.path} was iterated before, and its scores and caches hold that run; "
                "make another StreamJob for a second run"
            )
        self._started = True
        return self._restored()

    def _restored(self) -> Iterator[Restored]:
        decoded = self.watch.each("decode", self.source)
        frames = prefetch(decoded, self._ahead) if self._ahead else (frame for frame in decoded)
        references = beside_a_gpu(() if self.references is None else self.references, self.engine.device)
        pairs = self._pairs(frames, references)
        restored_frames = beside_a_gpu(self.resolver.run(pairs, self.done), self.engine.device)
        with closing(frames), closing(references), closing(restored_frames):
            for restored in restored_frames:
                self.frames += 1
                if self.scorer is not None:
                    self.scorer.add(restored)
                yield restored
        self.source.check_unchanged()

    def segment_numbers(self) -> Iterator[tuple[int, int]]:
        """The index of each frame and the number of its segment; frames are decoded, and nothing is restored."""
        frames = prefetch(self.source, ahead=2)
        references: Iterator[Reference] = iter(() if self.references is None else self.references)
        with closing(frames):
            yield from self.resolver.number(self._pairs(frames, references))

    def _pairs(self, frames: Iterator[Frame], references: Iterator[Reference]) -> Iterator[Paired]:
        """The frames to restore with their references, which may belong to frames around them."""
        pairs = self._all_pairs(frames, references)
        return pairs if self.part is None else inside(pairs, self.part)

    def _all_pairs(self, frames: Iterator[Frame], references: Iterator[Reference]) -> Iterator[Paired]:
        if self.reference_kind == "none":
            return (Paired(frame, (), None) for frame in frames)
        options = self.options
        policy = ReferencePolicy(self.cadence, options.max_refs, options.causal)
        return pair_with_references(frames, self._feed(references), policy)

    def _feed(self, references: Iterator[Reference]) -> ReferenceFeed:
        if isinstance(self.references, ArrivingReferences):
            return self.references
        if self.references is not None:
            return TimedFeed(references)
        return AnchorFeed(self.cadence, lambda frame: self.engine.restore_frame(frame, []))

    def _open_scorer(self) -> Scorer | None:
        options = self.options
        if not (options.gt or options.simulate):
            return None
        truth = options.gt or self.path
        limits = {"frames": options.frames, "max_height": options.max_height if options.simulate else None}
        if self.part is not None:
            limits["frames"] = None
        begin = None if self.part is None else self.part.start
        rate = options.rate or self.info.rate
        return Scorer(GroundTruth(truth, self.size, deinterlace=options.deinterlace, rate=rate, begin=begin, **limits))

    def close(self) -> None:
        self.source.close()
        if self.references is not None:
            self.references.close()
        if self.scorer is not None:
            self.scorer.close()

    def __enter__(self) -> "StreamJob":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def files_read(path: Path, options: StreamOptions) -> list[Path]:
    """The input, the truth, and what references come from or could come from. Of numbered pictures the input is their
    pattern."""
    places = sidecars_of(path) + ([Path(options.refs)] if options.refs else [])
    references = [file for place in places for file in reference_files(place)]
    sequence = find_sequence(path) if path.is_dir() else None
    input = path if sequence is None else sequence.folder / sequence.pattern
    return [input, *([Path(options.gt)] if options.gt else []), *references]


def inside(pairs: Iterator[Paired], part: Part) -> Iterator[Paired]:
    """The pairs of a part's own frames; the frames behind it are taken only as far as their references are needed."""
    for pair in pairs:
        if pair.frame.index >= part.frames:
            return
        if pair.frame.index >= 0:
            yield pair


def low_size(path: Path, options: StreamOptions) -> Size:
    """Of the frames that an engine will see; raises InputError for what cannot be read, and where the result would have
    more pixels than are allowed."""
    with closing(open_source(path, options)) as source:
        size = source.info.size
    check_size(size.scaled(_SCALE), f"the result of {path}")
    return size


def open_source(
    path: Path, options: StreamOptions, reader: Reader | None = None
) -> SimulatedSource | VideoSource | SequenceSource:
    pictures = is_sequence(path)
    if options.fps is not None and not pictures:
        raise UsageError(f"--fps is for numbered pictures, and {path} has times of its own; leave it out")
    track = 0 if options.simulate or pictures else lr_track(path, options.track)
    is_part = options.start is not None or options.end is not None
    part = options.part_of(clip_info(path, options.rate, track)) if is_part else None
    limits: dict[str, Any] = {"max_height": options.max_height, "deinterlace": options.deinterlace, "part": part}
    limits["frames"] = None if part else options.frames
    if options.simulate:
        return SimulatedSource(path, rate=options.rate, **limits)
    if pictures:
        return open_clip(path, options.rate, **limits)
    matrix = _matrix_of_the_sharpest(path)
    return VideoSource(path, track=track, untagged_matrix=matrix, reader=reader, alpha=options.alpha, **limits)


def _matrix_of_the_sharpest(path: Path) -> int:
    """Tracks of one file come from one camera: the widest one decides what an untagged small one means."""
    return max(video_tracks(path), key=lambda video: video.size.width).colour.matrix
