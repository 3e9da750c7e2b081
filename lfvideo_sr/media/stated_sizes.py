"""The sizes of a file's video tracks by its header alone, so that what is far too large is refused undecoded."""

from pathlib import Path

import av

from ..frames import Size
from .probe import video_streams
from .pyav import open_media

_UNDECODED = {"skip_frame": "all", "probesize": "100000"}  # FFmpeg else decodes pictures to learn of their order


def stated_sizes(path: Path) -> list[Size]:
    """Of each video track, cover art left out, 0x0 where the header does not have it; empty for what does not open."""
    try:
        with open_media(path, options=_UNDECODED) as container:
            contexts = [stream.codec_context for stream in video_streams(container)]
            return [Size(context.width, context.height) for context in contexts]
    except (av.FFmpegError, OSError):
        return []
