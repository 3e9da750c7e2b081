"""Photos of one place, where LFVIDEO_DATA names the folder with refpairs/: the whole command on two of them."""

import json
import os

import pytest
from typer.testing import CliRunner

from lfvideo_sr.cli import app

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not os.environ.get("LFVIDEO_DATA"), reason="LFVIDEO_DATA names no folder of data sets"),
]


@pytest.mark.parametrize("method", ["flow_transfer", "stream_ref"])
def test_a_photo_of_the_same_place_helps(method):
    done = CliRunner().invoke(
        app, ["evaluate", "--method", method, "--dataset", "refpairs", "--limit", "2", "--json", "--device", "cpu"]
    )
    assert done.exit_code == 0, done.output
    (result,) = json.loads(done.stdout)["results"]
    assert [row["item"] for row in result["rows"]] == ["et/et000", "et/et001"]
    assert all(row["references"] == 1 for row in result["rows"])
    assert result["totals"]["psnr"] > result["totals"]["bicubic_psnr"] + 0.3
