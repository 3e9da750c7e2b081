"""How many bits a video track spends: a measure of what its coding has cost, whatever the encoder."""

from contextlib import suppress

import av

from .probe import VideoInfo, open_input


def bits_per_pixel(video: VideoInfo) -> float:
    """Bits of a track's packets over the pixels of its frames, up to where the file breaks off; nothing is decoded.
    0 for a track without packets."""
    size = count = 0
    with open_input(video.path) as container, suppress(av.FFmpegError):
        for packet in container.demux(container.streams[video.stream_index]):
            size += packet.size
            count += packet.size > 0
    return 8 * size / max(count * video.size.width * video.size.height, 1)
