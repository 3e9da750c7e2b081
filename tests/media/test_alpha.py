"""Transparency: read where it is, kept where the output can, laid over a colour, or left out with a word."""

from fractions import Fraction

import av
import numpy as np
import pytest
from odd_media import moving_planes, write_clip
from round_trips import copy

from lfvideo_sr.errors import UsageError
from lfvideo_sr.frames import Size
from lfvideo_sr.media.planes import alpha_of
from lfvideo_sr.media.sink import VideoSink
from lfvideo_sr.media.video import VideoSource

CLEAR, OPAQUE = slice(0, 16), slice(16, 32)  # columns


def half_clear(depth: int = 8) -> np.ndarray:
    alpha = np.full((24, 32), (1 << depth) - 1, np.uint8 if depth == 8 else np.uint16)
    alpha[:, CLEAR] = 0
    return alpha


def write_alpha(path, pixel_format="yuva420p", depth=8, codec="ffv1", options=None, count=3):
    planes = [[*moving_planes(index, 32, 24, depth), half_clear(depth)] for index in range(count)]
    return write_clip(path, planes, pixel_format=pixel_format, codec=codec, options=options)


def write_webm(path):
    """FFmpeg's own decoder of VP9 shows this opaque: transparency is beside the pictures."""
    options = {"deadline": "realtime", "cpu-used": "8", "auto-alt-ref": "0", "crf": "4"}
    return write_alpha(path, codec="libvpx-vp9", options=options)


def alphas(path):
    return [frame.alpha for frame in VideoSource(path, alpha="keep")]


@pytest.mark.parametrize(("pixel_format", "depth"), [("yuva420p", 8), ("yuva420p10le", 10)])
def test_ffv1_keeps_transparency_exactly(tmp_path, pixel_format, depth):
    clip = write_alpha(tmp_path / "in.mkv", pixel_format, depth)
    source = VideoSource(clip, alpha="keep")
    with VideoSink(tmp_path / "out.mkv", source.video, Size(32, 24), codec="ffv1") as sink:
        for frame in source:
            sink.write(frame.with_pixels(frame.pixels))
    assert not any("transparen" in line for line in sink.warnings + source.warnings)
    expected = half_clear() / np.float32(255)
    assert all((alpha == expected).all() for alpha in alphas(tmp_path / "out.mkv"))
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert container.streams.video[0].codec_context.pix_fmt == pixel_format


def test_transparency_is_enlarged_with_the_picture(tmp_path):
    source = VideoSource(write_alpha(tmp_path / "in.mkv"), alpha="keep")
    with VideoSink(tmp_path / "out.mkv", source.video, Size(128, 96), codec="ffv1") as sink:
        for frame in source:
            sink.write(frame.with_pixels(frame.pixels.repeat(4, 1).repeat(4, 2)))
    large = alphas(tmp_path / "out.mkv")[0]
    assert large.shape == (96, 128) and not large[:, :56].any() and (large[:, 72:] == 1).all()


def test_webm_is_read_with_its_transparency_and_kept_in_ffv1(tmp_path):
    clip = write_webm(tmp_path / "in.webm")
    assert VideoSource(clip, alpha="keep").video.alpha
    read = alphas(clip)
    assert len(read) == 3 and read[0][:, CLEAR].max() < 0.05 and read[0][:, OPAQUE].min() > 0.95
    source = VideoSource(clip, alpha="keep")
    with VideoSink(tmp_path / "out.mkv", source.video, Size(32, 24), codec="ffv1", copy_from=clip) as sink:
        for frame in source:
            sink.write(frame)
    assert np.abs(alphas(tmp_path / "out.mkv")[0] - read[0]).max() < 1e-6


def test_an_output_without_transparency_says_so_and_has_no_tag_of_it(tmp_path):
    clip = write_webm(tmp_path / "in.webm")
    source = VideoSource(clip, alpha="keep")
    with VideoSink(tmp_path / "out.mkv", source.video, Size(32, 24), preset="ultrafast", copy_from=clip) as sink:
        before = list(sink.warnings)
        for frame in source:
            sink.write(frame)
    assert any("--codec ffv1" in line and "--alpha" in line for line in before)
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert "alpha_mode" not in {key.lower() for key in container.streams.video[0].metadata}


def test_transparent_pictures_are_laid_over_a_colour(tmp_path):
    clip = write_alpha(tmp_path / "in.mkv")
    plain, laid = (next(iter(VideoSource(clip, alpha=alpha))) for alpha in ("drop", "#FF0080"))
    assert laid.alpha is None and (laid.pixels[:, :, OPAQUE] == plain.pixels[:, :, OPAQUE]).all()
    assert np.allclose(laid.pixels[:, :, CLEAR], np.array([1, 0, 128 / 255])[:, None, None])
    assert not VideoSource(clip, alpha="#FF0080").video.alpha
    with pytest.raises(UsageError, match="--alpha is red"):
        VideoSource(clip, alpha="red")


def test_packed_and_absent_transparency():
    pixels = np.zeros((4, 6, 4), np.uint8)
    pixels[1, 2, 3] = 51
    packed = av.VideoFrame.from_ndarray(pixels, format="rgba")
    assert alpha_of(packed)[1, 2] == np.float32(0.2) and alpha_of(packed).sum() == np.float32(0.2)
    assert alpha_of(av.VideoFrame(4, 4, "yuv420p")) is None


def test_a_run_keeps_it_end_to_end(run, tmp_path):
    clip = write_webm(tmp_path / "in.webm")
    kept = run("stream", clip, "-o", tmp_path / "out.mkv", "--method", "bicubic", "--codec", "ffv1")
    assert kept.code == 0 and "transparen" not in kept.out
    large = alphas(tmp_path / "out.mkv")[0]
    assert large.shape == (96, 128) and large[:, :48].max() < 0.1 and large[:, 80:].min() > 0.9
    lost = run("stream", clip, "-o", tmp_path / "x264.mkv", "--method", "bicubic", "--preset", "ultrafast")
    assert lost.out.count("the transparency of") == 1 and lost.out.index("transparency") < lost.out.index("frames ")
    bad = run("stream", clip, "-o", tmp_path / "bad.mkv", "--alpha", "blue")
    assert bad.code == 2 and "#00FF00" in bad.line


def test_copying_without_asking_for_it_warns(tmp_path):
    sink = copy(write_alpha(tmp_path / "in.mkv"), tmp_path / "out.mkv", codec="ffv1")
    assert VideoSource(tmp_path / "out.mkv").video.pixel_format == "yuv420p" and not sink.warnings
    assert "transparency" in VideoSource(tmp_path / "in.mkv").warnings[0]
    assert VideoSource(tmp_path / "in.mkv").info.rate == Fraction(25)
