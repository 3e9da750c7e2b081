#!/usr/bin/env python3
"""What an encoder costs where references are found: stream_ref with fields that are searched on other pictures.

usage: LFVIDEO_DATA=FOLDER benchmarks/fields.py [--clips NAME...] [--frames N] [--crf N...] [--quality NAME]

The frames are reduced by bicubic and compressed as in quality.py, every 8th one has a sharp reference, and the network
always sees the decoded ones; PSNR-Y over the frames that are no references.
decoded:   fields are searched on the decoded frames.
corrected: the same, corrected by the motion between the references (matching/bracket.py), as the stream has it.
clean:     fields are searched on the frames before they were encoded.
sharp:     fields are searched on the full frames, reduced to the field's grid.
CLIPs are names in the folder's video/, or paths from there without the ending.
"""

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
from compressed import REDUCTIONS, low_clip, reference_clip, sharp_frames, truth_clip
from data_folder import data_folder
from quality import CLIPS, mean_psnr

from lfvideo_sr.choose import load_learned
from lfvideo_sr.engines.torch_engine import TorchEngine
from lfvideo_sr.matching.seed import FlowSeeder
from lfvideo_sr.media.resize import to_uint8
from lfvideo_sr.media.video import VideoSource
from lfvideo_sr.method import Method
from lfvideo_sr.methods import METHODS
from lfvideo_sr.stream.bracketing import Bracketing


class SeerOf:
    """A method's seeder that sees another picture in place of each decoded frame; of others it sees what they show."""

    def __init__(self, seeder: FlowSeeder, decoded: Sequence[np.ndarray], seen: Sequence[np.ndarray]):
        self._seeder = seeder
        self._seen = {to_uint8(frame).tobytes(): luma for frame, luma in zip(decoded, seen, strict=True)}

    def prepare(self, low: np.ndarray) -> np.ndarray:
        luma = self._seen.get((low if low.dtype == np.uint8 else to_uint8(low)).tobytes())
        return self._seeder.prepare(low) if luma is None else luma

    def __call__(self, frame: np.ndarray, reference: np.ndarray, previous: np.ndarray | None) -> np.ndarray:
        return self._seeder(frame, reference, previous)

    def follow(self, frame: np.ndarray, before: np.ndarray) -> np.ndarray:
        return self._seeder.follow(frame, before)


def measure(method: Method, clip: Path, crf: int, frames: int) -> dict[str, float]:
    """PSNR-Y by what fields were searched on."""
    with tempfile.TemporaryDirectory() as work:
        low = low_clip(clip, Path(work) / "low.mkv", crf=crf, frames=frames)
        refs = reference_clip(clip, Path(work) / "sharp.mkv", frames=frames)
        truth = truth_clip(clip, Path(work) / "truth.mkv", frames=frames)

        def scored(method: Method) -> float:
            with TorchEngine(method) as engine:
                return mean_psnr(engine, low, ref_every=8, refs=str(refs), gt=str(truth))["psnr_y"]

        row = {"corrected": scored(method)}
        with as_found():
            row["decoded"] = scored(method)
            decoded = [frame.pixels for frame in VideoSource(low, detect_cuts=False)]
            for name, see in (("clean", clean_luma), ("sharp", sharp_luma)):
                seen = [see(method.seeder, frame) for frame in sharp_frames(clip, frames)]
                row[name] = scored(replace(method, seeder=SeerOf(method.seeder, decoded, seen)))
    return row


@contextmanager
def as_found() -> Iterator[None]:
    """Fields stay as they are found."""
    with mock.patch.object(Bracketing, "__call__", lambda self, frame, references, fields: list(fields)):
        yield


def clean_luma(seeder: FlowSeeder, sharp: np.ndarray) -> np.ndarray:
    return seeder.prepare(REDUCTIONS["bicubic"](sharp))


def sharp_luma(seeder: FlowSeeder, sharp: np.ndarray) -> np.ndarray:
    return seeder.prepare_large(sharp)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", nargs="+", default=CLIPS)
    parser.add_argument("--frames", type=int, default=9)
    parser.add_argument("--crf", nargs="+", type=int, default=[28])
    parser.add_argument("--quality", default="best", choices=list(METHODS["stream_ref"].qualities))
    options = parser.parse_args()
    method = load_learned("stream_ref", METHODS["stream_ref"].qualities[options.quality])
    for crf in options.crf:
        rows = []
        for name in options.clips:
            rows.append(measure(method, data_folder() / "video" / f"{name}.mp4", crf, options.frames))
            print_row(f"crf {crf} {Path(name).name}", rows[-1])
        print_row(f"crf {crf} mean", {key: float(np.mean([row[key] for row in rows])) for key in rows[0]})


def print_row(name: str, row: dict[str, float]) -> None:
    print(f"{name:28}", *(f"{key} {value:.2f}" for key, value in row.items()), flush=True)


if __name__ == "__main__":
    main()
