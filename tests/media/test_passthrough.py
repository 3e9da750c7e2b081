"""Everything in a file that is not its pictures: sound, subtitles, chapters, tags and attachments come along."""

from fractions import Fraction
from pathlib import Path

import av
import pytest
from odd_media import packet_times, packets, write_clip
from round_trips import FAST, clip_planes, copy, files, seconds

from lfvideo_sr.errors import OutputError
from lfvideo_sr.frames import Size
from lfvideo_sr.media.sink import VideoSink
from lfvideo_sr.media.video import VideoSource, video_tracks


def test_matroska_streams_are_copied(tmp_path):
    clip = write_clip(
        tmp_path / "in.mkv",
        clip_planes(20),
        audio="libopus",
        subtitles="subrip",
        chapters=True,
        attachment=True,
        cover=True,
        metadata={"title": "A title", "anything": "else"},
    )
    assert not copy(clip, tmp_path / "out.mkv").warnings
    assert_same_company(clip, tmp_path / "out.mkv")
    with av.open(str(tmp_path / "out.mkv")) as result:
        attachments = [bytes(stream.data) for stream in result.streams if stream.type == "attachment"]
        assert attachments == [b"not really a font"]
        assert result.metadata["title"] == "A title" and result.metadata["ANYTHING"] == "else"
        assert len(result.streams.video) == 2  # its own and the cover


def test_mp4_streams_are_copied(tmp_path):
    parts = {"audio": "aac", "subtitles": "mov_text", "chapters": True, "cover": True}
    clip = write_clip(tmp_path / "in.mp4", clip_planes(20), metadata={"title": "A title"}, **parts, **FAST)
    assert not copy(clip, tmp_path / "out.mp4").warnings
    assert_same_company(clip, tmp_path / "out.mp4")
    assert len(video_tracks(tmp_path / "out.mp4")) == 1
    with av.open(str(tmp_path / "out.mp4")) as result:
        assert result.metadata["title"] == "A title"
        assert [stream.codec_context.name for stream in result.streams.video] == ["h264", "png"]


@pytest.mark.parametrize("ending", ["mkv", "mp4"])
def test_tags_that_are_not_utf8_keep_their_bytes(tmp_path, ending):
    """Of the file, of a chapter, of an attachment: many tools write the encoding of their own country."""
    parts = {"attachment": True} if ending == "mkv" else {}
    clip = write_clip(tmp_path / f"in.{ending}", clip_planes(5), chapters=True, metadata={"title": "A title"}, **parts)
    foreign = {b"A title": b"A t\xeftle", b"part 0": b"p\xe4rt 0", b"font.ttf": b"f\xf6nt.ttf"}
    made = clip.read_bytes()
    for usual, other in foreign.items():
        made = made.replace(usual, other)
    clip.write_bytes(made)
    output = tmp_path / f"out.{ending}"
    assert not copy(clip, output).warnings
    kept = [other for other in foreign.values() if other in made]
    assert len(kept) == (3 if ending == "mkv" else 2)
    assert all(other in output.read_bytes() for other in kept)


def assert_same_company(first: Path, second: Path) -> None:
    """Audio and subtitle packets are the same bytes at the same times; so are chapters."""
    for kind in ("audio", "subtitle"):
        assert packets(first, kind) and packets(first, kind) == packets(second, kind)
        assert packet_times(first, kind) == packet_times(second, kind)
    with av.open(str(first)) as before, av.open(str(second)) as after:
        shown = [[(c["start"] * c["time_base"], c["metadata"]) for c in f.chapters()] for f in (before, after)]
    assert shown[0] == shown[1] and len(shown[0]) == 2


def test_audio_of_a_transport_stream_goes_to_mp4(tmp_path):
    clip = write_clip(tmp_path / "in.ts", clip_planes(20), audio="aac", **FAST)
    copy(clip, tmp_path / "out.mp4")
    assert packet_times(tmp_path / "out.mp4", "audio") == packet_times(clip, "audio")
    assert seconds(tmp_path / "out.mp4") == seconds(clip)


def test_sound_before_zero_does_not_move_the_pictures(tmp_path):
    """AAC starts 21 ms early; FFmpeg's default would delay all of a Matroska file by that."""
    clip = write_clip(tmp_path / "in.mp4", clip_planes(10), audio="aac", **FAST)
    assert packet_times(clip, "audio")[0] < 0
    copy(clip, tmp_path / "out.mkv")
    assert seconds(tmp_path / "out.mkv") == seconds(clip)


def moved(source: Path, target: Path, options: dict[str, str], **by: Fraction) -> Path:
    """A copy of a file whose streams begin so many seconds later, by their kind."""
    with av.open(str(source)) as given, av.open(str(target), "w", options=options) as made:
        copies = {stream.index: made.add_stream_from_template(stream, opaque=True) for stream in given.streams}
        for packet in given.demux():
            if packet.size:
                ticks = round(by[packet.stream.type] / packet.time_base)
                packet.pts, packet.dts, packet.stream = (
                    packet.pts + ticks,
                    packet.dts + ticks,
                    copies[packet.stream_index],
                )
                made.mux_one(packet)
    return target


def heard(path: Path) -> list[bytes]:
    """The sound's packets without those that an edit list hides."""
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size and not packet.is_discard]


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_what_begins_below_zero_is_moved_together(tmp_path, ending):
    """A transport stream whose clock turns over a second after its start."""
    whole = write_clip(tmp_path / "whole.mp4", clip_planes(30, (32, 32)), audio="aac", **FAST)
    start = Fraction(1 << 33, 90000) - 1
    options = {"mpegts_copyts": "1", "avoid_negative_ts": "disabled"}
    clip = moved(whole, tmp_path / "in.ts", options, video=start, audio=start)
    given, output = seconds(clip), tmp_path / f"out.{ending}"
    assert given[0] < 0 < given[-1]
    assert any("below zero" in line for line in copy(clip, output).warnings)
    times, tick = seconds(output), Fraction(1, 500)
    assert len(times) == 30 and min(times[0], packet_times(output, "audio")[0]) >= 0
    assert all(abs((time - times[0]) - (before - given[0])) < tick for time, before in zip(times, given, strict=True))
    lead = given[0] - packet_times(clip, "audio")[0]
    assert abs(times[0] - packet_times(output, "audio")[0] - lead) < tick
    assert len(packets(output, "audio")) == len(packets(clip, "audio"))


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_sound_that_an_edit_list_cuts_away_stays_away(tmp_path, ending):
    whole = write_clip(tmp_path / "whole.mp4", clip_planes(20, (32, 32)), audio="aac", **FAST)
    options = {"avoid_negative_ts": "disabled"}
    clip = moved(whole, tmp_path / "in.mp4", options, video=Fraction(0), audio=Fraction(-2, 5))
    assert 10 < len(heard(clip)) < len(heard(whole)) - 15
    output = tmp_path / f"out.{ending}"
    copy(clip, output)
    assert heard(output) == heard(clip) and seconds(output) == seconds(clip)


def test_what_is_copied_ends_with_a_shortened_video(tmp_path):
    clip = write_clip(tmp_path / "in.mp4", clip_planes(50), audio="aac", chapters=True, **FAST)
    source = VideoSource(clip, frames=5)
    options = {"preset": "ultrafast", "copy_from": clip, "ends_at": source.info.seconds}
    with VideoSink(tmp_path / "out.mp4", source.video, source.info.size, **options) as sink:
        for frame in source:
            sink.write(frame)
    assert packet_times(tmp_path / "out.mp4", "audio")[-1] < Fraction(5, 25)
    with av.open(str(tmp_path / "out.mp4")) as result:
        assert len(result.chapters()) == 1


def test_what_a_container_cannot_hold_is_refused_before_the_first_frame(tmp_path):
    clip = write_clip(tmp_path / "in.mkv", clip_planes(2), subtitles="subrip", audio="libopus")
    with pytest.raises(OutputError, match=r"out\.mp4 cannot hold subtitle stream #2 \(srt\); write -o out\.mkv"):
        VideoSink(tmp_path / "out.mp4", VideoSource(clip).video, Size(64, 48), copy_from=clip)
    attached = write_clip(tmp_path / "attached.mkv", clip_planes(2), attachment=True)
    with pytest.raises(OutputError, match=r"attachment stream #1.*write -o out\.mkv"):
        VideoSink(tmp_path / "out.mp4", VideoSource(attached).video, Size(64, 48), copy_from=attached)
    texts = write_clip(tmp_path / "in.mp4", clip_planes(2), subtitles="mov_text", **FAST)
    with pytest.raises(OutputError, match=r"out\.mkv cannot hold subtitle stream #1 \(mov_text\); write -o out\.mp4"):
        VideoSink(tmp_path / "out.mkv", VideoSource(texts).video, Size(64, 48), copy_from=texts)
    assert files(tmp_path) == {"in.mkv", "attached.mkv", "in.mp4"}
