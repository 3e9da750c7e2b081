#!/usr/bin/env python3
"""How well plain features and those of trained correspondences match, on sharp and on low-resolution frames.

usage: LFVIDEO_DATA=FOLDER benchmarks/descriptors.py --features VGG [CHECKPOINT...]

Photos never trained on (sr_bench/BSD100) under homographies, as `lfvideo-sr train c2_student_small` validates: share of
true matches missed by less than one place (4 pixels), and mean end-point error in pixels. VGG and CHECKPOINTs are the
last.pt of features_small, c2_teacher_small, c2_student_small.
"""

import argparse
from pathlib import Path

import torch

from lfvideo_sr.methods.c2_matching import CorrespondenceNetwork
from lfvideo_sr.nn.vgg import load_vgg
from lfvideo_sr.trainers.correspondence import CorrespondenceConfig, validate
from lfvideo_sr.training.sources import photos_of
from lfvideo_sr.training.task import data_folder
from lfvideo_sr.weights import load_into, read_about

FRAMES = {"sharp": "teacher", "low resolution": "student"}  # what each stage is shown


def plain(features: Path) -> CorrespondenceNetwork:
    network = CorrespondenceNetwork(read_about(features)["size"]["width"])
    for extractor in (network.query, network.reference):
        load_vgg(extractor, features)
    return network


def trained(checkpoint: Path) -> CorrespondenceNetwork:
    network = CorrespondenceNetwork(read_about(checkpoint)["size"]["width"])
    load_into(network, checkpoint)
    return network


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--features", type=Path, required=True)
    parser.add_argument("checkpoints", type=Path, nargs="*")
    options = parser.parse_args()
    photos = photos_of(data_folder(), ["sr_bench/BSD100"], Path("runs/cache"))
    networks = {"plain features": plain(options.features)}
    networks |= {str(path): trained(path) for path in options.checkpoints}
    for name, network in networks.items():
        for frame, stage in FRAMES.items():
            scores, _ = validate(photos, CorrespondenceConfig(stage=stage), network)
            print(f"{name:40} {frame:15} {100 * scores['near']:.1f} %  {scores['error']:.1f} px", flush=True)


if __name__ == "__main__":
    main()
