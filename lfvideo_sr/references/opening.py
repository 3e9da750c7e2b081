"""Which references a clip has: the choice among the places they may come from."""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path

from ..checks import check_choice
from ..errors import InputError, ReferencesMissing, UsageError
from ..frames import Size, StreamInfo
from ..media.clock import Timeline, frame_times
from ..media.part import Part, window_at
from ..media.partial import fits
from ..media.picture_formats import PICTURES
from ..media.picture_sequence import is_sequence
from ..media.sequence_source import clip_info
from ..media.video import VideoInfo, VideoSource, video_track, video_tracks
from .arrays import ArrayReferences
from .named import check_references_exist, path_and_track
from .offset import offset_of_track
from .picture_track import picture_track
from .placing import SeenClip
from .simulated import SimulatedReferences
from .source import EVERY, ClipFit, ReferenceSource
from .still_names import check_below, read_manifest
from .still_places import StillPlaces
from .still_references import StillReferences
from .stills import manifest_of
from .thumbnails import Scale
from .tracks import (
    LARGER,
    SameTrackReferences,
    TrackReferences,
    is_larger,
    is_same_file,
    larger_frame,
    turns_between,
)

KINDS = ("refs", "track", "same-track", "sidecar", "anchor", "simulate")
_OWN_CLOCK = {"track", "same-track", "simulate"}  # kinds of references that the clip's own file holds
_ARRAYS = {".h5", ".hdf5"}
_SIDECARS = (".refs", ".ref.mkv", ".ref.mp4")


@dataclass(frozen=True)
class ReferenceOptions:
    """What the user asked for.

    refs:       `--refs`: a folder of stills, a manifest, a picture, a video, FILE#v:1 or an HDF5.
    source:     `--ref-source`, one of KINDS: look nowhere else.
    no_refs:    use none, whatever is there.
    require:    finding none is an error.
    index_base: what the first frame is called in names that are plain numbers, 0 or 1; None: 0, of numbered pictures
                the number of the first one.
    scale:      how many times larger than the low-resolution frames references are made.
    every, scene_refs: of the simulation, as in `SimulatedReferences`.
    frames, max_height: of the simulation, as in `VideoSource`.
    deinterlace: for tracks that references come from, as in `VideoSource`.
    trust_manifest: a manifest may list files outside of its folder.
    track:      `--track`: the number of the clip's track that is restored; None: see `picture_track`.
    offset:     `--ref-offset`, see `parse_offset`: seconds to add to the times that stills, HDF5 and tracks of other
                files have by a clock of their own, or "auto": estimated from the pictures.
    part:       of the clip that is restored; tracks of references are decoded from shortly before it on.
    """

    refs: Path | str | None = None
    source: str | None = None
    no_refs: bool = False
    require: bool = False
    index_base: int | None = None
    scale: int = 4
    every: int = EVERY
    scene_refs: bool = False
    frames: int | None = None
    max_height: int | None = None
    deinterlace: bool = False
    trust_manifest: bool = False
    track: int | None = None
    offset: Fraction | str | None = None
    part: Part | None = None

    def __post_init__(self) -> None:
        if self.source is not None:
            check_choice("--ref-source", self.source, KINDS)
        if self.index_base not in (0, 1, None):
            raise UsageError(f"--ref-index-base is {self.index_base}; 0 or 1 is wanted")
        if self.no_refs and (self.refs or self.require or self.source):
            raise UsageError("--no-refs contradicts --refs, --require-refs and --ref-source; drop one of them")
        if self.refs and self.source not in (None, "refs"):
            raise UsageError(f"--refs contradicts --ref-source {self.source}; drop one of them")
        if self.require and self.source == "anchor":
            raise UsageError("--require-refs contradicts --ref-source anchor; drop one of them")


def find_references(path: Path | str, lr: StreamInfo, options: ReferenceOptions) -> ReferenceSource | None:
    """References for the low-resolution stream `lr` of the file `path`; None means anchor mode (or `no_refs`).

    Explicit ones win, then a second track, larger frames of the same track, a sidecar. `lr.size` is the size frames
    are restored from; references of another scale are resampled to `scale` times it.
    """
    if options.no_refs or options.source == "anchor":
        return None
    source = _first_source(path, lr, options)
    if options.offset is not None and source is not None and source.kind in _OWN_CLOCK:
        raise UsageError(f"--ref-offset has nothing to move: references come from {path} itself; drop it")
    return source


def _first_source(path: Path | str, lr: StreamInfo, options: ReferenceOptions) -> ReferenceSource | None:
    clip = _Clip(Path(path), lr, options)
    if options.source == "simulate":
        return _simulated(path, lr, options)
    forced = options.source or ("refs" if options.refs else None)
    for kind in [forced] if forced else _FINDERS:
        source = _FINDERS[kind](clip)
        if source is not None:
            return source
    if forced:
        raise InputError(f"--ref-source {forced}: {clip.path} has {_absent(forced, clip)}")
    if options.require:
        missing = "; ".join(_absent(kind, clip) for kind in _FINDERS)
        raise ReferencesMissing(f"--require-refs: {clip.path} has {missing}")
    return None


def _simulated(path: Path | str, lr: StreamInfo, options: ReferenceOptions) -> SimulatedReferences:
    return SimulatedReferences(
        path,
        options.every,
        options.scene_refs,
        frames=options.frames,
        max_height=options.max_height,
        deinterlace=options.deinterlace,
        rate=lr.rate,
        part=options.part,
    )


def lr_track(path: Path | str, requested: int | None = None) -> int:
    """The number of the track that is restored, see `picture_track`."""
    return picture_track(path, requested).track


def _width(video: VideoInfo) -> int:
    return video.size.width


@dataclass(frozen=True)
class _Clip:
    """The clip that references are looked for beside."""

    path: Path
    lr: StreamInfo
    options: ReferenceOptions

    @cached_property
    def tracks(self) -> list[VideoInfo]:
        return [clip_info(self.path, self.lr.rate)] if is_sequence(self.path) else video_tracks(self.path)

    @property
    def index_base(self) -> int:
        """What the clip's first frame is called in names that are plain numbers."""
        if self.options.index_base is not None:
            return self.options.index_base
        return 0 if self.video.pictures is None else self.video.pictures.numbers[0]

    @cached_property
    def video(self) -> VideoInfo:
        """The low-resolution track."""
        return self.tracks[0] if is_sequence(self.path) else picture_track(self.path, self.options.track)

    @cached_property
    def timeline(self) -> Timeline:
        return Timeline(frame_times(self.video))

    @cached_property
    def seen(self) -> SeenClip:
        """The low-resolution track, for finding pictures in it; not decoded before one is looked for."""
        return SeenClip(self.video, self.timeline, Scale(self.fit.shown))

    @property
    def reference_size(self) -> Size:
        return self.lr.size.scaled(self.options.scale)

    @property
    def fit(self) -> ClipFit:
        return ClipFit.to(self.video, self.reference_size)

    def open(self, path: Path, track: int, keep_sizes: bool = False, offset: Fraction | None = None) -> VideoSource:
        """A track that references are taken from. keep_sizes: it is the clip's own, whose larger frames they are.
        offset: seconds to add to its times."""
        window, part, deinterlace = None, self.options.part, self.options.deinterlace
        if part is not None:
            begin = part.window.begin - (offset or 0)
            window = part.window._replace(end=None) if keep_sizes else window_at(video_track(path, track), begin)
        return VideoSource(
            path, track=track, detect_cuts=False, deinterlace=deinterlace, keep_sizes=keep_sizes, window=window
        )


def sidecars_of(path: Path) -> list[Path]:
    """Where references of a clip may be, beside it; the first that exists is taken. Those of numbered pictures are
    beside their folder. A name that would be too long for the file system is left out."""
    return [named for ending in _SIDECARS if fits(named := _beside(path, ending))]


def sidecar_folder(path: Path) -> Path:
    """Where stills of a clip may be, beside it."""
    return _beside(path, _SIDECARS[0])


def _beside(path: Path, ending: str) -> Path:
    if not is_sequence(path):
        return path.with_suffix(ending)
    folder = (path if path.is_dir() else path.parent).resolve()
    return folder.with_name(f"{folder.name}{ending}")


def reference_files(named: Path) -> list[Path]:
    """Every file that references at `named` (see `ReferenceOptions.refs`) are read from: itself, which may be a folder
    and need not exist, and the pictures that its manifest lists. A manifest that cannot be read lists none."""
    path, _ = path_and_track(str(named))
    manifest = manifest_of(path)
    if manifest is None or not manifest.is_file():
        return [path]
    try:
        return [path, *(entry.path for entry in read_manifest(manifest))]
    except (InputError, UsageError):
        return [path]


def _explicit(clip: _Clip) -> ReferenceSource | None:
    return _read(str(clip.options.refs), clip, "refs") if clip.options.refs else None


def _second_track(clip: _Clip) -> ReferenceSource | None:
    widest = max(clip.tracks, key=_width)
    if not is_larger(widest.size, clip.video.size):
        return None
    return TrackReferences(clip.open(clip.path, widest.track), clip.video, clip.reference_size, "track")


def _larger_frames(clip: _Clip) -> ReferenceSource | None:
    if clip.video.pictures is not None:
        return None
    large = larger_frame(clip.video, thorough=clip.options.source == "same-track")
    if large is None:
        return None
    return SameTrackReferences(clip.open(clip.path, clip.video.track, keep_sizes=True), large, clip.reference_size)


def _sidecar(clip: _Clip) -> ReferenceSource | None:
    sidecar = next((path for path in sidecars_of(clip.path) if path.exists()), None)
    return _read(str(sidecar), clip, "sidecar") if sidecar else None


_FINDERS = {"refs": _explicit, "track": _second_track, "same-track": _larger_frames, "sidecar": _sidecar}


def _absent(kind: str, clip: _Clip) -> str:
    return {
        "refs": "no references named; pass --refs",
        "track": f"no second video track at least {LARGER}x wider (attached pictures do not count)",
        "same-track": f"no frames at least {LARGER}x wider than others in its track",
        "sidecar": f"no {', '.join(sidecar.name for sidecar in sidecars_of(clip.path))} beside it",
    }[kind]


def _read(named: str, clip: _Clip, kind: str) -> ReferenceSource:
    """The references in a folder of stills, a manifest, a picture, an HDF5 or a video, chosen by name."""
    where, track = path_and_track(named)
    check_references_exist(where)
    if where.is_dir() or where.suffix.lower() in PICTURES | {".csv"}:
        manifest = manifest_of(where)
        if manifest is not None and not clip.options.trust_manifest:
            check_below(manifest)
        places = StillPlaces(clip.seen, clip.fit)
        stills = places.find(where, clip.index_base, clip.options.offset)
        return StillReferences(where, stills, clip.fit, clip.timeline, kind)
    if where.suffix.lower() in _ARRAYS:
        offset = clip.options.offset
        if isinstance(offset, str):
            raise UsageError(f"--ref-offset {offset} looks at stills and tracks; give seconds for {where}")
        return ArrayReferences(where, clip.timeline, clip.fit, clip.index_base, offset)
    if track is None:
        track = max(video_tracks(where), key=_width).track
    asked = clip.options.offset
    return _track(clip, clip.open(where, track, offset=asked if isinstance(asked, Fraction) else None), kind)


def _track(clip: _Clip, track: VideoSource, kind: str) -> TrackReferences:
    """Of another file, whose clock may be off, or of the clip's own."""
    asked = clip.options.offset
    if asked is None or is_same_file(track.video.path, clip.path):
        return TrackReferences(track, clip.video, clip.reference_size, kind)
    if isinstance(asked, Fraction):
        return TrackReferences(track, clip.video, clip.reference_size, kind, asked)
    estimate = offset_of_track(clip.seen, track.video, turns_between(track.video, clip.video))
    track = clip.open(track.video.path, track.video.track, offset=estimate.seconds)
    source = TrackReferences(track, clip.video, clip.reference_size, kind, estimate.seconds)
    source.estimates.append(str(estimate))
    if not estimate.is_known:
        source.warnings.append(str(estimate))
    return source
