"""Runs a learned method with torch, on any device it knows."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F

from lfvideo_sr.correspondence import Correspondence
from lfvideo_sr.engine import Matched, Precision
from lfvideo_sr.errors import EngineError
from lfvideo_sr.frames import Frame, Size
from lfvideo_sr.method import Match, Method
from lfvideo_sr.nn.resize import BicubicReduce
from lfvideo_sr.references import EncodedReference, Reference

from .host_memory import keep_freed_memory

_DTYPES = {Precision.FP32: torch.float32, Precision.BF16: torch.bfloat16, Precision.FP16: torch.float16}


class TorchEngine:
    """The three verbs of a torch method. Parts are moved to `device`; convolutions run in `precision` (autocast)."""

    def __init__(self, method: Method, device: str = "auto", precision: str = "auto"):
        self._method = method
        self.info = method.info
        self._device = pick_device(device)
        self.device = str(self._device)
        if self._device.type == "cpu":
            keep_freed_memory()
        self.precision = pick_precision(precision, self._device)
        self._reduce = BicubicReduce(method.info.scale)  # as frames are reduced: a search compares like with like
        for part in {method.encoder, method.matcher, method.restorer}:
            part.eval().to(self._device, memory_format=torch.channels_last)

    def encode(self, reference: Reference) -> EncodedReference:
        pixels = reference.load()
        size = Size(pixels.shape[2], pixels.shape[1])
        with self._running():
            picture = self._padded(pixels, self.info.size_multiple * self.info.scale)
            features = dict(self._method.encoder(picture))
            if self._method.seeder is not None:
                features["seed"] = self._method.seeder.prepare(self._reduce(picture)[0].cpu().numpy())
        return EncodedReference(reference.key, features, size)

    def match(self, frame: Frame, reference: EncodedReference, previous: Correspondence | None) -> Correspondence:
        with self._running():
            picture = self._padded(frame.pixels, self.info.size_multiple)
            seed = self._seed(frame, picture, reference, previous)
            positions, relevance = self._method.matcher(picture, reference.features, seed)
        return Correspondence(positions, relevance.float(), self._method.field_stride, reference.size)

    def restore(self, frame: Frame, matches: Sequence[Matched]) -> np.ndarray:
        height, width = (side * self.info.scale for side in frame.pixels.shape[1:])
        found = [
            Match(one.reference.features, one.correspondence.positions, one.correspondence.relevance) for one in matches
        ]
        with self._running():
            picture = self._method.restorer(self._padded(frame.pixels, self.info.size_multiple), found)
            return picture[0, :, :height, :width].float().clamp_(0, 1).cpu().numpy()

    def _seed(
        self, frame, picture, reference: EncodedReference, previous: Correspondence | None
    ) -> torch.Tensor | None:
        """Positions on the padded frame's grid, from the classical search, started from the frame before."""
        if self._method.seeder is None:
            return self._warm(picture, reference, previous)
        step = self._method.field_stride
        places = self.info.scale // step  # of the field in a low-resolution pixel, along each side
        height, width = (places * side for side in frame.pixels.shape[1:])
        before = None
        if previous is not None and previous.stride == step and previous.reference_size == reference.size:
            field = previous.positions[0, :height, :width].cpu().numpy()
            before = field if field.shape[:2] == (height, width) else None  # of a smaller frame: start afresh
        found = self._method.seeder(self._method.seeder.prepare(frame.pixels), reference.features["seed"], before)
        positions = torch.from_numpy(found)[None].to(self._device)
        extra = [places * picture.shape[-1] - width, places * picture.shape[-2] - height]
        return _extended(positions, *extra, step=float(step)) if any(extra) else positions

    def _warm(self, picture, reference: EncodedReference, previous: Correspondence | None) -> torch.Tensor | None:
        """The field of the frame before, where the method takes it as it is and it still fits."""
        if not self._method.warm or previous is None or previous.reference_size != reference.size:
            return None
        wanted = [side * self.info.scale // self._method.field_stride for side in picture.shape[2:]]
        return previous.positions if list(previous.positions.shape[1:3]) == wanted else None

    def _padded(self, pixels: np.ndarray, multiple: int) -> torch.Tensor:
        """[3,H,W] -> [1,3,H',W'] with both sides multiples, the edge repeated at the bottom and right."""
        height, width = pixels.shape[1:]
        tensor = self._tensor(pixels)
        if height % multiple or width % multiple:
            tensor = F.pad(tensor, (0, -width % multiple, 0, -height % multiple), mode="replicate")
        return tensor.contiguous(memory_format=torch.channels_last)

    def _tensor(self, pixels: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(pixels))[None].to(self._device)

    def _running(self):
        return _Running(self._device.type, _DTYPES[self.precision])

    def __enter__(self) -> "TorchEngine":
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._device.type == "cuda":
            torch.cuda.empty_cache()


class _Running:
    """Inference mode with autocast; a device out of memory becomes an error with a remedy."""

    def __init__(self, device: str, dtype: torch.dtype):
        self._inference = torch.inference_mode()
        self._autocast = torch.autocast(device, dtype, enabled=dtype != torch.float32)

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


def _extended(positions: torch.Tensor, right: int, below: int, step: float) -> torch.Tensor:
    """Continue a field [1,h,w,2] beyond its right and lower edge with the edge's displacement."""
    if right:
        across = torch.tensor([step, 0.0]) * torch.arange(1, right + 1)[:, None]
        positions = torch.cat([positions, positions[:, :, -1:] + across.to(positions.device)], 2)
    if below:
        down = torch.tensor([0.0, step]) * torch.arange(1, below + 1)[:, None, None]
        positions = torch.cat([positions, positions[:, -1:] + down.to(positions.device)], 1)
    return positions


def pick_device(name: str) -> torch.device:
    """ "auto" takes CUDA, then Apple's GPU, then the CPU; raises EngineError for what is not there."""
    if name == "auto":
        return torch.device(
            "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        )
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
        return device
    except (RuntimeError, AssertionError) as error:
        raise EngineError(
            f"device '{name}' cannot be used ({str(error).splitlines()[0]}); pass --device cpu"
        ) from error


def pick_precision(name: str, device: torch.device) -> Precision:
    """ "auto": bf16 where the device computes it natively, else fp32."""
    if name != "auto":
        try:
            return Precision(name)
        except ValueError:
            raise EngineError(f"no dtype '{name}'; choose one of: auto, fp32, bf16, fp16") from None
    if computes_bf16(device):
        return Precision.BF16
    return Precision.FP16 if device.type == "cuda" else Precision.FP32


def computes_bf16(device: torch.device) -> bool:
    """Whether it computes bf16 itself; a CPU that imitates it takes many times as long as in fp32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    return device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()
