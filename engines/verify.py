"""How far an engine's verbs are from torch's, on the same noise and from the same fields."""

from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import torch

from lfvideo_sr.correspondence import Correspondence
from lfvideo_sr.engine import Last, Matched
from lfvideo_sr.frames import Frame, Size, TimeStamp
from lfvideo_sr.media.resize import bicubic, degrade
from lfvideo_sr.method import Method
from lfvideo_sr.metrics import psnr_rgb
from lfvideo_sr.references.reference import EncodedReference, Reference

from .graph_engine import GraphEngine
from .graphs import SEED
from .torch_engine import TorchEngine


@dataclass(frozen=True)
class Difference:
    """Largest and mean absolute difference of a verb's results, and the one that 99 of 100 stay within.

    places: the share of matches that lie elsewhere. Where scores differ by `largest` at most, they are as good.
    moved:  how far off 99 of 100 matches lie at most, in pixels of the reference.
    """

    verb: str
    largest: float
    mean: float
    usual: float
    places: float | None = None
    moved: float | None = None
    psnr: float | None = None  # in dB, of the picture


def compare(
    engine: GraphEngine, method: Method, size: Size, seed: int = 0, precision: str = "fp32"
) -> list[Difference]:
    """The three verbs at a low-resolution size, with one reference and, of a recurrent method, a picture restored last,
    beside torch in that precision on the CPU."""
    _never_exact(method)
    plain = TorchEngine(method, "cpu", precision)
    frame, reference = example(size, engine.info.scale, seed)
    encoded_plain, encoded = plain.encode(reference), engine.encode(reference)
    names = [name for name in encoded.features if name != SEED]
    features = [np.abs(_array(encoded_plain.features[name]) - _array(encoded.features[name])).ravel() for name in names]
    start = _start(engine, frame, encoded_plain)
    field_plain, field = plain.match(frame, encoded_plain, start), engine.match(frame, encoded, start)
    relevance = np.abs(_array(field_plain.relevance) - _array(field.relevance))
    moved = np.abs(_array(field_plain.positions) - _array(field.positions)).max(-1)
    last = Last(frame, frame.with_pixels(reference.load()))
    pictures = [
        plain.restore(frame, [Matched(encoded_plain, field_plain)], last),
        engine.restore(frame, [Matched(encoded, field_plain)], last),
    ]
    return [
        _difference("encode", np.concatenate(features)),
        _difference("match", relevance, places=float((moved > 1e-3).mean()), moved=float(np.quantile(moved, 0.99))),
        _difference("restore", np.abs(pictures[0] - pictures[1]), psnr=float(psnr_rgb(pictures[0], pictures[1]))),
    ]


def _difference(verb: str, off: np.ndarray, **more: float) -> Difference:
    return Difference(verb, float(off.max()), float(off.mean()), float(np.quantile(off, 0.99)), **more)


def example(size: Size, scale: int, seed: int) -> tuple[Frame, Reference]:
    """Smooth noise, and a reference that shows it moved by a few pixels."""
    large = size.scaled(scale)
    noise = np.random.default_rng(seed).random((3, max(2, large.height // 6), max(2, large.width // 6)), np.float32)
    picture = np.clip(bicubic(noise, large), 0, 1).astype(np.float32)
    moved = np.ascontiguousarray(np.roll(picture, (3, 5), (1, 2)))
    frame = Frame(degrade(picture, scale), 0, TimeStamp(0, Fraction(1)))
    return frame, Reference(("verify",), Fraction(0), "verify", partial(np.copy, moved))


def _start(engine: GraphEngine, frame: Frame, encoded: EncodedReference) -> Correspondence | None:
    """For a search that needs one: the same field to start from, for both."""
    if not engine.about.warm:
        return None
    height, width = (side * engine.info.scale // engine.about.field_stride for side in frame.pixels.shape[1:])
    fields = engine.fields
    positions = np.random.default_rng(1).random((fields, height, width, 2), np.float32)
    positions = positions * np.array(encoded.size, np.float32)
    relevance = np.zeros((fields, height, width), np.float32)
    return Correspondence(positions, relevance, engine.about.field_stride, encoded.size)


def _array(values: Any) -> np.ndarray:
    if isinstance(values, torch.Tensor):
        values = values.float()
    return np.asarray(values.numpy() if hasattr(values, "numpy") else values, np.float32)


def _never_exact(method: Method) -> None:
    """Let the method search as its graphs do, so that the two can be compared."""
    assert isinstance(method.matcher, torch.nn.Module)
    for part in method.matcher.modules():
        if hasattr(part, "exact_until"):
            part.exact_until = 0  # type: ignore[assignment]  # a number of its own, no module
