"""What a run over a clip is asked to do."""

from dataclasses import dataclass
from fractions import Fraction

from ..checks import check_choice, check_positive
from ..errors import UsageError
from ..frames import StreamInfo
from ..media.part import Part, check_order, parse_moment, part_of
from ..media.sequence_source import parse_rate
from ..media.video import VideoInfo, background_of
from ..references.offset import parse_offset
from ..references.opening import ReferenceOptions
from ..references.source import EVERY
from .decoding import DECODE_CHOICES

DEFAULT_CACHE = 256 << 20


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
    lpips:      file of torchvision's weights of AlexNet or VGG16, to score by LPIPS too.
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
    lpips: str | None = None
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
        if self.lpips and not (self.simulate or self.gt):
            raise UsageError("--lpips compares with a true clip; give one by --gt, or --simulate")
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

    def ends_at(self, info: StreamInfo, part: Part | None) -> float | None:
        """Seconds where what is copied beside the video ends; None where the whole clip is restored, and for a part, to
        which what is copied is cut."""
        return info.seconds if self.frames and part is None else None

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
