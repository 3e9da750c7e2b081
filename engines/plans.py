"""TensorRT plans: built from graphs for a range of sizes, kept beside them, trusted only where everything fits.

A plan file is a line of JSON that says what it is, and the plan. Whatever does not fit (another version, another
library, another GPU, other weights, too short) is not used: it is built again when asked for.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from lfvideo_sr.engine import Precision
from lfvideo_sr.errors import EngineError, UsageError
from lfvideo_sr.frames import Size

from .cache import plan_path, plans_in, untrusted_graphs, write_whole
from .graphs import VERBS, About

_FIRST = b"lfvideo-sr plan\n"
_LIBRARIES = ("tensorrt", "tensorrt_rtx")
_SLACK = 4  # places that a rounded side may lie off


@dataclass(frozen=True)
class Shapes:
    """Low-resolution sizes a plan takes: from `least` to `most`, fastest at `best`; references are x4 as large."""

    least: Size
    best: Size
    most: Size

    def __post_init__(self) -> None:
        for small, large in ((self.least, self.best), (self.best, self.most)):
            if small.width > large.width or small.height > large.height:
                raise UsageError(f"--shapes is {self}; MIN:OPT:MAX is wanted, none larger than the next")

    @classmethod
    def of_text(cls, text: str) -> "Shapes":
        """ "64x64:480x270:960x540", or one size for all three."""
        sizes = [_size(part, text) for part in text.split(":")]
        if len(sizes) not in (1, 3):
            raise UsageError(f"--shapes is '{text}'; MIN:OPT:MAX is wanted, like 64x64:480x270:960x540")
        return cls(*(sizes * 3)[:3]) if len(sizes) == 1 else cls(*sizes)

    def hold(self, size: Size) -> bool:
        """Whether frames of this low-resolution size are taken."""
        return all(low <= side <= high for low, side, high in zip(self.least, size, self.most))

    def nearest(self, size: Size) -> Size:
        """The low-resolution size nearest to this that is taken."""
        return Size(*(min(max(low, side), high) for low, side, high in zip(self.least, size, self.most)))

    def distance(self, size: Size) -> float:
        """How many times larger or smaller than `size` the best size is, along both sides together: a logarithm."""
        return sum(abs(math.log(best / side)) for best, side in zip(self.best, size))

    @property
    def range(self) -> float:
        """How many times larger the largest size is than the least, along both sides together: a logarithm."""
        return sum(math.log(high / low) for low, high in zip(self.least, self.most))

    def profile(self, about: About, verb: str) -> dict[str, tuple[tuple[int, ...], ...]]:
        """Least, best and largest shape of every input of a graph."""
        scale = about.info.scale
        each = [about.shapes(verb, size, size.scaled(scale)) for size in (self.least, self.best, self.most)]
        ranges: dict[str, tuple[tuple[int, ...], ...]] = {}
        for name, dims in about.inputs[verb].items():
            off = [_SLACK if str(dim).startswith("~") else 0 for dim in dims]
            low, best, high = (shapes[name] for shapes in each)
            low = tuple(max(1, side - slack) for side, slack in zip(low, off))
            ranges[name] = (low, best, tuple(side + slack for side, slack in zip(high, off)))
        return ranges

    def __str__(self) -> str:
        return ":".join(map(str, (self.least, self.best, self.most)))


def _size(text: str, whole: str) -> Size:
    sides = text.lower().split("x")
    if len(sides) != 2 or not all(side.isdigit() and int(side) for side in sides):
        raise UsageError(f"--shapes is '{whole}'; MIN:OPT:MAX is wanted, like 64x64:480x270:960x540")
    return Size(int(sides[0]), int(sides[1]))


@dataclass(frozen=True)
class Library:
    """`tensorrt` or `tensorrt_rtx`: one interface, another kind of plan. module: the imported library."""

    module: Any

    @property
    def builder(self) -> str:
        """Name and version, as plans are named."""
        return f"{self.module.__name__}-{self.module.__version__}"

    def start(self, kind: str, logger: "Logger") -> Any:
        """A Builder or a Runtime, which needs `logger` as long as it lives; raises EngineError where CUDA is amiss."""
        try:
            return getattr(self.module, kind)(logger.logger)
        except TypeError as error:  # its word for having made none
            raise EngineError(f"{self.builder} does not start ({logger.last}); pass --engine torch, or onnx") from error

    def build(self, graph: Path, about: About, shapes: Shapes) -> bytes:
        """The plan of a graph; raises EngineError with what the parser or the builder says."""
        trt = self.module
        logger = Logger(trt)
        builder = self.start("Builder", logger)
        typed = getattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)  # 11: networks always are
        network = builder.create_network(0 if typed is None else 1 << int(typed))
        parser = trt.OnnxParser(network, logger.logger)
        if not parser.parse_from_file(str(graph)):
            reasons = ", ".join(str(parser.get_error(number).desc()) for number in range(parser.num_errors))
            raise EngineError(f"{graph} is refused by {self.builder} ({_line(reasons)}); build it again")
        config, profile = builder.create_builder_config(), builder.create_optimization_profile()
        ranges = shapes.profile(about, graph.stem)
        for number in range(network.num_inputs):
            name = network.get_input(number).name
            profile.set_shape(name, *ranges[name])
        config.add_optimization_profile(profile)
        plan = builder.build_serialized_network(network, config)
        if plan is None:
            raise EngineError(f"{self.builder} builds no plan of {graph} ({logger.last}); pass --engine onnx")
        return bytes(plan)


class Logger:
    """Keeps the last error for one line, prints nothing."""

    def __init__(self, trt: Any):
        class Quiet(trt.ILogger):  # type: ignore[name-defined, misc]
            def __init__(quiet) -> None:
                trt.ILogger.__init__(quiet)

            def log(quiet, severity: Any, message: str) -> None:
                if severity in (trt.ILogger.ERROR, trt.ILogger.INTERNAL_ERROR):
                    self.last = _line(message)

        self.last = "no reason given"
        self.logger = Quiet()


def _line(message: str) -> str:
    """One line, without what would end it where the remedy begins."""
    return " ".join(message.split()).replace("; ", ", ")[:300]


def tensorrt_library() -> Library:
    """The TensorRT that is installed, the full one first; raises EngineError where there is none."""
    for name in _LIBRARIES:
        try:
            module = import_module(name)
        except (ImportError, OSError):  # absent, or without what it loads
            continue
        if hasattr(module, "Builder"):
            return Library(module)
    raise EngineError("TensorRT is not installed; pip install tensorrt (or tensorrt-rtx), or pass --engine onnx")


@dataclass(frozen=True)
class Plan:
    """One verb's plan as read from its file."""

    verb: str
    about: About
    builder: str
    gpu: str
    shapes: Shapes
    content: bytes

    def misfit(self, builder: str, gpu: str) -> str | None:
        """Why it cannot run here; None where it can."""
        if self.builder != builder:
            return f"built by {self.builder}, this is {builder}"
        return None if self.gpu == gpu else f"built for {self.gpu}, this is {gpu}"


def build_plan(graph: Path, about: About, shapes: Shapes, library: Library, gpu: str) -> Path:
    """Build a graph's plan and keep it beside the graph."""
    plan = library.build(graph, about, shapes)
    target = plan_path(graph, library.builder, gpu, str(shapes))
    header = {
        "verb": graph.stem, "about": about.to_json(), "builder": library.builder, "gpu": gpu,
        "shapes": [*map(list, asdict(shapes).values())], "bytes": len(plan), "sha256": hashlib.sha256(plan).hexdigest(),
    }  # fmt: skip
    write_whole(target, _FIRST + json.dumps(header).encode() + b"\n" + plan)
    return target


def read_plan(path: Path) -> Plan:
    """Raises EngineError for a file that is no whole plan."""
    try:
        content = path.read_bytes()
        first, line, plan = content.split(b"\n", 2)
        header = json.loads(line)
        if first + b"\n" != _FIRST or header["sha256"] != hashlib.sha256(plan).hexdigest():
            raise ValueError("it is cut short or damaged")
        shapes = Shapes(*(Size(*sides) for sides in header["shapes"]))
        about = About.of_json(header["about"])
        return Plan(header["verb"], about, header["builder"], header["gpu"], shapes, plan)
    except (ValueError, KeyError, TypeError, OSError) as error:
        why = getattr(error, "strerror", None) or error
        raise EngineError(f"{path.name} is no whole plan ({why}); build it again: lfvideo-sr engine build") from error


def usable(path: Path, weights: str, precision: Precision, builder: str, gpu: str) -> bool:
    """Whether a file is a plan that can run here."""
    try:
        plan = read_plan(path)
    except EngineError:
        return False
    return (plan.about.misfit(weights, precision) or plan.misfit(builder, gpu)) is None


def find_plans(
    folder: Path, weights: str, precision: Precision, builder: str, gpu: str, size: Size | None = None
) -> Mapping[str, Plan]:
    """The plans of all verbs in a folder that can run here: of those that take frames of `size`, the ones that are
    fastest nearest to it, or for frames of unknown size those of the widest range. Raises EngineError with the reason
    where there are none."""
    sets: dict[Shapes, dict[str, Plan]] = {}
    untrusted = untrusted_graphs(folder)
    refused = untrusted or "none is built"
    for path in plans_in(folder) if untrusted is None else ():
        try:
            plan = read_plan(path)
        except EngineError as error:
            refused = str(error).split("; ")[0]
            continue
        misfit = plan.about.misfit(weights, precision) or plan.misfit(builder, gpu)
        if not misfit and size is not None and not plan.shapes.hold(size):
            misfit = f"built for {plan.shapes}, frames are {size}"
        if misfit:
            refused = misfit
            continue
        sets.setdefault(plan.shapes, {})[plan.verb] = plan
    complete = [shapes for shapes, plans in sets.items() if set(plans) == set(VERBS)]
    if not complete:
        raise EngineError(f"no TensorRT plan can be used ({refused}); lfvideo-sr engine build builds one")
    widest = max(complete, key=lambda shapes: shapes.range)
    return sets[widest if size is None else min(complete, key=lambda shapes: shapes.distance(size))]
