#!/usr/bin/env python3
"""What references, their likeness, and parts of the papers' methods are worth, on photo pairs never trained on.

usage: LFVIDEO_DATA=FOLDER benchmarks/papers.py [--methods NAME[=WEIGHTS]...] [--features VGG] [--json]

The folder holds refpairs/pairs.csv and a splits.json that lists the scenes for validation. Pictures are reduced by
a whole factor until no side is longer than 320 pixels. PSNR-Y (crop 4, 8 bit), means over

- all validation scenes, first input and its best reference: bicubic; the network without a reference; with the
  low-resolution picture itself, enlarged, as reference; with a picture of another scene; with the reference; and with
  parts exchanged after training (exact search for PatchMatch, one scale for five, plain features for correspondences);
- the scenes with four references: by the reference's rank, 1 the most similar (AMSA, Table 3).

Last, how PatchMatch converges (AMSA, Fig. 5): mean squared distance of its matches from exact search's, in places of
the descriptors, and relevance, by rounds on the finest level.
"""

import argparse
import csv
import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import numpy as np
import torch
from data_folder import data_folder

from lfvideo_sr.engine import Engine
from lfvideo_sr.engines.torch_engine import TorchEngine
from lfvideo_sr.evaluate import restore
from lfvideo_sr.frames import Size
from lfvideo_sr.matching.patchmatch import PatchMatchPlan
from lfvideo_sr.media.resize import bicubic, degrade
from lfvideo_sr.methods import METHODS
from lfvideo_sr.methods.c2_matching import search, search_from
from lfvideo_sr.metrics import eight_bit, psnr_y
from lfvideo_sr.nn.vgg import load_vgg
from lfvideo_sr.training.sources import reduced_pair, validation_pairs
from lfvideo_sr.weights import load_into, read_about, weights_path

EXCHANGED = {"exact search": {"exact": True}, "one scale": {"scales": 1}}  # of AMSA, by its size's options
RANKS = ("1", "2", "3", "4")
ROUNDS = (1, 2, 3, 4, 6, 8, 10)


def network_of(name: str, weights: str | None, **changes):
    """A trained network, with options of its size changed."""
    path = weights_path(weights or METHODS[name].weights or name)
    network = import_module(f"lfvideo_sr.methods.{METHODS[name].module}").network(read_about(path)["size"] | changes)
    load_into(network, path)
    return network


def engine_for(name: str, network) -> Engine:
    """What runs a network as the method of this name."""
    return TorchEngine(import_module(f"lfvideo_sr.methods.{METHODS[name].module}").build(network))


def as_floats(pair) -> tuple[np.ndarray, np.ndarray]:
    """Two pictures of levels 0..255, in [0,1]."""
    target, reference = (picture.astype(np.float32) / 255 for picture in pair)
    return target, reference


def quality(engine: Engine, pairs, references) -> float:
    """Mean PSNR-Y; references: for each pair what is given beside it."""
    scores = []
    for (target, _), beside in zip(pairs, references, strict=True):
        restored, _ = restore(engine, degrade(target), "", beside)
        scores.append(psnr_y(eight_bit(restored), target))
    return round(float(np.mean(scores)), 2)


def enlarged(target: np.ndarray) -> np.ndarray:
    """A picture [3,H,W] in [0,1], reduced and enlarged again by bicubic."""
    low = degrade(target)
    return np.clip(bicubic(low, Size(target.shape[2], target.shape[1])), 0, 1).astype(np.float32)


def reference_rows(name: str, weights: str | None, pairs, features: str | None) -> Iterator[tuple[str, float]]:
    """Mean PSNR-Y in dB over the pairs, by what was given beside each frame."""
    network = network_of(name, weights)
    engine = engine_for(name, network)
    others = [[pairs[number - 1][1]] for number in range(len(pairs))]
    yield "bicubic", round(float(np.mean([psnr_y(eight_bit(enlarged(target)), target) for target, _ in pairs])), 2)
    yield "no reference", quality(engine, pairs, [[] for _ in pairs])
    yield "low-resolution picture as reference", quality(engine, pairs, [[enlarged(target)] for target, _ in pairs])
    yield "another scene as reference", quality(engine, pairs, others)
    yield "the picture itself, sharp, as reference", quality(engine, pairs, [[target] for target, _ in pairs])
    yield "reference", quality(engine, pairs, [[reference] for _, reference in pairs])
    for what, changes in EXCHANGED.items() if name == "amsa" else ():
        changed = engine_for(name, network_of(name, weights, **changes))
        yield f"reference, {what}", quality(changed, pairs, [[reference] for _, reference in pairs])
    if features:
        for extractor in (network.correspondence.query, network.correspondence.reference):
            load_vgg(extractor, features)
        yield "reference, matched by plain features", quality(engine, pairs, [[reference] for _, reference in pairs])


def validation_rows(root: Path) -> list[dict[str, str]]:
    """The lines of pairs.csv of the validation scenes."""
    kept = set(json.loads((root / "splits.json").read_text())["validation"]["refpairs"])
    with (root / "refpairs" / "pairs.csv").open(newline="") as file:
        return [row for row in csv.DictReader(file) if f"refpairs/{row['scene']}" in kept]


def by_rank(root: Path) -> dict[str, list]:
    """Pairs of the validation scenes whose inputs have a reference of every rank."""
    by_input: dict[str, dict[str, tuple]] = {}
    for row in validation_rows(root):
        files = (root / "refpairs" / row["input"], root / "refpairs" / row["ref"])
        by_input.setdefault(row["input"], {})[row["rank"]] = files
    whole = [ranks for ranks in by_input.values() if set(RANKS) <= set(ranks)]
    return {rank: [as_floats(reduced_pair(*ranks[rank])()) for ranks in whole] for rank in RANKS}


@torch.inference_mode()
def convergence(network, pairs) -> Iterator[tuple[str, int, float, float]]:
    """(plan, rounds, mean squared distance from exact matches in places, mean relevance)."""
    described = []
    for target, reference in pairs:
        frame = torch.from_numpy(np.ascontiguousarray(degrade(target), np.float32))[None]
        query = network.matcher.describe(frame)
        other = network.encoder(torch.from_numpy(reference)[None])["matching"]
        described.append((query, other, search(query, other)[0]))
    for rounds in ROUNDS:
        plans = {"finest level only": PatchMatchPlan((1,), (rounds,))}
        plans["coarse to fine"] = PatchMatchPlan((8, 4, 2, 1), (1, 1, 2, rounds))
        plans["coarse to fine, coherent"] = PatchMatchPlan((8, 4, 2, 1), (1, 1, 2, rounds), coherent=True)
        for plan_name, plan in plans.items():
            matches = [(search_from(query, other, plan), exact) for query, other, exact in described]
            apart = np.mean([float(((match[0] - exact) / 4).square().sum(-1).mean()) for match, exact in matches])
            yield (
                plan_name,
                rounds,
                round(float(apart), 1),
                round(float(np.mean([match[1].mean() for match, _ in matches])), 4),
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", default=("c2_matching", "rrsr", "amsa"))
    parser.add_argument("--features", help="weights of plain features to match by, as last.pt of features_small")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    root = data_folder()
    pairs = [as_floats(load()) for load in validation_pairs(root, "refpairs")]
    ranked = by_rank(root)
    result: dict = {"pairs": len(pairs), "ranked": len(ranked["1"]), "methods": {}}
    for method in options.methods:
        name, _, weights = method.partition("=")
        rows = dict(reference_rows(name, weights or None, pairs, options.features))
        engine = engine_for(name, network_of(name, weights or None))
        for rank, some in ranked.items():
            rows[f"rank {rank}"] = quality(engine, some, [[reference] for _, reference in some])
        result["methods"][name] = rows
        if not options.json:
            print(name, *(f"  {what:40} {value:.2f} dB" for what, value in rows.items()), sep="\n", flush=True)
    name, _, weights = options.methods[0].partition("=")
    keys = ("plan", "rounds", "squared_distance", "relevance")
    rows = [dict(zip(keys, row)) for row in convergence(network_of(name, weights or None), pairs)]
    result["convergence"] = rows
    print(json.dumps(result, indent=1) if options.json else "\n".join(map(str, rows)))


if __name__ == "__main__":
    main()
