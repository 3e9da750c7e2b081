"""The data sets of reference-based super-resolution, by name, and any folder of pictures."""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from ..errors import InputError, UsageError
from . import layouts
from .items import Dataset, Item
from .low_resolution import items_with_low

VARIABLE = "LFVIDEO_DATA"
_NOT_REDUCED = "its low-resolution pictures, in {}, are restored; nothing is reduced"


@dataclass(frozen=True)
class DatasetLayout:
    """What is known of a data set before it is looked for.

    folder:    what it is called on a disk.
    tree:      the files expected there, in one line.
    published: where its authors give it, as a phrase.
    find:      its items, of the folder.
    whole, ranked, self_reference, note: as in Dataset.
    """

    folder: str
    tree: str
    published: str
    find: Callable[[Path], Iterable[Item]]
    whole: int | None = None
    ranked: bool = False
    self_reference: bool = False
    note: str = ""


DATASETS: dict[str, DatasetLayout] = {
    "cufed5": DatasetLayout(
        "CUFED5",
        "CUFED5/001_0.png (picture), CUFED5/001_1.png .. CUFED5/001_5.png (references, level 1 most similar), ...",
        "published at https://github.com/ZZUTK/SRNTT, and as C2-Matching packs it at https://github.com/yumingj/C2-Matching",
        layouts.cufed5,
        whole=126,
        ranked=True,
    ),
    "sun80": DatasetLayout(
        "Sun80",
        "Sun80/input/NAME.jpg and Sun80/ref/NAME/*.jpg, or Sun80/Sun_Hays_SR_groundtruth/NAME.jpg and "
        "Sun80/Sun_Hays_SR_scenematches/NAME.jpg/*.jpg",
        "published on the project page of Sun and Hays, Super-resolution from Internet-scale Scene Matching, ICCP 2012",
        layouts.sun80,
        whole=80,
        note=f"of each picture's references one is drawn with seed {layouts.SEED}; the papers drew one too and did not "
        "publish which",
    ),
    "urban100": DatasetLayout(
        "Urban100",
        "Urban100/image_SRF_4/img_001_SRF_4_HR.png ..., or Urban100/img_001.png ...",
        "published at https://github.com/jbhuang0604/SelfExSR",
        layouts.plain,
        whole=100,
        self_reference=True,
        note="it has no references; the low-resolution picture itself is the reference, as in the papers",
    ),
    "manga109": DatasetLayout(
        "Manga109",
        "Manga109/NAME.png ... (109 pictures)",
        "published at http://www.manga109.org",
        layouts.manga109,
        whole=109,
        note=f"the reference is another picture of the set, drawn with seed {layouts.SEED}; the papers' choice was "
        "never published",
    ),
    "wr-sr": DatasetLayout(
        "WR-SR",
        "WR-SR/input/001.png ..., WR-SR/ref/001_ref.png ... (or WR-SR/ref/001.png ...)",
        "published at https://github.com/yumingj/C2-Matching",
        layouts.wr_sr,
        whole=80,
    ),
    "flickr1024": DatasetLayout(
        "Flickr1024",
        "Flickr1024/Test/0001_L.png (picture), Flickr1024/Test/0001_R.png (reference), ...",
        "published at https://yingqianwang.github.io/Flickr1024",
        layouts.flickr1024,
        whole=112,
    ),
    "sintel": DatasetLayout(
        "sintel",
        "sintel/test/clean/CLIP/frame_0001.png ... as MPI Sintel comes, sintel/CLIP/clean/frame_0001.png ..., or "
        "CrossNet's sintel/test_x4_x8.h5 with img_HR and frame_number",
        "published at http://sintel.is.tue.mpg.de",
        layouts.sintel,
        whole=552,
        note="the frame before is the reference, as in RefSR-Net's section 5, which reduces by 8",
    ),
    "lightfields": DatasetLayout(
        "lightfields",
        "lightfields/NAME/view_ROW_COLUMN.png ..., or CrossNet's lightfields/test_bicubic.h5 with img_HR "
        "[scenes,8,8,3,H,W]",
        "published with Wang et al., The Light Field Attachment, TVCG 2017 (the LF video data set)",
        layouts.light_fields,
        whole=268,
        note="the middle view with the first one as reference, which of 8x8 views are (3, 3) and (0, 0) as in "
        "RefSR-Net's section 5.2, which reduces by 8",
    ),
    "refpairs": DatasetLayout(
        "refpairs",
        "refpairs/pairs.csv with the columns scene,input,ref,rank, the pictures it names, and perhaps splits.json "
        "beside it or beside refpairs",
        "not a published set: photos of one place, with a table that you write",
        layouts.refpairs,
        ranked=True,
        note="scenes for validation only, where a splits.json names them",
    ),
}


def open_dataset(name: str, data: Path | None = None) -> Dataset:
    """A data set of the table, or a folder of pictures: a path, or one below the data folder `data` (None: the one
    that LFVIDEO_DATA names). Raises InputError naming the expected tree, UsageError for a name that is none."""
    if data is None and os.environ.get(VARIABLE):
        data = Path(os.environ[VARIABLE])
    if data is not None and not data.is_dir():
        raise InputError(f"the data folder {data} is no folder; give another --data or {VARIABLE}")
    known = DATASETS.get(name.lower())
    return _folder(name, data) if known is None else _listed(name.lower(), known, data)


def _listed(name: str, layout: DatasetLayout, data: Path | None) -> Dataset:
    expected = f"expected is {layout.tree}; {layout.published}"
    if data is None:
        raise InputError(f"no data folder is given for {name}; give --data or {VARIABLE}; {expected}")
    for folder in _places(data, layout.folder):
        items = tuple(layout.find(folder))
        if items:
            return Dataset(name, items, layout.whole, layout.ranked, layout.self_reference, layout.note)
    raise InputError(f"{name} is not in {data}; {expected}")


def _places(data: Path, folder: str) -> Iterator[Path]:
    """Where a data set may lie: the data folder is it, holds it, or holds it one or two folders down."""
    if data.name == folder:
        yield data
    inside = (place for pattern in (f"*/{folder}", f"*/*/{folder}") for place in sorted(data.glob(pattern)))
    yield from (place for place in (data / folder, *inside) if place.is_dir())


def _folder(name: str, data: Path | None) -> Dataset:
    for place in (Path(name), *([] if data is None else [data / name])):
        if place.is_dir():
            items = tuple(items_with_low(place))
            if items and items[0].low is not None:
                return Dataset(place.resolve().name, items, note=_NOT_REDUCED.format(items[0].low.parent))
            items = tuple(layouts.plain(place))
            if not items:
                raise InputError(f"{place} holds no pictures; give a folder of PNG, JPEG, WebP, TIFF or BMP files")
            return Dataset(place.resolve().name, items, note="a plain folder of pictures, without references")
    near = get_close_matches(name.lower(), DATASETS, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"choose one of: {', '.join(DATASETS)}, or give a folder"
    raise UsageError(f"no data set and no folder of pictures is called '{name}'; {hint}")
