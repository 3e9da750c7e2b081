"""Restores ten rendered frames by each engine that is installed, and compares what comes out."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import cached_property, partial
from typing import Any

import numpy as np

from ..checks import is_installed
from ..choose import EngineOptions, choose_engine
from ..correspondence import Correspondence
from ..engine import Engine, Last, Matched
from ..errors import first_line
from ..frames import Frame, Size, TimeStamp
from ..media.resize import bicubic, degrade
from ..metrics import psnr_y
from ..references.reference import Reference
from ..synthetic import random_scene, render
from ..torch_loading import why_no_torch

FRAMES = 10
LOW = Size(64, 48)
_SCALE = 4
_GAIN = 1.0  # dB above bicubic enlargement that every engine reaches by far
_ALIKE = 38.0  # dB between two engines' pictures; bf16 and fp32 differ by less


@dataclass(frozen=True)
class EngineResult:
    """What an engine made of the ten frames.

    psnr, bicubic: mean PSNR-Y in dB of its frames, and of plain enlargement.
    alike:   least PSNR-Y in dB to the frames of the first engine of the same method; None of that engine itself.
    problem: why it does not serve; "" where it does.
    """

    engine: str
    method: str
    device: str = ""
    dtype: str = ""
    seconds: float = 0.0
    psnr: float | None = None
    bicubic: float | None = None
    alike: float | None = None
    problem: str = ""

    def values(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    def line(self) -> str:
        """For people."""
        if self.psnr is None:
            return f"{self.engine}: {self.problem}"
        compared = "" if self.alike is None else f", {self.alike:.1f} dB to the engine before"
        outcome = f"; {self.problem}" if self.problem else ""
        return (
            f"{self.engine} ({self.method}, {self.device}, {self.dtype}): {FRAMES} frames in {self.seconds:.1f} s, "
            f"PSNR-Y {self.psnr:.1f} dB (bicubic {self.bicubic:.1f}){compared}{outcome}"
        )


class RenderedClip:
    """A rendered scene: sharp pictures [3,H,W], the frames made of them, and the first and last as references."""

    @cached_property
    def sharp(self) -> list[np.ndarray]:
        size = LOW.scaled(_SCALE)
        scene = random_scene(np.random.default_rng(5), width=size.width)
        return [render(scene, float(number), size) for number in range(FRAMES)]

    @cached_property
    def frames(self) -> list[Frame]:
        stamps = (TimeStamp(number, Fraction(1, 25)) for number in range(FRAMES))
        return [
            Frame(degrade(picture, _SCALE), number, stamp)
            for number, (picture, stamp) in enumerate(zip(self.sharp, stamps))
        ]

    @property
    def references(self) -> list[Reference]:
        return [
            Reference(("self-test", number), Fraction(number, 25), "self-test", partial(np.copy, self.sharp[number]))
            for number in (0, FRAMES - 1)
        ]

    def mean_psnr(self, pictures: Sequence[np.ndarray]) -> float:
        """In dB, over all frames but those that are references themselves."""
        inner = list(zip(pictures, self.sharp))[1:-1]
        return float(np.mean([psnr_y(picture, sharp) for picture, sharp in inner]))

    @cached_property
    def bicubic(self) -> float:
        return self.mean_psnr([bicubic(frame.pixels, LOW.scaled(_SCALE)) for frame in self.frames])


def engines_to_test() -> Iterator[EngineOptions]:
    """NumPy, and of torch, ONNX Runtime and TensorRT those that are installed."""
    yield EngineOptions("flow_transfer")
    if is_installed("torch"):
        yield EngineOptions(engine="torch", quality="auto")
    if is_installed("onnxruntime"):
        yield EngineOptions(engine="onnx", quality="auto")
    if has_plans():
        yield EngineOptions(engine="tensorrt", quality="best")


def has_plans() -> bool:
    """Whether a TensorRT plan was built, fit or not."""
    from ..engines.cache import graph_folders, plans_in

    return any(True for folder in graph_folders() for _ in plans_in(folder))


def run_self_test() -> Iterator[EngineResult]:
    """The result of each engine, as it is there."""
    clip, firsts = RenderedClip(), dict[str, list[np.ndarray]]()
    for options in engines_to_test():
        named = "numpy" if options.engine == "auto" else options.engine
        try:
            if options.engine == "torch" and (without := why_no_torch()):
                yield EngineResult(named, options.method, problem=without)
                continue
            started = time.perf_counter()
            with choose_engine(options, LOW).engine as engine:
                pictures = restored(engine, clip)
            seconds = time.perf_counter() - started
        except Exception as error:  # whatever a library raises, this engine does not serve
            yield EngineResult(named, options.method, problem=f"does not work ({first_line(error)[:160]})")
            continue
        first = firsts.setdefault(options.method, pictures)
        yield _judged(engine, seconds, clip, pictures, None if first is pictures else first)


def restored(engine: Engine, clip: RenderedClip) -> list[np.ndarray]:
    """The clip's frames as an engine restores them, one after the other."""
    encoded = [engine.encode(reference) for reference in clip.references[: engine.info.references]]
    fields: list[Correspondence | None] = [None] * len(encoded)
    last: Last | None = None
    pictures = []
    for frame in clip.frames:
        matched = engine.match_all(frame, encoded, fields)
        fields = list(matched)
        picture = engine.restore(frame, [Matched(*pair) for pair in zip(encoded, matched)], last)
        last = Last(frame, frame.with_pixels(picture)) if engine.info.recurrent else None
        pictures.append(picture)
    return pictures


def _judged(
    engine: Engine, seconds: float, clip: RenderedClip, pictures: list[np.ndarray], first: list[np.ndarray] | None
) -> EngineResult:
    psnr = clip.mean_psnr(pictures)
    alike = None if first is None else min(psnr_y(*pair) for pair in zip(pictures, first))
    problem = ""
    if not psnr > clip.bicubic + _GAIN:
        problem = "its frames are no better than enlarged ones"
    elif alike is not None and not alike > _ALIKE:
        problem = "its frames differ from those of the engine before"
    return EngineResult(
        engine.name, engine.info.name, engine.device, engine.precision.value, round(seconds, 2), round(psnr, 2),
        round(clip.bicubic, 2), None if alike is None else round(float(alike), 2), problem,
    )  # fmt: skip
