"""How each data set lies on a disk. Each function takes the data set's folder and gives its items in order; none of
them opens a picture."""

import csv
import hashlib
import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from ..errors import InputError
from ..media.stills import PICTURES
from .items import Item

SEED = 0  # of every reference that is drawn
LEVELS = range(1, 6)
_SELF_EXEMPLARS = "image_SRF_4"  # the x4 folder of SelfExSR's data sets
_HIGH = "_SRF_4_HR"


def cufed5(folder: Path) -> Iterator[Item]:
    """001_0.png and its references 001_1.png .. 001_5.png; one that is missing is an error when it is read."""
    for path in _pictures(folder):
        scene, _, level = path.stem.rpartition("_")
        if level == "0":
            yield Item(scene, path, tuple(path.with_name(f"{scene}_{one}{path.suffix}") for one in LEVELS))


def sun80(folder: Path) -> Iterator[Item]:
    """input/NAME.jpg and ref/NAME/*.jpg, or under the names its authors gave: the drawn reference first."""
    for inputs, references in (("input", "ref"), ("Sun_Hays_SR_groundtruth", "Sun_Hays_SR_scenematches")):
        for path in _pictures(folder / inputs):
            found = [*_pictures(folder / references / path.stem), *_pictures(folder / references / path.name)]
            yield Item(path.stem, path, tuple(_drawn(path.stem, found)))


def plain(folder: Path) -> Iterator[Item]:
    """Every picture of a folder, without references; of SelfExSR's folders the high-resolution ones."""
    inner = folder / _SELF_EXEMPLARS
    high = [path for path in _pictures(inner if inner.is_dir() else folder) if path.stem.endswith(_HIGH)]
    for path in high or _pictures(folder):
        yield Item(path.stem.removesuffix(_HIGH), path)


def manga109(folder: Path) -> Iterator[Item]:
    """Every picture of a folder; its reference is another one of them, drawn."""
    paths = _pictures(folder)
    for path in paths:
        others = [other for other in paths if other != path]
        yield Item(path.stem, path, tuple(_drawn(path.stem, others)[:1]))


def wr_sr(folder: Path) -> Iterator[Item]:
    """input/001.png and ref/001_ref.png or ref/001.png; one that is missing is an error when it is read."""
    for path in _pictures(folder / "input"):
        named = folder / "ref" / f"{path.stem}_ref{path.suffix}"
        yield Item(path.stem, path, (named if named.is_file() else folder / "ref" / path.name,))


def refpairs(folder: Path) -> Iterator[Item]:
    """The lines of pairs.csv, references by rank; only the scenes for validation, where a splits.json says which."""
    table = folder / "pairs.csv"
    if not table.is_file():
        return
    with table.open(newline="", encoding="utf-8-sig") as lines:
        rows = _checked(table, csv.DictReader(lines))
    scenes = _validation_scenes(folder)
    for path, lines_of_one in groupby(rows, lambda row: row["input"]):
        ranked = sorted(lines_of_one, key=lambda row: int(row["rank"]))
        if scenes is None or ranked[0]["scene"] in scenes:
            name = Path(path).with_suffix("").as_posix()
            yield Item(name, folder / path, tuple(folder / row["ref"] for row in ranked))


def _checked(table: Path, reader: csv.DictReader) -> list[dict[str, str]]:
    """The rows, those of one input side by side."""
    rows = list(reader)
    missing = {"scene", "input", "ref", "rank"} - set(reader.fieldnames or [])
    if missing:
        raise InputError(f"{table} has no column {', '.join(sorted(missing))}; scene,input,ref,rank are wanted")
    for row in rows:
        if not (row["rank"] or "").isdigit() or not row["input"] or not row["ref"]:
            raise InputError(f"{table} has the line {list(row.values())}; fill scene,input,ref and a whole rank")
    order = {path: place for place, path in enumerate(dict.fromkeys(row["input"] for row in rows))}
    return sorted(rows, key=lambda row: order[row["input"]])


def _validation_scenes(folder: Path) -> set[str] | None:
    """The scenes a splits.json in the folder or beside it keeps for validation; None: there is no such file."""
    for splits in (folder / "splits.json", folder.parent / "splits.json"):
        if splits.is_file():
            try:
                listed = json.loads(splits.read_text(encoding="utf-8"))["validation"]["refpairs"]
                return {Path(path).name for path in listed}
            except (ValueError, KeyError, TypeError) as error:
                raise InputError(f"{splits} does not list validation: refpairs: [...] ({error})") from error
    return None


def _pictures(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    paths = (path for path in folder.iterdir() if path.suffix.lower() in PICTURES and not path.name.startswith("."))
    return sorted(path for path in paths if path.is_file())


def _drawn(name: str, paths: Iterable[Path]) -> list[Path]:
    """The paths in an order that is random, and the same on every machine and in every version of Python."""
    return sorted(paths, key=lambda path: hashlib.sha256(f"{SEED} {name} {path.name}".encode()).digest())
