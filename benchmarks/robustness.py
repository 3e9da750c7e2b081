#!/usr/bin/env python3
"""How matching and restoring bear a reference that is turned or of another scale (C2-Matching, Fig. 6; AMSA, Fig. 7).

usage: LFVIDEO_DATA=FOLDER benchmarks/robustness.py [--methods NAME[=WEIGHTS]...] [--pictures N] [--json] [--plot SVG]

Each picture (sr_bench/BSD100, never trained on) is its own reference, rotated or scaled about its centre. For each
degree: end-point error of the match in pixels, over places whose true match is inside, and PSNR-Y of what is
restored. AMSA matches at several scales: of each place the most relevant match counts.
"""

import argparse
import json
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from data_folder import data_folder

from lfvideo_sr.choose import make_engine
from lfvideo_sr.correspondence import Correspondence
from lfvideo_sr.engine import Engine, Matched
from lfvideo_sr.frames import Frame, Size, View
from lfvideo_sr.media.images import read_image
from lfvideo_sr.media.resize import crop_to_multiple, degrade
from lfvideo_sr.metrics import eight_bit, psnr_y
from lfvideo_sr.references.reference import Reference

ROTATIONS = (0, 5, 10, 20, 30, 45)  # degrees
SCALES = (1.0, 0.9, 0.8, 0.65, 0.5, 1.25)  # of the reference by the picture
METHODS = ("c2_matching", "rrsr", "amsa", "stream_ref")


def transformed(picture: np.ndarray, degrees: float, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """The picture [3,H,W] turned and scaled about its centre, in a box of the scaled size, and the way there [2,3]."""
    height, width = picture.shape[1:]
    box = Size(round(width * scale), round(height * scale))
    way = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, scale)
    way[:, 2] += (np.array(box) - 1) / 2 - (np.array([width, height]) - 1) / 2
    source = picture.transpose(1, 2, 0)
    if scale < 1:  # what a smaller picture cannot show
        source = cv2.GaussianBlur(source, (0, 0), 0.5 / scale)
    moved = cv2.warpAffine(source, way, box, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    return np.clip(moved.transpose(2, 0, 1), 0, 1), way


def best_positions(field: Correspondence) -> np.ndarray:
    """[h,w,2]: the most relevant of a field's matches at each place."""
    positions, relevance = np.asarray(field.positions), np.asarray(field.relevance)
    which = relevance.argmax(0)
    return np.take_along_axis(positions, which[None, ..., None], 0)[0]


def end_point_error(field: Correspondence, way: np.ndarray, size: Size) -> float:
    """Mean over the places whose true match is inside the reference, in its pixels."""
    positions = best_positions(field)
    centre = (field.stride - 1) / 2
    y, x = (np.arange(side) * field.stride + centre for side in positions.shape[:2])
    places = np.dstack(np.meshgrid(x, y))
    true = places @ way[:, :2].T + way[:, 2]
    inside = ((true >= 0) & (true <= np.subtract(field.reference_size, 1))).all(-1) & (places < size).all(-1)
    return float(np.linalg.norm(positions - true, axis=-1)[inside].mean())


def measure(engine: Engine, picture: np.ndarray, degrees: float, scale: float) -> tuple[float, float]:
    """End-point error and PSNR-Y."""
    other, way = transformed(picture, degrees, scale)
    frame = Frame(np.ascontiguousarray(degrade(picture)), 0, View(0, 0))
    encoded = engine.encode(Reference((degrees, scale), Fraction(0), "itself", lambda: other.astype(np.float32)))
    field = engine.match(frame, encoded, None)
    restored = engine.restore(frame, [Matched(encoded, field)])
    size = Size(picture.shape[2], picture.shape[1])
    return end_point_error(field, way, size), psnr_y(eight_bit(restored), picture)


def pictures(count: int) -> list[np.ndarray]:
    folder = data_folder() / "sr_bench" / "BSD100"
    return [crop_to_multiple(read_image(path), 4) for path in sorted(folder.rglob("*.png"))[:count]]


def rows(names: list[str], count: int) -> list[dict]:
    """One for each method and degree, means over the pictures."""
    rows_found = []
    changes = [("rotation", degrees, degrees, 1.0) for degrees in ROTATIONS]
    changes += [("scale", scale, 0.0, scale) for scale in SCALES]
    for name in names:
        method, _, weights = name.partition("=")
        label = Path(weights).parent.name or method  # of a run, its folder's name
        with make_engine(method, weights=weights or None) as engine:
            for kind, degree, degrees, scale in changes:
                error, psnr = np.mean([measure(engine, picture, degrees, scale) for picture in pictures(count)], 0)
                row = {"method": label, "change": kind, "degree": degree}
                rows_found.append(row | {"error_px": round(float(error), 2), "psnr_y": round(float(psnr), 2)})
    return rows_found


def plot(rows_found: list[dict], target: Path) -> None:
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 2, figsize=(9, 6), layout="constrained")
    for row, kind in zip(axes, ("rotation", "scale")):
        for axis, key, label in zip(row, ("error_px", "psnr_y"), ("end-point error, pixels", "PSNR-Y, dB")):
            for method in dict.fromkeys(row["method"] for row in rows_found):
                points = sorted(
                    (r["degree"], r[key]) for r in rows_found if (r["method"], r["change"]) == (method, kind)
                )
                axis.plot(*zip(*points), "o-", label=method, markersize=4)
            axis.set_xlabel("rotation, degrees" if kind == "rotation" else "scale of the reference")
            axis.set_ylabel(label)
    axes[0, 0].legend(fontsize=8)
    plt.rcParams["svg.hashsalt"] = "lfvideo-sr"
    figure.savefig(target, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", default=METHODS)
    parser.add_argument("--pictures", type=int, default=4)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    measured = rows(list(options.methods), options.pictures)
    if options.plot:
        plot(measured, options.plot)
    for row in measured:
        line = (
            f"{row['method']:12} {row['change']:9} {row['degree']:6}  {row['error_px']:8.2f} px  {row['psnr_y']:.2f} dB"
        )
        print(json.dumps(row) if options.json else line)


if __name__ == "__main__":
    main()
