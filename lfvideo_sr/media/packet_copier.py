"""Sound and all else of a stream that is read once, copied as its packets come."""

from collections import deque
from fractions import Fraction
from pathlib import Path

from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import AttachmentStream, Disposition, Stream

from .passthrough import StreamCopier
from .streams import EVERYTHING, StreamChoice, fresh_metadata
from .warnings import Warnings


class PacketCopier(StreamCopier):
    """Copies what `others` is given while the video of the same container is read elsewhere; opens nothing itself."""

    def __init__(
        self, container: InputContainer, others: deque[Packet], target: OutputContainer, name: Path,
        warnings: Warnings, choice: StreamChoice = EVERYTHING,
    ):  # fmt: skip
        """container: what is read. others: its packets besides video, which are taken out as they are copied."""
        self.warnings, self.shift = warnings, Fraction(0)
        self._target, self._name, self._input, self._others = target, name, container, others
        self._choice, self._encoders, self._last = choice, {}, {}
        target.metadata.update(fresh_metadata(container.metadata))
        if "chapters" not in choice.dropped_kinds:
            target.set_chapters(container.chapters())
        self._copies = self._add_streams()

    def _add_cover(self, stream: Stream) -> Stream | None:
        """Its one packet is gone by now."""
        assert stream.disposition & Disposition.attached_pic
        self.warnings.append(f"{self._name} gets no cover picture from what is read once")
        return None

    def advance(self, seconds: Fraction | None) -> None:
        while self._others and (seconds is None or _decoded_at(self._others[0]) < seconds):
            packet = self._others.popleft()
            if packet.stream_index in self._copies:
                self._write(packet)

    def close(self) -> None:
        """What is read is closed by who reads it."""


class _LeavesOut(StreamCopier):
    """For a pipe, whose reader takes what there is: what the format cannot hold is left out, with a warning."""

    def _refuse(self, stream: Stream) -> None:
        self.warnings.append(f"{self._name} has no room for {stream.type} stream #{stream.index}; it is left out")

    def _add_attachment(self, stream: AttachmentStream) -> None:
        if "matroska" in self._target.format.name:
            super()._add_attachment(stream)
        else:
            self._refuse(stream)


class FileToPipeCopier(_LeavesOut):
    """From a file to standard output."""


class PipeToPipeCopier(_LeavesOut, PacketCopier):
    """From what is read once to standard output."""


def _decoded_at(packet: Packet) -> Fraction:
    ticks = packet.pts if packet.dts is None else packet.dts
    return Fraction(0) if ticks is None else ticks * packet.time_base
