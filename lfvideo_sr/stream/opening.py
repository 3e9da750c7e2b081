"""The input of a run: a video, one that is made small to be restored, or numbered pictures; and the files it takes."""

from contextlib import closing
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..frames import Size
from ..media.hardware import Reader
from ..media.limits import check_size
from ..media.picture_claims import check_claim
from ..media.picture_sequence import FILM, find_sequence, is_sequence
from ..media.sequence_source import SequenceSource, clip_info, open_clip
from ..media.stated_sizes import check_stated
from ..media.video import VideoSource, video_tracks
from ..method import MethodInfo
from ..references.opening import lr_track, reference_files, sidecars_of
from ..references.simulated import SimulatedSource
from .options import StreamOptions

_SCALE = 4  # of every method, before it is known which one runs


def check_simulated(info: MethodInfo) -> None:
    """Raise UsageError for a method of another scale than the one by which clips and light fields are made small."""
    if info.scale != _SCALE:
        raise UsageError(
            f"--simulate reduces by {_SCALE}, and these weights of {info.name} enlarge by {info.scale}; make the input "
            "small by another way, and score with --gt"
        )


def files_read(path: Path, options: StreamOptions) -> list[Path]:
    """The input, the truth, and what references come from or could come from. Of numbered pictures the input is their
    pattern."""
    places = sidecars_of(path) + ([Path(options.refs)] if options.refs else [])
    references = [file for place in places for file in reference_files(place)]
    sequence = find_sequence(path) if path.is_dir() else None
    input = path if sequence is None else sequence.folder / sequence.pattern
    return [input, *([Path(options.gt)] if options.gt else []), *references]


def low_size(path: Path, options: StreamOptions) -> Size:
    """Of the frames that an engine will see; raises InputError for what cannot be read, and where the result would have
    more pixels than are allowed."""
    _check_headers(path, options)
    with closing(open_source(path, options)) as source:
        size = source.info.size
    check_size(size.scaled(_SCALE), f"the result of {path}")
    return size


def _check_headers(path: Path, options: StreamOptions) -> None:
    """Refuse what is too large by the headers of its first picture or of all its tracks, before anything is decoded."""
    if options.simulate or options.max_height is not None:
        return
    sequence = find_sequence(path)
    if sequence is None:
        check_stated(path)
    elif sequence.paths[0].suffix.lower() not in FILM:
        check_claim(sequence.paths[0])


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
        return open_clip(path, options.rate, alpha=options.alpha, **limits)
    matrix = _matrix_of_the_sharpest(path)
    return VideoSource(path, track=track, untagged_matrix=matrix, reader=reader, alpha=options.alpha, **limits)


def _matrix_of_the_sharpest(path: Path) -> int:
    """Tracks of one file come from one camera: the widest one decides what an untagged small one means."""
    return max(video_tracks(path), key=lambda video: video.size.width).colour.matrix
