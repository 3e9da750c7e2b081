"""Colours: against the definition of each matrix, through real files, and against FFmpeg's own conversion."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import Interpolation
from hypothesis import given, settings
from hypothesis import strategies as st
from odd_media import filled, moving_planes, write_clip

from lfvideo_sr.errors import InputError
from lfvideo_sr.frames import Frame, Size, TimeStamp
from lfvideo_sr.media.colour import ColourSpec, Layout, Siting, planes_to_rgb, rgb_to_planes
from lfvideo_sr.media.planes import frame_of, layout_of, planes_of
from lfvideo_sr.media.sink import VideoSink
from lfvideo_sr.media.video import VideoSource

BARS = [(r, g, b) for r in (0, 191, 255) for g in (0, 191, 255) for b in (0, 191, 255)]  # of 255
CODES = {601: (6, 6, 6), 709: (1, 1, 1), 2020: (9, 9, 14)}  # matrix, primaries, transfer
WEIGHTS = {601: (0.299, 0.587, 0.114), 709: (0.2126, 0.7152, 0.0722), 2020: (0.2627, 0.678, 0.0593)}


def bars(width: int = 8, height: int = 16) -> np.ndarray:
    """Float RGB [3,height,27*width]."""
    row = np.repeat(np.array(BARS, np.float32).T / 255, width, axis=1)
    return np.ascontiguousarray(np.broadcast_to(row[:, None], (3, height, row.shape[1])))


def by_definition(rgb: np.ndarray, matrix: int, full: bool, depth: int) -> list[np.ndarray]:
    """4:4:4 planes by the equations of the standards, in float64."""
    red, green, blue = rgb.astype(np.float64)
    kr, kg, kb = WEIGHTS[matrix]
    y = kr * red + kg * green + kb * blue
    u, v = (blue - y) / 2 / (1 - kb), (red - y) / 2 / (1 - kr)
    top = (1 << depth) - 1
    if full:
        planes = y * top, u * top + (1 << depth - 1), v * top + (1 << depth - 1)
    else:
        scale = 1 << depth - 8
        planes = (219 * y + 16) * scale, (224 * u + 128) * scale, (224 * v + 128) * scale
    dtype = np.uint8 if depth == 8 else np.uint16
    return [np.clip(np.floor(plane + 0.5), 0, top).astype(dtype) for plane in planes]


def off_by(pixels: np.ndarray, expected: np.ndarray) -> int:
    """The largest difference in steps of 1/255 between two pictures as 8-bit RGB."""
    levels, expected_levels = (np.round(picture * 255).astype(int) for picture in (pixels, expected))
    return int(np.abs(levels - expected_levels).max())


def plain_samples(plane: np.ndarray, xs: np.ndarray, ys: np.ndarray) -> np.ndarray:
    """Bilinear samples of a plane at all (x, y), edges repeated: the plain twin of what OpenCV does."""
    rows = np.stack([np.interp(xs, np.arange(plane.shape[1]), row) for row in plane.astype(np.float64)])
    return np.stack([np.interp(ys, np.arange(plane.shape[0]), column) for column in rows.T]).T


def chroma_positions(siting: Siting, layout: Layout, size: Size) -> tuple[np.ndarray, np.ndarray]:
    """Where luma samples lie, counted in chroma samples."""
    axes = []
    for length, step, cosited in zip(size, layout.chroma_step, siting.cosited):
        first = 0 if cosited else (step - 1) / 2
        axes.append((np.arange(length) - first) / step)
    return axes[0], axes[1]


@pytest.mark.parametrize(("matrix", "full", "depth"), list(product((601, 709, 2020), (False, True), (8, 10))))
def test_planes_are_those_of_the_standard(matrix, full, depth):
    spec = ColourSpec(Layout.YUV444, depth, matrix, full)
    for ours, theirs in zip(rgb_to_planes(bars(), spec), by_definition(bars(), matrix, full, depth)):
        assert np.abs(ours.astype(int) - theirs).max() <= 1
        assert (ours == theirs).mean() > 0.9  # the others lie on .5 exactly


@pytest.mark.parametrize(("matrix", "full", "depth"), list(product((601, 709, 2020), (False, True), (8, 10))))
@pytest.mark.parametrize(("codec", "options"), [("ffv1", {}), ("libx264", {"qp": "0"})])
def test_bars_survive_a_real_file(tmp_path, matrix, full, depth, codec, options):
    """Planes by the standard -> lossless file -> VideoSource -> VideoSink, lossless -> VideoSource."""
    pixel_format = "yuv444p" if depth == 8 else "yuv444p10le"
    code, primaries, transfer = CODES[matrix]
    tags = {"colorspace": code, "color_range": 2 if full else 1, "color_primaries": primaries, "color_trc": transfer}
    planes = by_definition(bars(), matrix, full, depth)
    clip = write_clip(tmp_path / "bars.mkv", [planes] * 2, pixel_format=pixel_format, tags=tags)
    source = VideoSource(clip)
    colour = source.video.colour
    assert (colour.matrix, colour.full_range, colour.bit_depth) == (matrix, full, depth)
    assert (colour.primaries, colour.transfer, colour.assumed) == (primaries, transfer, False)
    with VideoSink(tmp_path / "again.mkv", source.video, source.info.size, codec=codec, options=options) as sink:
        for frame in source:
            assert off_by(frame.pixels, bars()) <= 1
            sink.write(frame)
    again = VideoSource(tmp_path / "again.mkv")
    assert replace(again.video.colour, siting=colour.siting) == colour
    for frame in again:
        assert off_by(frame.pixels, bars()) <= 1
    for ours, theirs in zip(first_planes(tmp_path / "again.mkv"), planes):
        assert np.abs(ours.astype(int) - theirs).max() <= 1  # a rounded colour may lie just outside of RGB's [0,1]


def first_planes(path: Path) -> list[np.ndarray]:
    video = VideoSource(path).video
    with av.open(str(path)) as container:
        return [plane.copy() for plane in planes_of(next(container.decode(video=0)), video.colour)]


@pytest.mark.parametrize("siting", Siting)
@pytest.mark.parametrize(("layout", "depth"), list(product((Layout.YUV420, Layout.YUV422), (8, 10))))
def test_subsampled_bars_survive(siting, layout, depth):
    """Away from the edges between bars, where chroma is shared, colours come back within 1/255."""
    spec = ColourSpec(layout, depth, 709, siting=siting)
    picture = bars()
    back = planes_to_rgb(rgb_to_planes(picture, spec), spec)
    inside = np.arange(picture.shape[2]) % 8
    keep = (inside > 1) & (inside < 6)
    assert off_by(back[..., keep], picture[..., keep]) <= 1


@pytest.mark.parametrize("siting", Siting)
@pytest.mark.parametrize("layout", [Layout.YUV420, Layout.YUV422])
@pytest.mark.parametrize("size", [Size(32, 20), Size(33, 21)])
def test_chroma_is_enlarged_from_where_it_lies(siting, layout, size):
    """OpenCV's path against the plain twin."""
    spec = ColourSpec(layout, siting=siting, full_range=True)
    random = np.random.default_rng(0)
    across, down = layout.chroma_step
    small = random.integers(60, 190, (-(-size.height // down), -(-size.width // across))).astype(np.uint8)
    grey = np.full((size.height, size.width), 128, np.uint8)
    rgb = planes_to_rgb([grey, small, np.full_like(small, 128)], spec)
    blue = plain_samples(small, *chroma_positions(siting, layout, size))
    expected = (128 + 2 * (1 - WEIGHTS[709][2]) * (blue - 128)) / 255
    assert np.abs(rgb[2] - np.clip(expected, 0, 1)).max() < 1e-5


@pytest.mark.parametrize("siting", Siting)
@pytest.mark.parametrize("layout", [Layout.YUV420, Layout.YUV422])
@pytest.mark.parametrize("size", [Size(64, 48), Size(65, 49)])
def test_chroma_keeps_its_place(siting, layout, size):
    """A ramp is sampled exactly where the chroma samples lie: shrinking moves nothing."""
    spec = ColourSpec(layout, 16, siting=siting, full_range=True)
    y, x = np.mgrid[0 : size.height, 0 : size.width].astype(np.float32)
    ramp = 0.25 + (x + y) / 400
    planes = rgb_to_planes(np.stack([np.full_like(ramp, 0.4), np.full_like(ramp, 0.4), ramp]), spec)
    across, down = layout.chroma_step
    chroma_y, chroma_x = np.mgrid[0 : planes[1].shape[0], 0 : planes[1].shape[1]]
    first_x, first_y = (0 if cosited else (step - 1) / 2 for step, cosited in zip(layout.chroma_step, siting.cosited))
    blue = 0.25 + (chroma_x * across + first_x + chroma_y * down + first_y) / 400
    u = (blue - 0.4) * (1 - WEIGHTS[709][2]) / 2 / (1 - WEIGHTS[709][2]) * 65535 + 32768
    inner = (slice(1, -1), slice(1, -1))
    assert np.abs(planes[1][inner] - u[inner]).max() <= 1


@given(
    st.sampled_from([Layout.YUV444, Layout.RGB]),
    st.sampled_from([601, 709, 2020]),
    st.booleans(),
    st.sampled_from([8, 10, 12]),
    st.tuples(*[st.integers(0, 255)] * 3),
)
@settings(max_examples=150, deadline=None)
def test_any_colour_comes_back(layout, matrix, full, depth, rgb):
    """The rounding of 8-bit limited YUV is the worst there is: under 2/255; two more bits are a quarter of it."""
    spec = ColourSpec(layout, depth, matrix, full)
    picture = np.broadcast_to(np.array(rgb, np.float32)[:, None, None] / 255, (3, 2, 2))
    back = planes_to_rgb(rgb_to_planes(picture, spec), spec)
    assert np.abs(back - picture).max() <= 2 / 255 / (1 << (depth - 8))
    if layout is Layout.RGB and depth == 8:
        assert (np.round(back * 255) == np.round(picture * 255)).all()


@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from(list(Siting)), st.sampled_from(list(Layout)))
@settings(max_examples=60, deadline=None)
def test_every_size_has_its_planes(width, height, siting, layout):
    spec = ColourSpec(layout, siting=siting)
    planes = rgb_to_planes(np.full((3, height, width), 0.5, np.float32), spec)
    across, down = layout.chroma_step
    assert planes[0].shape == (height, width)
    assert all(plane.shape == (-(-height // down), -(-width // across)) for plane in planes[1:])
    assert off_by(planes_to_rgb(planes, spec), np.float32(0.5)) <= 1


def test_values_outside_are_held():
    spec = ColourSpec(Layout.YUV444)
    superwhite = [np.full((2, 2), value, np.uint8) for value in (255, 128, 128)]
    assert (planes_to_rgb(superwhite, spec) == 1).all()
    assert rgb_to_planes(np.full((3, 2, 2), 1.5, np.float32), spec)[0].max() == 255
    ten = rgb_to_planes(np.full((3, 2, 2), 1.5, np.float32), replace(spec, bit_depth=10))
    assert ten[0].max() == 1023


@pytest.mark.parametrize("matrix", [601, 709])
@pytest.mark.parametrize("full", [False, True])
def test_ffmpeg_agrees(matrix, full):
    """swscale, told everything explicitly, on smooth 4:2:0."""
    frame = filled(moving_planes(0, 64, 48), "yuv420p")
    frame.colorspace, frame.color_range = {601: 5, 709: 1}[matrix], 2 if full else 1
    theirs = frame.reformat(
        format="rgb24",
        src_colorspace=frame.colorspace,
        dst_colorspace=frame.colorspace,
        src_color_range=frame.color_range,
        dst_color_range=2,
        interpolation=Interpolation.BILINEAR
        | Interpolation.FULL_CHR_H_INT
        | Interpolation.FULL_CHR_H_INP
        | Interpolation.ACCURATE_RND,
    ).to_ndarray()
    spec = ColourSpec(matrix=matrix, full_range=full)
    ours = planes_to_rgb(planes_of(frame, spec), spec).transpose(1, 2, 0) * 255
    difference = np.abs(ours - theirs)
    assert difference.mean() < 0.6 and difference.max() < 3


@pytest.mark.parametrize(
    ("name", "layout", "depth"),
    [
        ("yuvj420p", Layout.YUV420, 8),
        ("nv12", Layout.YUV420, 8),
        ("p010le", Layout.YUV420, 10),
        ("yuv410p", Layout.YUV420, 8),
        ("uyvy422", Layout.YUV422, 8),
        ("yuv411p", Layout.YUV422, 8),
        ("yuva444p12le", Layout.YUV444, 12),
        ("yuv440p", Layout.YUV444, 8),
        ("gray10le", Layout.GRAY, 10),
        ("ya8", Layout.GRAY, 8),
        ("rgb565le", Layout.RGB, 8),
        ("pal8", Layout.RGB, 8),
        ("rgba64le", Layout.RGB, 16),
        ("gbrpf32le", Layout.RGB, 16),
    ],
)
def test_every_format_has_a_layout(name, layout, depth):
    assert layout_of(name) == (layout, depth)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("name", ["nv12", "nv21", "yuva420p"])
def test_rearranged_formats_keep_their_integers(name, full):
    planes = moving_planes(3, 48, 32)
    spec = ColourSpec(full_range=full)
    packed = filled(planes, "yuv420p")
    packed.color_range = 2 if full else 1
    packed = packed.reformat(format=name, src_color_range=packed.color_range, dst_color_range=packed.color_range)
    assert all((ours == theirs).all() for ours, theirs in zip(planes_of(packed, spec), planes))


@pytest.mark.parametrize("name", ["rgb24", "bgr24", "bgr0", "rgba", "gbrp", "argb"])
def test_rgb_formats_are_exact(name):
    picture = np.random.default_rng(1).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    frame = av.VideoFrame.from_ndarray(picture).reformat(format=name)
    spec = ColourSpec(Layout.RGB)
    rgb = planes_to_rgb(planes_of(frame, spec), spec)
    assert (np.round(rgb * 255).astype(np.uint8) == picture.transpose(2, 0, 1)).all()
    packed = frame_of(rgb_to_planes(rgb, spec), spec, "bgr0")
    assert (packed.to_ndarray(format="rgb24") == picture).all()


@pytest.mark.parametrize("pixel_format", ["bgr0", "gbrp10le", "gray"])
def test_lossless_in_lossless_out(tmp_path, pixel_format):
    layout, depth = layout_of(pixel_format)
    dtype = np.uint8 if depth == 8 else np.uint16
    planes = list(np.random.default_rng(2).integers(0, 1 << depth, (3, 24, 36)).astype(dtype))
    clip = tmp_path / "in.mkv"
    if pixel_format == "bgr0":
        write_clip(clip, [[np.dstack([*planes, planes[0] * 0]).reshape(24, -1)]], pixel_format="bgr0", width=36)
    else:
        write_clip(clip, [planes[:1] if layout is Layout.GRAY else planes], pixel_format=pixel_format)
    source = VideoSource(clip)
    with VideoSink(tmp_path / "out.mkv", source.video, source.info.size, codec="ffv1") as sink:
        for frame in source:
            sink.write(frame)
    assert VideoSource(tmp_path / "out.mkv").video.pixel_format == pixel_format
    for ours, theirs in zip(first_planes(tmp_path / "out.mkv"), first_planes(clip)):
        assert (ours == theirs).all()


@pytest.mark.parametrize(("size", "matrix"), [(Size(1280, 720), 709), (Size(720, 576), 601)])
def test_untagged_clips_are_guessed_by_size_and_tagged_in_the_output(tmp_path, size, matrix):
    clip = write_clip(tmp_path / "in.mp4", [moving_planes(0, *size)], codec="libx264", options={"preset": "ultrafast"})
    video = VideoSource(clip).video
    assert video.colour.assumed and video.colour.matrix == matrix and not video.colour.full_range
    with VideoSink(tmp_path / "out.mp4", video, Size(64, 48), preset="ultrafast") as sink:
        sink.write(Frame(np.full((3, 48, 64), 0.5, np.float32), 0, TimeStamp(0, video.time_base)))
    colour = VideoSource(tmp_path / "out.mp4").video.colour
    assert colour.matrix == matrix and not colour.assumed


@pytest.mark.parametrize("siting", Siting)
@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_siting_is_read_and_written(tmp_path, siting, codec):
    options = {"preset": "ultrafast", "chroma_sample_location": siting.value}
    clip = write_clip(tmp_path / "in.mp4", [moving_planes(0, 64, 48)], codec="libx264", options=options)
    source = VideoSource(clip)
    assert source.video.colour.siting is siting
    with VideoSink(tmp_path / "out.mp4", source.video, source.info.size, codec=codec, preset="ultrafast") as sink:
        for frame in source:
            sink.write(frame)
    assert VideoSource(tmp_path / "out.mp4").video.colour.siting is siting


def test_an_unknown_matrix_is_refused(tmp_path):
    clip = write_clip(tmp_path / "in.mkv", [moving_planes(0, 32, 32)], tags={"colorspace": 8})
    with pytest.raises(InputError, match=r"matrix.*8.*convert"):
        VideoSource(clip)


def test_rearranging_loses_nothing_however_often():
    """In several threads swscale now and then gives wrong chroma where a picture's rows do not divide evenly."""
    picture = av.VideoFrame(38, 22, "p010le")
    for plane in picture.planes:
        words = np.frombuffer(plane, np.uint16)
        words[:] = np.random.default_rng(1).integers(0, 1 << 10, words.size, np.uint16) << 6
    blue = np.frombuffer(picture.planes[1], np.uint16).reshape(11, -1)[:, :38:2] >> 6
    for _ in range(200):
        assert np.array_equal(planes_of(picture, ColourSpec(bit_depth=10))[1], blue)
