"""lfvideo-sr: low-resolution video plus a few sharp references in, a sharp x4 stream out.

Importing the package loads neither torch nor OpenCV; names load what they need when first used.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .api import OpenStream, open_light_field, open_stream, restore_picture
    from .errors import LFVideoError
    from .frames import Frame, Size
    from .picture import RestoredPicture
    from .stream.job import StreamOptions

__version__ = "0.1.0"
__all__ = [
    "Frame",
    "LFVideoError",
    "OpenStream",
    "RestoredPicture",
    "Size",
    "StreamOptions",
    "open_light_field",
    "open_stream",
    "restore_picture",
]

_HOMES = {
    "Frame": "frames",
    "LFVideoError": "errors",
    "OpenStream": "api",
    "RestoredPicture": "picture",
    "Size": "frames",
    "StreamOptions": "stream.job",
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
