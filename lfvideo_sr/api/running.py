"""Which engine runs: one by name, one for a caller's own method, or a caller's own."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..choose import EngineOptions, choose_engine
from ..engine import Engine
from ..errors import UsageError
from ..frames import Size
from ..method import Method

LOGGER = logging.getLogger("lfvideo_sr")
LOGGER.addHandler(logging.NullHandler())  # a program that sets up no logging sees no lines


@contextmanager
def engine_in_context(
    method: str | Method,
    engine: str | Engine,
    weights: str | None,
    device: str,
    dtype: str,
    size: Size | None = None,
    quality: str = "best",
) -> Iterator[Engine]:
    """The engine inside its context. A caller's own engine is left as it is: whoever entered it leaves it."""
    chosen = quality if quality in ("fast", "balanced") else None
    if not isinstance(engine, str):
        decided = {"weights": weights, "device": device, "dtype": dtype, "quality": chosen}
        _refuse({"method": method != "stream_ref"} | decided, "engine")
        yield engine
    elif isinstance(method, str):
        options = EngineOptions(method, weights, device, dtype, engine, quality)
        with choose_engine(options, size, LOGGER.warning).engine as made:
            yield made
    else:
        _refuse({"weights": weights, "quality": chosen}, "method")
        if engine not in ("auto", "torch"):
            raise UsageError(f"engine='{engine}' runs methods by name; leave it out for a Method of your own")
        with _engine_of(method, device, dtype) as made:
            yield made


def _engine_of(method: Method, device: str, dtype: str) -> Engine:
    """A method of torch modules runs with torch, any other one with NumPy."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(method.restorer, torch.nn.Module):
        from ..engines.torch_engine import TorchEngine

        return TorchEngine(method, device, dtype)
    from ..engines.numpy_engine import NumpyEngine

    _refuse({"device": device, "dtype": dtype}, "method")
    return NumpyEngine(method)


def _refuse(parameters: dict[str, Any], what: str) -> None:
    """Refuse parameters that the caller's own engine or method has decided."""
    named = [name for name, value in parameters.items() if value not in (None, False, "auto")]
    if named:
        raise UsageError(f"the {what} given decides about {', '.join(named)}; leave {named[0]} out")
