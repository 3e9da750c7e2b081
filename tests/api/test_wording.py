"""Messages for Python callers: every option becomes a parameter."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

import lfvideo_sr
from lfvideo_sr.api.wording import in_python, python_errors
from lfvideo_sr.errors import TorchMissing

TRANSLATED = {
    "--max-refs is 0; give a number above 0": "max_refs is 0; give a number above 0",
    "pass --deinterlace to turn its fields into frames": "pass deinterlace=True to turn its fields into frames",
    "pass --device cpu or --max-height": "pass device='cpu' or max_height",
    "pass --grid 5x5": "pass grid=(5, 5)",
    "pass --drop 3, or --audio aac": "pass drop=('3',), or audio='aac'",
    "pass --weights FILE, or --weights c2_small": "pass weights=FILE, or weights c2_small",
    "x.mkv exists; pass --overwrite or give another -o": "x.mkv exists; pass overwrite=True or give another path",
    "build it: lfvideo-sr engine build x --engine onnx; or --engine torch":
        "build it: lfvideo-sr engine build x --engine onnx; or engine='torch'",
    "raise --max-pixels, or pass --max-pixels 300M": "raise LFVIDEO_MAX_PIXELS, or pass LFVIDEO_MAX_PIXELS=300M",
    "a--b and half-open": "a--b and half-open",
}  # fmt: skip


@pytest.mark.parametrize(("message", "expected"), TRANSLATED.items(), ids=TRANSLATED)
def test_options_become_parameters(message, expected):
    assert in_python(message) == expected == in_python(expected)


@pytest.mark.parametrize("kind", [lfvideo_sr.InputError, lfvideo_sr.OutputError, TorchMissing])
def test_an_error_stays_itself(kind):
    with pytest.raises(kind) as raised, python_errors():
        raise kind("pass --overwrite")
    assert str(raised.value) == "pass overwrite=True"


def test_every_switch_is_known():
    """A boolean field of the options is written as one in messages."""
    kinds = (lfvideo_sr.StreamOptions, lfvideo_sr.GridOptions, lfvideo_sr.OpenOptions)
    switches = {field.name for kind in kinds for field in fields(kind) if field.type in (bool, "bool")} - {"sharp"}
    for name in switches:
        assert in_python(f"pass --{name.replace('_', '-')}") == f"pass {name}=True"


def test_the_options_that_messages_name_are_parameters():
    """In the modules that the Python functions run through, messages name only options that have a parameter."""
    package = Path(lfvideo_sr.__file__).parent
    folders = ("stream", "references", "media", "api")
    text = "".join(file.read_text() for folder in folders for file in sorted((package / folder).glob("*.py")))
    named = {name.replace("-", "_") for name in re.findall(r"(?<![\w`-])--([a-z][a-z-]+)", text)}
    kinds = (lfvideo_sr.StreamOptions, lfvideo_sr.GridOptions, lfvideo_sr.OpenOptions)
    known = {field.name for kind in kinds for field in fields(kind)}
    known |= {"overwrite", "codec", "size", "scale", "crf", "preset", "drop", "audio"}
    known |= {"engine", "device", "dtype", "method", "weights"}
    assert named - known <= {
        "ref_view",
        "ref",
        "report",
        "no_resume",
        "from",
        "to",
        "max_pixels",
        "duration",
        "reconnect",
        "output_format",
    }
