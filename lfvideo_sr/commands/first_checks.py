"""What can be refused within a fraction of a second: names that are wrong, before torch, OpenCV and FFmpeg are loaded.
All else is checked where it is read."""

import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from ..checks import check_choice
from ..errors import InputError, ReferencesMissing, UsageError
from ..media.codecs import PRESETS, codec_of
from ..media.containers import check_ending
from ..media.input_file import check_file
from ..media.picture_sequence import is_numbered, is_picture_name, is_sequence
from ..references.named import check_references_exist, manifest_named, path_and_track

Choices = Mapping[str, Collection[str]]  # what options take, by their names in a command's parameters

_PIPE = "-"
_WILD = frozenset("*?[")


def check_stream(asked: Mapping[str, Any], choices: Choices) -> None:
    """Refuse names that cannot be right, by the values of the parameters of `stream`."""
    check_names(asked, choices)
    codec_of(asked["codec"])
    check_choice("--preset", asked["preset"], PRESETS)
    is_file = _is_file_name(asked["input"])
    if is_file and str(asked["output"]) != _PIPE:
        check_not_of_pipes(asked)
    if is_file:
        check_clip(Path(asked["input"]))
    if is_file and asked["gt"] is not None:
        check_clip(Path(asked["gt"]))
    _check_references(asked["refs"])
    output = asked["output"]
    if output is not None and _names_a_video(output):
        check_ending(output)


def check_not_of_pipes(asked: Mapping[str, Any]) -> None:
    """Refuse options of pipes and live streams, for what is neither."""
    if any(asked[name] is not None for name in ("input_format", "output_format", "duration")):
        raise UsageError("--input-format, --output-format and --duration are for pipes and live streams; drop them")


def check_names(asked: Mapping[str, Any], choices: Choices) -> None:
    """Refuse a name that an option does not take, such as that of a method."""
    for parameter, names in choices.items():
        if parameter in asked:
            check_choice(f"--{parameter}", asked[parameter], list(names))


def check_clip(path: Path) -> None:
    """Refuse what is neither a file to read nor numbered pictures."""
    if not is_sequence(path):
        check_file(path)


def check_light_field(named: str, truth: str | None, references: Iterable[str]) -> None:
    """Refuse a light field (FILE::/KEY too), its truth or its references, of which one is not there."""
    for name in (named, *([] if truth is None else [truth])):
        if not _file_of(name).exists():
            raise InputError(
                f"no light field at {_file_of(name)}; give a folder of views, an HDF5, a .mat or a picture"
            )
    for name in references:
        if not _file_of(name).exists():
            raise ReferencesMissing(f"no references at {name}; give a picture, a folder of views or a light field")


def _file_of(named: str) -> Path:
    return Path(named) if Path(named).exists() else Path(named.partition("::")[0])


def _check_references(named: str | None) -> None:
    if named is None:
        return
    path = path_and_track(named)[0]
    check_references_exist(path)
    manifest = manifest_named(path)
    if manifest is not None:
        from ..references.still_names import read_manifest

        read_manifest(manifest)


def _is_file_name(named: str) -> bool:
    """Whether an input is neither a pipe, an address, a camera, a list of clips nor a pattern of names."""
    path = Path(named)
    if named == _PIPE or "://" in named or named.startswith(("camera:", "/dev/")) or path.suffix.lower() == ".txt":
        return False
    return path.exists() or not _WILD & set(named)


def _names_a_video(output: Path) -> bool:
    """Whether an output is the name of a video file, as far as its ending shows: folders and pictures have none."""
    return bool(output.suffix) and not (is_numbered(output) or is_picture_name(output.name) or os.path.isdir(output))
