"""Small frames in memory."""

import numpy as np
import pytest

from lfvideo_sr.media.resize import degrade, to_uint8


@pytest.fixture(scope="session")
def small_frames(pictures) -> list[np.ndarray]:
    """The frames of `low_clip` as a camera gives them: uint8 [3,32,48]."""
    return [to_uint8(degrade(picture)) for picture in pictures]
