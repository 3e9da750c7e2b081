"""The table of codecs: a record is all that a new codec needs."""

import av
import numpy as np
import pytest
from odd_media import moving_planes, write_clip
from round_trips import FAST, clip_planes, copy

from lfvideo_sr.commands.stream import default_output
from lfvideo_sr.errors import UsageError
from lfvideo_sr.media import codecs
from lfvideo_sr.media.codecs import CODECS, Codec, codec_of, listed_codecs
from lfvideo_sr.media.video import VideoSource

LOSSLESS = Codec("magicyuv", ("magic",), lossless=True, endings=frozenset({".mov"}))
LOSSY = Codec("libvpx-vp9", ("toy",), presets={}, options={"deadline": "realtime", "cpu-used": "8"}, sitings=("left",))


def pixels_of(path) -> list[np.ndarray]:
    return [frame.pixels for frame in VideoSource(path, detect_cuts=False)]


@pytest.fixture
def with_toys(monkeypatch):
    monkeypatch.setattr(codecs, "CODECS", (*CODECS, LOSSLESS, LOSSY))


def test_a_codec_is_added_by_one_record(tmp_path, with_toys):
    clip = write_clip(tmp_path / "in.mp4", clip_planes(4), **FAST)
    copy(clip, tmp_path / "out.mov", codec="magic", preset="medium")
    with av.open(str(tmp_path / "out.mov")) as written:
        assert written.streams.video[0].codec_context.name == "magicyuv"
    expected, result = pixels_of(clip), pixels_of(tmp_path / "out.mov")
    assert len(result) == 4
    assert max(np.abs(before - after).mean() for before, after in zip(expected, result)) < 0.5 / 255
    assert listed_codecs() == "x264, x265, svtav1, ffv1, vp9, prores, h264_nvenc, hevc_nvenc, magic or toy"
    assert default_output(tmp_path / "in.mov", "magic").name == "in_x4.mov"
    assert default_output(tmp_path / "in.mp4", "magic").name == "in_x4.mkv"


def test_a_lossy_codec_is_added_by_one_record(tmp_path, with_toys):
    clip = write_clip(tmp_path / "in.mp4", [moving_planes(0, 64, 48)] * 3, **FAST)
    errors = []
    for crf in (4, 60):
        copy(clip, tmp_path / f"{crf}.webm", codec="toy", crf=crf, preset="slow")
        result = pixels_of(tmp_path / f"{crf}.webm")
        assert len(result) == 3
        errors.append(np.abs(result[0] - pixels_of(clip)[0]).mean())
    assert errors[0] < errors[1] and errors[0] < 0.02


@pytest.mark.parametrize(("depth", "written"), [(8, "yuv422p10le"), (10, "yuv422p10le")])
def test_prores_has_at_least_ten_bits_and_hardly_loses(depth, written, tmp_path):
    clip = write_clip(tmp_path / "in.mkv", [moving_planes(0, 64, 48)] * 2, **FAST)
    if depth == 10:
        eight, clip = clip, tmp_path / "ten.mkv"
        copy(eight, clip, codec="ffv1", options={"pixel_format": "yuv420p10le"})
    target = tmp_path / "out.mov"
    copy(clip, target, codec="prores")
    with av.open(str(target)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("prores", written)
    assert np.abs(pixels_of(target)[1] - pixels_of(clip)[1]).mean() < 2 / 255


def test_every_record_names_an_encoder_and_no_name_means_two():
    names = [name for codec in CODECS for name in (codec.encoder, *codec.names)]
    assert len(names) == len(set(names))
    assert all(av.Codec(codec_of(name).encoder, "w").name == codec_of(name).encoder for name in names)
    with pytest.raises(UsageError, match="did you mean 'x265'"):
        codec_of("x256")
