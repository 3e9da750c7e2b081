"""The names that options take, from tables that load nothing. Names of tables that do load something are repeated here;
tests/cli/test_choices.py compares them."""

from collections.abc import Callable, Iterable

from ..media.codecs import CODECS
from ..methods import METHODS, VIEW_FUSION

ENGINES = ("auto", "torch", "onnx", "tensorrt")
QUALITIES = ("auto", "fast", "balanced", "best")
PRECISIONS = ("fp32", "bf16", "fp16")
REFERENCE_SOURCES = ("refs", "track", "same-track", "sidecar", "anchor", "simulate")
STREAM_KINDS = ("audio", "subtitle", "data", "attachment", "cover", "chapters")
PIPE_FORMATS = ("y4m", "nut", "mkv", "mpegts")
PROTOCOLS = ("c2", "rrsr", "masa", "ttsr", "amsa", "e2ent2")
PROGRESS = ("auto", "plain", "json", "none")
CODEC_NAMES = tuple(codec.names[0] if codec.names else codec.encoder for codec in CODECS)
DATASETS = ("cufed5", "sun80", "urban100", "manga109", "wr-sr", "flickr1024", "sintel", "lightfields", "refpairs")


def listed(names: Iterable[str]) -> str:
    """ "a, b or c" """
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


def completed(names: Iterable[str]) -> Callable[[], list[str]]:
    """What typer calls where a shell completes one of these names."""
    return lambda: list(names)


METHOD_NAMES = listed(METHODS)
GRID_METHODS = ("auto", *METHODS, VIEW_FUSION)
BY_PARAMETER = {"method": METHODS, "engine": ENGINES, "quality": QUALITIES}
