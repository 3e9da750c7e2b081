"""lfvideo-sr: low-resolution video plus a few sharp references in, a sharp x4 stream out.

Importing the package loads neither torch nor OpenCV; names load what they need when first used.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .api import (
        OpenLightField,
        OpenStream,
        OpenVideo,
        RestoredFrame,
        UsedReference,
        open_light_field,
        open_stream,
        restore_picture,
    )
    from .choose import make_engine
    from .correspondence import Correspondence
    from .engine import Engine
    from .errors import EngineError, InputError, LFVideoError, OutputError, ShapeError, UsageError
    from .frames import Frame, Size, TimeStamp, View
    from .lightfields.opening import OpenOptions
    from .method import Method, MethodInfo
    from .methods import METHODS
    from .picture import ReferenceVerdict, RestoredPicture
    from .stream.grid_options import GridOptions
    from .stream.options import StreamOptions

__version__ = "0.1.0"
__all__ = [
    "METHODS",
    "Correspondence",
    "Engine",
    "EngineError",
    "Frame",
    "GridOptions",
    "InputError",
    "LFVideoError",
    "Method",
    "MethodInfo",
    "OpenLightField",
    "OpenOptions",
    "OpenStream",
    "OpenVideo",
    "OutputError",
    "ReferenceVerdict",
    "RestoredFrame",
    "RestoredPicture",
    "ShapeError",
    "Size",
    "StreamOptions",
    "TimeStamp",
    "UsageError",
    "UsedReference",
    "View",
    "make_engine",
    "open_light_field",
    "open_stream",
    "restore_picture",
]

_HOMES = {
    "Correspondence": "correspondence",
    "Engine": "engine",
    "EngineError": "errors",
    "Frame": "frames",
    "GridOptions": "stream.grid_options",
    "InputError": "errors",
    "LFVideoError": "errors",
    "METHODS": "methods",
    "Method": "method",
    "MethodInfo": "method",
    "OpenLightField": "api",
    "OpenOptions": "lightfields.opening",
    "OpenStream": "api",
    "OpenVideo": "api",
    "OutputError": "errors",
    "ReferenceVerdict": "picture",
    "RestoredFrame": "api",
    "RestoredPicture": "picture",
    "ShapeError": "errors",
    "Size": "frames",
    "StreamOptions": "stream.options",
    "TimeStamp": "frames",
    "UsageError": "errors",
    "UsedReference": "api",
    "View": "frames",
    "make_engine": "choose",
    "open_light_field": "api",
    "open_stream": "api",
    "restore_picture": "api",
}
_FOLDER = os.path.dirname(os.path.abspath(__file__))
_CHECKOUT = os.path.dirname(_FOLDER)
if not os.path.isdir(os.path.join(_FOLDER, "engines")) and os.path.isfile(os.path.join(_CHECKOUT, "pyproject.toml")):
    # Python was started in the root of a checkout, where this folder hides the installed package: the folders engines,
    # trainers and configs are beside it, as in the repository.
    __path__.append(_CHECKOUT)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
