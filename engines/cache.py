"""Where graphs and plans are kept: in the user's cache folder, named by everything they depend on."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from pathlib import Path

from platformdirs import user_cache_path

from lfvideo_sr import __version__
from lfvideo_sr.engine import Precision
from lfvideo_sr.errors import EngineError
from lfvideo_sr.media.partial import whole_file

from .graphs import DESCRIPTION, LAYOUT, VERBS, About, damaged, description, paths, read_about
from .trust import BY_OTHERS, untrusted

_NOWHERE = Path(os.devnull) / "lfvideo-sr"  # holds nothing and cannot be made
_OURS_ALONE = 0o700


def cache_folder() -> Path:
    """What LFVIDEO_CACHE names, else the user's cache folder of this program; for a user without a home folder one that
    does not exist and cannot be made."""
    folder = os.environ.get("LFVIDEO_CACHE")
    if folder:
        return Path(folder)
    try:
        return user_cache_path("lfvideo-sr", appauthor=False) / "engines"
    except RuntimeError:
        return _NOWHERE


def graph_folder(method: str, weights: str, precision: Precision) -> Path:
    """Of the graphs of a method with weights of that fingerprint."""
    return cache_folder() / f"{method}-{weights}-{precision.value}-{__version__}-{LAYOUT}"


def graph_folders() -> list[Path]:
    """All that are in the cache, whole or not."""
    return _folders_in(cache_folder())


def shipped_folders() -> list[Path]:
    """Graphs that come with this installation: those of the default method's weights, so that it runs without torch."""
    return _folders_in(shipped_folder())


def shipped_folder() -> Path:
    """What holds the graphs that come with this installation."""
    return Path(str(files("lfvideo_sr.weights"))) / "graphs"


def shipped_graphs(folder: Path) -> Path | None:
    """The shipped graphs named as a folder of the cache, which says all they depend on; None: there are none."""
    return next((shipped_folder for shipped_folder in shipped_folders() if shipped_folder.name == folder.name), None)


def graphs_to_run(folder: Path) -> Path:
    """A folder of the cache, or, where it is not there or not to be trusted, the shipped one of that name."""
    usable = folder.is_dir() and untrusted_graphs(folder) is None
    return folder if usable else shipped_graphs(folder) or folder


def untrusted_graphs(folder: Path) -> str | None:
    """Why no graphs and plans in a folder of the cache are used, which another user owns or may write; None where they
    may be. Graphs that come with the installation are as much to be trusted as its code."""
    if folder in shipped_folders() or not folder.is_dir():
        return None
    return untrusted((folder.parent, folder, *paths(folder).values(), folder / DESCRIPTION, *plans_in(folder)))


def _folders_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def graphs_misfit(folder: Path, weights: str, precision: Precision) -> str | None:
    """Why the graphs in a folder cannot be used; None where they can."""
    if reason := untrusted_graphs(folder):
        return reason
    missing = [path.name for path in (*paths(folder).values(), folder / DESCRIPTION) if not path.is_file()]
    if missing:
        return "not built" if len(missing) > len(VERBS) else f"{missing[0]} is missing"
    try:
        misfit = read_about(folder).misfit(weights, precision)
        broken = damaged(folder)
    except EngineError as error:
        return str(error).split("; ")[0]
    return misfit or (f"{broken} is damaged" if broken else None)


def write_description(about: About, folder: Path) -> None:
    """Say beside the graphs in a folder what they are: the last step of writing them."""
    write_whole(folder / DESCRIPTION, description(about, folder))


def copy_graphs(folder: Path, target: Path) -> None:
    """Each file whole or not at all, the description last."""
    make_folder(target)
    for path in (*paths(folder).values(), folder / DESCRIPTION):
        write_whole(target / path.name, path.read_bytes())


def plan_path(graph: Path, builder: str, gpu: str, shapes: str) -> Path:
    """Of the plan of a graph: named by library and version, GPU, range of sizes, and the graph's content."""
    content = hashlib.sha256(graph.read_bytes()).hexdigest()[:12]
    return graph.with_name(f"{graph.stem}.{_word(builder)}.{_word(gpu)}.{shapes.replace(':', '_')}.{content}.plan")


def plans_in(folder: Path) -> Iterator[Path]:
    """Files of plans beside a method's graphs, fit or not."""
    yield from sorted(folder.glob("*.plan"))


def write_whole(path: Path, content: bytes) -> None:
    """A file of the cache, whole or not at all; raises EngineError."""
    try:
        with partial_for_us(path) as partial:
            partial.write_bytes(content)
    except OSError as error:
        raise EngineError(f"{path} cannot be written ({error.strerror}); free space or set LFVIDEO_CACHE") from error


@contextmanager
def partial_for_us(path: Path) -> Iterator[Path]:
    """`whole_file` for a file of the cache, which only this user may write to."""
    with whole_file(path) as partial:
        partial.chmod(partial.stat().st_mode & ~BY_OTHERS)
        yield partial


def make_folder(folder: Path) -> None:
    """Make a folder of the cache, which only this user may write to."""
    try:
        folder.parent.mkdir(mode=_OURS_ALONE, parents=True, exist_ok=True)
        folder.mkdir(mode=_OURS_ALONE, exist_ok=True)
    except OSError as error:
        raise EngineError(f"{folder} cannot be made ({error.strerror}); set LFVIDEO_CACHE to a folder") from error


def clean() -> int:
    """Delete the graphs and plans in the cache -> bytes freed. What this program has not described is left alone."""
    freed = 0
    for folder in graph_folders():
        if not _is_ours(folder):
            continue
        for file in folder.iterdir():
            if file.is_file() and file.suffix in (".onnx", ".json", ".plan", ".partial"):
                freed += file.stat().st_size
                file.unlink()
        with suppress(OSError):  # it holds more
            folder.rmdir()
    return freed


def _is_ours(folder: Path) -> bool:
    """Whether a folder holds graphs that this program described."""
    try:
        read_about(folder)
    except EngineError:
        return False
    return True


def _word(text: str) -> str:
    """A name without what a file name should not have."""
    return "".join(letter if letter.isalnum() or letter in ".-" else "_" for letter in text)
