"""The three verbs of a learned method where its tensors lie: nothing is copied from the device, nothing asked of it."""

from collections.abc import Sequence
from typing import Any

import torch

from lfvideo_sr.engine import Precision
from lfvideo_sr.errors import EngineError
from lfvideo_sr.method import Features, Match, Method
from lfvideo_sr.nn.resize import BicubicReduce

DTYPES = {Precision.FP32: torch.float32, Precision.BF16: torch.bfloat16, Precision.FP16: torch.float16}
SEED = "seed"  # among features: what the seeder keeps of a reference


class ResidentMethod:
    """A method's parts on `device`, convolutions in `precision` (autocast), pictures in channels_last.

    replay: as CUDA graphs where shapes repeat. Matching is one only where a seeder starts it: searches compare what is
    new, and how much that is they ask the device.
    """

    def __init__(self, method: Method, device: torch.device, precision: Precision, replay: bool = False):
        self.method, self.device, self._dtype = method, device, DTYPES[precision]
        self.seeds_here = method.device_seeder is not None and device.type == "cuda"  # by `match` itself
        self._reduce = BicubicReduce(method.info.scale)  # as frames are reduced: a search compares like with like
        for part in {method.encoder, method.matcher, method.restorer}:
            part.eval().to(device, memory_format=torch.channels_last)
        self._match, self._restore = self._matched, self._restored
        if device.type == "cuda":
            torch.backends.cudnn.allow_tf32 = False  # where float32 is wanted, three digits are not meant
            torch.backends.cudnn.benchmark = True
        if replay:
            from .cuda_graphs import Replayed

            self._restore = Replayed(self._restored)
            self._match = Replayed(self._matched) if method.device_seeder is not None else self._matched

    def encode(self, picture: torch.Tensor) -> dict[str, Any]:
        """Reference [1,3,H,W] in [0,1] -> features by name; with the seeder's own where seeds are made here."""
        with self._running():
            features = dict(self.method.encoder(picture))
            if self.seeds_here:
                features[SEED] = self.method.device_seeder.prepare(self.reduced(picture))
            return features

    def reduced(self, picture: torch.Tensor) -> torch.Tensor:
        """What a low-resolution camera would have shown of it, [1,3,H/scale,W/scale]."""
        return self._reduce(picture)

    def match(
        self, frame: torch.Tensor, features: Features, start: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Frame [1,3,h,w], features, positions to start from -> positions [1,h',w',2], relevance f32 [1,h',w'].

        start: where seeds are made here, the field of the frame before; else the seed itself.
        """
        with self._running():
            return self._match(frame, dict(features), start)

    def restore(self, frame: torch.Tensor, matches: Sequence[Match]) -> torch.Tensor:
        """Frame [1,3,h,w] and matches -> picture f32 [1,3,scale*h,scale*w] in [0,1]."""
        with self._running():
            return self._restore(frame, [tuple(match) for match in matches])

    def _matched(self, frame: torch.Tensor, features: dict[str, Any], start: torch.Tensor | None):
        method = self.method
        if self.seeds_here:
            start = method.device_seeder(method.device_seeder.prepare(frame), features[SEED], start)
        positions, relevance = method.matcher(frame, features, start)
        return positions, relevance.float()

    def _restored(self, frame: torch.Tensor, matches: list[tuple]) -> torch.Tensor:
        return self.method.restorer(frame, [Match(*match) for match in matches]).float().clamp_(0, 1)

    def _running(self) -> "_Running":
        return _Running(self.device.type, self._dtype)


class _Running:
    """Inference mode with autocast; a device out of memory becomes an error with a remedy."""

    def __init__(self, device: str, dtype: torch.dtype):
        self._inference = torch.inference_mode()
        # Cast weights are not kept: a CUDA graph that is being captured must make its own.
        self._autocast = torch.autocast(device, dtype, enabled=dtype != torch.float32, cache_enabled=device != "cuda")

    def __enter__(self) -> None:
        self._inference.__enter__()
        self._autocast.__enter__()

    def __exit__(self, kind, error, trace) -> None:
        self._autocast.__exit__(kind, error, trace)
        self._inference.__exit__(kind, error, trace)
        if isinstance(error, torch.OutOfMemoryError):
            raise EngineError(
                "the device is out of memory at this frame size; pass --device cpu or --max-height"
            ) from error
