"""Everything of a file that is not its video: copied packet by packet, never re-encoded."""

import io
from collections.abc import Generator
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import cast

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import AttachmentStream, Disposition, Stream

from ..errors import OutputError
from .one_clock import OneClock
from .probe import open_input
from .pyav import fraction, open_media

_RUN_IN = 3  # packets that an encoder of sound puts before its start, at most
_SHORT = Fraction(3, 20)  # seconds: sound that starts no longer before zero is such a run-in
_STALE = ("encoder", "duration", "bps", "number_of_", "_statistics", "major_brand", "minor_version", "compatible_")


class StreamCopier:
    """Copies audio, subtitles, data, attachments, cover art, chapters and metadata of `source` into `target`.

    Construct it before the target's header is written; then call `advance` as the video grows, and `close`.
    Streams that the target cannot hold are an OutputError, data streams a warning. Packets keep their times, mended
    where the file's clock jumps. What an edit list hides stays hidden, or is left out where the target has none, but
    for the run-in that a decoder needs.

    name:     what messages call the target.
    ends_at:  seconds from which on no chapter is copied.
    warnings: a list to add to.
    shift:    seconds that are added to all times, so that nothing which is shown or heard starts below zero.
    """

    def __init__(
        self,
        source: Path,
        target: OutputContainer,
        name: Path,
        *,
        ends_at: float | None = None,
        warnings: list[str] | None = None,
    ):
        self.warnings = [] if warnings is None else warnings
        self._target, self._name = target, name
        self._input = open_input(source)
        try:
            self.shift = _below_zero(self._input)
            target.metadata.update(fresh_metadata(self._input.metadata))
            chapters = [chapter for chapter in self._input.chapters() if _starts_before(chapter, ends_at)]
            target.set_chapters([_shifted(chapter, self.shift) for chapter in chapters])
            self._copies = self._add_streams()
            self._hides = "mp4" in target.format.name or "mov" in target.format.name
            self._last: dict[int, int] = {}  # by stream, the decoding time of the latest packet
            self._cut: set[int] = set()  # streams of which an edit list hides more than a run-in
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
        if not self._copies:
            return
        try:
            for packet in OneClock(self._input):
                if packet.stream_index in self._copies and self._is_wanted(packet):
                    yield packet
        except av.FFmpegError as error:
            self.warnings.append(f"{self._input.name.removeprefix('file:')} breaks off: {error.strerror}")

    def _is_wanted(self, packet: Packet) -> bool:
        if not packet.size or _is_gap(packet):
            return False
        if not packet.is_discard or (self._hides and not self.shift):
            return True
        if not -_RUN_IN * (packet.duration or 0) * packet.time_base <= _time(packet) < 0:
            self._cut.add(packet.stream_index)
        return packet.stream_index not in self._cut

    def advance(self, seconds: Fraction | None) -> None:
        """Copy every packet that starts before `seconds`; all there are, if None."""
        while self._pending is not None and (seconds is None or _time(self._pending) < seconds):
            packet, self._pending = self._pending, next(self._packets, None)
            copy = self._copies[packet.stream_index]
            self._put_in_order(packet, copy)
            packet.stream = copy
            self._target.mux_one(packet)

    def _put_in_order(self, packet: Packet, copy: Stream) -> None:
        """Give a packet the times that a muxer takes: each is decoded later than the one before, by a tick of the
        target at least, and is not shown before that."""
        base, index = packet.time_base, packet.stream_index
        last, tick = self._last.get(index), max(1, ceil((copy.time_base or base) / base))
        shift = round(self.shift / base)
        least = None if last is None else last + tick
        times = [time + shift for time in (packet.dts, packet.pts) if time is not None]
        decoded = times[0] if times else (least or 0)
        packet.dts = decoded if least is None else max(decoded, least)
        packet.pts = max(packet.dts, times[-1] if times else decoded)
        self._last[index] = packet.dts

    def metadata_of(self, index: int) -> dict[str, str]:
        """The tags of stream `index` of the source."""
        return self._input.streams[index].metadata if index < len(self._input.streams) else {}

    def close(self) -> None:
        self._packets.close()
        self._input.close()


def _below_zero(source: InputContainer) -> Fraction:
    """Seconds from the start of what is shown or heard to zero, where pictures are before that, or sound by more than
    an encoder's run-in; else 0."""
    pictures = [_start(stream) for stream in source.streams if stream.type == "video"]
    sound = [_start(stream) for stream in source.streams if stream.type == "audio"]
    first_picture, first_sound = min(pictures, default=Fraction(0)), min(sound, default=Fraction(0))
    first = min(first_picture, first_sound)
    return -first if first_picture < 0 or first_sound < -_SHORT else Fraction(0)


def _start(stream: Stream) -> Fraction:
    return Fraction(0) if stream.start_time is None else stream.start_time * (fraction(stream.time_base) or Fraction(0))


def _shifted(chapter, seconds: Fraction):
    ticks = round(seconds / (fraction(chapter["time_base"]) or 1))
    return {**chapter, "start": chapter["start"] + ticks, "end": chapter["end"] + ticks}


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
