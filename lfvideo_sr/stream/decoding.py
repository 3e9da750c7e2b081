"""Where a stream's pictures are decoded: on the engine's GPU where that was seen to work, else on the host."""

from dataclasses import dataclass

from ..checks import is_installed
from ..errors import EngineError
from ..media.hardware import Reader, why_not
from ..media.video import VideoSource
from ..references.simulated import SimulatedSource

WANTED = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class Decoding:
    """reader: of pictures on a device, or None: on the host. why: for people. told: whether they would wonder."""

    reader: Reader | None
    why: str
    told: bool = True

    def __str__(self) -> str:
        return f"{self.reader.device if self.reader else 'cpu'}: {self.why}"


def choose_decoding(
    wanted: str, device: str, source: VideoSource | SimulatedSource, deinterlace: bool = False
) -> Decoding:
    """wanted: one of WANTED; "auto" takes the device (the engine's) if it is a CUDA one that decodes this track. Raises
    EngineError where "cuda" is wanted and cannot be."""
    on_gpu = device.startswith("cuda")
    if wanted == "cpu" or (wanted == "auto" and not on_gpu):
        return Decoding(None, "asked for" if wanted == "cpu" else f"the engine runs on {device}", told=False)
    found = _reader(device if on_gpu else "cuda", source, deinterlace)
    if not isinstance(found, str):
        return Decoding(found, "its first picture is the same there, bit by bit as far as float32 goes")
    if wanted == "cuda":
        raise EngineError(f"{source.video.path} cannot be decoded on a GPU: {found}; pass --decode cpu, or auto")
    return Decoding(None, found)


def _reader(device: str, source: VideoSource | SimulatedSource, deinterlace: bool) -> Reader | str:
    """A reader, or why there can be none."""
    if isinstance(source, SimulatedSource):
        return "frames that --simulate makes small are made on the host"
    if deinterlace:
        return "fields are turned into frames on the host"
    if source.info.size != source.video.size:
        return "--max-height reduces on the host"
    if not is_installed("torch"):
        return "torch is not installed"
    from ..nn.planes import DeviceReader

    reader = DeviceReader(device)
    return why_not(source.video, reader) or reader
