"""The sizes of a file's video tracks by its header alone, so that what is far too large is refused before anything is
decoded or anything heavy is loaded."""

from functools import lru_cache
from pathlib import Path

import av

from ..frames import Size
from .file_state import FileState, state_of
from .limits import check_size, max_pixels
from .pyav import open_media
from .streams import video_streams

_SCALE = 4  # of every method, before it is known which one runs
_UNDECODED = {"skip_frame": "all", "probesize": "100000"}  # FFmpeg else decodes pictures to learn of their order


def check_stated(path: Path) -> None:
    """Refuse a video where the result of each of its tracks would have more pixels than are allowed. What is no file or
    states no sizes is left to its reader."""
    smallest = min(stated_sizes(path), key=lambda size: size.width * size.height, default=Size(0, 0))
    check_size(smallest.scaled(_SCALE), f"the result of {path}")


def stated_sizes(path: Path) -> tuple[Size, ...]:
    """Of each video track, cover art left out, 0x0 where the header does not have it; empty for what does not open. A
    file that has not changed is opened once in a process."""
    return _stated_sizes(path, state_of(path), max_pixels())


@lru_cache(maxsize=64)
def _stated_sizes(path: Path, state: FileState, most_pixels: int) -> tuple[Size, ...]:
    """state, most_pixels: what the answer is remembered for."""
    try:
        if not path.is_file():
            return ()
        with open_media(path, options=_UNDECODED) as container:
            contexts = [stream.codec_context for stream in video_streams(container)]
            return tuple(Size(context.width, context.height) for context in contexts)
    except (av.FFmpegError, OSError):
        return ()
