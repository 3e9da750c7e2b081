"""Transparency: read where it is, kept where the output can, laid over a colour, or left out with a word."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from odd_media import CLEAR, OPAQUE, half_clear, moving_planes, write_alpha, write_clip
from PIL import Image
from round_trips import copy

from lfvideo_sr.errors import UsageError
from lfvideo_sr.frames import Size
from lfvideo_sr.media.codecs import codec_of
from lfvideo_sr.media.colour import ColourSpec, Layout
from lfvideo_sr.media.encoding import output_colour, pixel_format
from lfvideo_sr.media.images import read_picture
from lfvideo_sr.media.planes import alpha_of
from lfvideo_sr.media.resize import bicubic
from lfvideo_sr.media.sink import VideoSink
from lfvideo_sr.media.video import VideoSource


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


@pytest.mark.parametrize(
    ("codec", "name", "written", "error"),
    [("prores", "out.mov", "yuva444p", 1e-3), ("prores", "out.mkv", "yuva444p", 1e-3), ("vp9", "out.webm", "", 0.1)],
)
def test_codecs_with_losses_keep_it_too(codec, name, written, error, tmp_path):
    clip = write_alpha(tmp_path / "in.mkv", options={"level": "3"})
    source = VideoSource(clip, alpha="keep")
    with VideoSink(tmp_path / name, source.video, Size(128, 96), codec=codec, preset="ultrafast") as sink:
        for frame in source:
            sink.write(frame.with_pixels(frame.pixels.repeat(4, 1).repeat(4, 2)))
    assert not any("transparen" in line for line in sink.warnings)
    track = VideoSource(tmp_path / name, alpha="keep").video
    assert track.alpha and track.pixel_format.startswith(written) and track.size == Size(128, 96)
    for frame in VideoSource(tmp_path / name, alpha="keep"):
        assert np.abs(frame.alpha[:, :56]).max() < error and np.abs(frame.alpha[:, 72:] - 1).max() < error
    before, after = (next(iter(VideoSource(path))).pixels for path in (clip, tmp_path / name))
    assert np.abs(before.repeat(4, 1).repeat(4, 2) - after)[:, :, 72:].mean() < 0.02


@pytest.mark.parametrize("layout", [Layout.YUV422, Layout.YUV444, Layout.RGB])
def test_vp9_takes_finer_chroma_with_transparency_in_the_format_that_it_opens(layout):
    """FFmpeg lists others for it too, with which the encoder does not open."""
    codec = codec_of("vp9")
    colour = output_colour(ColourSpec(layout, 10), codec, Size(32, 24), alpha=True)
    encoder = av.CodecContext.create(codec.encoder, "w")
    encoder.width, encoder.height, encoder.time_base = 32, 24, Fraction(1, 25)
    encoder.pix_fmt = pixel_format(colour, codec, alpha=True)
    encoder.open()
    assert encoder.pix_fmt == "yuva420p"


def test_a_file_without_a_place_for_what_the_codec_puts_beside_its_pictures(tmp_path):
    source = VideoSource(write_alpha(tmp_path / "in.mkv"), alpha="keep")
    with VideoSink(tmp_path / "out.mp4", source.video, Size(32, 24), codec="vp9", preset="ultrafast") as sink:
        sink.write(next(iter(source)))
    assert any(".mp4 has no place" in line and ".webm" in line for line in sink.warnings)
    assert not VideoSource(tmp_path / "out.mp4", alpha="keep").video.alpha


def test_prores_has_the_colours_of_full_range_and_of_old_primaries(tmp_path):
    """It is read as limited range, and has no number for BT.470."""
    planes = [moving_planes(index, 64, 48) for index in range(2)]
    clip = write_clip(tmp_path / "in.mkv", planes, tags={"color_range": 2, "colorspace": 5, "color_primaries": 5})
    source = VideoSource(clip)
    with VideoSink(tmp_path / "out.mov", source.video, Size(64, 48), codec="prores") as sink:
        for frame in source:
            sink.write(frame)
    written = VideoSource(tmp_path / "out.mov")
    assert written.video.colour.matrix == 601 and not written.video.colour.assumed
    pairs = zip(source, written, strict=True)
    assert max(np.abs(before.pixels - after.pixels).mean() for before, after in pairs) < 0.01


def transparent_pictures(folder: Path, dtype=np.uint8, count=2) -> list[np.ndarray]:
    """Numbered PNGs with transparency, and what they hold, BGRA [H,W,4]."""
    folder.mkdir()
    rng, peak = np.random.default_rng(0), np.iinfo(dtype).max
    pictures = [rng.integers(0, peak + 1, (16, 24, 4), dtype) for _ in range(count)]
    for index, picture in enumerate(pictures):
        picture[:8, :, 3], picture[8:, :, 3] = 0, peak
        cv2.imwrite(str(folder / f"{index}.png"), picture)
    return pictures


@pytest.mark.parametrize(("dtype", "ending"), [(np.uint8, "png"), (np.uint16, "png"), (np.uint8, "tif")])
def test_numbered_pictures_keep_it(dtype, ending, run, tmp_path):
    pictures = transparent_pictures(tmp_path / "in", dtype)
    done = run("stream", tmp_path / "in", "-o", tmp_path / "out" / f"%d.{ending}", "--method", "bicubic")
    assert done.code == 0 and "transparen" not in done.out, done.out + done.err
    peak = np.iinfo(dtype).max
    for index, picture in enumerate(pictures):
        written = cv2.imread(str(tmp_path / "out" / f"{index}.{ending}"), cv2.IMREAD_UNCHANGED)
        assert written.dtype == dtype and written.shape == (64, 96, 4)
        assert not written[:24, :, 3].any() and (written[40:, :, 3] == peak).all()
        exact = np.clip(bicubic(picture[..., :3].transpose(2, 0, 1) / np.float32(peak), Size(96, 64)), 0, 1) * peak
        if ending == "png":
            assert np.abs(written[..., :3].transpose(2, 0, 1) - exact).max() <= 1


def test_numbered_pictures_into_what_has_no_place_for_it(run, tmp_path):
    transparent_pictures(tmp_path / "in")
    bicubic_run = ("stream", tmp_path / "in", "--method", "bicubic")
    done = run(*bicubic_run, "-o", tmp_path / "a" / "%d.jpg")
    assert done.code == 0 and "%d.jpg has no place for transparency" in done.out
    done = run(*bicubic_run, "-o", tmp_path / "out.mkv", "--preset", "ultrafast")
    assert done.code == 0 and done.out.count("the transparency of") == 1
    done = run(*bicubic_run, "-o", tmp_path / "b" / "%d.png", "--alpha", "#00FF00")
    assert done.code == 0 and "transparen" not in done.out
    green = cv2.imread(str(tmp_path / "b" / "0.png"), cv2.IMREAD_UNCHANGED)
    assert green.shape == (64, 96, 3) and (green[:16] == (0, 255, 0)).all()
    done = run(*bicubic_run, "-o", tmp_path / "kept.mkv", "--codec", "ffv1")
    assert done.code == 0 and "transparen" not in done.out
    large = alphas(tmp_path / "kept.mkv")[0]
    assert not large[:24].any() and (large[40:] == 1).all()


def test_transparency_is_turned_as_its_picture_is(tmp_path):
    picture = np.zeros((4, 6, 4), np.uint8)
    picture[0, 1:3] = 255
    for number in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = number
        Image.fromarray(picture).save(tmp_path / "in.png", exif=exif)
        read = read_picture(tmp_path / "in.png", alpha=True)
        assert np.array_equal(read.alpha, read.pixels[0]), number


def test_a_tiff_has_its_colours_under_transparency_too(tmp_path):
    """As Pillow and most programs write it; OpenCV multiplies these colours by the transparency."""
    picture = np.random.default_rng(0).integers(0, 256, (6, 8, 4), np.uint8)
    picture[:2, :, 3], picture[2:4, :, 3] = 0, 128
    for compression in (None, "tiff_lzw"):
        Image.fromarray(picture).save(tmp_path / "in.tif", compression=compression)
        read = read_picture(tmp_path / "in.tif", alpha=True)
        assert np.array_equal(np.rint(read.pixels * 255).transpose(1, 2, 0), picture[..., :3])
        assert read.alpha is not None and np.array_equal(np.rint(read.alpha * 255), picture[..., 3])


@pytest.mark.parametrize("kind", ["rgba.png", "deep.png", "grey.png", "palette.png", "colour_key.png", "rgba.webp"])
def test_transparency_is_read_with_the_colours_and_changes_none(kind, tmp_path, monkeypatch):
    rgba = Image.fromarray(np.random.default_rng(0).integers(0, 256, (6, 8, 4), np.uint8))
    path = tmp_path / kind
    if kind == "deep.png":
        cv2.imwrite(str(path), np.asarray(rgba).astype(np.uint16) * 257)
    elif kind == "grey.png":
        rgba.convert("LA").save(path)
    elif kind == "palette.png":
        rgba.convert("RGB").quantize(16).save(path, transparency=3)
    elif kind == "colour_key.png":
        rgba.convert("RGB").save(path, transparency=rgba.convert("RGB").getpixel((2, 3)))
    else:
        rgba.save(path, lossless=True)
    without, decoded = read_picture(path), []
    decode = cv2.imdecode
    monkeypatch.setattr(cv2, "imdecode", lambda *arguments: decoded.append(1) or decode(*arguments))
    read = read_picture(path, alpha=True)
    assert len(decoded) == 1 and without.alpha is None and np.array_equal(read.pixels, without.pixels)
    assert read.is_transparent and read.bit_depth == without.bit_depth and read.alpha.shape == (6, 8)
    if kind == "rgba.png":
        assert np.array_equal(np.rint(read.alpha * 255), np.asarray(rgba)[..., 3])


@pytest.mark.parametrize(("codec", "name"), [("vp9", "out.webm"), ("prores", "out.mov"), ("vp9", "out.mp4")])
def test_a_run_in_segments_keeps_it(codec, name, run, tmp_path):
    clip = write_webm(tmp_path / "in.webm")
    command = ("stream", clip, "-o", tmp_path / name, "--method", "bicubic", "--preset", "ultrafast")
    done = run(*command, "--codec", codec)
    assert done.code == 0, done.err
    assert ("transparency" in done.out) is (name == "out.mp4")
    if name != "out.mp4":
        large = alphas(tmp_path / name)[0]
        assert large.shape == (96, 128) and large[:, :48].max() < 0.1 and large[:, 80:].min() > 0.9


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
