"""Help lists what the tables hold."""

import subprocess
import sys

import pytest

from lfvideo_sr import choose, protocols
from lfvideo_sr.cli import choices
from lfvideo_sr.cli.layout_lines import LAYOUT_LINES
from lfvideo_sr.commands import progress
from lfvideo_sr.engine import Precision
from lfvideo_sr.lightfields.layouts import LAYOUTS
from lfvideo_sr.media import piped_video, streams
from lfvideo_sr.methods import METHODS
from lfvideo_sr.references import opening


def test_names_that_help_repeats_are_those_of_the_tables():
    assert choose.ENGINES == choices.ENGINES
    assert choose.QUALITIES == choices.QUALITIES
    assert set(choices.PRECISIONS) == {precision.value for precision in Precision}
    assert opening.KINDS == choices.REFERENCE_SOURCES
    assert streams.KINDS == choices.STREAM_KINDS
    assert tuple(protocols.PROTOCOLS) == choices.PROTOCOLS
    assert tuple(piped_video.FORMATS) == choices.PIPE_FORMATS
    assert progress.KINDS == choices.PROGRESS
    assert {name: layout.description for name, layout in LAYOUTS.items()} == LAYOUT_LINES


@pytest.mark.parametrize("command", ["stream", "image", "lightfield restore", "evaluate", "bench", "info"])
def test_help_lists_every_method(run, command):
    help_text = " ".join(run(*command.split(), "--help").out.split())
    assert all(name in help_text for name in METHODS)


def test_a_new_method_is_in_the_help(tmp_path):
    code = (
        "import sys\n"
        "from lfvideo_sr.methods import METHODS, Entry\n"
        "METHODS['brand_new'] = Entry('bicubic')\n"
        "sys.argv = ['lfvideo-sr', 'stream', '--help']\n"
        "from lfvideo_sr.cli import main\n"
        "main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert "brand_new" in done.stdout, done.stderr


def test_a_list_in_words():
    assert [choices.listed(names) for names in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a or b", "a, b or c"]
