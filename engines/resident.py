"""A learned method where its tensors are: nothing is copied from the device, nothing asked of it."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import lru_cache, partial
from typing import Any

import torch
from torch import nn

from lfvideo_sr.engine import Precision
from lfvideo_sr.errors import EngineError
from lfvideo_sr.method import Features, Match, Method
from lfvideo_sr.nn.resize import BicubicReduce

from .cudnn_settings import CudnnSettings
from .graphs import SEED

DTYPES = {Precision.FP32: torch.float32, Precision.BF16: torch.bfloat16, Precision.FP16: torch.float16}
Fields = list[tuple[torch.Tensor, torch.Tensor]]  # positions and relevance


class ResidentMethod:
    """A method's parts on `device`, convolutions in `precision` (autocast), pictures in channels_last.

    replay: match and restore run as CUDA graphs where shapes repeat, if the method's seed is made on the device; other
    searches start from what the host draws.
    """

    def __init__(self, method: Method, device: torch.device, precision: Precision, replay: bool = False):
        self.method, self.device, self._dtype = method, device, DTYPES[precision]
        self.seeds_here = method.device_seeder is not None and device.type == "cuda"  # by `match` itself
        # As frames are reduced: a search compares like with like.
        self._reduce = BicubicReduce(method.info.scale).to(device)
        for part in {method.encoder, method.matcher, method.restorer}:
            assert isinstance(part, nn.Module)
            part.eval().to(device, memory_format=torch.channels_last)
        if device.type == "cuda":
            # What others search by is computed in float32 (full_precision), also where the restorer shares its layers.
            searching = () if self.seeds_here else (method.encoder, method.matcher)
            cast_layers(method.restorer, self._dtype, searching)
            if self.seeds_here:
                cast_layers(method.matcher, self._dtype)
        self._match: Callable[..., Any] = self._all_matched
        self._restore: Callable[..., Any] = self._restored
        self._follow: Callable[..., Any] = self._followed
        if replay and self.seeds_here:
            from .cuda_graphs import Captured, Replayed

            capture = partial(Captured, pool=torch.cuda.graph_pool_handle())  # they run one after the other
            self._match, self._restore, self._follow = (
                Replayed(verb, capture=capture) for verb in (self._match, self._restore, self._follow)
            )

    def encode(
        self, picture: torch.Tensor, low: torch.Tensor | None = None, taps: torch.Tensor | None = None
    ) -> dict[str, Any]:
        """Reference [1,3,H,W] in [0,1] -> features by name; with the seeder's own where seeds are made here.

        low [1,3,H/4,W/4] and taps [1,2,24]: its low-resolution side, of methods that take it; None: the papers' own.
        """
        with self._running():
            beside = (low, taps) if self.method.info.own_frame else ()
            features = dict(self.method.encoder(picture, *beside))
            if self.seeds_here:
                features[SEED] = self.method.device_seeder.prepare(self.reduced(picture) if low is None else low)
            return features

    def reduced(self, picture: torch.Tensor) -> torch.Tensor:
        """What a low-resolution camera would have shown of it, [1,3,H/scale,W/scale]."""
        with self._running():
            return self._reduce(picture)

    def match(
        self, frame: torch.Tensor, references: Sequence[Features], starts: Sequence[torch.Tensor | None]
    ) -> Fields:
        """Frame [1,3,h,w], features of references, positions to start from -> for each: positions [1,h',w',2] and
        relevance f32 [1,h',w'].

        starts: where seeds are made here, the fields of the frame before; else the seeds themselves.
        """
        with self._running():
            return self._match(frame, [dict(reference) for reference in references], list(starts))

    def restore(self, frame: torch.Tensor, matches: Sequence[Match], last: Match | None = None) -> torch.Tensor:
        """Frame [1,3,h,w], matches and, of a recurrent method, what was restored last -> picture f32
        [1,3,scale*h,scale*w] in [0,1]."""
        with self._running():
            return self._restore(frame, [tuple(match) for match in matches], last and tuple(last))

    def follow(self, frame: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
        """Where two low-resolution frames [1,3,h,w] agree, by the seeder's search on the device: positions of the frame
        in the picture of the one before."""
        with self._running():
            return self._follow(frame, before)

    def _followed(self, frame: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
        seeder = self.method.device_seeder
        return seeder(seeder.prepare(frame), seeder.prepare(before))

    def _all_matched(self, frame: torch.Tensor, references: list[dict], starts: list[torch.Tensor | None]) -> Fields:
        """Each on a stream of its own: coarse levels of a search are far too small for a GPU."""
        prepared = self.method.device_seeder.prepare(frame) if self.seeds_here else None
        return side_by_side(
            [partial(self._matched, frame, prepared, *pair) for pair in zip(references, starts)], self.device
        )

    def _matched(self, frame, prepared, features: dict, start) -> tuple[torch.Tensor, torch.Tensor]:
        if prepared is not None:
            start = self.method.device_seeder(prepared, features[SEED], start)
        of_matcher = {name: feature for name, feature in features.items() if name != SEED}
        positions, relevance = self.method.matcher(frame, of_matcher, start)
        return positions, relevance.float()

    def _restored(self, frame: torch.Tensor, matches: list[tuple], last: tuple | None) -> torch.Tensor:
        before = () if last is None else (Match(*last),)
        return self.method.restorer(frame, [Match(*match) for match in matches], *before).float().clamp_(0, 1)

    def _running(self) -> "_Running":
        return _Running(self.device, self._dtype)


def side_by_side(works: Sequence[Callable[[], Any]], device: torch.device) -> list[Any]:
    """What each work gives; on CUDA all but the first run on other streams, which join the present one at the end.

    Memory of another stream is used again there only after that stream has waited for the present one, so nothing that
    is still read is written over.
    """
    if device.type != "cuda" or len(works) < 2:
        return [work() for work in works]
    present = torch.cuda.current_stream(device)
    others = [_stream(device, number) for number in range(len(works) - 1)]
    results: list[Any] = [None] * len(works)
    for number, (stream, work) in enumerate(zip(others, works[1:]), 1):
        stream.wait_stream(present)
        with torch.cuda.stream(stream):
            results[number] = work()
    results[0] = works[0]()
    for stream in others:
        present.wait_stream(stream)
    return results


@lru_cache(maxsize=8)
def _stream(device: torch.device, number: int) -> torch.cuda.Stream:
    return torch.cuda.Stream(device)


def cast_layers(part: Any, dtype: torch.dtype, others: Sequence[Any] = ()) -> None:
    """Weights of convolutions in the type they compute in, once, where autocast would do it at every call. Layers that
    one of the `others` shares keep theirs."""
    shared = {layer for other in others for layer in _convolutions(other)}
    for layer in _convolutions(part):
        if layer not in shared:
            layer.to(dtype)


def _convolutions(part: Any) -> list[nn.Conv2d]:
    modules = part.modules() if isinstance(part, nn.Module) else ()
    return [layer for layer in modules if isinstance(layer, nn.Conv2d)]


class _Running:
    """Inference mode with autocast; a device out of memory becomes an error with a remedy.

    On CUDA the device is the calling thread's present one meanwhile: Triton and captures take that one, whatever device
    tensors lie on.
    """

    def __init__(self, device: torch.device, dtype: torch.dtype):
        on_cuda = device.type == "cuda"
        self._cudnn = CudnnSettings() if on_cuda else nullcontext()
        self._present = torch.cuda.device(device) if on_cuda else nullcontext()
        self._inference = torch.inference_mode()
        # Cast weights are not kept: a CUDA graph that is being captured must make its own.
        self._autocast = torch.autocast(device.type, dtype, enabled=dtype != torch.float32, cache_enabled=not on_cuda)

    def __enter__(self) -> None:
        self._cudnn.__enter__()
        self._present.__enter__()
        self._inference.__enter__()
        self._autocast.__enter__()

    def __exit__(self, kind, error, trace) -> None:
        self._autocast.__exit__(kind, error, trace)
        self._inference.__exit__(kind, error, trace)
        self._present.__exit__(kind, error, trace)
        self._cudnn.__exit__(kind, error, trace)
        if isinstance(error, torch.OutOfMemoryError):
            raise EngineError(
                "the device is out of memory at this frame size; pass --device cpu or --max-height"
            ) from error
