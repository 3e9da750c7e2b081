#!/usr/bin/env python3
"""RefSR-Net beside what needs less (RefSR-Net, Table 3): PSNR over RGB, and seconds of its two ways to restore.

usage: LFVIDEO_DATA=FOLDER benchmarks/refsr_net.py --weights CHECKPOINT... [--single CHECKPOINT] [--crop 256]
                                                   [--edge 48] [--together N...] [--limit N] [--json]

The folder holds sintel/ and lightfields/ as `lfvideo-sr evaluate` reads them: a frame with the one before as reference,
the middle view of a light field with the first. Light fields that FOLDER/splits.json lists under `train` are left out.
The middle of each picture is taken, --crop pixels a side, and measured without its outer --edge pixels, for which the
same part of the reference may not hold what moved.

bicubic           enlargement
single            the single-image network alone (--single: last.pt of sisr_small)
single, sliding   the same by windows of 24x24 low-resolution pixels every 2, averaged
exemplar          Boominathan et al.: the nine patches of the reference most similar by first and second derivatives
                  (squared distance, within 100 pixels), averaged by similarity; overlapping patches averaged
refsr_net         --weights, at once and by sliding windows; "no reference": at once, with none; --together: matched
                  with the scores of so many places along a side summed (default: as in the weights)
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from cross_scale import REACH, derivatives, luma
from data_folder import data_folder

from lfvideo_sr.datasets import Item, open_dataset
from lfvideo_sr.frames import Size
from lfvideo_sr.media.images import read_image
from lfvideo_sr.media.resize import bicubic, degrade
from lfvideo_sr.method import Match
from lfvideo_sr.methods.refsr_net import RefSRNet, load_srresnet, network
from lfvideo_sr.metrics import eight_bit, psnr_rgb
from lfvideo_sr.nn.sliding import cells, corners
from lfvideo_sr.weights import load_into, read_about

PATCH, STRIDE, NEIGHBOURS = 8, 4, 9  # of exemplars, in low-resolution pixels
SLIDING, SLIDING_STRIDE = 24, 2  # of the single-image network, section 5.1


def pairs(root: Path, dataset: str, crop: int, limit: int | None) -> list[tuple[np.ndarray, np.ndarray]]:
    """Picture and reference, the middle of both."""
    items = [item for item in open_dataset(dataset, root).items if not _trained_on(root, dataset, item)]
    return [
        tuple(_middle(read_image(path), crop) for path in (item.path, item.references[0])) for item in items[:limit]
    ]


def _trained_on(root: Path, dataset: str, item: Item) -> bool:
    splits = root / "splits.json"
    listed = json.loads(splits.read_text())["train"].get(dataset, []) if splits.is_file() else []
    return f"{dataset}/{item.name}" in listed


def _middle(picture: np.ndarray, crop: int) -> np.ndarray:
    height, width = (min(crop, side) // 8 * 8 for side in picture.shape[1:])
    top, left = (picture.shape[1] - height) // 2, (picture.shape[2] - width) // 2
    return np.ascontiguousarray(picture[:, top : top + height, left : left + width])


def enlarged(low: np.ndarray, scale: int) -> np.ndarray:
    """[3,h,w] -> [3,scale*h,scale*w] in [0,1], bicubic."""
    return bicubic(low, Size(low.shape[2], low.shape[1]).scaled(scale)).clip(0, 1)


def exemplar(low: np.ndarray, reference: np.ndarray, scale: int) -> np.ndarray:
    """Of low [3,h,w] and reference [3,H,W]: the picture [3,scale*h,scale*w], made of the reference's patches alone."""
    blurry = bicubic(degrade(reference, scale), Size(reference.shape[2], reference.shape[1])).clip(0, 1)
    query, searched = (derivatives(luma(picture)) for picture in (enlarged(low, scale), blurry))
    side = PATCH * scale
    total, weights = np.zeros_like(reference), np.zeros_like(reference[:1])
    for top, left in corners(*low.shape[1:], PATCH, STRIDE):
        y, x = scale * top, scale * left
        up, across = max(0, y - REACH), max(0, x - REACH)
        region = searched[up : y + side + REACH, across : x + side + REACH]
        apart = cv2.matchTemplate(region, query[y : y + side, x : x + side], cv2.TM_SQDIFF)
        best = np.argsort(apart, axis=None)[:NEIGHBOURS]
        shares = np.exp(1 - apart.flat[best] / (apart.flat[best[0]] + 1e-6))
        rows, columns = np.divmod(best, apart.shape[1])
        patches = [reference[:, up + r : up + r + side, across + c : across + c + side] for r, c in zip(rows, columns)]
        total[:, y : y + side, x : x + side] += np.tensordot(shares / shares.sum(), np.stack(patches), 1)
        weights[:, y : y + side, x : x + side] += 1
    return total / weights


def single_sliding(single: torch.nn.Module, frame: torch.Tensor) -> torch.Tensor:
    """The single-image network on windows of frame [1,3,h,w], averaged where they overlap: [3,4h,4w]."""
    height, width = frame.shape[2:]
    total, count = torch.zeros(3, 4 * height, 4 * width), torch.zeros(1, 4 * height, 4 * width)
    for place in corners(height, width, min(SLIDING, height, width), SLIDING_STRIDE):
        part = cells(frame, place, SLIDING, 1)
        cells(total, place, SLIDING, 4).add_(single(part)[0])
        cells(count, place, SLIDING, 4).add_(1)
    return total / count


Row = tuple[str, np.ndarray, float]  # name, picture, seconds where they are measured


def trained(path: Path) -> RefSRNet:
    loaded = network(read_about(path)["size"])
    load_into(loaded, path)
    return loaded.eval()


@torch.inference_mode()
def simple_rows(picture: np.ndarray, reference: np.ndarray, scale: int, single) -> Iterator[Row]:
    """What needs no RefSR-Net."""
    low = np.ascontiguousarray(degrade(picture, scale), np.float32)
    yield "bicubic", enlarged(low, scale), 0.0
    if single is not None and scale == 4:
        frame = torch.from_numpy(low)[None]
        yield "single", single(frame)[0].numpy(), 0.0
        yield "single, sliding", single_sliding(single, frame).numpy(), 0.0
    yield "exemplar", exemplar(low, reference, scale), 0.0


@torch.inference_mode()
def rows(net: RefSRNet, picture: np.ndarray, reference: np.ndarray, together: int) -> Iterator[Row]:
    """RefSR-Net without a reference, at once and by windows; together 0: as in its size."""
    frame = torch.from_numpy(np.ascontiguousarray(degrade(picture, net.size.scale), np.float32))[None]
    encoded = net.encoder(torch.from_numpy(reference)[None])
    net.matcher.together = together or net.size.together
    match = Match(encoded, *net.matcher(frame, encoded))
    for what, windows, matches in (
        ("no reference", False, []),
        ("at once", False, [match]),
        ("by windows", True, [match]),
    ):
        net.restorer.size = replace(net.size, windows=windows)
        started = time.perf_counter()
        made = net.restorer(frame, matches)[0].numpy()
        yield f"{what}, together {net.matcher.together}", made, time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, nargs="+", required=True)
    parser.add_argument("--single", type=Path)
    parser.add_argument("--crop", type=int, default=256)
    parser.add_argument("--edge", type=int, default=48)
    parser.add_argument("--together", type=int, nargs="*", default=[0])
    parser.add_argument("--limit", type=int)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    single = load_srresnet(options.single) if options.single else None
    root, result = data_folder(), {}
    nets = {str(path): trained(path) for path in options.weights}
    for dataset in ("sintel", "lightfields"):
        measured_pairs = pairs(root, dataset, options.crop, options.limit)
        scores: dict[str, list[tuple[float, float]]] = {}
        for picture, reference in measured_pairs:
            scale = next(iter(nets.values())).size.scale
            made = list(simple_rows(picture, reference, scale, single))
            for name, net in nets.items():
                for together in options.together:
                    made += [(f"{name}, {what}", *rest) for what, *rest in rows(net, picture, reference, together)]
            for what, result_picture, seconds in made:
                quality = psnr_rgb(eight_bit(result_picture), picture, options.edge)
                scores.setdefault(what, []).append((quality, seconds))
        result[f"{dataset}, {len(measured_pairs)} pictures"] = {
            what: [round(float(value), 3) for value in np.mean(score, 0)] for what, score in scores.items()
        }
        if not options.json:
            show(*result.popitem())
    if options.json:
        print(json.dumps(result, indent=1))


def show(name: str, table: dict[str, list[float]]) -> None:
    rows = (f"  {what:60} {psnr:.2f} dB  {seconds:.2f} s" for what, (psnr, seconds) in table.items())
    print(name, *rows, sep="\n", flush=True)


if __name__ == "__main__":
    main()
