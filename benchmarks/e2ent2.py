#!/usr/bin/env python3
"""E2ENT2's ablations (its Tables 3 and 4): PSNR-Y and SSIM-Y with and without the reference, and feature distance.

usage: LFVIDEO_DATA=FOLDER benchmarks/e2ent2.py CHECKPOINT... [--json]

Pairs of photos never trained on, as papers.py measures them. Feature distance: mean absolute difference between the
swapped features F and those that the same network makes of the true picture (Table 3).
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from data_folder import data_folder

from lfvideo_sr.frames import Size
from lfvideo_sr.media.resize import bicubic, degrade
from lfvideo_sr.method import Match
from lfvideo_sr.methods.e2ent2 import E2ENT2, network
from lfvideo_sr.metrics import eight_bit, psnr_y, ssim_y
from lfvideo_sr.training.sources import validation_pairs
from lfvideo_sr.weights import load_into, read_about

BORDER = 4


def trained(path: Path) -> E2ENT2:
    loaded = network(read_about(path)["size"])
    load_into(loaded, path)
    return loaded.eval()


@torch.inference_mode()
def measured(net: E2ENT2, target: np.ndarray, reference: np.ndarray) -> dict[str, float]:
    frame = torch.from_numpy(np.ascontiguousarray(degrade(target), np.float32))[None]
    encoded = net.encoder(torch.from_numpy(reference)[None])
    match = Match(encoded, *net.matcher(frame, encoded))
    both = {"reference": net.restorer(frame, [match]), "none": net.restorer(frame)}
    pictures = {what: eight_bit(made[0].clamp(0, 1).numpy()) for what, made in both.items()}
    swapped, true = net.restorer.swapped(net.phi(frame), [match]), net.phi(torch.from_numpy(target)[None])
    return {
        "psnr": psnr_y(pictures["reference"], target, BORDER),
        "ssim": ssim_y(pictures["reference"], target, BORDER),
        "psnr_none": psnr_y(pictures["none"], target, BORDER),
        "feature_distance": float((swapped - true).abs().mean()),
        "feature_size": float(true.abs().mean()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", type=Path, nargs="+")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    loads = validation_pairs(data_folder(), "refpairs")
    pairs = [tuple(picture.astype(np.float32) / 255 for picture in load()) for load in loads]
    blown = [bicubic(degrade(target), Size(target.shape[2], target.shape[1])).clip(0, 1) for target, _ in pairs]
    yardstick = [psnr_y(eight_bit(large), target, BORDER) for large, (target, _) in zip(blown, pairs)]
    result = {"bicubic": {"psnr": round(float(np.mean(yardstick)), 3)}}
    for path in options.checkpoints:
        net = trained(path)
        rows = [measured(net, *pair) for pair in pairs]
        result[str(path)] = {key: round(float(np.mean([row[key] for row in rows])), 4) for key in rows[0]}
        if not options.json:
            print(path, result[str(path)], flush=True)
    print(json.dumps(result, indent=1) if options.json else f"bicubic {result['bicubic']}")


if __name__ == "__main__":
    main()
