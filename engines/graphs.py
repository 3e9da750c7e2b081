"""A method as three graphs in a folder: encode.onnx, match.onnx, restore.onnx, each saying what it is.

Nothing here needs torch or onnx: whoever runs the graphs may have neither.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lfvideo_sr import __version__
from lfvideo_sr.engine import Precision
from lfvideo_sr.errors import EngineError
from lfvideo_sr.frames import Size
from lfvideo_sr.method import MethodInfo

VERBS = ("encode", "match", "restore")
KEY = "lfvideo_sr"  # of the metadata in a file
LAYOUT = 2  # of the graphs' inputs and outputs; an older one is exported anew
REFERENCE, FRAME, SEED, LOW, TAPS = "reference", "frame", "seed", "low", "taps"
POSITIONS, RELEVANCE, PICTURE = "positions", "relevance", "picture"
LAST = "last"  # the slot of what was restored last

Dim = int | str  # fixed, or "4*r": so many times a side of the frame (h, w) or a quarter of the reference's (r, q);
#                  "~0.8*r": about so many


def slot(name: str, number: int | str) -> str:
    """An input of `restore` that belongs to one of its references, or to what was restored LAST."""
    return f"{name}.{number}"


@dataclass(frozen=True)
class About:
    """What a graph says of itself.

    info:    of the method, with as many references as the graph of `restore` has slots for.
    weights: fingerprint of the weights file.
    seeder:  arguments of FlowSeeder, or None; warm: see Method.
    inputs:  shapes by name, sides as `Dim`.
    """

    verb: str
    info: MethodInfo
    weights: str
    precision: Precision
    field_stride: int
    seeder: Mapping[str, int] | None
    warm: bool
    inputs: Mapping[str, list[Dim]]
    version: str = __version__
    layout: int = LAYOUT

    def to_text(self) -> str:
        return json.dumps(asdict(self) | {"precision": self.precision.value}, sort_keys=True)

    @classmethod
    def of_text(cls, text: str) -> "About":
        """Raises ValueError, KeyError or TypeError for what `to_text` did not write."""
        said = json.loads(text)
        said["info"], said["precision"] = MethodInfo(**said["info"]), Precision(said["precision"])
        return cls(**said)

    @property
    def scale(self) -> int:
        return self.info.scale

    def misfit(self, weights: str, precision: Precision) -> str | None:
        """Why this is no graph of this version for these weights; None where it is."""
        if (self.version, self.layout) != (__version__, LAYOUT):
            return f"made by version {self.version}, this is {__version__}"
        if self.weights != weights:
            return f"made of weights {self.weights}, wanted are {weights}"
        return None if self.precision is precision else f"in {self.precision.value}, wanted is {precision.value}"

    def shapes(self, frame: Size, reference: Size) -> dict[str, tuple[int, ...]]:
        """Of all inputs, for a low-resolution frame and references of these sizes."""
        sides = {"h": frame.height, "w": frame.width, "r": reference.height / self.scale}
        sides["q"] = reference.width / self.scale
        return {name: tuple(_side(one, sides) for one in shape) for name, shape in self.inputs.items()}


def _side(dim: Dim, sides: Mapping[str, float]) -> int:
    if isinstance(dim, int):
        return dim
    factor, symbol = dim.removeprefix("~").split("*")
    return round(float(factor) * sides[symbol])


def paths(folder: Path) -> dict[str, Path]:
    """Where a method's three graphs lie, by verb."""
    return {verb: folder / f"{verb}.onnx" for verb in VERBS}


def check_precision(given: str) -> Precision:
    """Raises EngineError for a name that is none."""
    try:
        return Precision(given)
    except ValueError:
        raise EngineError(f"no dtype '{given}'; choose one of: fp32, fp16, bf16") from None


def told(metadata: Mapping[str, Any], path: Path) -> About:
    """The `About` in a file's metadata; raises EngineError for a file that has none."""
    try:
        return About.of_text(metadata[KEY])
    except (KeyError, TypeError, ValueError) as error:
        raise EngineError(f"{path} is no graph of this project; build it again: lfvideo-sr engine build") from error


def metadata_in(path: Path) -> dict[str, str]:
    """What an ONNX file says of itself, found in the file without loading the graph; {} where it is none, or not whole.

    An ONNX file is a protocol buffer: its field 14, repeated, is a message of a key (1) and a value (2).
    """
    found: dict[str, str] = {}
    try:
        for number, value in _fields(memoryview(path.read_bytes())):
            if number == 14:
                pair = dict(_fields(value))
                found[bytes(pair[1]).decode()] = bytes(pair[2]).decode()
    except (ValueError, KeyError, IndexError):
        return {}
    return found


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Number and content of each field of a protocol buffer; numbers have none here."""
    at = 0
    while at < len(message):
        tag, at = _number(message, at)
        length, kind = {1: 8, 5: 4}.get(tag & 7, 0), tag & 7
        if kind in (0, 2):
            read, at = _number(message, at)
            length = read if kind == 2 else 0
        elif not length:
            raise ValueError(f"no field is of kind {kind}")
        if at + length > len(message):
            raise ValueError("cut short")
        yield tag >> 3, message[at : at + length]
        at += length


def _number(message: memoryview, at: int) -> tuple[int, int]:
    """A number, seven bits to a byte, the lowest first, and where the next thing begins."""
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
