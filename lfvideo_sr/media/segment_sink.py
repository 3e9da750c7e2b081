"""A piece of an output: encoded as the whole is, in a file of its own; and the pieces put together."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

from av.codec.context import Flags
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from ..errors import OutputError
from ..frames import Size
from .part import Part
from .probe import VideoInfo, open_input
from .sink import VideoSink

Shown = Sequence[tuple[int, int]]  # time and duration in ticks of each packet of a video, in the order of the packets


class SegmentSink(VideoSink):
    """Encodes one segment into a NUT file, whose times are exact in any time base. A codec that NUT does not hold has a
    MOV, whose clock ticks as the input's, and one with transparency beside its packets a Matroska file.

    shown: time and duration of every picture that is in the file, in the order of the packets; complete after `close`.
    """

    containers = ("nut", "mov", "matroska")

    def __init__(
        self, path: Path, video: VideoInfo, size: Size, *, codec: str, crf: int, preset: str,
        options: Mapping[str, str], unfinished: Path | None = None, part: Part | None = None,
    ):  # fmt: skip
        self.shown: list[tuple[int, int]] = []
        super().__init__(
            path, video, size, codec=codec, crf=crf, preset=preset, options=options, overwrite=True,
            unfinished=unfinished, part=part,
        )  # fmt: skip

    def _add_video(self, options: dict[str, str]) -> VideoStream:
        stream = super()._add_video(options)
        stream.codec_context.flags |= Flags.global_header  # as every target has it
        return stream

    def _check_aspect(self, aspect: Fraction) -> None:
        """It is the whole that keeps it."""

    def _mux(self, packets: list[Packet]) -> None:
        durations = [self._durations.get(packet.pts or 0, 0) for packet in packets]
        self.shown += [(packet.pts or 0, duration) for packet, duration in zip(packets, durations)]
        super()._mux(packets)


class JoinedSink(VideoSink):
    """The whole of an output, put together from its segments; nothing is encoded. Sound and all else go along."""

    _before_naming: Callable[[Path], object] | None = None

    def join(
        self, segments: Sequence[Path], shown: Sequence[Shown], before_naming: Callable[[Path], object] | None = None
    ) -> None:
        """Append all segments, in order. Raises OutputError where one does not hold what it is said to hold.

        before_naming: is given the finished file, by `close`, before that gets its name.
        """
        self._before_naming = before_naming
        with self._writing():
            ticks = [time for times in shown for time, _ in times]
            self._begin_at(min(ticks, default=0))
            decoding = iter(decoding_times(ticks))
            for segment, times in zip(segments, shown):
                self._append(segment, times, decoding)
            last = max((time + (duration or 1) for times in shown for time, duration in times), default=0)
            self._end = last * self._video.time_base

    def _append(self, segment: Path, shown: Shown, decoding: Iterator[int]) -> None:
        with open_input(segment) as container:
            stream = container.streams.video[0]
            if stream.codec_context.extradata != self._stream.codec_context.extradata:
                raise OutputError(f"{segment} was encoded with other settings; pass --no-resume to start over")
            packets = [packet for packet in container.demux(stream) if packet.size]
            times = [(packet.pts or 0) * packet.time_base for packet in packets]
            if not _are_alike(times, [time * self._video.time_base for time, _ in shown], _rounded(container)):
                raise OutputError(f"{segment} does not hold the frames it should; pass --no-resume to start over")
            for packet, (time, duration) in zip(packets, shown):
                self._append_packet(packet, time, duration, next(decoding))

    def _append_packet(self, packet: Packet, time: int, duration: int, decoded_at: int) -> None:
        packet.stream, packet.time_base = self._stream, self._video.time_base
        packet.pts, packet.dts, packet.duration = time, decoded_at, duration
        if self._copier:
            self._copier.advance(decoded_at * self._video.time_base)
        self._mux_shifted(packet)

    def _flush(self) -> None:
        """Nothing was encoded here."""

    def _name(self) -> None:
        if self._before_naming is not None:
            self._before_naming(self.partial)
        super()._name()


def _rounded(container: InputContainer) -> Fraction:
    """By how much a file's steps from one time to another may be off."""
    return Fraction(1, 1000) if "matroska" in container.format.name else Fraction(0)


def _are_alike(times: Sequence[Fraction], expected: Sequence[Fraction], rounded: Fraction) -> bool:
    """Whether the steps from one time to another are the same; where a file starts is up to its muxer."""
    return len(times) == len(expected) and all(
        abs((time - times[0]) - (other - expected[0])) <= rounded for time, other in zip(times, expected)
    )


def decoding_times(times: Sequence[int]) -> list[int]:
    """When to decode each packet, given the times at which they are shown, in the order of the packets: the same times
    in rising order, as much later as no packet is shown before it is decoded; before the first, at its first step."""
    rising = sorted(times)
    place = {time: number for number, time in enumerate(rising)}
    delay = max((number - place[time] for number, time in enumerate(times)), default=0)
    step = rising[1] - rising[0] if len(rising) > 1 else 1
    early = [rising[0] - (delay - number) * step for number in range(delay)] if rising else []
    return early + rising[: len(rising) - delay]
