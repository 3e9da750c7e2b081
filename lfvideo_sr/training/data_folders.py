"""Where below a data folder pairs and photos are, however their authors and users lay them."""

from collections.abc import Iterator
from pathlib import Path

from ..datasets import DATASETS
from ..errors import InputError

INPUT, REF, _TRAIN = "input", "ref", "train"  # folders of pairs
PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
_MEASURED_ON = {layout.folder for layout in DATASETS.values()}


def photo_files(root: Path, words: str) -> list[Path]:
    """The pictures at any depth below a folder, those of pairs and of data sets to measure on left out; or those of one
    half of pairs, where that is what the words name. Raises InputError where there are none."""
    files = list(_photos_in(_half_of_pairs(root, words) or root / words))
    if not files:
        raise InputError(
            f"{root / words} holds no pictures to train on, pairs (input beside ref) and data sets to measure on left "
            "out; set LFVIDEO_DATA to their folder, or name FOLDER/input"
        )
    return files


def pairs_folder(root: Path, words: str) -> Path:
    """The first folder with halves of pairs of those where authors and users of CUFED5 put its training set; the one
    named where there is none."""
    name = "/".join(part for part in Path(words).parts if part != _TRAIN)
    inner = [words, f"{name}/{_TRAIN}", name, f"{_TRAIN}/{name}"]
    places = [root / place for place in inner]
    if root.name == name:
        places += [root / _TRAIN, root]
    places += [place for pattern in inner for place in sorted(root.glob(f"*/{pattern}"))]
    return next((place for place in places if _are_pairs(place)), root / words)


def _half_of_pairs(root: Path, words: str) -> Path | None:
    """The folder of inputs or of references that the words name, wherever the pairs are; None for any other folder."""
    named = Path(words)
    if named.name not in (INPUT, REF):
        return None
    folder = pairs_folder(root, named.parent.as_posix())
    return folder / named.name if _are_pairs(folder) else None


def _are_pairs(folder: Path) -> bool:
    return (folder / INPUT).is_dir() and (folder / REF).is_dir()


def _photos_in(folder: Path) -> Iterator[Path]:
    """The pictures at any depth, without halves of pairs and without data sets to measure on."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.is_dir():
            half = path.name in (INPUT, REF) and _are_pairs(folder)
            if not half and path.name not in _MEASURED_ON:
                yield from _photos_in(path)
        elif path.suffix.lower() in PICTURES:
            yield path
