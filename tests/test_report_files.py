"""Where reports are written: whole or not at all, and never over what is no file."""

import json
import os
import stat

import pytest

from lfvideo_sr.errors import OutputError
from lfvideo_sr.report import write_json


def test_a_report_is_whole_under_its_name_alone(tmp_path):
    (tmp_path / "r.partial.json").write_text("dear")
    write_json(tmp_path / "r.json", {"a": 1})
    write_json(tmp_path / "r.json", {"a": 2})
    assert json.loads((tmp_path / "r.json").read_text()) == {"a": 2}
    assert {path.name for path in tmp_path.iterdir()} == {"r.json", "r.partial.json"}
    assert (tmp_path / "r.partial.json").read_text() == "dear"


def test_what_is_no_regular_file_is_written_to_and_stays_what_it_is(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_json(pipe, {"a": 1})
        assert json.loads(os.read(reader, 1000)) == {"a": 1}
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode) and list(tmp_path.iterdir()) == [pipe]


def test_a_report_that_cannot_be_written_is_said(tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        write_json(tmp_path / "nowhere" / "r.json", {})
