"""Whether the data that a configuration names are there, looked at before torch is loaded and anything is rendered."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import InputError

_MADE = ("rendered:", "clips:")  # words for what is no folder


def check_data(values: Mapping[str, Any], root: Path) -> None:
    """Raise InputError where a clip, or a folder of pairs or photos, that a configuration names below `root` is not
    there."""
    clips = _words(values, "clips")
    missing = [name for name in clips if not (root / name).is_file()]
    if missing:
        raise InputError(
            f"{root} lacks {len(missing)} of {len(clips)} training clips, first {missing[0]}; set LFVIDEO_DATA"
        )
    photos, pairs = (
        [words for words in _words(values, name) if not words.startswith(_MADE)] for name in ("photos", "pairs")
    )
    if photos or pairs:
        from .data_folders import photo_files
        from .sources import pairs_of

        for words in photos:
            photo_files(root, words)
        if pairs:
            pairs_of(root, pairs, root, str(values.get("split") or ""))


def _words(values: Mapping[str, Any], name: str) -> list[str]:
    """What a configuration lists under a name."""
    listed = values.get(name) or ()
    return [str(words) for words in listed] if isinstance(listed, list | tuple) else []
