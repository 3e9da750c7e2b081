#!/usr/bin/env python3
"""The figures of the README and of the model cards, measured on clips that are never trained on.

usage: LFVIDEO_DATA=FOLDER benchmarks/quality.py [--weights FILE] [--json FILE] [--device-seeds]
       [hybrid] [wrong] [single]

hybrid: every 8th frame stays sharp, the others are reduced x4 and restored; 25 frames of at most 540 lines; PSNR-Y over
        the frames that are no references.
wrong:  references from another clip, against none at all.
single: pictures without any reference: Set14 x4.
--device-seeds: stream_ref's seeds by torch, as where frames lie on a GPU; slow on a CPU.
"""

import argparse
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from data_folder import data_folder

from lfvideo_sr.choose import make_engine
from lfvideo_sr.engine import Engine
from lfvideo_sr.engines.torch_engine import TorchEngine
from lfvideo_sr.frames import Frame, Size, View
from lfvideo_sr.media.images import read_image
from lfvideo_sr.media.resize import bicubic, crop_to_multiple, degrade
from lfvideo_sr.metrics import eight_bit, psnr_y
from lfvideo_sr.stream.job import StreamJob, StreamOptions
from lfvideo_sr.stream.scoring import summarise

CLIPS = ("apple", "cockatoo", "bikes", "paragliding-launch")
OPTIONS = {"ref_every": 8, "frames": 25, "max_height": 540, "simulate": True}


def mean_psnr(engine: Engine, clip: Path, **options) -> dict[str, float]:
    """Mean PSNR-Y of a simulated run over the frames that are no references, and of bicubic over the same."""
    with StreamJob(clip, engine, StreamOptions(**{**OPTIONS, **options})) as job:
        for _ in job:
            pass
        metrics = summarise(job.scorer.scores)
    return {"psnr_y": metrics["psnr_y"]["mean"], "bicubic": metrics["bicubic"]["psnr_y"]["mean"]}


def hybrid(data: Path, options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """{clip: {bicubic, flow_transfer, stream_ref}}"""
    table = {}
    for name in CLIPS:
        clip = data / "video" / f"{name}.mp4"
        row = {method: mean_psnr(engine, clip) for method, engine in _engines(("flow_transfer", "stream_ref"), options)}
        table[name] = {"bicubic": row["stream_ref"]["bicubic"], **{key: one["psnr_y"] for key, one in row.items()}}
    table["mean"] = {key: float(np.mean([row[key] for row in table.values()])) for key in table[CLIPS[0]]}
    return table


def wrong(data: Path, options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """{clip: {without, wrong}}: every clip with the next one's frames as references."""
    table = {}
    for name, other in zip(CLIPS, (*CLIPS[1:], CLIPS[0])):
        clip, elsewhere = (data / "video" / f"{one}.mp4" for one in (name, other))
        for _, engine in _engines(("stream_ref",), options):
            table[name] = {
                "without": mean_psnr(engine, clip, no_refs=True)["psnr_y"],
                "wrong": mean_psnr(engine, clip, refs=str(elsewhere), ref_output="sr")["psnr_y"],
            }
    return table


def single(data: Path, options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """{Set14: {bicubic, stream_ref}}: mean PSNR-Y, 4 pixels of border left out."""
    scores = []
    for _, engine in _engines(("stream_ref",), options):
        for path in sorted((data / "sr_bench").rglob("*.png")):
            if "set14" in str(path).lower():
                scores.append(_single_score(engine, crop_to_multiple(read_image(path), 4)))
    return {
        "Set14": dict(zip(("bicubic", "stream_ref"), np.mean(scores, 0).tolist())),
        "pictures": {"count": len(scores)},
    }


def _single_score(engine: Engine, truth: np.ndarray) -> tuple[float, float]:
    frame = Frame(degrade(truth), 0, View(0, 0))
    enlarged = bicubic(frame.pixels, Size(truth.shape[2], truth.shape[1]))
    return psnr_y(eight_bit(enlarged), truth), psnr_y(eight_bit(engine.restore(frame, [])), truth)


def _engines(methods: Iterable[str], options: argparse.Namespace):
    for method in methods:
        with make_engine(method, weights=options.weights if method == "stream_ref" else None) as engine:
            if options.device_seeds and isinstance(engine, TorchEngine):
                engine.resident.seeds_here = True
            yield method, engine


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", default=["hybrid", "wrong", "single"])
    parser.add_argument("--weights")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--device-seeds", action="store_true")
    options = parser.parse_args()
    data = data_folder()
    results = {}
    for what in options.what:
        results[what] = {"hybrid": hybrid, "wrong": wrong, "single": single}[what](data, options)
        for name, row in results[what].items():
            print(f"{what:7} {name:20}", *(f"{key} {value:.2f}" for key, value in row.items()), flush=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
