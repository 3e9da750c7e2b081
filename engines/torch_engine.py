"""Runs a learned method with torch, on any device it knows."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from lfvideo_sr.correspondence import Correspondence
from lfvideo_sr.engine import Last, Matched, OneByOne, Precision
from lfvideo_sr.errors import EngineError, first_line
from lfvideo_sr.frames import Frame, on_host, size_of
from lfvideo_sr.method import Match, Method
from lfvideo_sr.nn.strips import in_strips
from lfvideo_sr.references.reference import EncodedReference, Reference
from lfvideo_sr.references.side import papers_side
from lfvideo_sr.strips import PLACES

from .graphs import SEED
from .host_memory import return_freed_memory
from .resident import Fields, ResidentMethod
from .seeding import FrameSeeder

_PLACES = 2 * PLACES  # low-resolution pixels at a time; strips of a picture, with their halo, are not cut again
_AROUND = 4  # low-resolution rows beside those that positions point to, which their samples reach


class TorchEngine(OneByOne):
    """A torch method. Parts are moved to `device`; convolutions run in `precision` (autocast). Fields are tensors
    there, and so are restored frames where that is CUDA."""

    name = "torch"

    def __init__(self, method: Method, device: str = "auto", precision: str = "auto"):
        self._method = method
        self.info = method.info
        self._device = pick_device(device)
        self.device = str(self._device)
        self.precision = pick_precision(precision, self._device)
        self.resident = ResidentMethod(method, self._device, self.precision, replay=True)
        self._seeder = None if method.seeder is None else FrameSeeder(method.seeder)
        self._shown: tuple[Frame, torch.Tensor] | None = None  # the last frame, as the network takes it

    def encode(self, reference: Reference) -> EncodedReference:
        pixels = reference.load()
        picture = _padded(self._batch(pixels), self.info.scale)
        low, taps = self._side_of(reference, picture)
        features = self.resident.encode(picture, low, taps)
        if self._seeder is not None and SEED not in features:
            side = self.resident.reduced(picture) if low is None else low
            features[SEED] = self._seeder.prepare(side[0].cpu().numpy())
        return EncodedReference(reference.key, features, size_of(pixels))

    def _side_of(self, reference: Reference, picture: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        """The low-resolution side of a picture [1,3,H,W]; the papers' reduction where it has none."""
        if not self.info.own_frame:
            return None, None
        side = reference.side or papers_side(on_host(picture[0]))
        return self._batch(side.low), torch.from_numpy(side.taps)[None].to(self._device)

    def match(self, frame: Frame, reference: EncodedReference, previous: Correspondence | None) -> Correspondence:
        return self.match_all(frame, [reference], [previous])[0]

    def match_all(
        self, frame: Frame, references: Sequence[EncodedReference], previous: Sequence[Correspondence | None]
    ) -> list[Correspondence]:
        picture = self._picture(frame)
        here = self.resident.seeds_here or self._seeder is None
        start = partial(self._before if here else self._seed, frame)
        starts = [start(reference, before) for reference, before in zip(references, previous, strict=True)]
        features = [self._features(reference, here) for reference in references]
        return [
            Correspondence(positions, relevance, self._method.field_stride, reference.size)
            for (positions, relevance), reference in zip(self._fields(picture, features, starts), references)
        ]

    def _fields(
        self, picture: torch.Tensor, features: Sequence[dict[str, torch.Tensor]],
        starts: Sequence[torch.Tensor | None],
    ) -> Fields:  # fmt: skip
        """Of each reference. A matcher that corrects a seed looks around each place alone, so that a large frame is
        matched in strips of rows, as it is restored."""
        height, width = picture.shape[2:]
        if self._device.type != "cpu" or self._seeder is None or height * width <= _PLACES:
            return self.resident.match(picture, features, starts)
        return_freed_memory()  # of the search
        fields = [self._field_in_strips(picture, *each) for each in zip(features, starts, strict=True)]
        return_freed_memory()
        return fields

    def _field_in_strips(
        self, picture: torch.Tensor, features: dict[str, torch.Tensor], seed: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        assert seed is not None, "the classical search makes one"
        across = self.info.scale // self._method.field_stride

        def strip(rows: slice) -> torch.Tensor:
            part = slice(across * rows.start, across * rows.stop)
            ((positions, relevance),) = self.resident.match(picture[:, :, rows], [features], [seed[:, part]])
            return torch.cat([positions.permute(0, 3, 1, 2), relevance[:, None]], 1)

        with torch.inference_mode():
            field = in_strips(strip, picture, _PLACES, self.info.halo, across)
        return field[:, :2].permute(0, 2, 3, 1).contiguous(), field[:, 2]

    def restore(self, frame: Frame, matches: Sequence[Matched], last: Last | None = None) -> np.ndarray:
        return on_host(self._restored(frame, matches, last))

    def restore_frame(self, frame: Frame, matches: Sequence[Matched], last: Last | None = None) -> Frame:
        picture = self._restored(frame, matches, last)
        return frame.with_picture(picture if picture.is_cuda else on_host(picture))

    def _restored(self, frame: Frame, matches: Sequence[Matched], last: Last | None) -> torch.Tensor:
        """In strips of rows where the frame is large and its pixels depend on those around them alone. A GPU replays
        what was recorded for whole frames."""
        before = None if last is None or not self.info.recurrent else self._followed(frame, last)
        picture, taken = self._picture(frame), [self._match_of(match) for match in matches]
        height, scale = picture.shape[2], self.info.scale

        def strip(rows: slice) -> torch.Tensor:
            cut = [_cut_match(match, rows, height) for match in taken]
            last_cut = None if before is None else _cut_last(_cut_match(before, rows, height), scale)
            return self.resident.restore(picture[:, :, rows], cut, last_cut)

        reach = self.info.halo if self._device.type == "cpu" else None
        with torch.inference_mode():
            return in_strips(strip, picture, _PLACES, reach, scale)[0]

    def _followed(self, frame: Frame, last: Last) -> Match:
        """What was restored last, and where the frame is found in it by the classical search alone."""
        before, picture = self._batch(last.frame.picture), self._tensor(last.picture.picture)
        if self.resident.seeds_here:
            positions = self.resident.follow(self._picture(frame), before)
        else:
            assert self._seeder is not None, "recurrent methods have one"
            positions = self._here(self._seeder.follow(frame, last.frame)[None])
        return Match({"picture": picture, "frame": before}, positions, torch.ones_like(positions[..., 0]))

    def _match_of(self, match: Matched) -> Match:
        field = match.correspondence
        return Match(self._features(match.reference), self._here(field.positions), self._here(field.relevance))

    def _features(self, reference: EncodedReference, with_seed: bool = False) -> dict[str, torch.Tensor]:
        return {name: feature for name, feature in reference.features.items() if with_seed or name != SEED}

    def _seed(self, frame: Frame, reference: EncodedReference, previous: Correspondence | None) -> torch.Tensor:
        """Positions from the classical search, started from the frame before."""
        assert self._seeder is not None
        start = (
            None if previous is None or not self._fits(previous, frame, reference) else on_host(previous.positions)[0]
        )
        return self._here(self._seeder.seed(frame, reference.features[SEED], start)[None])

    def _before(
        self, frame: Frame, reference: EncodedReference, previous: Correspondence | None
    ) -> torch.Tensor | None:
        """The field of the frame before, where the method takes it as it is and it still fits."""
        takes = self._method.warm or self.resident.seeds_here
        if not takes or previous is None or not self._fits(previous, frame, reference):
            return None
        return self._here(previous.positions)

    def _fits(self, previous: Correspondence, frame: Frame, reference: EncodedReference) -> bool:
        """Whether a field is one of a frame of this size in a reference of this size."""
        stride = self._method.field_stride
        size = frame.size.scaled(self.info.scale // stride)
        same_grid = tuple(previous.positions.shape[1:3]) == (size.height, size.width)
        return same_grid and previous.stride == stride and previous.reference_size == reference.size

    def _picture(self, frame: Frame) -> torch.Tensor:
        """A frame as the network takes it, brought there once to be matched and restored; one that was decoded on a
        device does not pass through the host."""
        shown = self._shown
        if shown is None or shown[0] is not frame:
            shown = self._shown = frame, self._batch(frame.picture)
        return shown[1]

    def _batch(self, pixels: np.ndarray | torch.Tensor) -> torch.Tensor:
        """[3,H,W] -> [1,3,H,W] on the device, in channels_last."""
        return self._tensor(pixels).contiguous(memory_format=torch.channels_last)

    def _tensor(self, pixels: np.ndarray | torch.Tensor) -> torch.Tensor:
        if isinstance(pixels, torch.Tensor):
            return pixels[None].to(self._device)
        tensor = torch.from_numpy(np.ascontiguousarray(pixels))[None]
        if self._device.type == "cuda":  # from pinned memory, without waiting
            return tensor.pin_memory().to(self._device, non_blocking=True)
        return tensor.to(self._device)

    def _here(self, values: Any) -> torch.Tensor:
        """An array or a tensor as a tensor on the device."""
        tensor = torch.from_numpy(np.ascontiguousarray(values)) if isinstance(values, np.ndarray) else values
        return tensor.to(self._device)

    def __exit__(self, *exc_info: object) -> None:
        self._shown = None
        if self._seeder is not None:
            self._seeder.forget()
        if self._device.type == "cuda":
            torch.cuda.empty_cache()


def _cut_match(match: Match, rows: slice, height: int) -> Match:
    """The match of some rows of a frame of so many."""
    if rows == slice(None):
        return match
    places = match.positions.shape[1] // height
    part = slice(places * rows.start, places * rows.stop)
    return match._replace(positions=match.positions[:, part], relevance=match.relevance[:, part])


def _cut_last(last: Match, scale: int) -> Match:
    """What was restored last, without the rows that its positions do not come near to."""
    low, places = last.features["frame"], last.positions[..., 1]
    top = max(0, int(places.min()) // scale - _AROUND)
    bottom = min(low.shape[2], int(places.max()) // scale + 1 + _AROUND)
    if (top, bottom) == (0, low.shape[2]) or bottom <= top:
        return last
    picture = last.features["picture"][:, :, scale * top : scale * bottom]
    moved = last.positions - last.positions.new_tensor([0, scale * top])
    return last._replace(features={"picture": picture, "frame": low[:, :, top:bottom]}, positions=moved)


def _padded(picture: torch.Tensor, multiple: int) -> torch.Tensor:
    """[1,3,H,W] -> [1,3,H',W'] with both sides multiples, the edge repeated at the bottom and right."""
    height, width = picture.shape[2:]
    if not (height % multiple or width % multiple):
        return picture
    padded = F.pad(picture, (0, -width % multiple, 0, -height % multiple), mode="replicate")
    return padded.contiguous(memory_format=torch.channels_last)


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
