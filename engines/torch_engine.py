"""Runs a learned method with torch, on any device it knows."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from lfvideo_sr.correspondence import Correspondence
from lfvideo_sr.engine import Last, Matched, Precision
from lfvideo_sr.errors import EngineError, first_line
from lfvideo_sr.frames import Frame, on_host, size_of
from lfvideo_sr.method import Match, Method
from lfvideo_sr.references.reference import EncodedReference, Reference
from lfvideo_sr.references.side import papers_side

from .resident import SEED, ResidentMethod


class TorchEngine:
    """The three verbs of a torch method. Parts are moved to `device`; convolutions run in `precision` (autocast)."""

    def __init__(self, method: Method, device: str = "auto", precision: str = "auto"):
        self._method = method
        self.info = method.info
        self._device = pick_device(device)
        self.device = str(self._device)
        self.precision = pick_precision(precision, self._device)
        self.resident = ResidentMethod(method, self._device, self.precision, replay=True)
        self._shown: tuple[Frame, torch.Tensor] | None = None  # the last frame, as the network takes it

    def encode(self, reference: Reference) -> EncodedReference:
        pixels = reference.load()
        picture = self._padded(pixels, self.info.size_multiple * self.info.scale)
        low, taps = self._side_of(reference, picture)
        features = self.resident.encode(picture, low, taps)
        if self._method.seeder is not None and SEED not in features:
            seen = self.resident.reduced(picture) if low is None else low
            features[SEED] = self._method.seeder.prepare(seen[0].cpu().numpy())
        return EncodedReference(reference.key, features, size_of(pixels))

    def _side_of(self, reference: Reference, picture: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        """The low-resolution side of a padded picture [1,3,H,W]; the papers' reduction where it has none."""
        if not self.info.own_frame:
            return None, None
        side = reference.side or papers_side(on_host(picture[0]))
        return self._padded(side.low, self.info.size_multiple), torch.from_numpy(side.taps)[None].to(self._device)

    def match(self, frame: Frame, reference: EncodedReference, previous: Correspondence | None) -> Correspondence:
        return self.match_all(frame, [reference], [previous])[0]

    def match_all(
        self, frame: Frame, references: Sequence[EncodedReference], previous: Sequence[Correspondence | None]
    ) -> list[Correspondence]:
        picture = self._picture(frame)
        here = self.resident.seeds_here or self._method.seeder is None
        start = self._before if here else partial(self._seed, frame)
        starts = [start(picture, *one) for one in zip(references, previous)]
        found = self.resident.match(picture, [self._features(one, here) for one in references], starts)
        return [
            Correspondence(*one, self._method.field_stride, reference.size) for one, reference in zip(found, references)
        ]

    def restore(self, frame: Frame, matches: Sequence[Matched], last: Last | None = None) -> np.ndarray:
        return on_host(self._restored(frame, matches, last))

    def restore_there(self, frame: Frame, matches: Sequence[Matched], last: Last | None = None) -> Frame:
        """The restored frame, left on the device where that is CUDA."""
        picture = self._restored(frame, matches, last)
        return frame.with_picture(picture if picture.is_cuda else on_host(picture))

    def _restored(self, frame: Frame, matches: Sequence[Matched], last: Last | None) -> torch.Tensor:
        width, height = frame.size.scaled(self.info.scale)
        found = [self._match_of(one) for one in matches]
        before = None if last is None or not self.info.recurrent else self._followed(frame, last)
        return self.resident.restore(self._picture(frame), found, before)[0, :, :height, :width]

    def _followed(self, frame: Frame, last: Last) -> Match:
        """What was restored last, and where the frame is found in it by the classical search alone."""
        multiple = self.info.size_multiple
        before = self._padded(last.frame.picture, multiple)
        if self.resident.seeds_here:
            positions = self.resident.follow(self._picture(frame), before)
        else:
            seeder = self._method.seeder
            assert seeder is not None, "recurrent methods have one"
            found = seeder.follow(*(seeder.prepare(one.pixels) for one in (frame, last.frame)))
            positions = self._continued(found, frame)
        picture = self._padded(last.picture.picture, multiple * self.info.scale)
        return Match({"picture": picture, "frame": before}, positions, torch.ones_like(positions[..., 0]))

    def _match_of(self, one: Matched) -> Match:
        return Match(self._features(one.reference), one.correspondence.positions, one.correspondence.relevance)

    def _features(self, reference: EncodedReference, with_seed: bool = False) -> dict[str, torch.Tensor]:
        return {name: feature for name, feature in reference.features.items() if with_seed or name != SEED}

    def _seed(self, frame, picture, reference: EncodedReference, previous: Correspondence | None) -> torch.Tensor:
        """Positions on the padded frame's grid, from the classical search, started from the frame before."""
        step = self._method.field_stride
        places = self.info.scale // step  # of the field in a low-resolution pixel, along each side
        height, width = (places * side for side in frame.pixels.shape[1:])
        before = None
        if previous is not None and previous.stride == step and previous.reference_size == reference.size:
            field = previous.positions[0, :height, :width].cpu().numpy()
            before = field if field.shape[:2] == (height, width) else None  # of a smaller frame: start afresh
        assert self._method.seeder is not None
        found = self._method.seeder(self._method.seeder.prepare(frame.pixels), reference.features[SEED], before)
        return self._continued(found, frame)

    def _continued(self, found: np.ndarray, frame: Frame) -> torch.Tensor:
        """What the classical search found on the host, on the padded frame's grid."""
        positions = torch.from_numpy(found)[None].to(self._device)
        places = self.info.scale // self._method.field_stride
        right, below = (places * (-side % self.info.size_multiple) for side in frame.size)
        return _extended(positions, right, below, step=float(self._method.field_stride))

    def _before(self, picture, reference: EncodedReference, previous: Correspondence | None) -> torch.Tensor | None:
        """The field of the frame before, where the method takes it as it is and it still fits."""
        takes = self._method.warm or self.resident.seeds_here
        if not takes or previous is None or previous.reference_size != reference.size:
            return None
        wanted = [side * self.info.scale // self._method.field_stride for side in picture.shape[2:]]
        return previous.positions.to(self._device) if list(previous.positions.shape[1:3]) == wanted else None

    def _picture(self, frame: Frame) -> torch.Tensor:
        """A frame as the network takes it, brought there once to be matched and restored; one that was decoded on a
        device does not pass through the host."""
        shown = self._shown
        if shown is None or shown[0] is not frame:
            shown = self._shown = frame, self._padded(frame.picture, self.info.size_multiple)
        return shown[1]

    def _padded(self, pixels: np.ndarray | torch.Tensor, multiple: int) -> torch.Tensor:
        """[3,H,W] -> [1,3,H',W'] with both sides multiples, the edge repeated at the bottom and right."""
        height, width = pixels.shape[1:]
        tensor = self._tensor(pixels)
        if height % multiple or width % multiple:
            tensor = F.pad(tensor, (0, -width % multiple, 0, -height % multiple), mode="replicate")
        return tensor.contiguous(memory_format=torch.channels_last)

    def _tensor(self, pixels: np.ndarray | torch.Tensor) -> torch.Tensor:
        if isinstance(pixels, torch.Tensor):
            return pixels[None].to(self._device)
        tensor = torch.from_numpy(np.ascontiguousarray(pixels))[None]
        if self._device.type == "cuda":  # from pinned memory, without waiting
            return tensor.pin_memory().to(self._device, non_blocking=True)
        return tensor.to(self._device)

    def __enter__(self) -> "TorchEngine":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._shown = None
        if self._device.type == "cuda":
            torch.cuda.empty_cache()


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
        raise EngineError(f"device '{name}' cannot be used ({first_line(error)}); pass --device cpu") from error


def pick_precision(name: str, device: torch.device) -> Precision:
    """ "auto": bf16 where the device computes it natively, else fp16 on CUDA and fp32 elsewhere."""
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
        return bool(torch.version.hip) or torch.cuda.get_device_capability(device) >= (8, 0)  # torch counts emulation
    return device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()
