"""What is copied beside a part of a clip: packets and chapters that are inside it, at times since its start."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

from av.packet import Packet
from av.stream import Disposition

from .part import Part

_LATE = 10  # seconds by which a file may store packets behind those of later times


def packets_within(packets: Iterable[Packet], part: Part) -> Iterator[Packet]:
    """Packets that start inside a part, with their times moved; the file is read no further than it takes."""
    for packet in packets:
        ticks = packet.pts if packet.pts is not None else packet.dts
        if ticks is None or packet.stream.disposition & Disposition.attached_pic:
            yield packet
            continue
        seconds = ticks * packet.time_base
        if part.end is not None and seconds >= part.end + _LATE:
            return
        if seconds >= part.start and (part.end is None or seconds < part.end):
            yield _moved(packet, round(part.start / packet.time_base))


def _moved(packet: Packet, ticks: int) -> Packet:
    packet.pts = None if packet.pts is None else packet.pts - ticks
    packet.dts = None if packet.dts is None else packet.dts - ticks
    return packet


def chapters_within(chapters: Iterable[Any], part: Part) -> list[Any]:
    """Chapters that reach into a part, cut to it."""
    kept = []
    for chapter in chapters:
        base = Fraction(chapter["time_base"])
        start, end = round(part.start / base), chapter["end"]
        if part.end is not None:
            end = min(end, round(part.end / base))
        begin = max(chapter["start"], start)
        if begin < end:
            kept.append({**chapter, "start": begin - start, "end": end - start})
    return kept
