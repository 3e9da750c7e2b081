"""Real light fields, x4 from their centre view: what the README claims of them."""

import os
from pathlib import Path

import numpy as np
import pytest

from lfvideo_sr.choose import make_engine
from lfvideo_sr.stream.grid_job import GridJob
from lfvideo_sr.stream.grid_options import GridOptions

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not os.environ.get("LFVIDEO_DATA"), reason="LFVIDEO_DATA names no folder of data sets"),
]


def scores(path: Path, method: str, **options) -> dict[tuple[int, int], float]:
    """PSNR-Y of each view but the reference."""
    with make_engine(method) as engine, GridJob(path, engine, GridOptions(simulate=True, **options)) as job:
        for _ in job:
            pass
        return {tuple(score.view): score.psnr_y for score in job.scorer.scores if not score.is_reference}


@pytest.mark.parametrize("name", ["lytro_2067", "antinous", "cotton_row"])
def test_a_decibel_above_classical_flow_and_no_view_worse_than_without_references(name):
    path = Path(os.environ["LFVIDEO_DATA"]) / "lightfields" / name
    guided, flow = scores(path, "stream_ref"), scores(path, "flow_transfer")
    alone = scores(path, "stream_ref", no_refs=True)
    free = scores(path, "stream_ref", matching="free")
    assert np.mean(list(guided.values())) > np.mean(list(flow.values())) + 1
    assert np.mean(list(guided.values())) > np.mean(list(free.values())) - 0.03
    assert all(guided[view] > alone[view] + 3 for view in guided)
