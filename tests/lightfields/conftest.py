"""A light field as a module has it: sharp (its own fixture), small, and in a file."""

from pathlib import Path

import numpy as np
import pytest
from small_grids import MAKERS

from lfvideo_sr.media.resize import degrade


@pytest.fixture(scope="module")
def low(sharp) -> np.ndarray:
    return np.stack([[degrade(view) for view in row] for row in sharp])


@pytest.fixture
def scene(tmp_path, low) -> Path:
    return Path(MAKERS["hci2016"](tmp_path, low).path)
