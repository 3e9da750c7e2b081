"""Pictures through reading and writing: size, shape, format, depth, HDR; interlaced ones, and which tracks count."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from odd_media import filled, moving_planes, write_clip
from round_trips import FAST, blank, clip_planes, copy, files

from lfvideo_sr.errors import InputError, OutputError
from lfvideo_sr.frames import Size
from lfvideo_sr.media.colour import Layout
from lfvideo_sr.media.hdr import HDRMetadata
from lfvideo_sr.media.resize import bicubic, to_uint8
from lfvideo_sr.media.sink import VideoSink
from lfvideo_sr.media.video import VideoSource, video_tracks


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
        ("gbrp10le", "libx264", "yuv420p10le"),
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


def test_cover_art_is_no_video_track(tmp_path):
    write_clip(tmp_path / "in.mp4", clip_planes(2), audio="aac", cover=True, **FAST)
    song = tmp_path / "song.mp4"
    with av.open(str(tmp_path / "in.mp4")) as source, av.open(str(song), "w") as target:
        copies = {}
        for stream in (source.streams.audio[0], source.streams.video[1]):
            copies[stream.index] = target.add_stream_from_template(stream, opaque=True)
            copies[stream.index].disposition = stream.disposition
        for packet in source.demux(*(source.streams[index] for index in copies)):
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
