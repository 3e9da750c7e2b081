"""A method as three graphs in a folder, encode.onnx, match.onnx and restore.onnx, and graphs.json, which says what they
are.

Nothing here needs torch, onnx or a runtime.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

from lfvideo_sr import __version__
from lfvideo_sr.engine import Precision
from lfvideo_sr.errors import EngineError, first_line, shortened
from lfvideo_sr.frames import Size
from lfvideo_sr.method import MethodInfo

VERBS = ("encode", "match", "restore")
DESCRIPTION = "graphs.json"
LAYOUT = 3  # of the graphs' inputs and outputs, and of the description; an older one is exported anew
REFERENCE, FRAME, LOW, TAPS = "reference", "frame", "low", "taps"
SEED = "seed"  # an input of `match`; among features: what the seeder keeps of a reference
POSITIONS, RELEVANCE, PICTURE = "positions", "relevance", "picture"
LAST = "last"  # the slot of what was restored last

_MOST = 64  # of scale, references and strides
_SIDE = re.compile(r"~?\d{1,3}(\.\d{1,9})?\*[hwrq]")

Dim = int | str  # fixed, or "4*r": so many times a side of the frame (h, w) or a quarter of the reference's (r, q);
#                  "~0.8*r": about so many
InputShapes = Mapping[str, list[Dim]]  # by name


def slot(name: str, number: int | str) -> str:
    """An input of `restore` that belongs to one of its references, or to what was restored LAST."""
    return f"{name}.{number}"


@dataclass(frozen=True)
class About:
    """What the graphs of a method are.

    info:    of the method, with as many references as the graph of `restore` has slots for.
    weights: fingerprint of the weights file.
    seeder:  arguments of FlowSeeder, or None; warm: see Method.
    inputs:  shapes of each verb's inputs, sides as `Dim`.
    """

    info: MethodInfo
    weights: str
    precision: Precision
    field_stride: int
    seeder: Mapping[str, int] | None
    warm: bool
    inputs: Mapping[str, InputShapes]
    version: str = __version__
    layout: int = LAYOUT

    def to_json(self) -> dict[str, Any]:
        """For `json.dumps`."""
        return asdict(self) | {"precision": self.precision.value}

    @classmethod
    def of_json(cls, stored: Mapping[str, Any]) -> "About":
        """Raises ValueError, KeyError or TypeError for what `to_json` did not write: every field has to be there, since
        a default would change how the method runs. Graphs of earlier versions lack some: a halo, without which frames
        stay whole, the seeder's level, which is 0, `unlike_below`, without which no likeness is looked at, and
        `learned`, which what has a graph did.
        """
        earlier = {"halo": None, "unlike_below": 0.0, "trained": "", "learned": True}
        info = MethodInfo(**_whole(MethodInfo, earlier | stored["info"]))
        seeder = None if stored["seeder"] is None else {"level": 0, **stored["seeder"]}
        values = {"info": info, "precision": Precision(stored["precision"]), "seeder": seeder}
        about = cls(**_whole(cls, stored) | values)
        _check(about)
        return about

    def misfit(self, weights: str, precision: Precision) -> str | None:
        """Why these are no graphs of this version for these weights; None where they are."""
        if self.version != __version__:
            return f"made by version {self.version}, this is {__version__}"
        if self.layout != LAYOUT:
            return f"of layout {self.layout}, this version runs layout {LAYOUT}"
        if self.weights != weights:
            return f"made of weights {self.weights}, needed are {weights}"
        return None if self.precision is precision else f"in {self.precision.value}, needed is {precision.value}"

    def shapes(self, verb: str, frame: Size, reference: Size) -> dict[str, tuple[int, ...]]:
        """Of a verb's inputs, for a low-resolution frame and references of these sizes."""
        sides = {"h": frame.height, "w": frame.width, "r": reference.height / self.info.scale}
        sides["q"] = reference.width / self.info.scale
        return {name: tuple(_side(dim, sides) for dim in shape) for name, shape in self.inputs[verb].items()}


def _check(about: About) -> None:
    """Raise ValueError for values of other types or of sizes that no method has."""
    for name, hint in get_type_hints(MethodInfo).items():
        kinds, value = get_args(hint) or (hint,), getattr(about.info, name)
        if type(value) not in kinds and not (float in kinds and type(value) is int):
            raise ValueError(f"{name} is {shortened(repr(value))}; {' or '.join(kind.__name__ for kind in kinds)} fits")
    counts = [about.info.scale, about.info.references + 1, about.field_stride]
    if about.seeder is not None:
        if about.seeder.keys() != {"scale", "stride", "level"}:
            raise ValueError("its seeder has other arguments than scale, stride and level")
        counts += [about.seeder["scale"], about.seeder["stride"], about.seeder["level"] + 1]
    if not all(map(_is_count, counts)):
        raise ValueError("its scale, references, stride or seeder are no counts")
    shapes = [shape for verb in VERBS for shape in about.inputs[verb].values()]
    if not all((type(dim) is int and dim > 0) or _SIDE.fullmatch(str(dim)) for shape in shapes for dim in shape):
        raise ValueError("the shapes of its inputs are none")


def _is_count(value: object) -> bool:
    return type(value) is int and 0 < value <= _MOST


def _whole(kind: type, stored: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a dataclass, of which none may be missing."""
    missing = [field.name for field in fields(kind) if field.name not in stored]
    if missing:
        raise ValueError(f"it does not say {', '.join(missing)}")
    return dict(stored)


def _side(dim: Dim, sides: Mapping[str, float]) -> int:
    if isinstance(dim, int):
        return dim
    factor, symbol = dim.removeprefix("~").split("*")
    return round(float(factor) * sides[symbol])


def paths(folder: Path) -> dict[str, Path]:
    """Where a method's three graphs are, by verb."""
    return {verb: folder / f"{verb}.onnx" for verb in VERBS}


def check_precision(name: str) -> Precision:
    """Raises EngineError for a name that is none."""
    try:
        return Precision(name)
    except ValueError:
        raise EngineError(f"no dtype '{name}'; choose one of: fp32, fp16, bf16") from None


def read_about(folder: Path) -> About:
    """What the graphs in a folder are; raises EngineError where nothing says it, or not all of it."""
    return _read(folder)[0]


def damaged(folder: Path) -> str | None:
    """The name of a graph whose content is not what was written; None where there is none. Raises as `read_about`."""
    hashes = _read(folder)[1]
    return next((path.name for verb, path in paths(folder).items() if hashes[verb] != _hash(path.read_bytes())), None)


def description(about: About, folder: Path) -> bytes:
    """What graphs.json has to hold for the graphs in a folder."""
    hashes = {verb: _hash(path.read_bytes()) for verb, path in paths(folder).items()}
    return json.dumps({"about": about.to_json(), "sha256": hashes}, indent=1, sort_keys=True).encode() + b"\n"


def _read(folder: Path) -> tuple[About, dict[str, str]]:
    path = folder / DESCRIPTION
    try:
        stored = json.loads(path.read_bytes())
        return About.of_json(stored["about"]), {verb: str(stored["sha256"][verb]) for verb in VERBS}
    except OSError as error:
        raise EngineError(f"no graphs in {folder}; build them: lfvideo-sr engine build") from error
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        why = shortened(first_line(error), 160)
        raise EngineError(f"{path} describes no graphs ({why}); build them again: lfvideo-sr engine build") from error


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
