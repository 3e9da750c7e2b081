"""How each data set is stored on a disk. Each function takes the data set's folder and gives its items in order, and
opens no picture."""

import csv
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from ..errors import InputError
from ..media.hdf5_pictures import files_of, numbers_of, shape_of
from ..media.picture_formats import picture_files
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
            yield Item(scene, path, tuple(path.with_name(f"{scene}_{number}{path.suffix}") for number in LEVELS))


def sun80(folder: Path) -> Iterator[Item]:
    """input/NAME.jpg and ref/NAME/*.jpg, or under the names its authors gave: the drawn reference first."""
    for inputs, references in (("input", "ref"), ("Sun_Hays_SR_groundtruth", "Sun_Hays_SR_scenematches")):
        for path in _pictures(folder / inputs):
            choices = [*_pictures(folder / references / path.stem), *_pictures(folder / references / path.name)]
            yield Item(path.stem, path, tuple(_drawn(path.stem, choices)))


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


def flickr1024(folder: Path) -> Iterator[Item]:
    """Test/0001_L.png and its reference Test/0001_R.png, or both in the folder itself."""
    inner = folder / "Test"
    for path in _pictures(inner if inner.is_dir() else folder):
        if path.stem.endswith("_L"):
            yield Item(path.stem[:-2], path, (path.with_name(f"{path.stem[:-2]}_R{path.suffix}"),))


def sintel(folder: Path) -> Iterator[Item]:
    """Every frame that has one before it, which is its reference: of test/clean where that is there, else of every
    clip's clean folder; or of CrossNet's HDF5 file."""
    testing = folder / "test" / "clean"
    for clip in sorted({path.parent for path in (testing if testing.is_dir() else folder).rglob("frame_*.png")}):
        if "clean" in clip.parts[-2:]:
            frames = {int(path.stem[6:]): path for path in _pictures(clip) if re.fullmatch(r"frame_\d+", path.stem)}
            name = clip.parent.name if clip.name == "clean" else clip.name
            for number in sorted(number for number in frames if number - 1 in frames):
                yield Item(f"{name}/{frames[number].stem}", frames[number], (frames[number - 1],))
    for file in files_of(folder):
        yield from _crossnet_clips(file)


def _crossnet_clips(file: Path) -> Iterator[Item]:
    """img_HR [clips,frames,3,H,W]; frame_number says how many frames of each clip there are."""
    if len(shape_of(file, "img_HR")) == 5:
        for clip, count in enumerate(numbers_of(file, "frame_number")):
            frames = [file / "img_HR" / str(clip) / str(number) for number in range(count)]
            for number in range(1, count):
                yield Item(f"{clip}/{number}", frames[number], (frames[number - 1],))


def light_fields(folder: Path) -> Iterator[Item]:
    """Of each folder of view_ROW_COLUMN.png the middle view, with the first one as reference; of CrossNet's HDF5 file
    view (3, 3) with (0, 0), which is the same of its 8x8."""
    for views in sorted({path.parent for path in folder.rglob("view_*_*.png")}):
        places = {tuple(map(int, re.findall(r"\d+", path.stem)[-2:])): path for path in views.glob("view_*_*.png")}
        rows, columns = (sorted({place[axis] for place in places}) for axis in (0, 1))
        middle, first = ((rows[r], columns[c]) for r, c in (((len(rows) - 1) // 2, (len(columns) - 1) // 2), (0, 0)))
        if middle != first and middle in places and first in places:
            yield Item(views.relative_to(folder).as_posix(), places[middle], (places[first],))
    for file in files_of(folder):
        shape = shape_of(file, "img_HR")
        for number in range(shape[0] if len(shape) == 6 else 0):
            inside = file / "img_HR" / str(number)
            yield Item(str(number), inside / "3" / "3", (inside / "0" / "0",))


def refpairs(folder: Path) -> Iterator[Item]:
    """The lines of pairs.csv, references by rank; only the scenes for validation, where a splits.json says which."""
    table = folder / "pairs.csv"
    if not table.is_file():
        return
    with table.open(newline="", encoding="utf-8-sig") as lines:
        rows = _checked(table, csv.DictReader(lines))
    scenes = _validation_scenes(folder)
    for path, same_input in groupby(rows, lambda row: row["input"]):
        ranked = sorted(same_input, key=lambda row: int(row["rank"]))
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
    """The scenes for validation of a splits.json in the folder or beside it; None: there is no such file."""
    for splits in (folder / "splits.json", folder.parent / "splits.json"):
        if splits.is_file():
            try:
                listed = json.loads(splits.read_text(encoding="utf-8"))["validation"]["refpairs"]
                return {Path(path).name for path in listed}
            except (ValueError, KeyError, TypeError) as error:
                raise InputError(f"{splits} does not list validation: refpairs: [...] ({error})") from error
    return None


def _pictures(folder: Path) -> list[Path]:
    return picture_files(folder) if folder.is_dir() else []


def _drawn(name: str, paths: Iterable[Path]) -> list[Path]:
    """The paths in an order that is random, and the same on every machine and in every version of Python."""
    return sorted(paths, key=lambda path: hashlib.sha256(f"{SEED} {name} {path.name}".encode()).digest())
