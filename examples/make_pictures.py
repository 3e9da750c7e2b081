"""Makes the pictures of docs/tutorial.md and of README.md from what the commands of the tutorial have written.

    python examples/make_pictures.py tutorial docs/pictures

Each picture is a row of equal parts: of what came in, enlarged by bicubic interpolation, and of what came out.
"""

import argparse
from pathlib import Path

import av
import numpy as np
from PIL import Image

EXAMPLE = Path(__file__).with_name("in.mp4")
GAP = 4  # pixels between two parts
Box = tuple[int, int, int, int]  # left, top, right, bottom, in pixels of the result


def frame_of(clip: Path, number: int) -> Image.Image:
    """Frame `number` of the first video track of a clip."""
    with av.open(str(clip)) as source:
        return next(frame for index, frame in enumerate(source.decode(video=0)) if index == number).to_image()


def part(picture: Image.Image, box: Box, scale: int = 1) -> Image.Image:
    """A part of a picture that is `scale` times smaller than the result."""
    width, height = box[2] - box[0], box[3] - box[1]
    enlarged = picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.BICUBIC)
    return enlarged.crop(box).resize((width, height), Image.Resampling.BICUBIC)


def write_row(path: Path, parts: list[Image.Image]) -> None:
    """Parts of one size side by side, as WebP."""
    width = sum(each.width for each in parts) + GAP * (len(parts) - 1)
    row = Image.fromarray(np.full((parts[0].height, width, 3), 255, np.uint8))
    left = 0
    for each in parts:
        row.paste(each, (left, 0))
        left += each.width + GAP
    row.save(path, quality=88, method=6)


def make(tutorial: Path, target: Path) -> None:
    """All pictures, from the folder that the tutorial works in."""
    target.mkdir(parents=True, exist_ok=True)
    box = (560, 230, 960, 470)
    before, after = part(frame_of(EXAMPLE, 4), box, 4), part(frame_of(tutorial / "first.mp4", 4), box)
    write_row(target / "tutorial_clip.webp", [before, after])
    box = (340, 260, 610, 460)
    alone, with_photos = (part(frame_of(tutorial / f"{name}.mp4", 4), box) for name in ("alone", "with_photos"))
    write_row(target / "tutorial_photos.webp", [part(frame_of(EXAMPLE, 4), box, 4), alone, with_photos])
    box = (60, 40, 460, 220)
    small, large = (Image.open(tutorial / folder / "view_0_0.png").convert("RGB") for folder in ("views", "views_x4"))
    write_row(target / "tutorial_views.webp", [part(small, box, 4), part(large, box)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tutorial", type=Path, help="the folder that the commands of the tutorial have filled")
    parser.add_argument("target", type=Path, help="the folder for the pictures")
    options = parser.parse_args()
    make(options.tutorial, options.target)


if __name__ == "__main__":
    main()
