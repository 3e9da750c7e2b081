#!/usr/bin/env python3
"""How exactly stills are placed in a clip by what they show, what it costs, and what becomes of stills of other clips.

usage: LFVIDEO_DATA=FOLDER benchmarks/placing.py [CLIP...] [--every N] [--offset SECONDS]

Each clip is made four times smaller and encoded as H.264. Its stills are four of its own frames at full size, 15 %
brighter, 3 % larger, turned by 1 degree, JPEG of quality 85. Per clip: by how many frames each is misplaced, how well
it agrees, and processor seconds: to see the clip, once, and to place a still. Last, the stills of each clip are looked
for in the next one, where they should be found nowhere.

With --offset, also what `--ref-offset auto` makes of the full-size clip beside the small one when its clock says that
much too little. CLIPS are paths below the folder; by default every Nth of those that may be trained on.
"""

import argparse
import json
import time
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import av
import cv2
import numpy as np
from data_folder import data_folder

from lfvideo_sr.media.clock import Timeline, frame_times
from lfvideo_sr.media.video import video_tracks
from lfvideo_sr.references.offset import Offset, estimate_offset
from lfvideo_sr.references.placing import SURE, SeenClip, Sighting
from lfvideo_sr.references.thumbnails import Scale, thumbnail_of

_PARTS = (0.15, 0.4, 0.65, 0.9)  # of a clip, at which stills are taken
_SHOTS = 12  # references from which an offset is estimated


class ClipPlacing(NamedTuple):
    """What was measured of one clip; errors in frames, None where a still was found nowhere."""

    clip: SeenClip
    stills: list[np.ndarray]
    errors: list[int | None]
    sightings: list[Sighting | None]
    seeing: float
    placing: float


def photographed(picture: np.ndarray) -> np.ndarray:
    """uint8 [H,W,3] as a telephone would have taken it."""
    height, width = picture.shape[:2]
    motion = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), 1.0, 1.03)
    turned = cv2.warpAffine(picture, motion, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    brighter = np.clip(turned * 1.15, 0, 255).astype(np.uint8)
    return cv2.imdecode(cv2.imencode(".jpg", brighter[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])[1], 1)[..., ::-1]


def small_of(pixels: np.ndarray) -> np.ndarray:
    return thumbnail_of(np.ascontiguousarray(pixels.transpose(2, 0, 1)).astype(np.float32) / 255)


def make_small(path: Path, target: Path, numbers: set[int]) -> dict[int, np.ndarray]:
    """Encodes the clip four times smaller; gives the frames `wanted` at full size, uint8 [H,W,3]."""
    kept = {}
    with av.open(str(path)) as source, av.open(str(target), "w") as sink:
        stream = sink.add_stream("libx264", 25, options={"crf": "20", "preset": "veryfast"})
        for number, frame in enumerate(source.decode(video=0)):
            if number in numbers:
                kept[number] = frame.to_ndarray(format="rgb24")
            if not number:
                stream.width, stream.height = (max(2, side // 8 * 2) for side in (frame.width, frame.height))
            small = frame.reformat(stream.width, stream.height, format="yuv420p", interpolation="BICUBIC")
            small.pts, small.time_base = number, Fraction(1, 25)
            sink.mux(stream.encode(small))
        sink.mux(stream.encode(None))
    return kept


def place(path: Path, target: Path, offset: float | None) -> tuple[ClipPlacing, Offset | None]:
    count = sum(1 for _ in frame_times(video_tracks(path)[0]))
    numbers = [min(round(count * part), count - 1) for part in _PARTS]
    shots = set(np.linspace(0, count - 1, _SHOTS).astype(int).tolist()) if offset is not None else set()
    pictures = make_small(path, target, {*numbers, *shots})
    video = video_tracks(target)[0]
    timeline = Timeline(frame_times(video))
    clip = SeenClip(video, timeline, Scale(video.size.width / video.size.height))
    stills = [small_of(photographed(pictures[number])) for number in numbers if number in pictures]
    started = time.process_time()
    clip.scores(stills[0])
    seen = time.process_time()
    sightings = clip.find(stills)
    done = time.process_time()
    errors = [
        None if sighting is None or sighting.sure < SURE else abs(timeline.times.index(sighting.time) - number)
        for sighting, number in zip(sightings, numbers)
    ]
    estimated = None
    if offset is not None:
        shown = sorted(shots & pictures.keys())
        stamps = [timeline.times[shot] - Fraction(str(offset)) for shot in shown]
        estimated = estimate_offset(clip, [(time, small_of(pictures[shot])) for time, shot in zip(stamps, shown)])
    return ClipPlacing(clip, stills, errors, sightings, seen - started, (done - seen) / len(stills)), estimated


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="*")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--offset", type=float)
    arguments = parser.parse_args()
    folder = data_folder()
    names = arguments.clips or json.loads((folder / "splits.json").read_text())["train"]["video"][:: arguments.every]
    placed: dict[str, ClipPlacing] = {}
    with TemporaryDirectory() as temporary:
        for name in names:
            placing, offset = place(folder / name, Path(temporary) / f"{len(placed)}.mp4", arguments.offset)
            placed[name] = placing
            sure = ", ".join("-" if each is None else f"{each.sure:.2f}" for each in placing.sightings)
            cost = f"{placing.seeing:.2f} s + {placing.placing:.2f} s a still"
            offset_text = "" if offset is None else f"  offset {float(offset.seconds):+.3f} s, sure {offset.sure:.2f}"
            print(f"{name:36s} errors {placing.errors}  sure {sure}  {cost}{offset_text}", flush=True)
        errors = [error for placing in placed.values() for error in placing.errors]
        for within in (0, 1, 3):
            right = sum(error is not None and error <= within for error in errors)
            print(f"within {within} frames: {right} of {len(errors)} stills")
        names = list(placed)
        strangers = [
            sighting.sure
            for name, other in zip(names, names[1:] + names[:1])
            for sighting in placed[other].clip.find(placed[name].stills[:2])
            if sighting is not None
        ]
        taken = sum(stranger >= SURE for stranger in strangers)
        print(f"stills of another clip: {taken} of {len(strangers)} taken, the surest at {max(strangers):.2f}")


if __name__ == "__main__":
    main()
