"""A field says where it points in the reference's own pixels, always in float32."""

import pytest
import torch

from lfvideo_sr.correspondence import Correspondence
from lfvideo_sr.errors import ShapeError
from lfvideo_sr.frames import Size


def test_half_precision_and_wrong_shapes_are_refused():
    with pytest.raises(ShapeError, match="float32"):
        Correspondence(torch.zeros(1, 2, 3, 2, dtype=torch.float16), torch.zeros(1, 2, 3), 1, Size(8, 8))
    with pytest.raises(ShapeError, match="relevance"):
        Correspondence(torch.zeros(1, 2, 3, 2), torch.zeros(1, 3, 2), 1, Size(8, 8))
