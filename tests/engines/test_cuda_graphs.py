"""Functions replayed as CUDA graphs: when one is captured, and on a GPU that it gives what the function gives."""

import threading
import warnings
import weakref
from functools import partial

import pytest
import torch

from lfvideo_sr.engines.cuda_graphs import Captured, Inputs, Replayed


class Recording:
    """Stands in for a graph: counts captures, then calls the function."""

    captured = 0

    def __init__(self, function, values, structure):
        type(self).captured += 1
        self._function, self._structure = function, structure

    def __call__(self, values):
        return self._function(*torch.utils._pytree.tree_unflatten(values, self._structure))


@pytest.fixture
def recording():
    Recording.captured = 0
    return Recording


def test_shapes_are_captured_when_they_come_a_third_time(recording):
    twice = Replayed(lambda x: 2 * x, capture=recording)
    for number in range(5):
        assert torch.equal(twice(torch.full((3,), float(number))), torch.full((3,), 2.0 * number))
        assert recording.captured == (number >= 2)
    twice(torch.ones(4))
    assert recording.captured == 1


def test_another_structure_is_another_graph(recording):
    total = Replayed(lambda many: sum(many), capture=recording)
    for _ in range(3):
        total([torch.ones(2)])
        total([torch.ones(2), torch.ones(2)])
    assert recording.captured == 2


def test_what_was_not_used_for_long_is_captured_anew(recording):
    same = Replayed(lambda x: x, keep=1, capture=recording)
    for _ in range(3):
        same(torch.ones(1))
    for _ in range(3):
        same(torch.ones(2))
    same(torch.ones(1))
    assert recording.captured == 3


@pytest.mark.parametrize("error", [RuntimeError, torch.OutOfMemoryError])
def test_what_cannot_be_captured_is_called_as_it_is_and_said_once(error):
    def refusing(function, values, structure):
        raise error("stream is capturing\nSearch for it")

    twice, results = Replayed(lambda x: 2 * x, capture=refusing), []
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for number in range(5):
            results.append(twice(torch.tensor(number)).item())
    assert results == [0, 2, 4, 6, 8]
    assert [str(warning.message) for warning in seen] == [
        "no CUDA graph could be made (stream is capturing); each kernel is launched by itself"
    ]


def test_each_thread_warms_up_before_it_captures(recording):
    twice, results = Replayed(lambda x: 2 * x, capture=recording), []

    def calls(count):
        def work():
            results.extend(twice(torch.tensor(number)).item() for number in range(count))
            results.append(recording.captured)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()

    calls(2)
    calls(2)
    assert results == 2 * [0, 2, 0]
    calls(3)
    calls(1)  # what another thread captured is replayed at once
    assert results[6:] == [0, 2, 4, 1, 0, 1]


def test_what_is_given_again_is_not_copied_again():
    kept, other = torch.ones(2), torch.zeros(3)
    inputs = Inputs([kept, 7, other])
    inputs.values[0].fill_(5)  # seen only if nothing is copied over it
    inputs.take([kept, 7, torch.full((3,), 2.0)])
    assert inputs.values[0].tolist() == [5, 5] and inputs.values[2].tolist() == [2, 2, 2]
    inputs.take([torch.full((2,), 3.0), 7, other])
    assert inputs.values[0].tolist() == [3, 3] and inputs.values[2].tolist() == [0, 0, 0]
    assert kept.tolist() == [1, 1]


def test_what_was_given_is_not_kept():
    tensor = torch.ones(2)
    inputs, gone = Inputs([tensor]), weakref.ref(tensor)
    del tensor
    assert gone() is None
    inputs.take([torch.full((2,), 3.0)])
    assert inputs.values[0].tolist() == [3, 3]


@pytest.mark.gpu
def test_a_graph_gives_what_its_function_gives(gpu):
    layer = torch.nn.Conv2d(3, 8, 3, padding=1).cuda()
    with torch.inference_mode():
        replayed = Replayed(lambda inputs: {"out": layer(inputs["in"]).relu()})
        kept = []
        for number in range(5):
            x = torch.full((1, 3, 8, 8), float(number), device="cuda")
            kept.append((replayed({"in": x})["out"], layer(x).relu()))
        for mine, expected in kept:  # earlier results are not written over
            torch.testing.assert_close(mine, expected)


@pytest.mark.gpu
def test_a_graph_that_fails_does_not_spoil_the_memory_that_others_share(gpu):
    def failing(x):
        (x + 1).mul_(2)
        if torch.cuda.is_current_stream_capturing():
            raise RuntimeError("no room")
        return x

    capture = partial(Captured, pool=torch.cuda.graph_pool_handle())
    first, second = Replayed(failing, capture=capture), Replayed(lambda x: x + 1, capture=capture)
    x = torch.zeros(1 << 20, device="cuda")
    with warnings.catch_warnings(record=True) as seen, torch.inference_mode():
        warnings.simplefilter("always")
        for _ in range(3):
            first(x)
        for _ in range(4):
            assert second(x).eq(1).all()
    assert [str(warning.message).count("(no room)") for warning in seen] == [1]


@pytest.mark.gpu
def test_a_thread_of_its_own_for_each_stream_does_not_spoil_captures(gpu, monkeypatch):
    """What comes once in each stream: cuDNN tries its algorithms in every thread anew."""
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    layer = torch.nn.Conv2d(3, 8, 3, padding=1).cuda()
    replayed, spoilt = Replayed(layer), []

    def stream():
        with warnings.catch_warnings(record=True) as seen, torch.inference_mode():
            replayed(torch.ones(1, 3, 40, 40, device="cuda"))
            spoilt.extend(seen)

    for _ in range(4):
        thread = threading.Thread(target=stream)
        thread.start()
        thread.join()
    assert not spoilt


@pytest.mark.gpu
def test_a_stream_by_graphs_is_the_stream_without(gpu):
    from lfvideo_sr.choose import load_learned
    from lfvideo_sr.engine import Precision
    from lfvideo_sr.engines.resident import ResidentMethod
    from lfvideo_sr.method import Match

    device = torch.device("cuda")
    outputs = []
    for replay in (False, True):
        method = ResidentMethod(load_learned("stream_ref"), device, Precision.FP32, replay)
        generator = torch.Generator().manual_seed(0)
        reference = torch.rand(1, 3, 128, 160, generator=generator).cuda()
        features, before = method.encode(reference), None
        for step in range(5):
            frame = method.reduced(reference.roll(step, 3))
            fields = method.match(frame, 2 * [features], 2 * [before])
            before = fields[0][0]
            picture = method.restore(frame, [Match(features, *field) for field in fields])
        outputs.append(picture)
    torch.testing.assert_close(*outputs, rtol=0, atol=2e-3)
    torch.testing.assert_close(*fields)
