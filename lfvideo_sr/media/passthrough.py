"""Everything of a file that is not its video: copied packet by packet; encoded anew only where a user asks for it."""

import io
from collections.abc import Generator
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import cast

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import AttachmentStream, Disposition, Stream

from ..errors import OutputError
from .new_headers import has_other_header, without_header
from .one_clock import OneClock
from .part import Part
from .part_packets import chapters_within, packets_within
from .probe import open_input
from .pyav import fraction, open_media
from .sound import SoundEncoder, layout_of
from .streams import EVERYTHING, StreamChoice, fresh_metadata, track_tags
from .warnings import Warnings

_CONTAINERS = {"mkv": "matroska", "mp4": "mp4", "mov": "mov"}  # FFmpeg's names by ending
_RUN_IN = 3  # packets that an encoder of sound puts before its start, at most
_SHORT = Fraction(3, 20)  # seconds: sound that starts no longer before zero is such a run-in


class StreamCopier:
    """Copies audio, subtitles, data, attachments, cover art, chapters and metadata of `source` into `target`.

    Construct it before the target's header is written; then call `advance` as the video grows, and `close`.
    A stream that people see or hear is an OutputError where the target cannot hold it and another container can; each
    other stream that the target cannot hold is left out, with a warning. Packets keep their times, mended where the
    file's clock jumps. What an edit list hides stays hidden, or is left out where the target has none, but for the
    run-in that a decoder needs.

    name:     what messages call the target.
    choice:   which streams the user wants.
    ends_at:  seconds from which on no chapter is copied.
    part:     packets that start inside it are copied, and chapters as far as they are inside, at times since its start.
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
        warnings: Warnings | None = None,
        choice: StreamChoice = EVERYTHING,
        part: Part | None = None,
    ):
        self.warnings = Warnings() if warnings is None else warnings
        self._target, self._name, self._choice, self._part = target, name, choice, part
        self._encoders: dict[int, SoundEncoder] = {}
        self._input = open_input(source)
        try:
            self.shift = _below_zero(self._input) if part is None else Fraction(0)
            target.metadata.update(fresh_metadata(self._input.metadata))
            if "chapters" not in choice.dropped_kinds:
                chapters = self._input.chapters() if part is None else chapters_within(self._input.chapters(), part)
                early = [chapter for chapter in chapters if _starts_before(chapter, ends_at)]
                target.set_chapters([_shifted(chapter, self.shift) for chapter in early])
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
        if self._choice.leaves_out(stream):
            return None
        if stream.type == "video":
            return self._add_cover(stream) if stream.disposition & Disposition.attached_pic else None
        if stream.type == "attachment":
            self._add_attachment(cast(AttachmentStream, stream))
            return None
        if stream.type == "audio" and self._choice.audio_encoder and stream.codec_context is not None:
            return self._add_sound(cast(AudioStream, stream), self._choice.audio_encoder)
        if not _holds(self._target.format.name, stream):
            self._refuse(stream)
            return None
        return _like(stream, self._target)

    def _add_attachment(self, stream: AttachmentStream) -> None:
        if "matroska" not in self._target.format.name:
            self._refuse(stream)
            return
        copy = self._target.add_attachment("attachment", "", bytes(stream.data))
        copy.metadata.update(stream.metadata)  # its name too, which may have bytes that `add_attachment` refuses

    def _add_sound(self, stream: AudioStream, encoder: str) -> Stream:
        """The track that a sound track is encoded into."""
        sound = SoundEncoder(stream, self._target, encoder, str(self._name), self.warnings.add)
        self._encoders[stream.index] = sound
        sound.stream.metadata.update(track_tags(stream.metadata, self._target.format.name))
        sound.stream.disposition = stream.disposition
        return sound.stream

    def _add_cover(self, stream: Stream) -> Stream | None:
        """Cover art is a video stream of one packet; in Matroska it is an attachment."""
        if stream.codec_context is None:
            self.warnings.append(f"the cover picture, stream #{stream.index}, is of no known format; it is left out")
            return None
        if "matroska" in self._target.format.name:
            ending, kind = ("png", "png") if stream.codec_context.name == "png" else ("jpg", "jpeg")
            self._target.add_attachment(f"cover.{ending}", f"image/{kind}", _only_packet(stream))
            return None
        if not _holds(self._target.format.name, stream):
            self.warnings.append(f"{self._name} cannot hold the cover picture; it is left out")
            return None
        return _like(stream, self._target)

    def _refuse(self, stream: Stream) -> None:
        """An error where another container holds all that people see and hear; else a warning."""
        what = f"{stream.type} stream #{stream.index} ({_codec_name(stream)})"
        other = self._other_container() if _is_perceived(stream) and _held_somewhere(stream) else None
        if other:
            raise OutputError(
                f"{self._name} cannot hold {what}; write -o {self._name.stem}.{other} instead, which can, or pass "
                f"--drop {stream.index}{self._or_encode(stream)}"
            )
        remade = "timecode" in stream.metadata or (_codec_name(stream) == "bin_data" and self._input.chapters())
        if not remade:  # timecodes and chapters have been copied by now, in other forms
            self.warnings.append(f"{self._name} cannot hold {what}; it is left out{self._or_encode(stream)}")

    def _other_container(self) -> str | None:
        """The ending of a container that holds every stream people see and hear and some container holds."""
        streams = [stream for stream in self._input.streams if _is_perceived(stream) and self._copies_as_it_is(stream)]
        kept = [stream for stream in streams if _held_somewhere(stream)]
        for ending in _CONTAINERS:
            if all(_held_by(ending, stream) for stream in kept):
                return ending
        return None

    def _copies_as_it_is(self, stream: Stream) -> bool:
        anew = stream.type == "audio" and self._choice.audio_encoder
        return not anew and not self._choice.leaves_out(stream)

    def _or_encode(self, stream: Stream) -> str:
        """The advice to encode sound anew, where it can be decoded."""
        return ", or --audio aac, which encodes sound anew" if stream.type == "audio" and stream.codec_context else ""

    def _demuxed(self) -> Generator[Packet]:
        if not self._copies:
            return
        try:
            packets = OneClock(self._input)
            for packet in packets if self._part is None else packets_within(packets, self._part):
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
            self._write(packet)

    def _write(self, packet: Packet) -> None:
        copy, encoder = self._copies[packet.stream_index], self._encoders.get(packet.stream_index)
        if encoder is None:
            self._write_copy(packet, copy)
            return
        if packet.pts is not None:
            packet.pts += round(self.shift / packet.time_base)
        for encoded in encoder.encode(packet):
            self._target.mux_one(encoded)

    def _write_copy(self, packet: Packet, copy: Stream) -> None:
        if has_other_header(packet):
            self.warnings.add(
                f"{packet.stream.type} stream #{packet.stream_index} changes its format within the file, for which "
                f"{self._name} has no place: what follows may not play{self._or_encode(packet.stream)}"
            )
        packet = without_header(packet)
        self._put_in_order(packet, copy)
        packet.stream = copy
        self._target.mux_one(packet)

    def flush(self) -> None:
        """Write what encoders of sound still hold, once everything has been copied."""
        for encoder in self._encoders.values():
            for packet in encoder.flush():
                self._target.mux_one(packet)

    def _put_in_order(self, packet: Packet, copy: Stream) -> None:
        """Give a packet the times that a muxer takes: each is decoded later than the one before, by a tick of the
        target at least, and is not shown before that. Sound without a duration lasts as long as from the packet before
        to it, since MP4 would leave out a last packet that ends where it starts."""
        base, index = packet.time_base, packet.stream_index
        last, tick = self._last.get(index), max(1, ceil((copy.time_base or base) / base))
        shift = round(self.shift / base)
        least = None if last is None else last + tick
        times = [time + shift for time in (packet.dts, packet.pts) if time is not None]
        decoded = times[0] if times else (least or 0)
        packet.dts = decoded if least is None else max(decoded, least)
        packet.pts = max(packet.dts, times[-1] if times else decoded)
        if not packet.duration and last is not None and packet.stream.type == "audio":
            packet.duration = packet.dts - last
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
    return Fraction(stream.start_time or 0) * (fraction(stream.time_base) or 0)


def _shifted(chapter, seconds: Fraction):
    ticks = round(seconds / (fraction(chapter["time_base"]) or 1))
    return {**chapter, "start": chapter["start"] + ticks, "end": chapter["end"] + ticks}


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
    copy.metadata.update(track_tags(stream.metadata, target.format.name))
    copy.disposition = stream.disposition
    if isinstance(stream, AudioStream) and stream.codec_context is not None:
        cast(AudioStream, copy).codec_context.layout = layout_of(stream)
    return copy


def _is_perceived(stream: Stream) -> bool:
    """Whether people see or hear a stream that is not video."""
    return stream.type in ("audio", "subtitle", "attachment")


def _held_somewhere(stream: Stream) -> bool:
    return any(_held_by(ending, stream) for ending in _CONTAINERS)


def _held_by(ending: str, stream: Stream) -> bool:
    if stream.type == "attachment":
        return ending == "mkv"
    return _holds(_CONTAINERS[ending], stream)


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
