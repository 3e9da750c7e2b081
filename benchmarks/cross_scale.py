#!/usr/bin/env python3
"""How exactly places of a low-resolution frame are found in a sharp reference (RefSR-Net, Table 2).

usage: LFVIDEO_DATA=FOLDER benchmarks/cross_scale.py [--scale 4] [--ccnet NAME=CHECKPOINT...]
                                                     [--together 5] [--method NAME[=WEIGHTS]...] [--step 16]
                                                     [--only WORD...] [--json]

The frame is frame n of MPI Sintel's clips below FOLDER/sintel, reduced; the reference is frame n + 1, sharp, so that
the known flow has where every place of the frame is. Measured are places every --step pixels, 40 pixels from the
edge, that stay visible; all searches but those of whole methods look up to 100 pixels from the place itself. An error
is the distance between the pixel that was found and the pixel nearest to the truth; percent of places with at most so
much.

CC-Net      of --ccnet's checkpoints; "5x5": the scores of --together low-resolution places along a side are summed
            before the best is taken, which the paper does not do
zncc        zero-mean normalised cross-correlation of luma patches of several sides; the paper states none
dense_sift  OpenCV's SIFT at every pixel, bins of 8 pixels
patchmatch  first and second derivatives of luma (Chang et al., the feature of Boominathan et al.), squared distance of
            patches of three low-resolution pixels
..._blurry  the reference reduced and enlarged as the frame was; patchmatch always does so
"""

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache, partial
from pathlib import Path

import cv2
import numpy as np
import torch
from data_folder import data_folder

from lfvideo_sr.choose import make_engine
from lfvideo_sr.frames import Frame, Size, TimeStamp
from lfvideo_sr.media.flow_files import find_flow_pairs
from lfvideo_sr.media.resize import bicubic, crop_to_multiple, degrade
from lfvideo_sr.nn.ccnet import CCNet, CCNetSize
from lfvideo_sr.references.reference import Reference
from lfvideo_sr.training.flow_views import read_views
from lfvideo_sr.weights import load_into, read_about

REACH = 100
EDGE = 40
BOUNDS = (0, 1, 2, 4, 5, 6)
ZNCC_SIDES = (17, 33, 65)
SIFT_SIZE = 16 / 3  # OpenCV's bins are 1.5 times as wide


@dataclass(frozen=True, eq=False)
class Case:
    """low: the frame f32 [3,h,w]; reference: f32 [3,H,W]; places, truth: int [n,2], (x, y) in pixels."""

    name: str
    low: np.ndarray
    reference: np.ndarray
    places: np.ndarray
    truth: np.ndarray
    scale: int

    def enlarged(self) -> np.ndarray:
        return bicubic(self.low, Size(self.reference.shape[2], self.reference.shape[1])).clip(0, 1)

    def blurry(self) -> np.ndarray:
        """The reference as the frame shows things."""
        size = Size(self.reference.shape[2], self.reference.shape[1])
        return bicubic(degrade(self.reference, self.scale), size).clip(0, 1)


Matcher = Callable[[Case], np.ndarray]


def cases(folder: Path, scale: int, step: int) -> Iterator[Case]:
    """Pairs of pictures with known flow, and every `step`th place of the first that stays visible in the second."""
    for pair in find_flow_pairs(folder):
        views = read_views(pair)
        first, second = (crop_to_multiple(view.astype(np.float32) / 255, scale) for view in views[:2])
        height, width = first.shape[1:]
        x, y = np.meshgrid(np.arange(EDGE, width - EDGE, step), np.arange(EDGE, height - EDGE, step))
        places = np.stack([x.ravel(), y.ravel()], -1)
        moved = views.flow[places[:, 1], places[:, 0]]
        true = np.round(places + moved)
        seen = np.isfinite(moved).all(-1) & (true[:, 0] < width) & (true[:, 1] < height)
        name = f"{pair.first.parent.parent.name} {pair.first.stem[-1]}"
        yield Case(name, degrade(first, scale), second, places[seen], true[seen].astype(int), scale)


def luma(picture: np.ndarray) -> np.ndarray:
    """[3,H,W] -> [H,W], weighed as BT.601 does, on the picture's own scale."""
    return np.ascontiguousarray(np.tensordot(np.float32([0.299, 0.587, 0.114]), picture, 1))


def by_templates(query: np.ndarray, searched: np.ndarray, places: np.ndarray, side: int, how: int) -> np.ndarray:
    """The best place of each patch of `query` [H,W] or [H,W,C] in `searched`, by an OpenCV comparison."""
    half = side // 2
    wide = [(half, half), (half, half), (0, 0)][: query.ndim]
    query, searched = (np.pad(picture, wide, mode="edge") for picture in (query, searched))
    height, width = searched.shape[0] - 2 * half, searched.shape[1] - 2 * half
    places_found = []
    for x, y in places:
        patch = query[y : y + side, x : x + side]
        left, top = max(0, x - REACH), max(0, y - REACH)
        right, bottom = min(width, x + REACH + 1), min(height, y + REACH + 1)
        scores = cv2.matchTemplate(searched[top : bottom + 2 * half, left : right + 2 * half], patch, how)
        scores = np.where(np.isfinite(scores), scores, 0)
        best = scores.argmin() if how == cv2.TM_SQDIFF else scores.argmax()
        row, column = divmod(int(best), scores.shape[1])
        places_found.append((left + column, top + row))
    return np.array(places_found)


def zncc(case: Case, side: int, blurry: bool) -> np.ndarray:
    """Found places [n,2], (x, y), by normalised cross-correlation of patches of `side` pixels."""
    other = case.blurry() if blurry else case.reference
    return by_templates(luma(case.enlarged()), luma(other), case.places, side, cv2.TM_CCOEFF_NORMED)


def patchmatch(case: Case) -> np.ndarray:
    """Found places [n,2], (x, y), by derivatives of both pictures, blurred alike."""
    query, searched = (derivatives(luma(picture)) for picture in (case.enlarged(), case.blurry()))
    return by_templates(query, searched, case.places, 3 * case.scale + 1, cv2.TM_SQDIFF)


def derivatives(grey: np.ndarray) -> np.ndarray:
    """First and second ones along both axes, [H,W,4]."""
    across, down = (cv2.filter2D(grey, -1, kernel) for kernel in _kernels([-0.5, 0, 0.5]))
    curved, bent = (cv2.filter2D(grey, -1, kernel) for kernel in _kernels([0.5, 0, -1, 0, 0.5]))
    return np.dstack([across, down, curved, bent])


def _kernels(taps) -> tuple[np.ndarray, np.ndarray]:
    row = np.float32([taps])
    return row, row.T.copy()


def dense_sift(case: Case, blurry: bool) -> np.ndarray:
    """Found places [n,2], (x, y), by SIFT at every pixel."""
    query, searched = (described(picture) for picture in (case.enlarged(), case.blurry() if blurry else case.reference))
    return by_vectors(query, searched, case.places)


def described(picture: np.ndarray) -> np.ndarray:
    """SIFT at every pixel, upright: unit vectors [128,H,W]."""
    grey = (luma(picture) * 255).round().astype(np.uint8)
    height, width = grey.shape
    points = [cv2.KeyPoint(float(x), float(y), SIFT_SIZE, 0) for y in range(height) for x in range(width)]
    _, vectors = cv2.SIFT_create().compute(grey, points)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-6
    return np.ascontiguousarray(vectors.T).reshape(128, height, width)


def by_vectors(
    query: np.ndarray, searched: np.ndarray, places: np.ndarray, together: int = 1, apart: int = 1
) -> np.ndarray:
    """The position with the largest inner product for each place, or sum of `together` by as many, `apart` pixels from
    each other; features [C,H,W]."""
    height, width = searched.shape[1:]
    edge = together // 2 * apart
    query, searched = (
        np.pad(features, ((0, 0), (edge, edge), (edge, edge)), "edge") if edge else features
        for features in (query, searched)
    )
    places_found = []
    for x, y in places:
        left, top = max(0, x - REACH), max(0, y - REACH)
        high, wide = min(height, y + REACH + 1) - top, min(width, x + REACH + 1) - left
        part = searched[:, top : top + high + 2 * edge, left : left + wide + 2 * edge]
        taps = query[:, y : y + 2 * edge + 1 : apart, x : x + 2 * edge + 1 : apart]
        scores = np.tensordot(taps.reshape(len(taps), -1).T, part, 1).reshape(together, together, *part.shape[1:])
        steps = range(0, 2 * edge + 1, apart)
        total = sum(
            scores[i, j, down : down + high, across : across + wide]
            for i, down in enumerate(steps)
            for j, across in enumerate(steps)
        )
        row, column = divmod(int(total.argmax()), wide)
        places_found.append((left + column, top + row))
    return np.array(places_found)


def ccnet(case: Case, checkpoint: Path, together: int = 1) -> np.ndarray:
    """Found places [n,2], (x, y), by a trained CC-Net."""
    return by_vectors(*features(case, checkpoint), case.places, together, case.scale)


@lru_cache(maxsize=4)  # places alone and together
@torch.inference_mode()
def features(case: Case, checkpoint: Path) -> tuple[np.ndarray, np.ndarray]:
    """CC-Net's of the frame and of the reference, [C,H,W] each."""
    network = CCNet(CCNetSize(**read_about(checkpoint)["size"]))
    load_into(network, checkpoint)
    network.eval()
    if network.size.scale != case.scale:
        raise SystemExit(f"{checkpoint} is for x{network.size.scale}; pass --scale {network.size.scale}")
    frame = network.enlarge(torch.from_numpy(np.ascontiguousarray(case.low, np.float32))[None])
    reference = torch.from_numpy(np.ascontiguousarray(case.reference))[None]
    return network.query.everywhere(frame)[0].numpy(), network.reference.everywhere(reference)[0].numpy()


def by_method(case: Case, engine) -> np.ndarray:
    """A whole method's field of matches, searched as it searches."""
    frame = Frame(np.ascontiguousarray(case.low, np.float32), 0, TimeStamp(0, Fraction(1)))
    reference = Reference(("reference", 0), Fraction(0), "", lambda: case.reference)
    field = engine.match(frame, engine.encode(reference), None)
    positions = np.asarray(torch.as_tensor(field.positions)[0], np.float32)
    height, width = positions.shape[:2]
    unmoved = np.dstack(np.meshgrid(np.arange(width), np.arange(height))) * field.stride + (field.stride - 1) / 2
    moved = (positions - unmoved).astype(np.float32)
    at = ((case.places - (field.stride - 1) / 2) / field.stride).astype(np.float32)
    read = cv2.remap(moved, at[None, :, 0], at[None, :, 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return case.places + read[0]


def matchers(options: argparse.Namespace) -> dict[str, Matcher]:
    """What is asked for, by the name of its row."""
    matchers: dict[str, Matcher] = {}
    for argument in options.ccnet:
        name, _, path = argument.partition("=")
        matchers[f"CC-Net {name}"] = partial(ccnet, checkpoint=Path(path))
        if options.together > 1:
            what = f"CC-Net {name}, {options.together}x{options.together}"
            matchers[what] = partial(ccnet, checkpoint=Path(path), together=options.together)
    for side in ZNCC_SIDES:
        matchers[f"zncc {side}"] = partial(zncc, side=side, blurry=False)
        matchers[f"zncc_blurry {side}"] = partial(zncc, side=side, blurry=True)
    matchers |= {"patchmatch": patchmatch}
    matchers |= {"dense_sift": partial(dense_sift, blurry=False), "dense_sift_blurry": partial(dense_sift, blurry=True)}
    for argument in options.method if options.scale == 4 else ():
        name, _, weights = argument.partition("=")
        matchers[name] = partial(by_method, engine=make_engine(name, weights=weights or None, dtype="fp32"))
    return {
        name: matcher
        for name, matcher in matchers.items()
        if not options.only or any(word in name for word in options.only)
    }


def shares(distance: np.ndarray) -> list[float]:
    """Percent of places with at most so much error, for each of BOUNDS."""
    return [round(100 * float((distance <= bound + 1e-6).mean()), 1) for bound in BOUNDS]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=int, default=4)
    parser.add_argument("--step", type=int, default=16)
    parser.add_argument("--ccnet", nargs="*", default=[])
    parser.add_argument("--together", type=int, default=5)
    parser.add_argument("--method", nargs="*", default=["stream_ref", "flow_transfer"])
    parser.add_argument("--only", nargs="*", help="rows whose names hold one of these words")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    measured_cases = list(cases(data_folder() / "sintel", options.scale, options.step))
    result = {}
    for name, matcher in matchers(options).items():
        errors = {case.name: np.linalg.norm(np.round(matcher(case)) - case.truth, axis=-1) for case in measured_cases}
        rows = {what: shares(error) for what, error in errors.items()}
        rows["all"] = shares(np.concatenate(list(errors.values())))
        result[name] = rows
        if not options.json:
            print(f"{name:22}", *(f"{what}: {row}" for what, row in rows.items()), flush=True)
    if options.json:
        print(
            json.dumps({"places": {case.name: len(case.places) for case in measured_cases}, "shares": result}, indent=1)
        )


if __name__ == "__main__":
    main()
