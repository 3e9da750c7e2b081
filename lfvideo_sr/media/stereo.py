"""3-D video: how the two views are packed into a picture."""

import numpy as np
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame

from .hdr import side_data

_INVERTED = 1  # FFmpeg's flag: the right view comes first
_MODES = {  # FFmpeg's number of the packing: Matroska's word for it, and where the right view comes first
    1: ("left_right", "right_left"),
    2: ("top_bottom", "bottom_top"),
    3: ("block_lr", "block_rl"),
    4: ("checkerboard_lr", "checkerboard_rl"),
    6: ("row_interleaved_lr", "row_interleaved_rl"),
    7: ("col_interleaved_lr", "col_interleaved_rl"),
}


def stereo_mode(frame: VideoFrame) -> str | None:
    """Matroska's word for the packing that a decoded frame states; None for a video of one view."""
    stated = side_data(frame).get(Type.STEREO3D)
    if stated is None:
        return None
    packing, flags = (int(number) for number in np.frombuffer(stated[:8], np.int32))
    return _MODES[packing][flags & _INVERTED] if packing in _MODES else None
