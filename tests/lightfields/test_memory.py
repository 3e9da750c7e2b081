"""A grid of a gigabyte never lies in memory."""

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from small_grids import as_bytes, rendered_grid

from lfvideo_sr.frames import Size

SIDE, GRID = 1088, 17  # 17 x 17 views of 1088 x 1088 x 3 bytes: 1.03 GB
LIMIT = 1.5e9  # bytes
RUN = """
import resource, sys
from lfvideo_sr.cli import main
sys.argv = ["lfvideo-sr", *sys.argv[1:]]
try:
    main()
except SystemExit as stop:
    assert not stop.code, stop.code
print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def write_grid(path: Path) -> None:
    """Uncompressed; a picture that moves a pixel from view to view."""
    picture = as_bytes(rendered_grid(1, 1, Size(SIDE, SIDE), seed=3))[0, 0]
    with h5py.File(path, "w") as file:
        views = file.create_dataset("LF", (GRID, GRID, SIDE, SIDE, 3), np.uint8)
        for row, column in np.ndindex(GRID, GRID):
            views[row, column] = np.roll(picture, (-row, -column), (0, 1))


@pytest.mark.slow
@pytest.mark.parametrize("options", [("--method", "flow_transfer"), ("--method", "stream_ref", "--views", "7:9,7:9")])
def test_a_gigabyte_of_views_takes_less_than_one_and_a_half(tmp_path, options):
    path = tmp_path / "big.h5"
    write_grid(path)
    assert path.stat().st_size > 1e9
    arguments = ["lightfield", path, "--simulate", "-o", tmp_path / "sr.h5", *options]
    done = subprocess.run([sys.executable, "-c", RUN, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    peak = int(done.stdout.split("peak ")[1])
    assert peak < LIMIT, f"{peak / 1e9:.2f} GB"
    with h5py.File(tmp_path / "sr.h5") as file:
        assert file["LF"].shape == ((GRID,) * 2 if "--views" not in options else (3, 3)) + (SIDE, SIDE, 3)
