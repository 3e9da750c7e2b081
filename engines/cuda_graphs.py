"""Functions of tensors as CUDA graphs: launched as one, where Python and torch would launch each kernel."""

import threading
import warnings
import weakref
from collections import Counter, OrderedDict
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import torch
from torch.utils import _pytree as pytree

from lfvideo_sr.errors import first_line

_SEEN_BEFORE_CAPTURE = 2  # calls with the same shapes: those are the warm-up, and what comes once is not captured


class Replayed:
    """A function whose tensors lie on one CUDA device, captured for every set of shapes that repeats in a thread; at
    most `keep`. Any thread may replay what was captured, one at a time.

    The function must not depend on values, nor ask the device anything. Inputs are copied into the graph's own tensors,
    results out of it: both stay the caller's, who must not write into what was given once. Where a graph cannot be
    made, the function is called as it is for such inputs, and a warning says why.

    capture: makes a graph of the function, given tensors and their places.
    """

    def __init__(self, function: Callable[..., Any], keep: int = 6, capture: Callable[..., Any] | None = None):
        self._function, self._keep, self._capture = function, keep, capture or Captured
        self._warm_up, self._one_at_a_time = _WarmUp(), threading.Lock()
        self._refused: set[Any] = set()
        self._captured: OrderedDict[Any, Any] = OrderedDict()

    def __call__(self, *arguments: Any) -> Any:
        with self._one_at_a_time:
            return self._called(arguments)

    def _called(self, arguments: tuple) -> Any:
        values, structure = pytree.tree_flatten(arguments)
        key = (structure, tuple(_shape(value) for value in values))
        if key in self._captured:
            self._captured.move_to_end(key)
            return self._captured[key](values)
        self._warm_up.seen[key] += 1
        seen_enough = self._warm_up.seen[key] > _SEEN_BEFORE_CAPTURE and key not in self._refused
        if not seen_enough or not self._captures(key, values, structure):
            return self._function(*arguments)
        return self._captured[key](values)

    def _captures(self, key: Any, values: list[Any], structure: Any) -> bool:
        """Make a graph, if that can be: beside the memory of separate calls it needs its own."""
        try:
            self._captured[key] = self._capture(self._function, values, structure)
        except RuntimeError as error:
            reason = first_line(error)
        else:
            if len(self._captured) > self._keep:
                self._captured.popitem(last=False)
            return True
        self._refused.add(key)
        warnings.warn(f"no CUDA graph could be made ({reason}); each kernel is launched by itself", stacklevel=4)
        with suppress(RuntimeError):  # the graph is gone now; torch opens its pool anew only if that was emptied
            torch.cuda.empty_cache()
        return False


class _WarmUp(threading.local):
    """How often each set of shapes came in this thread: cuDNN's algorithms, say, are tried in each, which a capture
    does not survive, and streams of one engine run in a thread each."""

    def __init__(self) -> None:
        self.seen: Counter[Any] = Counter()


class Captured:
    """One graph with the tensors it reads and writes.

    pool: memory (torch.cuda.graph_pool_handle) that graphs share for what lies between; no two of them may run at once.
    """

    def __init__(self, function: Callable[..., Any], values: list[Any], structure: Any, pool: Any = None):
        self._inputs = Inputs(values)
        self._graph = torch.cuda.CUDAGraph()
        torch.cuda.synchronize()
        present = torch.cuda.current_stream()
        try:
            # Other threads, which decode and encode, may go on with what they do on the device.
            with torch.cuda.graph(self._graph, pool=pool, capture_error_mode="thread_local"):
                self._written = function(*pytree.tree_unflatten(self._inputs.values, structure))
        except RuntimeError:
            torch.cuda.set_stream(present)  # torch leaves the one it captured on
            raise

    def __call__(self, values: list[Any]) -> Any:
        self._inputs.take(values)
        self._graph.replay()
        return pytree.tree_map_only(torch.Tensor, torch.clone, self._written)


class Inputs:
    """A graph's own tensors, and which were copied into them: the same tensor given again, as a reference's features
    are for many frames, is not copied again. They are remembered, not kept."""

    def __init__(self, values: list[Any]):
        self.values = [value.clone() if isinstance(value, torch.Tensor) else value for value in values]
        self._sources = [_remembered(value) for value in values]

    def take(self, values: list[Any]) -> None:
        for target, value, source in zip(self.values, values, self._sources):
            if isinstance(target, torch.Tensor) and value is not source():
                target.copy_(value)
        self._sources = [_remembered(value) for value in values]


def _remembered(value: Any) -> Callable[[], Any]:
    return weakref.ref(value) if isinstance(value, torch.Tensor) else lambda: None


def _shape(value: Any) -> Any:
    """What a captured graph depends on: a tensor's shape, strides and type, or the value itself."""
    return (value.shape, value.stride(), value.dtype) if isinstance(value, torch.Tensor) else value
