"""Messages about pictures and light fields, each with a command that gets it; see `provoked.py`."""

from pathlib import Path
from typing import Any

import av
import h5py
import numpy as np
from provoked import CUBE, NOISE, Prepare, arrays, pictures, write


def fields(**named: Any) -> Prepare:
    """A light field NAME.h5 of each array."""

    def prepare(folder: Path) -> None:
        for name, views in named.items():
            with h5py.File(folder / f"{name}.h5", "w") as file:
                file["LF"] = views

    return prepare


def mosaics_cut_short(folder: Path) -> None:
    """A video of 70 mosaics, of which the last three are zeros."""
    with av.open("mosaics.mp4", "w") as target:
        video = target.add_stream("libx264", 25, options={"preset": "ultrafast", "tune": "zerolatency"})
        video.width, video.height, video.pix_fmt = 16, 16, "yuv420p"
        frames = (av.VideoFrame.from_ndarray(np.full((16, 16, 3), 3 * number, np.uint8)) for number in range(70))
        target.mux([packet for frame in frames for packet in video.encode(frame)] + video.encode(None))
    with av.open("mosaics.mp4") as source:
        places = [(packet.pos, packet.size) for packet in source.demux(video=0) if packet.size]
    content = bytearray((folder / "mosaics.mp4").read_bytes())
    for start, size in places[-3:]:
        content[start : start + size] = bytes(size)
    (folder / "mosaics.mp4").write_bytes(content)


def no_columns(folder: Path) -> None:
    """Four pictures of an HCI light field, whose parameters.cfg counts no columns."""
    pictures(*(f"views/input_Cam{number:03}.png" for number in range(4)))(folder)
    (folder / "views" / "parameters.cfg").write_text("num_cams_x = 0")


BICUBIC = ("--method", "bicubic")
PROVOKED: dict[str, tuple[list[str], Prepare | None]] = {
    "is an AVIF": (["image", "a.avif", *BICUBIC], write("a.avif", b"\0\0\0\x1cftypavif" + NOISE)),
    "samples;": (["lightfield", "refs.h5"], arrays(LF=CUBE.astype(np.int32))),
    "channels;": (
        ["lightfield", "refs.h5::/LF", "--layout", "row,column,y,x,channel"], arrays(LF=CUBE[..., :2])
    ),
    "--item": (
        ["lightfield", "refs.h5::/LF", "--layout", "item,row,column,y,x,channel", "--item", "9"],
        arrays(LF=CUBE[np.newaxis]),
    ),
    "others are": (
        ["lightfield", "frames", "--layout", "mosaic", "--grid", "2x2", *BICUBIC],
        pictures("frames/1.png", then=pictures("frames/2.png", size=(20, 12))),
    ),
    "is empty:": (["lightfield", "refs.h5"], arrays(LF=np.zeros((3, 3, 16, 0, 3), np.uint8))),
    "choose with --layout": (["lightfield", "views"], pictures("views/view_0_0.png", "views/input_Cam000.png")),
    "give the same grid": (
        ["lightfield", "a.h5", "--refs", "b.h5", "--method", "flow_transfer"], fields(a=CUBE, b=CUBE[:2])
    ),
    "with num_cams_x": (["lightfield", "views"], pictures(*(f"views/input_Cam{number:03}.png" for number in range(5)))),
    "has num_cams_x": (["lightfield", "views"], no_columns),
    "give -o and --report": (["lightfield", "/"], None),
    "does not hold frame": (
        ["lightfield", "mosaics.mp4", "--layout", "mosaic", "--grid", "1x1", *BICUBIC], mosaics_cut_short
    ),
}  # fmt: skip
