"""Where a stream's pictures are decoded: on the engine's GPU where that was seen to work, else on the host."""

from dataclasses import dataclass

from ..checks import is_installed
from ..errors import EngineError
from ..media.hardware import Reader, why_not
from ..media.sequence_source import SequenceSource
from ..media.video import VideoSource
from ..references.simulated import SimulatedSource

DECODE_CHOICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class Decoding:
    """reader: of pictures on a device, or None: on the host. why: for people. announced: whether to print it."""

    reader: Reader | None
    why: str
    announced: bool = True

    def __str__(self) -> str:
        return f"{self.reader.device if self.reader else 'cpu'}: {self.why}"


def choose_decoding(
    requested: str, device: str, source: VideoSource | SimulatedSource | SequenceSource, deinterlace: bool = False
) -> Decoding:
    """requested: one of DECODE_CHOICES; "auto" takes the device (the engine's) if it is a CUDA one that decodes this
    track. Raises EngineError where "cuda" is requested and cannot be had."""
    on_gpu = device.startswith("cuda")
    if requested == "cpu" or (requested == "auto" and not on_gpu):
        return Decoding(None, "asked for" if requested == "cpu" else f"the engine runs on {device}", announced=False)
    reader = _reader(device if on_gpu else "cuda", source, deinterlace)
    if not isinstance(reader, str):
        return Decoding(reader, "its first picture is the same there, bit by bit as far as float32 goes")
    if requested == "cuda":
        raise EngineError(f"{source.video.path} cannot be decoded on a GPU: {reader}; pass --decode cpu, or auto")
    return Decoding(None, reader)


def _reader(device: str, source: VideoSource | SimulatedSource | SequenceSource, deinterlace: bool) -> Reader | str:
    """A reader, or why there can be none."""
    if isinstance(source, SimulatedSource):
        return "frames that --simulate makes small are made on the host"
    if isinstance(source, SequenceSource):
        return "pictures are decoded on the host"
    if source.video.alpha or source.reads_alpha:
        return "transparency is decoded on the host"
    if deinterlace:
        return "fields are turned into frames on the host"
    if source.info.size != source.video.size:
        return "--max-height reduces on the host"
    if not is_installed("torch"):
        return "torch is not installed"
    from ..nn.planes import DeviceReader

    reader = DeviceReader(device)
    return why_not(source.video, reader) or reader
