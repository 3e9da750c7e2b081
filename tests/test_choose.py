"""Which weights, of a method that has several sizes."""

import pytest

from lfvideo_sr.choose import EngineOptions
from lfvideo_sr.errors import UsageError
from lfvideo_sr.methods import METHODS

SIZES = METHODS["stream_ref"].qualities


@pytest.mark.parametrize("quality", ["fast", "balanced", "best"])
def test_a_quality_names_weights(quality):
    settled = EngineOptions(quality=quality).settled()
    assert settled.weights == SIZES[quality]
    assert EngineOptions(quality=quality).named_quality() == quality
    assert settled.settled() == settled


@pytest.mark.parametrize(
    ("options", "quality"),
    [
        ({"device": "cpu"}, "fast"),
        ({"device": "cuda:1"}, "best"),
        ({"device": "cpu", "engine": "onnx"}, "fast"),
        ({"engine": "tensorrt"}, "best"),
    ],
)
def test_auto_goes_by_the_device(options, quality):
    assert EngineOptions(quality="auto", **options).settled().weights == SIZES[quality]


def test_weights_that_are_named_stay():
    options = EngineOptions(weights="mine.safetensors", quality="auto")
    assert options.settled().weights == "mine.safetensors" and options.named_quality() is None
    with pytest.raises(UsageError, match="--quality fast names shipped weights, and --weights others"):
        EngineOptions(weights="mine.safetensors", quality="fast").settled()


def test_a_method_of_one_size_has_no_quality():
    assert EngineOptions("c2_matching", quality="auto").settled().weights is None
    with pytest.raises(UsageError, match="c2_matching has one size; leave --quality out"):
        EngineOptions("c2_matching", quality="balanced").settled()
    with pytest.raises(UsageError, match="fastest"):
        EngineOptions(quality="fastest").settled()
