"""What the start of a file shows: read once, little of it held, and not thrown off by damage."""

import struct
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
from odd_media import filled, moving_planes, write_clip
from PIL import Image
from round_trips import FAST, blank, clip_planes

from lfvideo_sr.errors import InputError
from lfvideo_sr.frames import Size
from lfvideo_sr.media import first_pictures, probe
from lfvideo_sr.media.encoding import scaled_matrix
from lfvideo_sr.media.first_pictures import FirstPictures, key_pictures
from lfvideo_sr.media.probe import media_info, open_input, video_stream, video_track, video_tracks
from lfvideo_sr.media.sink import VideoSink


def write_tracks(path, sizes, count=4):
    """A track of each size."""
    with av.open(str(path), "w") as target:
        streams = [target.add_stream("ffv1", 25) for _ in sizes]
        for stream, size in zip(streams, sizes):
            stream.width, stream.height = size
        for index in range(count):
            for stream in streams:
                frame = filled(moving_planes(index, stream.width, stream.height), "yuv420p")
                frame.pts, frame.time_base = index, Fraction(1, 25)
                target.mux(stream.encode(frame))
        for stream in streams:
            target.mux(stream.encode(None))
    return path


@pytest.fixture
def opened(monkeypatch):
    """The files that the probe opens."""
    paths = []

    def counted(path):
        paths.append(path)
        return open_input(path)

    monkeypatch.setattr(probe, "open_input", counted)
    return paths


def test_two_tracks_are_seen_in_one_reading_and_a_changed_file_is_read_again(tmp_path, opened):
    clip = write_tracks(tmp_path / "in.mkv", [(64, 48), (32, 32)])
    for _ in range(3):
        assert [video.size for video in video_tracks(clip)] == [Size(64, 48), Size(32, 32)]
        assert video_track(clip, 1).size == Size(32, 32)
    assert opened == [clip]
    write_tracks(clip, [(32, 24)], count=5)
    assert [video.size for video in video_tracks(clip)] == [Size(32, 24)] and len(opened) == 2


def test_one_picture_of_many_is_held(tmp_path, monkeypatch):
    """And few more: PyAV holds a picture whose side data were read until Python looks for circles."""
    read = []
    monkeypatch.setattr(first_pictures, "side_data", lambda picture: read.append(picture.pts) or {})
    clip = write_clip(tmp_path / "in.mkv", clip_planes(30))
    with open_input(clip) as container:
        (seen,) = key_pictures(container, [video_stream(container, 0)])
    assert seen.sizes == {Size(64, 48): 30} and seen.first.pts == 0
    assert read == [0, 40, 80, 120, 160, 200]
    assert not any(isinstance(value, list) for value in vars(seen).values())


class Failing:
    """A decoder that meets damage in every packet."""

    def decode(self, packet):
        raise av.InvalidDataError(1, "damaged")


def test_a_damaged_packet_counts_as_one_that_was_looked_at(tmp_path, monkeypatch):
    monkeypatch.setattr(first_pictures, "PROBED_PACKETS", 3)
    clip = write_clip(tmp_path / "in.mkv", clip_planes(20))
    with open_input(clip) as container:
        monkeypatch.setattr(FirstPictures, "__init__", _with_failing_decoder(FirstPictures.__init__))
        (seen,) = key_pictures(container, [video_stream(container, 0)])
    assert seen.packets == 4 and seen.first is None  # three packets, and what the decoder still held


def _with_failing_decoder(made):
    def init(self, stream):
        made(self, stream)
        self._decoder = Failing()

    return init


def test_a_track_of_which_nothing_decodes_does_not_hide_the_others(tmp_path):
    clip = write_tracks(tmp_path / "in.mkv", [(64, 48), (32, 32)])
    data = bytearray(clip.read_bytes())
    with av.open(str(clip)) as container:
        spans = [(packet.pos, packet.size) for packet in container.demux(video=1) if packet.size]
    for start, size in spans:
        data[start : start + size + 16] = b"\0" * (size + 16)  # in Matroska a block's header comes first
    bad = tmp_path / "bad.mkv"
    bad.write_bytes(data)
    info = media_info(bad)
    assert [video.size for video in info.tracks] == [Size(64, 48)] and info.damaged == (1,)


def box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + name + content


def add_to_sample_entry(path, extra: bytes) -> None:
    """Put boxes at the end of an MP4's first sample entry, behind its samples; the sizes of all boxes around grow."""
    data, start, around = bytearray(path.read_bytes()), 0, []
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd"):
        while data[start + 4 : start + 8] != name:
            start += struct.unpack(">I", data[start : start + 4])[0]
        around.append(start)
        end = start + struct.unpack(">I", data[start : start + 4])[0]
        start += 8
    data[end:end] = extra
    for at in (*around, around[-1] + 16):
        data[at : at + 4] = struct.pack(">I", struct.unpack(">I", data[at : at + 4])[0] + len(extra))
    path.write_bytes(data)


SPHERE = box(b"svhd", b"\0\0\0\0x\0") + box(b"proj", box(b"prhd", b"\0" * 16) + box(b"equi", b"\0" * 20))
STEREO = box(b"st3d", b"\0\0\0\0\1")
CLEAN_APERTURE = box(b"clap", struct.pack(">8i", 56, 1, 40, 1, 0, 1, 0, 1))


def test_projection_stereo_and_cropping_of_the_container_are_said_or_kept(tmp_path):
    clip = write_clip(tmp_path / "in.mp4", clip_planes(3), **FAST)
    add_to_sample_entry(clip, CLEAN_APERTURE + STEREO + box(b"sv3d", SPHERE))
    video = video_track(clip)
    assert (video.stereo, video.cropping) == ("top_bottom", "4/4/4/4")
    warnings = {}
    for ending in ("mp4", "mkv"):
        with VideoSink(tmp_path / f"out.{ending}", video, Size(64, 48), preset="ultrafast") as sink:
            pass
        warnings[ending] = " ".join(sink.warnings)
        assert "360-degree" in warnings[ending] and "4/4/4/4" in warnings[ending]
    assert "two views (top_bottom)" in warnings["mp4"] and "two views" not in warnings["mkv"]


def test_matroska_keeps_the_stereo_layout_of_an_mp4(tmp_path):
    clip = write_clip(tmp_path / "in.mp4", clip_planes(3), **FAST)
    add_to_sample_entry(clip, STEREO)
    with VideoSink(tmp_path / "out.mkv", video_track(clip), Size(64, 48), preset="ultrafast") as sink:
        for index in range(3):
            sink.write(blank(Size(64, 48), index))
    assert video_track(tmp_path / "out.mkv").stereo == "top_bottom"


def test_a_clip_without_such_boxes_says_nothing(tmp_path):
    clip = write_clip(tmp_path / "in.mp4", clip_planes(2), **FAST)
    add_to_sample_entry(clip, box(b"clap", struct.pack(">8i", 64, 1, 48, 1, 0, 1, 0, 1)))
    video = video_track(clip)
    assert (video.left_out, video.stereo, video.cropping) == ((), None, "")


def test_a_display_matrix_that_would_overflow_is_held_in_range(tmp_path):
    video = video_track(write_clip(tmp_path / "in.mkv", clip_planes(1)))
    wild = replace(video, display_matrix=(65536, 0, 0, 0, 65536, 0, 2**31 - 1, -(2**31), 1 << 30))
    matrix = scaled_matrix(wild, Size(256, 192))
    assert matrix[6:8] == (2**31 - 1, -(2**31))
    VideoSink(tmp_path / "out.mp4", wild, Size(256, 192)).abort()
    assert np.array(matrix, np.int32).tolist() == list(matrix)


@pytest.mark.parametrize("ending", ["mkv", "mp4", "ts"])
def test_a_file_whose_first_stream_is_sound_is_read_to_its_end(tmp_path, ending):
    """It has fewer key frames than are looked for, and PyAV numbers the empty packet at the end of a stream as 0."""
    with av.open(str(tmp_path / f"in.{ending}"), "w") as target:
        sound, pictures = target.add_stream("aac", 48000, layout="mono"), target.add_stream("libx264", 25)
        pictures.width, pictures.height = 64, 48
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 9600), np.float32), format="fltp", layout="mono")
        silence.sample_rate, silence.pts = 48000, 0
        for made in (sound.encode(silence), sound.encode(None)):
            target.mux(made)
        for index in range(4):
            frame = filled(moving_planes(index, 64, 48), "yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            target.mux(pictures.encode(frame))
        target.mux(pictures.encode(None))
    [track] = video_tracks(tmp_path / f"in.{ending}")
    assert track.size == Size(64, 48) and (ending == "ts" or track.stream_index == 1)


def test_an_animated_webp_is_refused_for_what_it_is(tmp_path):
    pictures = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    pictures[0].save(tmp_path / "in.webp", save_all=True, append_images=pictures[1:])
    with pytest.raises(InputError, match=r"in\.webp is a WebP whose pictures FFmpeg does not decode; save it as GIF"):
        video_tracks(tmp_path / "in.webp")
