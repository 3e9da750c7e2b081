"""A field says where it points in the reference's own pixels, always in float32."""

import pytest
import torch

from lfvideo_sr.correspondence import Correspondence
from lfvideo_sr.errors import ShapeError
from lfvideo_sr.frames import Size


def test_an_index_is_decoded_with_the_references_own_width():
    index = torch.tensor([[[0, 9, 10, 25]]])  # the frame is 4 places wide, the reference 10
    found = Correspondence.from_index(
        index, torch.ones(1, 1, 4), stride=4, reference_stride=4, reference_size=Size(43, 30)
    )
    assert found.positions.tolist() == [[[[1.5, 1.5], [37.5, 1.5], [1.5, 5.5], [21.5, 9.5]]]]


def test_half_precision_and_wrong_shapes_are_refused():
    with pytest.raises(ShapeError, match="float32"):
        Correspondence(torch.zeros(1, 2, 3, 2, dtype=torch.float16), torch.zeros(1, 2, 3), 1, Size(8, 8))
    with pytest.raises(ShapeError, match="relevance"):
        Correspondence(torch.zeros(1, 2, 3, 2), torch.zeros(1, 3, 2), 1, Size(8, 8))
