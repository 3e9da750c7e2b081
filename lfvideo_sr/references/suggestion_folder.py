"""A folder of frames that are to be made sharp: it knows its own pictures as long as they are unchanged."""

import json
from collections.abc import Iterable
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, OutputError
from ..media.images import write_png

LISTING = "suggestions.json"  # no picture, so that it is never taken for a reference


def name_of(seconds: Fraction, longest: Fraction) -> str:
    """ "t012.345000.png": seconds since the clip's first frame, as `stills` reads them, with zeros so that names up to
    `longest` seconds sort in order of time. A millionth of a second distinguishes any two frames."""
    width = len(str(int(longest)))
    whole, millionths = divmod(round(seconds * 10**6), 10**6)
    return f"t{whole:0{width}d}.{millionths:06d}.png"


class SuggestionFolder:
    """Frames of a clip as PNG, and a listing of them. Pictures that the listing does not name, or that have changed
    since, belong to the user and are left as they are.

    path:      is made where it is missing.
    overwrite: take away what an earlier run has left; without it, that there is any is an OutputError.
    """

    def __init__(self, path: Path, overwrite: bool = False):
        if path.exists() and not path.is_dir():
            raise OutputError(f"{path} is a file; give a folder with -o")
        if not path.resolve().parent.is_dir():
            raise OutputError(f"{path.parent} is no folder; make it, or give another -o")
        self.path = path
        self._listing = path / LISTING
        self._before = self._read()
        if self._before and not overwrite:
            raise OutputError(
                f"{path} holds suggestions already; pass --overwrite to replace those not yet changed, or another -o"
            )
        self._written: list[dict[str, Any]] = []

    def _read(self) -> list[dict[str, Any]]:
        if not self._listing.exists():
            return []
        try:
            pictures = json.loads(self._listing.read_text(encoding="utf-8"))["pictures"]
            return [
                picture
                for picture in pictures
                if isinstance(picture["file"], str) and isinstance(picture["sha256"], str)
            ]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{self._listing} is no listing of suggestions; remove it or give another -o") from error

    def start(self, names: Iterable[str]) -> list[str]:
        """Take away unchanged pictures of an earlier run. The names of changed ones, which stay, are given back;
        OutputError, before anything is touched, where one of `names` would replace a picture that is not ours."""
        ours = [listed["file"] for listed in self._before if self._is_ours(listed)]
        for name in names:
            if (self.path / name).exists() and name not in ours:
                raise OutputError(
                    f"{self.path / name} exists and is not an unchanged suggestion; name the folder with --refs "
                    "to count it in, or give another -o"
                )
        self.path.mkdir(exist_ok=True)
        for name in ours:
            (self.path / name).unlink()
        listed_before = [listed["file"] for listed in self._before]
        return [name for name in listed_before if name not in ours and (self.path / name).exists()]

    def _is_ours(self, listed: dict[str, Any]) -> bool:
        path = self.path / listed["file"]
        return path.parent == self.path and path.is_file() and _hash(path) == listed["sha256"]

    def add(self, name: str, pixels: np.ndarray, bit_depth: int, about: dict[str, Any]) -> None:
        """Write a picture, float [3,h,w] in [0,1], and list it with what is known `about` it."""
        write_png(self.path / name, pixels, bit_depth)
        self._written.append({"file": name, **about, "sha256": _hash(self.path / name)})
        self.finish({})

    def finish(self, about: dict[str, Any]) -> None:
        """Write the listing, with what is known of all."""
        listing = {**about, "pictures": self._written}
        self._listing.write_text(json.dumps(listing, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _hash(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()
