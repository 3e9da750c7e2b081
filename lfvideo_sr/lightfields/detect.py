"""Which layout the arrays of a file have, and why. A file that may have two layouts is refused."""

from collections.abc import Iterator

from ..errors import InputError
from .arrangement import Axes
from .array_file import ArrayFile, ArrayRequest, Detection
from .array_layouts import locate_by_axes
from .layouts import SCALE, ArrayLayout, layouts_of

_ANY = "array"  # the layout of arrays whose key no other layout has


def detect(file: ArrayFile, request: ArrayRequest) -> Detection:
    """The array to read, and how its views are stored. InputError with what the file holds where that is not clear."""
    detection = _as_requested(file, request) if request.layout else _recognised(file, request)
    key, layout, _, stored = detection
    rows, columns = stored.extent.row, stored.extent.column
    if request.grid and request.grid != (rows, columns):
        requested = f"--grid {request.grid[0]}x{request.grid[1]}"
        raise file.refuse(f"{requested}, but {key} read as {layout} has {rows}x{columns}")
    if request.item is None and len(set(stored.sizes)) > 1:
        raise InputError(f"{file.path}: its {len(stored.sizes)} items differ in size; choose one with --item 0")
    return detection


def _recognised(file: ArrayFile, request: ArrayRequest) -> Detection:
    """By the keys of the file, or by the key that is requested."""
    candidates = list(_candidates(file, request))
    clues = [(name, key, clue) for name, layout, key in candidates if (clue := layout.clue(file, key)) is not None]
    matches = [match for match in clues if match[2].sure][:1] or clues
    if len(matches) > 1:
        names = " or ".join(name for name, _, _ in matches)
        raise file.refuse(f"{file.describe(matches[0][1])} may be {names}: pass --layout with one of them")
    if matches:
        name, key, clue = matches[0]
        return _located(file, request, key, name, f"{key} {clue.reason}")
    if candidates:
        raise file.refuse(_unfit(file, candidates))
    return _under_any_key(file, request)


def _candidates(file: ArrayFile, request: ArrayRequest) -> Iterator[tuple[str, ArrayLayout, str]]:
    """The layouts that have a key of the file, and that key: name, layout, key."""
    for name, layout in layouts_of(ArrayLayout).items():
        keys = [file.existing(request.key)] if request.key is not None else _by_resolution(file, request.sharp)
        key = next((key for key in keys if layout.keys is not None and layout.keys.includes(key)), None)
        if key is not None:
            yield name, layout, key


def _unfit(file: ArrayFile, candidates: list[tuple[str, ArrayLayout, str]]) -> str:
    key = candidates[0][2]
    described = "; ".join(f"{name}: {layout.description}" for name, layout, _ in candidates)
    return f"{file.describe(key)} fits none of the layouts with such a key ({described})"


def _under_any_key(file: ArrayFile, request: ArrayRequest) -> Detection:
    """The array that is requested, or the only one with five axes."""
    layout = layouts_of(ArrayLayout)[_ANY]
    axes = layout.parsed.names
    fitting = [key for key, array in file.items() if array.ndim == len(axes) and key not in file.aliases]
    if request.key is None and not fitting:
        raise file.refuse("no layout known here")
    if request.key is None and len(fitting) > 1:
        raise file.refuse(f"{len(fitting)} scenes; choose one as {file.path}::/{fitting[0]}", fitting)
    key = request.key if request.key is not None else fitting[0]
    clue = layout.clue(file, key)
    if clue is None:
        raise file.refuse(f"{file.describe(key)} is not ({','.join(axes)}), or its axes may be reversed")
    return _located(file, request, key, _ANY, f"{key} {clue.reason}")


def _as_requested(file: ArrayFile, request: ArrayRequest) -> Detection:
    """As --layout says: a name, or axes."""
    named = request.layout or ""
    layout = layouts_of(ArrayLayout).get(named)
    axes = layout.parsed if layout else Axes.parse(named)
    key = _key_for(file, request, layout, len(axes.names))
    if axes.names and file[key].ndim != len(axes.names):
        raise file.refuse(f"--layout {named} has axes {axes}, but {key} has {file[key].ndim}")
    if layout:
        return _located(file, request, key, named, "--layout")
    return Detection(key, _ANY, "--layout", locate_by_axes(file, key, axes, request))


def _located(file: ArrayFile, request: ArrayRequest, key: str, name: str, decided: str) -> Detection:
    layout = layouts_of(ArrayLayout)[name]
    stored = layout.locate(file, key, layout.parsed, request)
    return Detection(key, name, f"{decided}, {stored.origin}" if stored.origin else decided, stored)


def _key_for(file: ArrayFile, request: ArrayRequest, layout: ArrayLayout | None, axes: int) -> str:
    """The requested key, one that is the layout's, one of a layout's, or the only array with so many axes."""
    if request.key is not None:
        return file.existing(request.key)
    candidates = {key: array for key, array in file.items() if key not in file.aliases}
    fitting = [key for key, array in candidates.items() if array.ndim == axes or not axes]
    known = [key for key in _by_resolution(file, request.sharp) if key in fitting]
    of_layout = [key for key in known if layout and layout.keys and layout.keys.includes(key)]
    if of_layout or known or len(fitting) == 1:
        return (of_layout or known or fitting)[0]
    what = f"have {axes} axes" if axes else f"may be those of --layout {request.layout}"
    raise file.refuse(f"{len(fitting)} data sets {what}")


def _by_resolution(file: ArrayFile, sharp: bool) -> list[str]:
    """The keys at the root that a layout knows, of the requested resolution first; of low ones, x4 first."""
    known = [layout.keys for layout in layouts_of(ArrayLayout).values() if layout.keys is not None]
    at_root = [key for key in file if "/" not in key]
    low = sorted((key for key in at_root if any(keys.enlarged(key) for keys in known)), key=_not_by_four)
    others = list(dict.fromkeys(keys.sharp for keys in known if keys.sharp in file))
    return others + low if sharp else low + others


def _not_by_four(key: str) -> bool:
    return not key.endswith("_4")


def warnings_of(key: str, layout: ArrayLayout) -> tuple[str, ...]:
    """What the user should know of low-resolution views that are not reduced by 4."""
    factor = layout.keys.factor(key) if layout.keys else SCALE
    if factor == SCALE:
        return ()
    name = key.rpartition("/")[2]
    return (
        f"{name} holds views reduced by {factor}, and is enlarged by {SCALE}: the result, {written_key(key)}, "
        f"has {SCALE / factor:g} times the size of {layout.keys.sharp if layout.keys else 'sharp views'}",
    )


def written_key(key: str) -> str:
    """What a key is called in a file that is written: a low-resolution one says that its views are enlarged."""
    known = [layout.keys for layout in layouts_of(ArrayLayout).values() if layout.keys is not None]
    return next((enlarged for keys in known if (enlarged := keys.enlarged(key))), key)
