"""What begins in the middle of a track is noticed there."""

from fractions import Fraction

import av
import numpy as np
import pytest
from odd_media import filled, moving_planes

from lfvideo_sr.frames import TimeStamp
from lfvideo_sr.media import first_pictures
from lfvideo_sr.media.changes import ChangeWatch
from lfvideo_sr.media.part import Moment, part_of
from lfvideo_sr.media.video import VideoSource, video_track
from lfvideo_sr.media.warnings import Warnings, uncounted


def bare_h264(count, first=0, tags=None, **options):
    """H.264 without a container, so that pieces of different kinds can be put behind each other."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = 64, 48, options.pop("pixel_format", "yuv420p")
    encoder.framerate, encoder.time_base = Fraction(25), Fraction(1, 25)
    for name, code in (tags or {}).items():
        setattr(encoder, name, code)
    encoder.options = {"preset": "ultrafast", "g": "8", **options}
    packets = []
    for index in range(count):
        frame = filled(moving_planes(first + index, 64, 48), "yuv420p").reformat(format=encoder.pix_fmt)
        for name, code in (tags or {}).items():
            setattr(frame, name, code)
        frame.pts = index
        packets += encoder.encode(frame)
    return b"".join(bytes(packet) for packet in packets + encoder.encode(None))


def read(tmp_path, *parts, **options):
    clip = tmp_path / "in.h264"
    clip.write_bytes(b"".join(parts))
    source = VideoSource(clip, **options)
    return list(source), source.warnings


@pytest.fixture(autouse=True)
def short_probe(monkeypatch):
    """Clips of a few frames go on behind what the probe looks at."""
    monkeypatch.setattr(first_pictures, "PROBED_PACKETS", 8)


INTERLACED = {"flags": "+ildct", "x264-params": "interlaced=1:tff=1"}


def test_interlacing_that_begins_after_the_probe_is_said_with_its_remedy(tmp_path):
    parts = bare_h264(16), bare_h264(8, 16, **INTERLACED)
    frames, warnings = read(tmp_path, *parts)
    assert len(frames) == 24
    (line,) = [line for line in warnings if "interlaced" in line]
    assert "from frame 16 (" in line and "--deinterlace" in line
    frames, warnings = read(tmp_path, *parts, deinterlace=True)
    assert len(frames) == 24 and not any("interlaced" in line for line in warnings)


def test_in_a_part_a_change_has_the_number_that_its_frame_has_in_the_clip(tmp_path):
    (tmp_path / "in.h264").write_bytes(bare_h264(16) + bare_h264(8, 16, **INTERLACED))
    part = part_of(video_track(tmp_path / "in.h264"), Moment(12, None), None)
    source = VideoSource(tmp_path / "in.h264", part=part)
    assert [frame.index for frame in source] == list(range(-12, 12))
    assert any("from frame 16 (" in line for line in source.warnings)


def test_another_pixel_format_is_said_and_shown_right(tmp_path):
    frames, warnings = read(tmp_path, bare_h264(16), bare_h264(8, 16, pixel_format="yuv444p"))
    (line,) = [line for line in warnings if "yuv444p" in line]
    assert "from frame 16 (" in line
    assert np.abs(frames[16].pixels.mean() - frames[15].pixels.mean()) < 0.05


def test_another_matrix_midway_is_used_and_other_primaries_are_said(tmp_path):
    old = {"colorspace": 5, "color_range": 1, "color_primaries": 5, "color_trc": 1}
    new = {"colorspace": 1, "color_range": 2, "color_primaries": 1, "color_trc": 1}
    frames, warnings = read(tmp_path, bare_h264(16, tags=old), bare_h264(8, 16, tags=new))
    (line,) = [line for line in warnings if "primaries" in line]
    assert "from frame 16 (" in line and "ffmpeg -ss" in line
    whole, _ = read(tmp_path, bare_h264(8, 16, tags=new))
    assert (frames[16].pixels == whole[0].pixels).all()


def test_a_clip_that_stays_the_same_says_nothing(tmp_path):
    assert not read(tmp_path, bare_h264(16))[1]


def test_hdr_that_begins_later_is_said(tmp_path):
    _, warnings = read(
        tmp_path,
        bare_h264(16),
        bare_h264(8, 16, tags={"color_trc": 16}, **{"x264-params": "cll=1000,400"}),
    )
    assert any("HDR metadata" in line and "from frame 16 (" in line for line in warnings)


def test_lines_that_differ_in_numbers_only_are_counted():
    lines = Warnings()
    for tick in range(40_000):
        lines.add(f"times run backwards at tick {tick}")
    lines.add("a.mkv breaks off")
    assert lines == ["times run backwards at tick 0 (and 39999 more like it)", "a.mkv breaks off"]
    assert uncounted(lines[0]) == "times run backwards at tick 0"


def test_a_device_picture_is_no_change_of_format(tmp_path):
    clip = tmp_path / "in.h264"
    clip.write_bytes(bare_h264(12))
    said = []
    watch = ChangeWatch(VideoSource(clip).video, said.append, deinterlaced=False)

    class OnDevice:
        interlaced_frame = key_frame = False
        color_primaries = color_trc = 2
        format = type("Format", (), {"name": "cuda"})

    watch.look(OnDevice(), 5, TimeStamp(5, Fraction(1, 25)))
    assert not said
