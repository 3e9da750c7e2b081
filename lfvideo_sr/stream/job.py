"""A whole run over one clip: source, references, pairing, engine; frames come out one by one."""

from collections.abc import Iterator
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import Protocol

from ..engine import Engine
from ..errors import UsageError
from ..frames import Frame, Size, StreamInfo
from ..media.loss import Loss
from ..media.part import Part
from ..media.sequence_source import SequenceSource
from ..media.video import VideoInfo, VideoSource
from ..perceptual import PerceptualDistance
from ..prefetch import beside_a_gpu, prefetch
from ..references.arriving import ArrivingReferences
from ..references.opening import find_references
from ..references.picture_track import unused_tracks
from ..references.reference import Reference, ReferenceCache
from ..references.simulated import GroundTruth, SimulatedSource
from ..references.source import EVERY, ReferenceSource
from ..references.still_references import StillReferences
from ..references.tracks import TrackReferences
from .decoding import Decoding, choose_decoding
from .easing import Easing
from .frame_uses import FrameUses
from .match_record import MatchRecord
from .opening import check_simulated, files_read, open_source
from .options import StreamOptions
from .pairing import AnchorFeed, Paired, ReferenceFeed, ReferencePolicy, TimedFeed, pair_with_references
from .pipeline import Restored, SuperResolver
from .scoring import Scorer
from .segments import ALL, SegmentSelection
from .still_uses import StillUse, still_uses
from .stopwatch import Stopwatch

_DEFAULTS = StreamOptions()


class StreamSource(Protocol):
    """Frames in order, what is known of them, and the track that an output is made like.

    loss: what is missing of what the input promises, once the last frame was given.
    part: the part of a clip that is restored, whose frames around it are given too; None: all frames.
    """

    info: StreamInfo
    video: VideoInfo
    warnings: list[str]

    @property
    def loss(self) -> Loss: ...

    @property
    def part(self) -> Part | None: ...

    def __iter__(self) -> Iterator[Frame]: ...

    def check_unchanged(self) -> None:
        """Raise InputError where the input is no longer what was opened."""

    def close(self) -> None: ...


class StreamJob:
    """Opened and checked; iterate it, or `restored`, once for the restored frames: a second time raises UsageError.
    Close it, or use it as a context manager."""

    def __init__(
        self, path: Path | str, engine: Engine, options: StreamOptions = _DEFAULTS,
        clip: StreamSource | None = None, references: ReferenceSource | None = None, ahead: int = 2,
        watch: Stopwatch | None = None,
    ):  # fmt: skip
        """clip: frames to restore instead of those of the file `path`. references: instead of those found for it.
        ahead: how many frames are decoded before they are needed; 0 where the newest ones are wanted.
        watch: counts what each stage takes; None: one that counts the time that passes."""
        self.path, self.engine, self.options = Path(path), engine, options
        if options.simulate:
            check_simulated(engine.info)
        self.watch = watch or Stopwatch()
        self.decoding = Decoding(None, "the frames are given", announced=False)
        self.source: StreamSource = clip or self._decoded()
        self.references: ReferenceSource | None = references or (None if clip else self._find_references())
        self.cache = ReferenceCache(engine.encode, options.ref_cache)
        easing = Easing() if options.ref_output == "blend" else None
        self.resolver = SuperResolver(engine, self.cache, self.watch, options.ref_output != "sr", easing)
        self.scorer = self._open_scorer()
        self.frame_uses = FrameUses() if clip is None else None  # a live stream has no end
        self.frames = 0
        self._ahead = ahead
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
        return self.source.part

    @property
    def ends_at(self) -> float | None:
        """Seconds where what is copied beside the video ends, see `StreamOptions.ends_at`."""
        return self.options.ends_at(self.info, self.part)

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
        return self.restored()

    def restored(self, segments: SegmentSelection = ALL, record: MatchRecord | None = None) -> Iterator[Restored]:
        """The frames of these segments. record: is given their matches."""
        if self._started:
            raise UsageError(
                f"this StreamJob of {self.path} was iterated before, and its scores and caches hold that run; "
                "make another StreamJob for a second run"
            )
        self._started = True
        return self._restored(segments, record)

    def _restored(self, segments: SegmentSelection, record: MatchRecord | None) -> Iterator[Restored]:
        decoded = self.watch.each("decode", self.source)
        frames = prefetch(decoded, self._ahead) if self._ahead else (frame for frame in decoded)
        references = beside_a_gpu(() if self.references is None else self.references, self.engine.device)
        pairs = self._pairs(frames, references)
        resolved = self.resolver.run(pairs, segments)
        if record is not None:
            resolved = record.watching(resolved, self.resolver.preparation)
        restored_frames = beside_a_gpu(resolved, self.engine.device)
        with closing(frames), closing(references), closing(restored_frames):
            for restored in restored_frames:
                self.frames += 1
                if self.frame_uses is not None:
                    self.frame_uses.add(restored)
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
        distance = None if options.lpips is None else PerceptualDistance(Path(options.lpips))
        clip = GroundTruth(truth, self.size, deinterlace=options.deinterlace, rate=rate, begin=begin, **limits)
        return Scorer(clip, distance)

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


def inside(pairs: Iterator[Paired], part: Part) -> Iterator[Paired]:
    """The pairs of a part's own frames; the frames behind it are taken only as far as their references are needed."""
    for pair in pairs:
        if pair.frame.index >= part.frames:
            return
        if pair.frame.index >= 0:
            yield pair
