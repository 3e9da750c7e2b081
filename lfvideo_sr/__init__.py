"""lfvideo-sr: low-resolution video plus a few sharp references in, a sharp x4 stream out.

Importing the package loads neither torch nor OpenCV; names load what they need when first used.
"""

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


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
