"""Which streams of a file are its pictures, and which others go along with these, under which names."""

from collections.abc import Mapping
from dataclasses import dataclass

from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from ..checks import check_choice
from ..errors import UsageError
from .languages import language_in

KINDS = ("audio", "subtitle", "data", "attachment", "cover", "chapters")
_STALE = ("encoder", "duration", "bps", "number_of_", "_statistics", "major_brand", "minor_version", "compatible_")
_USUAL_NAMES = ("handler", "core media", "iso media", "mainconcept", "stereo", "mono")  # of tracks that nobody named


@dataclass(frozen=True)
class StreamChoice:
    """What goes along.

    drop:  kinds of KINDS, and indices as FFmpeg counts all streams, that are left out.
    audio: "copy", "drop", or the encoder that sound is encoded with anew.
    """

    drop: tuple[str, ...] = ()
    audio: str = "copy"

    def __post_init__(self) -> None:
        for word in self.drop:
            if not word.isdecimal():
                check_choice("--drop", word, KINDS)
        if self.audio not in ("copy", "drop"):
            check_audio_encoder(self.audio)

    def leaves_out(self, stream: Stream) -> bool:
        """Whether the user wants to be without a stream."""
        return str(stream.index) in self.drop or kind_of(stream) in self.dropped_kinds

    @property
    def dropped_kinds(self) -> set[str]:
        return {*self.drop, *(["audio"] if self.audio == "drop" else [])}

    @property
    def audio_encoder(self) -> str | None:
        """FFmpeg's name of the encoder that sound is encoded with anew; None where it is copied."""
        return None if self.audio in ("copy", "drop") else encoder_named(self.audio)


EVERYTHING = StreamChoice()


def video_streams(container: InputContainer) -> list[VideoStream]:
    """The video of a container, cover art left out."""
    hidden = Disposition.attached_pic | Disposition.timed_thumbnails
    return [stream for stream in container.streams.video if not stream.disposition & hidden and stream.codec_context]


def kind_of(stream: Stream) -> str:
    """One of KINDS, or "video" for a track of pictures."""
    return "cover" if stream.type == "video" and stream.disposition & Disposition.attached_pic else stream.type


def encoder_named(name: str) -> str:
    """FFmpeg's name of a sound encoder that people call by its format."""
    return {"opus": "libopus", "mp3": "libmp3lame", "vorbis": "libvorbis"}.get(name, name)


def check_audio_encoder(name: str) -> None:
    """Raise UsageError for what is no encoder of sound here."""
    import av

    try:
        encoder = av.Codec(encoder_named(name), "w")
    except ValueError as error:
        raise UsageError(f"--audio is {name}; copy, drop or an encoder such as aac, opus or flac is wanted") from error
    if encoder.type != "audio":
        raise UsageError(f"--audio is {name}, an encoder of {encoder.type}; aac, opus or flac encode sound")


def fresh_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    """Tags that stay true of a copy: without the writer's name, sizes and statistics of the original."""
    return {key: value for key, value in metadata.items() if not key.lower().startswith(_STALE)}


def track_tags(metadata: Mapping[str, str], container: str = "") -> dict[str, str]:
    """The tags of a track's copy in a container, by FFmpeg's name of it. FFmpeg reads the name of a track of MP4 and
    MOV as `name`, or as `handler_name`, and writes it from `title`, as it does in Matroska."""
    tags = {key: value for key, value in fresh_metadata(metadata).items() if key.lower() != "name"}
    if "language" in tags:
        tags["language"] = language_in(container, tags["language"])
    name = next((value for key, value in metadata.items() if key.lower() == "name"), "")
    handler = metadata.get("handler_name", "")
    if not name and not any(usual in handler.lower() for usual in _USUAL_NAMES):
        name = handler
    return ({"title": name} if name else {}) | tags
