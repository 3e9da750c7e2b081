"""Makes what docs/tutorial.md works with: a clip without references, photos of its scenes, a small picture, and a light
field with one sharp view. Clip, photos and picture are taken from examples/in.mp4; the light field is rendered.

    python examples/make_material.py tutorial
"""

import argparse
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
from PIL import Image
from street import street

from lfvideo_sr.frames import Size
from lfvideo_sr.media.resize import degrade, to_uint8
from lfvideo_sr.synthetic import render

CLIP = Path(__file__).with_name("in.mp4")
PHOTOS = {8: "IMG_1041.jpg", 24: "IMG_1042.jpg", 40: "IMG_1043.jpg"}  # by the frame that each shows
PICTURE = 12  # the frame that is the small picture
VIEW, GRID, BASELINE = Size(480, 272), 3, 0.015
RATE = 24


def write_clip(path: Path) -> None:
    """The small track of the example alone, packet by packet."""
    with av.open(str(CLIP)) as source, av.open(str(path), "w") as target:
        small = source.streams.video[0]
        track = target.add_stream_from_template(small)
        for packet in source.demux(small):
            if packet.pts is not None:
                packet.stream = track
                target.mux(packet)


def frames_of(track: int) -> dict[int, Image.Image]:
    """The pictures of a track of the example, by the frame of the clip that they show."""
    with av.open(str(CLIP)) as source:
        return {round(frame.time * RATE): frame.to_image() for frame in source.decode(video=track)}


def write_views(folder: Path, centre: Path) -> None:
    """A grid of views of the street as view_ROW_COLUMN.png, made small, and the view in the middle at its full size."""
    scene = street(np.random.default_rng(0))
    scene = replace(scene, camera=replace(scene.camera, baseline=BASELINE))
    folder.mkdir()
    for row, column in np.ndindex(GRID, GRID):
        sharp = render(scene, 0.0, VIEW, view=(row - GRID // 2, column - GRID // 2))
        write_picture(folder / f"view_{row}_{column}.png", degrade(sharp))
        if row == column == GRID // 2:
            write_picture(centre, sharp)


def write_picture(path: Path, pixels: np.ndarray) -> None:
    """Float [3,H,W] in [0,1], with 8 bits."""
    Image.fromarray(np.ascontiguousarray(to_uint8(pixels).transpose(1, 2, 0))).save(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="is made; it must not exist")
    folder: Path = parser.parse_args().folder
    (folder / "photos").mkdir(parents=True)
    write_clip(folder / "clip.mp4")
    sharp = frames_of(1)
    for frame, name in PHOTOS.items():
        sharp[frame].save(folder / "photos" / name, quality=95)
    frames_of(0)[PICTURE].save(folder / "picture.png")
    write_views(folder / "views", folder / "centre.png")


if __name__ == "__main__":
    main()
