"""How far each part of a learned method sees, in low-resolution pixels; measured, whatever the part is made of."""

import math
from collections.abc import Callable, Iterable
from fractions import Fraction

import numpy as np
import torch
import torch.nn.functional as F

from .engine import Engine
from .engines.torch_engine import TorchEngine
from .frames import Frame, Size, TimeStamp
from .media.resize import bicubic, degrade
from .method import Features, Match, Method
from .nn.receptive_field import Run, positive, receptive_field
from .nn.resize import BicubicEnlarge
from .nn.warp import grid_positions
from .picture import picture_references

GLOBAL = "global"
_SIDE = 48  # low-resolution pixels of the picture that is moved by half of itself
_NEAR = 1.0  # low-resolution pixels: a place that lies nearer than this was found

Reach = float | int | str | None
Parts = tuple  # encoder, matcher, restorer, with drawn weights


def reaches(method: Method) -> dict[str, Reach]:
    """Low-resolution pixels along a side by part; "global" where all of the picture counts, None where undefined.

    encoder:  pixels of the reference that the features at one place depend on.
    matcher:  pixels of the frame that a match depends on, given its seed; "global" where it searches the reference
              from end to end.
    restorer: pixels of the frame that the picture depends on, given the matches.
    """
    takes_references = method.info.references > 0
    searches = takes_references and (
        getattr(method.matcher, "searches_everywhere", False)  # it says so itself
        or searches_everywhere(TorchEngine(method, device="cpu", precision="fp32"))
    )
    return {
        "encoder": _measured(method, _encoder_run, cell=method.info.scale) if takes_references else None,
        "matcher": GLOBAL if searches else _measured(method, _matcher_run) if takes_references else None,
        "restorer": _measured(method, _restorer_run),
    }


def searches_everywhere(engine: Engine) -> bool:
    """Whether a picture is found in itself, moved by half its width and half its height."""
    half = _SIDE * engine.info.scale // 2
    coarse = np.random.default_rng(0).random((3, _SIDE // 2, _SIDE // 2), np.float32)
    high = bicubic(coarse, Size(2 * half, 2 * half)).clip(0, 1)
    frame = Frame(degrade(high, engine.info.scale), 0, TimeStamp(0, Fraction(1)))
    (moved,) = picture_references([np.roll(high, (half, half), (1, 2))], frame.size, engine.info.scale)
    field = engine.match(frame, engine.encode(moved), None)
    height, width = field.positions.shape[1:3]
    own = _own_positions(height, width, field.stride).numpy()
    error = np.asarray(field.positions.cpu()) - (own + half) % (2 * half)
    return float(np.median(np.abs(error).max(-1))) < _NEAR * engine.info.scale


def _measured(method: Method, run_of: Callable[[Method, Parts], Run], cell: int = 1) -> Reach:
    parts = (method.encoder, method.matcher, method.restorer)

    def drawn(generator: torch.Generator) -> Run:
        return run_of(method, positive(parts, generator))

    found = receptive_field(drawn, cell)
    if found is None or math.isinf(found):
        return found and GLOBAL
    return int(found) if found == int(found) else round(found, 2)


def _encoder_run(method: Method, parts: Parts) -> Run:
    def run(reference: torch.Tensor) -> Iterable[torch.Tensor]:
        return [one for one in parts[0](reference).values() if isinstance(one, torch.Tensor) and one.ndim == 4]

    return run


def _matcher_run(method: Method, parts: Parts) -> Run:
    def run(frame: torch.Tensor) -> Iterable[torch.Tensor]:
        seed = None if method.seeder is None else _identity(method, frame)
        positions, relevance = parts[1](frame, _features(method, parts, frame), seed)
        return [positions.permute(0, 3, 1, 2), relevance[:, None]]

    return run


def _restorer_run(method: Method, parts: Parts) -> Run:
    def run(frame: torch.Tensor) -> Iterable[torch.Tensor]:
        positions = _identity(method, frame)
        relevance = torch.full(positions.shape[:3], 0.5)
        count = method.info.references
        found = [Match(_features(method, parts, frame), positions, relevance)] * count if count else []
        return [parts[2](frame, found)]

    return run


def _features(method: Method, parts: Parts, frame: torch.Tensor) -> Features:
    """Of a reference that shows what the frame shows, and noise."""
    with torch.no_grad():
        enlarged = F.pixel_shuffle(BicubicEnlarge(method.info.scale)(frame.detach()), method.info.scale)
        noise = 0.05 * torch.rand(enlarged.shape, generator=torch.Generator().manual_seed(0))
        return parts[0](enlarged + noise)


def _identity(method: Method, frame: torch.Tensor) -> torch.Tensor:
    """Each place of a field where it stands itself, [1,h',w',2]."""
    places = method.info.scale // method.field_stride
    return _own_positions(frame.shape[-2] * places, frame.shape[-1] * places, method.field_stride)


def _own_positions(height: int, width: int, stride: int) -> torch.Tensor:
    return grid_positions(height, width) * stride + (stride - 1) / 2
