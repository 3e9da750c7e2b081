"""Reading and writing video: times, streams, shapes, odd and broken files, and what a failed write leaves (nothing)."""

import os
import subprocess
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from odd_media import filled, moving_planes, packet_times, packets, write_clip, write_sound

from lfvideo_sr.errors import InputError, OutputError, UsageError
from lfvideo_sr.frames import Frame, Size, TimeStamp
from lfvideo_sr.media.colour import Layout
from lfvideo_sr.media.hdr import HDRMetadata
from lfvideo_sr.media.resize import bicubic, to_uint8
from lfvideo_sr.media.sink import VideoSink
from lfvideo_sr.media.video import VideoSource, video_tracks

FAST = {"codec": "libx264", "options": {"preset": "ultrafast"}}
TICK = Fraction(1, 1000)
UNEVEN = [1001 * 7, 1001 * 8, 1001 * 10, 1001 * 10 + 500, 1001 * 13, 1001 * 13 + 1, 40000]


def clip_planes(count: int = 10, size: tuple[int, int] = (64, 48), depth: int = 8) -> list:
    return [moving_planes(index, *size, depth) for index in range(count)]


def copy(source: Path, target: Path, **options) -> VideoSink:
    """Through VideoSource and VideoSink, with everything that goes along."""
    clip = VideoSource(source)
    options = {"preset": "ultrafast", "copy_from": source, **options}
    with VideoSink(target, clip.video, clip.info.size, **options) as sink:
        for frame in clip:
            sink.write(frame)
    return sink


def stamps(path: Path) -> list[TimeStamp]:
    return [frame.stamp for frame in VideoSource(path)]


def seconds(path: Path) -> list[Fraction]:
    return [stamp.seconds for stamp in stamps(path)]


def blank(size: Size, index: int = 0) -> Frame:
    return Frame(np.full((3, size.height, size.width), 0.5, np.float32), index, TimeStamp(index, Fraction(1, 25)))


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


# times


@pytest.mark.parametrize("codec", ["libx264", "libx265", "libsvtav1", "ffv1"])
def test_uneven_times_are_kept_exactly(tmp_path, codec):
    clip = write_clip(tmp_path / "in.mp4", clip_planes(7), times=UNEVEN, time_base=Fraction(1, 30000), **FAST)
    assert len(seconds(clip)) == 7
    copy(clip, tmp_path / "out.mp4", codec=codec)
    assert seconds(tmp_path / "out.mp4") == seconds(clip)
    assert VideoSource(tmp_path / "out.mp4").video.time_base == Fraction(1, 30000)


def test_matroska_times_are_kept_exactly(tmp_path):
    times = [7, 40, 95, 96, 1000, 1003, 2000]
    clip = write_clip(tmp_path / "in.mkv", clip_planes(7), times=times, time_base=Fraction(1, 1000))
    assert [stamp.ticks for stamp in stamps(clip)] == times
    assert not copy(clip, tmp_path / "out.mkv").warnings
    assert stamps(tmp_path / "out.mkv") == stamps(clip)


def test_sound_keeps_its_start_beside_coarse_video_times(tmp_path):
    """An AVI counts in frames; its sound may start between two of them."""
    clip = write_clip(tmp_path / "in.mkv", clip_planes(20), audio="aac", times=[*range(0, 800, 40)], time_base=TICK)
    late = tmp_path / "late.mkv"
    with av.open(str(clip)) as given, av.open(str(late), "w") as target:
        copies = {s.index: target.add_stream_from_template(s, opaque=True) for s in given.streams}
        for packet in given.demux():
            if packet.size:
                if packet.stream.type == "audio":
                    packet.pts, packet.dts = packet.pts + 59, packet.dts + 59
                packet.stream = copies[packet.stream_index]
                target.mux(packet)
    video = replace(VideoSource(late).video, time_base=Fraction(1, 25))
    with VideoSink(tmp_path / "out.mp4", video, Size(64, 48), preset="ultrafast", copy_from=late) as sink:
        for frame in VideoSource(late):
            sink.write(frame)
    assert seconds(tmp_path / "out.mp4") == seconds(late)
    assert packet_times(tmp_path / "out.mp4", "audio")[0] == packet_times(late, "audio")[0] > 0


def test_rounding_to_milliseconds_is_said(tmp_path):
    clip = write_clip(tmp_path / "in.mp4", clip_planes(3), times=UNEVEN[:3], time_base=Fraction(1, 30000), **FAST)
    assert "milliseconds" in " ".join(copy(clip, tmp_path / "out.mkv").warnings)


def test_a_single_frame(tmp_path):
    clip = write_clip(tmp_path / "in.mp4", clip_planes(1), **FAST)
    for codec in ("libx264", "libx265", "ffv1", "libsvtav1"):
        copy(clip, tmp_path / f"{codec}.mp4", codec=codec)
        assert seconds(tmp_path / f"{codec}.mp4") == [0]


def test_frames_without_times_are_counted(tmp_path):
    """A bare H.264 stream has no times at all."""
    with av.open(str(tmp_path / "in.h264"), "w", format="h264") as target:
        stream = target.add_stream("libx264", 25, options={"preset": "ultrafast", "tune": "zerolatency"})
        stream.width, stream.height = 64, 48
        for index in range(12):
            target.mux(stream.encode(filled(moving_planes(index, 64, 48), "yuv420p")))
        target.mux(stream.encode(None))
    times = seconds(tmp_path / "in.h264")
    assert len(times) == 12 and {later - earlier for earlier, later in pairwise(times)} == {Fraction(1, 25)}


def test_info_tells_length_and_rate(tmp_path):
    clip = write_clip(tmp_path / "in.mp4", clip_planes(20), **FAST)
    info = VideoSource(clip).info
    assert (info.name, info.size, info.rate, info.frames) == ("in.mp4", Size(64, 48), 25, 20)
    assert VideoSource(clip).video.time_base == stamps(clip)[0].time_base == Fraction(1, 12800)
    assert info.seconds == pytest.approx(0.8)
    matroska = VideoSource(write_clip(tmp_path / "in.mkv", clip_planes(20))).info
    assert matroska.frames == 20  # from its length: the file does not say


def test_frames_stops_early_and_a_source_can_be_read_again(tmp_path):
    clip = write_clip(tmp_path / "in.mp4", clip_planes(20), **FAST)
    source = VideoSource(clip, frames=5)
    assert source.info.frames == 5 and source.info.seconds == pytest.approx(0.2)
    assert [frame.index for frame in source] == [frame.index for frame in source] == list(range(5))
    assert not source.warnings
    first, second = iter(source), iter(source)
    assert (next(first).pixels == next(second).pixels).all()


# pictures


def test_max_height_is_eight_bit_bicubic(tmp_path):
    clip = write_clip(tmp_path / "in.mkv", clip_planes(2, Size(101, 75)))
    source = VideoSource(clip, max_height=30)
    assert source.info.size == Size(int(101 * 30 / 75), 30)
    for whole, reduced in zip(VideoSource(clip), source):
        assert (to_uint8(reduced.pixels) == bicubic(to_uint8(whole.pixels), source.info.size)).all()
    assert VideoSource(clip, max_height=75).info.size == Size(101, 75)


@pytest.mark.parametrize("size", [Size(321, 181), Size(1, 1), Size(17, 2)])
def test_odd_sizes(tmp_path, size):
    clip = write_clip(tmp_path / "in.mkv", clip_planes(3, size))
    source = VideoSource(clip)
    assert {frame.size for frame in source} == {source.info.size} == {size}
    with VideoSink(tmp_path / "x4.mp4", source.video, size.scaled(4), preset="ultrafast") as sink:
        for frame in source:
            sink.write(frame.with_pixels(frame.pixels.repeat(4, 1).repeat(4, 2)))
    result = VideoSource(tmp_path / "x4.mp4").video
    assert result.size == size.scaled(4) and result.pixel_format == "yuv420p"


def test_an_odd_output_is_written_with_full_chroma_and_said(tmp_path):
    clip = write_clip(tmp_path / "in.mkv", clip_planes(2, Size(33, 21)))
    assert "yuv444p" in " ".join(copy(clip, tmp_path / "out.mp4").warnings)
    copy(clip, tmp_path / "out.mkv", codec="ffv1")
    assert VideoSource(tmp_path / "out.mkv").video.pixel_format == "yuv420p"
    with pytest.raises(OutputError, match="libsvtav1 cannot write yuv420p at 33x21"):
        copy(clip, tmp_path / "av1.mkv", codec="av1")


def test_a_track_that_changes_size_keeps_its_usual_one(tmp_path):
    clip = write_changing(tmp_path / "in.ts", [Size(64, 48)] * 2 + [Size(128, 96)] + [Size(64, 48)] * 4)
    source = VideoSource(clip)
    assert source.info.size == Size(64, 48)
    assert [frame.size for frame in source] == [Size(64, 48)] * 7
    assert [frame.size for frame in VideoSource(clip, keep_sizes=True)].count(Size(128, 96)) == 1


def write_changing(path: Path, sizes: list[Size]) -> Path:
    """One H.264 track of key frames, each with a sequence header of its own."""
    with av.open(str(path), "w") as target:
        stream = target.add_mux_stream("h264", width=64, height=48)
        for index, size in enumerate(sizes):
            encoder = av.CodecContext.create("libx264", "w")
            encoder.width, encoder.height, encoder.pix_fmt = *size, "yuv420p"
            encoder.time_base, encoder.framerate = Fraction(1, 25), Fraction(25)
            for packet in encoder.encode(filled(moving_planes(index, *size), "yuv420p")) + encoder.encode(None):
                packet.pts = packet.dts = index
                packet.time_base, packet.stream = Fraction(1, 25), stream
                target.mux(packet)
    return path


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv"])
@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_rotation_and_aspect_are_kept(tmp_path, ending, rotation):
    clip = write_clip(tmp_path / f"in.{ending}", clip_planes(3), rotation=rotation, aspect=Fraction(4, 3), **FAST)
    source = VideoSource(clip)
    assert abs(source.video.rotation) == abs(rotation) and source.video.sample_aspect_ratio == Fraction(4, 3)
    with VideoSink(tmp_path / f"out.{ending}", source.video, Size(256, 192), preset="ultrafast") as sink:
        for frame in source:
            sink.write(frame.with_pixels(frame.pixels.repeat(4, 1).repeat(4, 2)))
    result = VideoSource(tmp_path / f"out.{ending}").video
    assert result.display_matrix == source.video.display_matrix
    assert (result.size, result.sample_aspect_ratio) == (Size(256, 192), Fraction(4, 3))


def test_an_aspect_that_would_be_lost_is_refused(tmp_path):
    clip = write_clip(tmp_path / "in.mp4", clip_planes(2), aspect=Fraction(4, 3), **FAST)
    with pytest.raises(OutputError, match=r"out\.mkv cannot keep the pixel aspect 4/3 .* -o out\.mp4"):
        copy(clip, tmp_path / "out.mkv", codec="ffv1")
    assert files(tmp_path) == {"in.mp4"}
    copy(clip, tmp_path / "out.mp4", codec="ffv1")
    assert VideoSource(tmp_path / "out.mp4").video.sample_aspect_ratio == Fraction(4, 3)


def test_another_shape_changes_the_pixel_aspect(tmp_path):
    clip = write_clip(tmp_path / "in.mp4", clip_planes(1), **FAST)
    with VideoSink(tmp_path / "out.mp4", VideoSource(clip).video, Size(128, 48), preset="ultrafast") as sink:
        sink.write(blank(Size(128, 48)))
    assert VideoSource(tmp_path / "out.mp4").video.sample_aspect_ratio == Fraction(1, 2)


@pytest.mark.parametrize("codec", ["x264", "x265", "svtav1", "ffv1"])
def test_ten_bits_stay_ten_bits(tmp_path, codec):
    clip = write_clip(tmp_path / "in.mkv", clip_planes(4, depth=10), pixel_format="yuv420p10le")
    copy(clip, tmp_path / "out.mkv", codec=codec, crf=1, preset="fast")  # at the fastest SVT-AV1 4.2 flickers
    result = VideoSource(tmp_path / "out.mkv").video
    assert (result.pixel_format, result.bit_depth) == ("yuv420p10le", 10)
    for before, after in zip(VideoSource(clip), VideoSource(tmp_path / "out.mkv")):
        assert np.abs(before.pixels - after.pixels).mean() < 0.004


@pytest.mark.parametrize(
    ("pixel_format", "codec", "written"),
    [
        ("yuv422p", "libx264", "yuv422p"),
        ("yuv444p10le", "libx265", "yuv444p10le"),
        ("yuv422p", "libsvtav1", "yuv420p"),
        ("gray", "libx264", "yuvj420p"),
        ("gbrp10le", "libx264", "yuv444p10le"),
        ("yuv420p12le", "libx264", "yuv420p10le"),
    ],
)
def test_the_nearest_format_is_written(tmp_path, pixel_format, codec, written):
    with av.open(str(tmp_path / "in.mkv"), "w") as target:
        stream = target.add_stream("ffv1", 25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixel_format
        frame = filled(moving_planes(0, 64, 48), "yuv420p").reformat(format=pixel_format)
        frame.pts = 0
        target.mux(stream.encode(frame) + stream.encode(None))
    copy(tmp_path / "in.mkv", tmp_path / "out.mkv", codec=codec, crf=2)
    assert VideoSource(tmp_path / "out.mkv").video.pixel_format == written
    before, after = (next(iter(VideoSource(tmp_path / name))) for name in ("in.mkv", "out.mkv"))
    assert np.abs(before.pixels - after.pixels).mean() < 0.02


@pytest.mark.parametrize(("codec", "ending"), [("libx264", "mp4"), ("libx265", "mkv"), ("libsvtav1", "mp4")])
def test_hdr_is_passed_on(tmp_path, codec, ending):
    params = (
        "log-level=error:repeat-headers=1:hdr10=1:max-cll=1000,400:"
        "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
    )
    tags = {"colorspace": 9, "color_range": 1, "color_primaries": 9, "color_trc": 16}
    clip = write_clip(
        tmp_path / "in.mp4",
        clip_planes(3, depth=10),
        pixel_format="yuv420p10le",
        codec="libx265",
        options={"preset": "ultrafast", "x265-params": params},
        tags=tags,
    )
    video = VideoSource(clip).video
    assert video.hdr and video.hdr.light == (1000, 400)
    assert video.hdr.mastering == pytest.approx((0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.3127, 0.329, 0.005, 1000))
    copy(clip, tmp_path / f"out.{ending}", codec=codec)
    result = VideoSource(tmp_path / f"out.{ending}").video
    assert result.hdr and result.hdr.light == (1000, 400)
    assert result.hdr.mastering == pytest.approx(video.hdr.mastering, abs=1e-3)
    assert (result.colour.primaries, result.colour.transfer) == (9, 16)


def test_ffv1_says_that_it_drops_hdr(tmp_path):
    clip = VideoSource(write_clip(tmp_path / "in.mkv", clip_planes(1))).video
    bright = replace(clip, hdr=HDRMetadata(light=(1000, 400)))
    sink = VideoSink(tmp_path / "out.mkv", bright, clip.size, codec="ffv1")
    sink.abort()
    assert "HDR" in " ".join(sink.warnings)


def test_captions_inside_pictures_are_missed_aloud(tmp_path):
    """A caption's bytes are put before the picture of a bare H.264 stream, as broadcasters do."""
    caption = b"\xb5\x00\x31GA94\x03\x41\xff" + b"\xfc\x94\x20" + b"\xff"
    message = b"\x00\x00\x00\x01\x06\x04" + bytes([len(caption)]) + caption + b"\x80"
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = 64, 48, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, 25), Fraction(25)
    encoder.options = {"preset": "ultrafast"}
    packet = bytes((encoder.encode(filled(moving_planes(0, 64, 48), "yuv420p")) + encoder.encode(None))[0])
    picture = packet.rindex(b"\x00\x00\x01\x65")
    (tmp_path / "in.h264").write_bytes(packet[:picture] + message + packet[picture:])
    video = VideoSource(tmp_path / "in.h264").video
    assert video.left_out == ("closed captions",)
    sink = VideoSink(tmp_path / "out.mp4", video, Size(64, 48))
    sink.abort()
    assert "closed captions" in " ".join(sink.warnings)


def test_interlaced_clips_are_refused_or_deinterlaced(tmp_path):
    options = {"preset": "ultrafast", "flags": "+ildct", "x264-params": "interlaced=1"}
    clip = write_clip(tmp_path / "in.mp4", clip_planes(12), codec="libx264", options=options)
    with pytest.raises(InputError, match="interlaced; pass --deinterlace"):
        VideoSource(clip)
    source = VideoSource(clip, deinterlace=True)
    assert [frame.stamp.seconds for frame in source] == [Fraction(index, 25) for index in range(12)]


def test_progressive_frames_pass_the_deinterlacer_untouched(tmp_path):
    clip = write_clip(tmp_path / "in.mkv", clip_planes(6))
    for plain, passed in zip(VideoSource(clip), VideoSource(clip, deinterlace=True), strict=True):
        assert (plain.pixels == passed.pixels).all() and plain.stamp.seconds == passed.stamp.seconds


def test_transparency_is_left_out_and_said(tmp_path):
    planes = [[*moving_planes(0, 32, 32), np.full((32, 32), 9, np.uint8)]]
    clip = write_clip(tmp_path / "in.mkv", planes, pixel_format="yuva420p")
    source = VideoSource(clip)
    assert "transparency" in source.warnings[0] and source.video.colour.layout is Layout.YUV420
    assert next(iter(source)).cut


# everything else in a file


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


def assert_same_company(one: Path, other: Path) -> None:
    """Audio and subtitle packets are the same bytes at the same times; so are chapters."""
    for kind in ("audio", "subtitle"):
        assert packets(one, kind) and packets(one, kind) == packets(other, kind)
        assert packet_times(one, kind) == packet_times(other, kind)
    with av.open(str(one)) as before, av.open(str(other)) as after:
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


def test_cover_art_is_no_video_track(tmp_path):
    write_clip(tmp_path / "in.mp4", clip_planes(2), audio="aac", cover=True, **FAST)
    song = tmp_path / "song.mp4"
    with av.open(str(tmp_path / "in.mp4")) as given, av.open(str(song), "w") as target:
        copies = {}
        for stream in (given.streams.audio[0], given.streams.video[1]):
            copies[stream.index] = target.add_stream_from_template(stream, opaque=True)
            copies[stream.index].disposition = stream.disposition
        for packet in given.demux(*(given.streams[index] for index in copies)):
            if packet.size:
                packet.stream = copies[packet.stream_index]
                target.mux(packet)
    assert [track.track for track in video_tracks(tmp_path / "in.mp4")] == [0]
    with pytest.raises(InputError, match="holds no video track"):
        VideoSource(song)


def test_tracks_are_counted_without_the_cover(tmp_path):
    clip = tmp_path / "two.mkv"
    with av.open(str(clip), "w") as target:
        target.add_attachment("cover.png", "image/png", b"\x89PNG")
        streams = [target.add_stream("ffv1", 25), target.add_stream("ffv1", 25)]
        for stream, size in zip(streams, (Size(32, 32), Size(64, 64))):
            stream.width, stream.height = size
        for stream in streams:
            frame = filled(moving_planes(0, stream.width, stream.height), "yuv420p")
            frame.pts = 0
            target.mux(stream.encode(frame) + stream.encode(None))
    assert [(track.track, track.size) for track in video_tracks(clip)] == [(0, Size(32, 32)), (1, Size(64, 64))]
    assert VideoSource(clip, track=1).info.size == Size(64, 64)
    with pytest.raises(InputError, match="has no video track 2; it has 2"):
        VideoSource(clip, track=2)


# broken input


def test_bad_inputs_are_named_in_one_line(tmp_path):
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "words.txt").write_text("these are words\n" * 100)
    (tmp_path / "words.mp4").write_text("these are words\n" * 100)
    (tmp_path / "bytes.mkv").write_bytes(np.random.default_rng(0).bytes(5000))
    whole = write_clip(tmp_path / "whole.mp4", clip_planes(20), **FAST).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    write_sound(tmp_path / "sound.m4a")
    expected = {
        "gone.mp4": "does not exist",
        ".": "is a folder",
        "empty.mp4": "is empty",
        "words.txt": "text",
        "words.mp4": "not a media file",
        "bytes.mkv": "not a media file",
        "cut.mp4": r"index \(moov\) is missing",
        "sound.m4a": "holds no video",
    }
    for name, reason in expected.items():
        with pytest.raises(InputError, match=reason) as caught:
            VideoSource(tmp_path / name)
        assert "\n" not in str(caught.value) and caught.value.exit_code == 3


def test_a_truncated_file_gives_the_frames_there_are(tmp_path):
    whole = write_clip(tmp_path / "whole.mp4", clip_planes(40), codec="libx264", options={"bf": "0", "g": "5"})
    with (
        av.open(str(whole)) as given,
        av.open(str(tmp_path / "fast.mp4"), "w", options={"movflags": "faststart"}) as out,
    ):
        stream = out.add_stream_from_template(given.streams.video[0], opaque=True)
        for packet in given.demux(video=0):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    data = (tmp_path / "fast.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: int(len(data) * 0.7)])
    source = VideoSource(tmp_path / "cut.mp4")
    count = len(list(source))
    assert 10 < count < 40 and f"{count} of 40 frames decode" in " ".join(source.warnings)


def overwrite_packets(clip: Path, target: Path, numbers: slice) -> Path:
    """A copy of `clip` with the contents of some of its packets lost."""
    with av.open(str(clip)) as container:
        spans = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    data = bytearray(clip.read_bytes())
    for start, size in spans[numbers]:
        data[start : start + size] = b"\xff" * size
    target.write_bytes(data)
    return target


def test_damage_within_is_survived_and_said(tmp_path):
    clip = write_clip(tmp_path / "in.mp4", clip_planes(30), **FAST)
    source = VideoSource(overwrite_packets(clip, tmp_path / "hurt.mp4", slice(10, 11)))
    times = [frame.stamp.seconds for frame in source]
    assert set(times) >= {Fraction(index, 25) for index in range(30) if index != 10}
    assert "hurt.mp4" in source.warnings[0] and "damaged" in source.warnings[0]


def test_a_file_of_which_nothing_decodes_is_refused(tmp_path):
    clip = write_clip(tmp_path / "in.mp4", clip_planes(5), **FAST)
    with pytest.raises(InputError, match="no frame of video track 0 decodes"):
        VideoSource(overwrite_packets(clip, tmp_path / "hurt.mp4", slice(None)))


def test_limits_below_one_are_refused(tmp_path):
    with pytest.raises(UsageError, match="--frames is 0"):
        VideoSource(tmp_path / "in.mp4", frames=0)
    with pytest.raises(UsageError, match="--max-height is -1"):
        VideoSource(tmp_path / "in.mp4", max_height=-1)


# refused and failed output


def test_bad_targets_are_refused(tmp_path):
    clip = write_clip(tmp_path / "in.mp4", clip_planes(2), **FAST)
    video = VideoSource(clip).video
    (tmp_path / "there.mp4").write_bytes(b"precious")
    expected = {
        "there.mp4": "exists; pass --overwrite",
        "in.mp4": "is the input itself",
        "no/out.mp4": "is not a folder",
        "out.avi": "cannot keep exact times",
        "out.xyz": "no container known",
        "out.webm": "cannot hold libx264",
    }
    for name, reason in expected.items():
        with pytest.raises(OutputError, match=reason):
            VideoSink(tmp_path / name, video, Size(64, 48), copy_from=clip)
    with pytest.raises(OutputError, match="is the input itself"):
        VideoSink(clip, video, Size(64, 48), overwrite=True)
    assert files(tmp_path) == {"in.mp4", "there.mp4"} and (tmp_path / "there.mp4").read_bytes() == b"precious"


def test_bad_options_are_refused(tmp_path):
    video = VideoSource(write_clip(tmp_path / "in.mp4", clip_planes(2), **FAST)).video
    target = tmp_path / "out.mp4"
    with pytest.raises(UsageError, match="did you mean 'ffv1'"):
        VideoSink(target, video, Size(64, 48), codec="ffv2")
    with pytest.raises(UsageError, match="did you mean 'medium'"):
        VideoSink(target, video, Size(64, 48), preset="mediun")
    with pytest.raises(UsageError, match=r"no 'crff'.*did you mean 'crf'"):
        VideoSink(target, video, Size(64, 48), options={"crff": "3"})
    with pytest.raises(UsageError, match="profile=nonsense"):
        VideoSink(target, video, Size(64, 48), options={"profile": "nonsense"})
    assert files(tmp_path) == {"in.mp4"}


def test_overwrite_replaces_only_when_whole(tmp_path):
    clip = write_clip(tmp_path / "in.mp4", clip_planes(3), **FAST)
    (tmp_path / "out.mp4").write_bytes(b"old")
    sink = VideoSink(tmp_path / "out.mp4", VideoSource(clip).video, Size(64, 48), overwrite=True)
    sink.write(blank(Size(64, 48)))
    assert (tmp_path / "out.mp4").read_bytes() == b"old" and (tmp_path / "out.partial.mp4").exists()
    sink.close()
    sink.close()
    assert files(tmp_path) == {"in.mp4", "out.mp4"} and len(seconds(tmp_path / "out.mp4")) == 1


def test_a_failure_leaves_nothing(tmp_path):
    clip = write_clip(tmp_path / "in.mp4", clip_planes(3), audio="aac", **FAST)
    video = VideoSource(clip).video
    with (
        pytest.raises(RuntimeError, match="from outside"),
        VideoSink(tmp_path / "out.mp4", video, Size(64, 48), copy_from=clip) as sink,
    ):
        sink.write(blank(Size(64, 48)))
        raise RuntimeError("from outside")
    with (
        pytest.raises(OutputError, match="frame 0 is 32x32; this output was opened for 64x48"),
        VideoSink(tmp_path / "out.mp4", video, Size(64, 48)) as sink,
    ):
        sink.write(blank(Size(32, 32)))
    assert files(tmp_path) == {"in.mp4"}


def test_an_interrupted_run_can_leave_a_playable_part(tmp_path):
    clip = write_clip(tmp_path / "in.mp4", clip_planes(10), audio="aac", **FAST)
    source = VideoSource(clip)
    sink = VideoSink(tmp_path / "out.mp4", source.video, source.info.size, copy_from=clip, ends_at=1.0)
    for frame, _ in zip(source, range(4)):
        sink.write(frame)
    part = sink.leave_partial()
    assert part == tmp_path / "out.partial.mp4" and len(seconds(part)) == 4
    assert not (tmp_path / "out.mp4").exists()


@contextmanager
def small_disk(folder: Path):
    """A file system of 200 kB."""
    folder.mkdir()
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", folder]).returncode:
        pytest.skip("no small file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_a_full_disk_is_said_in_one_line_and_leaves_nothing(tmp_path, ending):
    clip = write_clip(tmp_path / "in.mp4", clip_planes(3, Size(320, 240)), **FAST)
    video = VideoSource(clip).video
    noise = np.random.default_rng(0).random((3, 240, 320)).astype(np.float32)
    with small_disk(tmp_path / "disk") as disk:
        with (
            pytest.raises(OutputError, match="the disk is full"),
            VideoSink(disk / f"out.{ending}", video, Size(320, 240), codec="ffv1") as sink,
        ):
            for index in range(20):
                sink.write(Frame(noise, index, TimeStamp(index, Fraction(1, 25))))
        assert not files(disk)


def test_a_write_error_is_said_and_leaves_nothing(tmp_path, monkeypatch):
    video = VideoSource(write_clip(tmp_path / "in.mp4", clip_planes(3), **FAST)).video
    sink = VideoSink(tmp_path / "out.mp4", video, Size(64, 48))

    def full(packets) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sink, "_mux", full)
    with pytest.raises(OutputError, match="the disk is full"):
        sink.write(blank(Size(64, 48)))
    assert files(tmp_path) == {"in.mp4"}


def test_a_target_that_cannot_be_opened(tmp_path):
    video = VideoSource(write_clip(tmp_path / "in.mp4", clip_planes(3), **FAST)).video
    (tmp_path / "out.partial.mp4").mkdir()  # for root, permissions are no obstacle; a folder of that name is
    with pytest.raises(OutputError, match=r"out\.mp4 cannot be written"):
        VideoSink(tmp_path / "out.mp4", video, Size(64, 48))


# the real odd files


@pytest.fixture
def odd() -> Path:
    folder = os.environ.get("LFVIDEO_DATA")
    if not folder or not Path(folder, "video/odd").is_dir():
        pytest.skip("LFVIDEO_DATA names no folder with video/odd")
    return Path(folder, "video/odd")


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "frames", "size"),
    [
        ("full_range_bt709.mp4", 30, Size(1280, 720)),
        ("hevc_10bit.mp4", 30, Size(200, 200)),
        ("multitrack_audio_subs.mp4", 325, Size(320, 180)),
        ("odd_dims_851x477_yuv444.mkv", 30, Size(851, 477)),
        ("odd_fps.mp4", 36, Size(320, 240)),
        ("rotated_90_metadata.mp4", 87, Size(368, 480)),
        ("vfr.mp4", 250, Size(640, 272)),
    ],
)
def test_real_odd_files_come_through(odd, tmp_path, name, frames, size):
    source = VideoSource(odd / name)
    assert source.info.size == size
    target = tmp_path / f"out{Path(name).suffix}"
    copy(odd / name, target)
    assert len(seconds(odd / name)) == frames and seconds(target) == seconds(odd / name)
    assert packets(target, "audio") == packets(odd / name, "audio")
    assert packets(target, "subtitle") == packets(odd / name, "subtitle")
    result = VideoSource(target).video
    assert result.display_matrix == source.video.display_matrix and result.bit_depth == source.video.bit_depth
    for tag in ("matrix", "full_range", "primaries", "transfer", "siting"):
        assert getattr(result.colour, tag) == getattr(source.video.colour, tag)


@pytest.mark.data
def test_real_broken_files(odd):
    source = VideoSource(odd / "truncated_faststart.mp4")
    assert 100 < len(list(source)) < 120 and "of 287 frames decode" in " ".join(source.warnings)
    with pytest.raises(InputError, match="moov"):
        VideoSource(odd / "truncated_no_index.mp4")
    assert [track.size for track in video_tracks(odd / "multitrack_audio_subs.mp4")] == [Size(320, 180), Size(480, 270)]


@pytest.mark.data
def test_a_real_undecodable_data_stream_is_no_obstacle(odd, tmp_path):
    clip = odd.parent / "dog.mp4"
    source = VideoSource(clip, frames=10, max_height=90)
    options = {"preset": "ultrafast", "copy_from": clip, "ends_at": source.info.seconds}
    with VideoSink(tmp_path / "out.mp4", source.video, source.info.size, **options) as sink:
        for frame in source:
            sink.write(frame)
    assert len(packets(tmp_path / "out.mp4", "audio")) > 10
