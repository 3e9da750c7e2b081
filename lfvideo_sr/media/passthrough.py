"""Everything of a file that is not its video: copied packet by packet, never re-encoded."""

import io
from collections.abc import Generator
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
from av.container import OutputContainer
from av.packet import Packet
from av.stream import AttachmentStream, Disposition, Stream

from ..errors import OutputError
from .part import Part
from .part_packets import chapters_within, packets_within
from .probe import open_input
from .pyav import open_media

_STALE = ("encoder", "duration", "bps", "number_of_", "_statistics", "major_brand", "minor_version", "compatible_")


class StreamCopier:
    """Copies audio, subtitles, data, attachments, cover art, chapters and metadata of `source` into `target`.

    Construct it before the target's header is written; then call `advance` as the video grows, and `close`.
    At most one packet is held here. Streams that the target cannot hold are an OutputError, data streams a warning.

    name:     what messages call the target.
    ends_at:  seconds from which on no chapter is copied.
    part:     packets that start inside it are copied, and chapters as far as they are inside, at times since its start.
    warnings: a list to add to.
    """

    def __init__(
        self,
        source: Path,
        target: OutputContainer,
        name: Path,
        *,
        ends_at: float | None = None,
        warnings: list[str] | None = None,
        part: Part | None = None,
    ):
        self.warnings = [] if warnings is None else warnings
        self._target, self._name, self._part = target, name, part
        self._input = open_input(source)
        try:
            target.metadata.update(fresh_metadata(self._input.metadata))
            chapters = self._input.chapters() if part is None else chapters_within(self._input.chapters(), part)
            target.set_chapters([c for c in chapters if _starts_before(c, ends_at)])
            self._copies = self._add_streams()
            self._packets = self._demuxed()
            self._pending = next(self._packets, None)
        except BaseException:
            self._input.close()
            raise

    def _add_streams(self) -> dict[int, Stream]:
        copies = {}
        for stream in self._input.streams:
            copy = self._add_stream(stream)
            if copy is not None:
                copies[stream.index] = copy
        return copies

    def _add_stream(self, stream: Stream) -> Stream | None:
        """The copy of `stream`, or None where no packets are to be copied."""
        if stream.type == "video":
            return self._add_cover(stream) if stream.disposition & Disposition.attached_pic else None
        if stream.type == "attachment":
            self._add_attachment(cast(AttachmentStream, stream))
            return None
        if not _holds(self._target.format.name, stream):
            self._refuse(stream)
            return None
        return _like(stream, self._target)

    def _add_attachment(self, stream: AttachmentStream) -> None:
        if "matroska" not in self._target.format.name:
            self._refuse(stream)
        copy = self._target.add_attachment("attachment", "", bytes(stream.data))
        copy.metadata.update(stream.metadata)  # its name too, which may have bytes that `add_attachment` refuses

    def _add_cover(self, stream: Stream) -> Stream | None:
        """Cover art is a video stream of one packet; in Matroska it is an attachment."""
        if "matroska" in self._target.format.name:
            ending, kind = ("png", "png") if stream.codec_context.name == "png" else ("jpg", "jpeg")
            self._target.add_attachment(f"cover.{ending}", f"image/{kind}", _only_packet(stream))
            return None
        if not _holds(self._target.format.name, stream):
            self.warnings.append(f"{self._name} cannot hold the cover picture; it is left out")
            return None
        return _like(stream, self._target)

    def _refuse(self, stream: Stream) -> None:
        """An error for what people see and hear; a note for data that no player shows."""
        what = f"{stream.type} stream #{stream.index} ({_codec_name(stream)})"
        if stream.type in ("audio", "subtitle", "attachment"):
            raise OutputError(f"{self._name} cannot hold {what}; {self._remedy()}")
        remade = "timecode" in stream.metadata or (_codec_name(stream) == "bin_data" and self._input.chapters())
        if not remade:  # timecodes and chapters have been copied by now, in other forms
            self.warnings.append(f"{self._name} cannot hold {what}; it is left out")

    def _remedy(self) -> str:
        """Another container that holds every stream people see and hear, or the advice to convert."""
        heard_or_read = [stream for stream in self._input.streams if stream.type in ("audio", "subtitle")]
        attachments = any(stream.type == "attachment" for stream in self._input.streams)
        for ending, name in (("mkv", "matroska"), ("mp4", "mp4"), ("mov", "mov")):
            if all(_holds(name, stream) for stream in heard_or_read) and not (attachments and name != "matroska"):
                return f"write -o {self._name.stem}.{ending} instead, which can"
        return "convert or remove that stream first: no one container holds all of this file's streams"

    def _demuxed(self) -> Generator[Packet]:
        streams = [self._input.streams[index] for index in self._copies]
        if not streams:
            return
        try:
            packets = self._input.demux(*streams)
            for packet in packets if self._part is None else packets_within(packets, self._part):
                if packet.size and not _is_gap(packet):
                    yield packet
        except av.FFmpegError as error:
            self.warnings.append(f"{self._input.name.removeprefix('file:')} breaks off: {error.strerror}")

    def advance(self, seconds: Fraction | None) -> None:
        """Copy every packet that starts before `seconds`; all there are, if None."""
        while self._pending is not None and (seconds is None or _time(self._pending) < seconds):
            packet, self._pending = self._pending, next(self._packets, None)
            packet.stream = self._copies[packet.stream_index]
            self._target.mux_one(packet)

    def metadata_of(self, index: int) -> dict[str, str]:
        """The tags of stream `index` of the source."""
        return self._input.streams[index].metadata if index < len(self._input.streams) else {}

    def close(self) -> None:
        self._packets.close()
        self._input.close()


def fresh_metadata(metadata: dict[str, str]) -> dict[str, str]:
    """Tags that stay true of a copy: without the writer's name, sizes and statistics of the original."""
    return {key: value for key, value in metadata.items() if not key.lower().startswith(_STALE)}


def _starts_before(chapter, ends_at: float | None) -> bool:
    return ends_at is None or chapter["start"] * chapter["time_base"] < ends_at


def _time(packet: Packet) -> Fraction:
    ticks = packet.dts if packet.dts is not None else packet.pts
    return Fraction(0) if ticks is None else ticks * packet.time_base


def _is_gap(packet: Packet) -> bool:
    """The empty text that MP4 puts between subtitles; its muxer writes its own."""
    return packet.size == 2 and _codec_name(packet.stream) == "mov_text"


def _like(stream: Stream, target: OutputContainer) -> Stream:
    copy = target.add_stream_from_template(stream, opaque=True)
    copy.metadata.clear()
    copy.metadata.update(fresh_metadata(stream.metadata))
    copy.disposition = stream.disposition
    return copy


def _holds(format_name: str, stream: Stream) -> bool:
    """Whether a container takes a stream: tried on one in memory, because only the muxer itself knows."""
    if stream.codec_context is None and _codec_name(stream) == "unknown":
        return False
    trial = open_media(io.BytesIO(), "w", format=format_name)
    try:
        _like(stream, trial)
        trial.start_encoding()
    except (ValueError, OSError, av.FFmpegError):
        return False
    return True


def _codec_name(stream: Stream) -> str:
    if stream.codec_context is not None:
        return stream.codec_context.name
    return getattr(stream, "name", None) or "unknown"


def _only_packet(stream: Stream) -> bytes:
    with open_input(Path(stream.container.name.removeprefix("file:"))) as container:
        return bytes(next(container.demux(container.streams[stream.index])))
