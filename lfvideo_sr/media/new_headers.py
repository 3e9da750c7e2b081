"""Headers that come anew within a stream, where recordings were put one after the other: a packet brings the new one.
The header of a copied stream is written once, at its start. A muxer that is given another one writes it over the first:
Matroska's tracks become unreadable then, and MP4 leaves the packet out."""

from typing import Final

from av.packet import Packet

_NEW: Final = "new_extradata"


def has_other_header(packet: Packet) -> bool:
    """Whether a packet brings a header that differs from the one that its stream began with."""
    if not packet.has_sidedata(_NEW):
        return False
    decoder = packet.stream.codec_context
    return decoder is not None and bytes(packet.get_sidedata(_NEW)) != decoder.extradata


def without_header(packet: Packet) -> Packet:
    """The packet, or a copy of it without the header that it brings."""
    if not packet.has_sidedata(_NEW):
        return packet
    copy = Packet(bytes(packet))
    for name in ("stream", "time_base", "pts", "dts", "duration", "is_keyframe"):
        setattr(copy, name, getattr(packet, name))
    for data in packet.iter_sidedata():
        if data.data_type != _NEW:
            copy.set_sidedata(data)
    return copy
