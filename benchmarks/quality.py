#!/usr/bin/env python3
"""The figures of the README and of the model cards, measured on clips that are never trained on.

usage: LFVIDEO_DATA=FOLDER benchmarks/quality.py [--method NAME] [--weights FILE] [--json FILE] [--device-seeds]
       [--clips NAME...] [--frames N] [--crf N...] [--reduce WAY...] [--codec NAME]
       [hybrid] [compressed] [reduced] [alone] [stills] [wrong] [single]

Every 8th frame is a sharp reference, 25 frames of at most 540 lines; PSNR-Y over the frames that are no references.
hybrid:     the papers' protocol: frames reduced x4 by bicubic, nothing compressed.
compressed: frames reduced by bicubic and compressed (--codec, 4:2:0, preset medium, --crf 23 28 33).
reduced:    frames reduced as cameras, recorders and scalers do (--reduce), nothing compressed.
alone:      no references: the compressed rows, and the parts of Vid4 as the papers reduce them.
stills:     two stills as people have them, at frames 0 and 16: brighter, of another white balance, larger and turned,
            and with a clock that is off; beside the same two stills as they should be, and none.
wrong:      references from another clip, against none at all.
single:     pictures without any reference: Set14 x4.
--device-seeds: stream_ref's seeds by torch, as where frames are on a GPU; slow on a CPU.
"""

import argparse
import json
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
from compressed import RATE, lossless_clip, low_clip, reference_clip, sharp_frames, truth_clip
from data_folder import data_folder

from lfvideo_sr.choose import make_engine
from lfvideo_sr.engine import Engine
from lfvideo_sr.engines.torch_engine import TorchEngine
from lfvideo_sr.frames import Frame, Size, View
from lfvideo_sr.media.images import read_image, write_png
from lfvideo_sr.media.resize import bicubic, crop_to_multiple, degrade, to_float, to_uint8
from lfvideo_sr.metrics import eight_bit, psnr_y
from lfvideo_sr.stream.job import StreamJob
from lfvideo_sr.stream.options import StreamOptions
from lfvideo_sr.stream.scoring import summarise

CLIPS = ("apple", "cockatoo", "bikes", "paragliding-launch")
Row = dict[str, float]
Rows = Iterator[tuple[str, Row]]  # as they are measured
STILLS = (0, 16)  # frames that the stills show
LATE = 0.7  # seconds by which the stills' clock is off


def mean_psnr(engine: Engine, clip: Path, **options) -> dict[str, float]:
    """Mean PSNR-Y of a run over the frames that are no references, and of bicubic over the same."""
    with StreamJob(clip, engine, StreamOptions(**options)) as job:
        for _ in job:
            pass
        metrics = summarise(job.scorer.scores)
    return {"bicubic": metrics["bicubic"]["psnr_y"]["mean"], "psnr_y": metrics["psnr_y"]["mean"]}


def hybrid(data: Path, options: argparse.Namespace) -> Rows:
    """{clip: {bicubic, flow_transfer, method}}"""
    simulated = {"ref_every": 8, "frames": options.frames, "max_height": 540, "simulate": True}
    rows = []
    for name in options.clips:
        clip = data / "video" / f"{name}.mp4"
        scores = {method: mean_psnr(engine, clip, **simulated) for method, engine in _engines(_both(options), options)}
        rows.append(_row_of(scores, options))
        yield name, rows[-1]
    yield "mean", _mean(rows)


def compressed(data: Path, options: argparse.Namespace) -> Rows:
    """{crf clip: {bicubic, flow_transfer, method}}"""
    return _recorded(data, options, [{"crf": crf, "codec": options.codec} for crf in options.crf])


def reduced(data: Path, options: argparse.Namespace) -> Rows:
    """{way clip: {bicubic, flow_transfer, method}}"""
    return _recorded(data, options, [{"crf": None, "reduce": way} for way in options.reduce])


def _recorded(data: Path, options: argparse.Namespace, recordings: list[dict]) -> Rows:
    for recording in recordings:
        rows = []
        what = recording.get("reduce") or f"crf {recording['crf']}"
        for name in options.clips:
            with _files(data, name, options, **recording) as (low, refs, truth):
                sources = {"ref_every": 8, "refs": str(refs), "gt": str(truth)}
                scores = {key: mean_psnr(engine, low, **sources) for key, engine in _engines(_both(options), options)}
            rows.append(_row_of(scores, options))
            yield f"{what} {name}", rows[-1]
        yield f"{what} mean", _mean(rows)


def _row_of(scores: dict[str, Row], options: argparse.Namespace) -> Row:
    return {"bicubic": scores[options.method]["bicubic"], **{key: score["psnr_y"] for key, score in scores.items()}}


def alone(data: Path, options: argparse.Namespace) -> Rows:
    """{crf clip or part of Vid4: {bicubic, method}}"""
    for crf in options.crf:
        for name in options.clips:
            with _files(data, name, options, crf=crf, codec=options.codec) as (low, _, truth):
                for method, engine in _engines((options.method,), options):
                    row = mean_psnr(engine, low, no_refs=True, gt=str(truth))
                    yield f"crf {crf} {name}", {"bicubic": row["bicubic"], method: row["psnr_y"]}
    for folder in sorted((data / "vid4").iterdir()):
        for method, engine in _engines((options.method,), options):
            yield f"vid4 {folder.name}", _vid4_row(engine, method, folder)


def _vid4_row(engine: Engine, method: str, folder: Path) -> dict[str, float]:
    """The sharp pictures of a part, reduced by bicubic, as a stream without references."""
    with tempfile.TemporaryDirectory() as work:
        pictures = (to_uint8(read_image(path)) for path in sorted(folder.glob("*.png")))
        clip = lossless_clip(Path(work) / "part.mkv", pictures)
        row = mean_psnr(engine, clip, simulate=True, no_refs=True)
    return {"bicubic": row["bicubic"], method: row["psnr_y"]}


def stills(data: Path, options: argparse.Namespace) -> Rows:
    """{clip: {none, exact, and each kind of still: PSNR-Y over the frames that no still shows}}"""
    rows = []
    for name in options.clips:
        with _files(data, name, options, crf=28, codec=options.codec) as (low, _, truth):
            clip = data / "video" / f"{name}.mp4"
            sharp = [to_float(sharp_frame) for sharp_frame in sharp_frames(clip, STILLS[-1] + 1)]
            for _, engine in _engines((options.method,), options):
                row = {"none": mean_psnr(engine, low, no_refs=True, gt=str(truth))["psnr_y"]}
                for kind, (change, late) in KINDS.items():
                    folder = low.with_name(kind.replace(" ", "_"))
                    folder.mkdir()
                    for number in STILLS:
                        second = number / float(RATE) + late
                        write_png(folder / f"t{second:.3f}.png", change(sharp[number]))
                    offset = {"ref_offset": "auto"} if late else {}
                    sources = {"refs": str(folder), "gt": str(truth), "ref_output": "sr", **offset}
                    row[kind] = mean_psnr(engine, low, **sources)["psnr_y"]
            rows.append(row)
            yield name, row
    yield "mean", _mean(rows)


def brighter(picture: np.ndarray) -> np.ndarray:
    return np.clip(picture * 1.15, 0, 1)


def warmer(picture: np.ndarray) -> np.ndarray:
    return np.clip(picture * np.array([1.1, 1.0, 0.85], np.float32)[:, None, None], 0, 1)


def larger_and_turned(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[1:]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), 1.0, 1.03)
    last = np.ascontiguousarray(picture.transpose(1, 2, 0))
    moved = cv2.warpAffine(last, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    return np.clip(moved, 0, 1).transpose(2, 0, 1)


KINDS = {
    "exact": (lambda picture: picture, 0.0),
    "15 % brighter": (brighter, 0.0),
    "white balance": (warmer, 0.0),
    "3 % larger, 1 degree": (larger_and_turned, 0.0),
    "clock off": (lambda picture: picture, LATE),
}


def wrong(data: Path, options: argparse.Namespace) -> Rows:
    """{clip: {without, wrong}}: every clip with the next one's frames as references, clean and compressed."""
    for name, other in zip(CLIPS, (*CLIPS[1:], CLIPS[0])):
        for crf in (None, 28):
            with _files(data, name, options, crf=crf) as (low, _, truth):
                elsewhere = reference_clip(data / "video" / f"{other}.mp4", low.with_name("wrong.mkv"))
                for _, engine in _engines((options.method,), options):
                    yield (
                        f"{'clean' if crf is None else f'crf {crf}'} {name}",
                        {
                            "without": mean_psnr(engine, low, no_refs=True, gt=str(truth))["psnr_y"],
                            "wrong": mean_psnr(
                                engine, low, refs=str(elsewhere), ref_output="sr", gt=str(truth), ref_every=8
                            )["psnr_y"],
                        },
                    )


def single(data: Path, options: argparse.Namespace) -> Rows:
    """{Set14: {bicubic, method}}: mean PSNR-Y, 4 pixels of border left out."""
    scores = []
    for _, engine in _engines((options.method,), options):
        for path in sorted((data / "sr_bench").rglob("*.png")):
            if "set14" in str(path).lower():
                scores.append(_single_score(engine, crop_to_multiple(read_image(path), 4)))
    yield "Set14", dict(zip(("bicubic", options.method), np.mean(scores, 0).tolist()))
    yield "pictures", {"count": len(scores)}


def _single_score(engine: Engine, truth: np.ndarray) -> tuple[float, float]:
    frame = Frame(degrade(truth), 0, View(0, 0))
    enlarged = bicubic(frame.pixels, Size(truth.shape[2], truth.shape[1]))
    return psnr_y(eight_bit(enlarged), truth), psnr_y(eight_bit(engine.restore(frame, [])), truth)


class _files:
    """A recording of a clip, its references and its truth, in a folder that is removed afterwards."""

    def __init__(self, data: Path, name: str, options: argparse.Namespace, **recording):
        self._clip, self._frames, self._recording = data / "video" / f"{name}.mp4", options.frames, recording
        self._folder = tempfile.TemporaryDirectory()

    def __enter__(self) -> tuple[Path, Path, Path]:
        folder, frames = Path(self._folder.name), self._frames
        low = low_clip(self._clip, folder / "low.mkv", frames=frames, **self._recording)
        refs = reference_clip(self._clip, folder / "sharp.mkv", frames=frames)
        return low, refs, truth_clip(self._clip, folder / "truth.mkv", frames=frames)

    def __exit__(self, *exc_info: object) -> None:
        self._folder.cleanup()


def _both(options: argparse.Namespace) -> tuple[str, ...]:
    return tuple(dict.fromkeys(("flow_transfer", options.method)))


def _engines(methods: Iterable[str], options: argparse.Namespace) -> Iterator[tuple[str, Engine]]:
    for method in methods:
        with make_engine(method, weights=options.weights if method == options.method else None) as engine:
            if options.device_seeds and isinstance(engine, TorchEngine):
                engine.resident.seeds_here = True
            yield method, engine


def _mean(rows: list[Row]) -> Row:
    return {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", default=["hybrid", "compressed", "wrong", "single"])
    parser.add_argument("--method", default="stream_ref")
    parser.add_argument("--weights")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--device-seeds", action="store_true")
    parser.add_argument("--clips", nargs="+", default=CLIPS)
    parser.add_argument("--frames", type=int, default=25)
    parser.add_argument("--crf", nargs="+", type=int, default=[23, 28, 33])
    parser.add_argument("--codec", default="libx264")
    parser.add_argument("--reduce", nargs="+", default=["area", "lanczos", "bilinear", "gauss"])
    options = parser.parse_args()
    data = data_folder()
    tables = [hybrid, compressed, reduced, alone, stills, wrong, single]
    results: dict[str, dict[str, Row]] = {}
    for what in options.what:
        for name, row in {table.__name__: table for table in tables}[what](data, options):
            results.setdefault(what, {})[name] = row
            print(f"{what:10} {name:26}", *(f"{key} {value:.2f}" for key, value in row.items()), flush=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
