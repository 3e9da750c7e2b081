"""Numbered pictures as a clip: which files count, in which order, and what their frames are."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from lfvideo_sr.errors import InputError, UsageError
from lfvideo_sr.frames import Size
from lfvideo_sr.media.clock import frame_times
from lfvideo_sr.media.film_pictures import exr_bytes
from lfvideo_sr.media.picture_sequence import find_sequence, is_sequence, number_in, numbered_name
from lfvideo_sr.media.sequence_source import clip_info, open_clip, parse_rate

WIDTH, HEIGHT = 24, 16


def samples(index: int, dtype=np.uint8, channels: int = 3) -> np.ndarray:
    """BGR [H,W,C] as OpenCV writes it, another picture for each index."""
    return np.random.default_rng(index).integers(0, np.iinfo(dtype).max + 1, (HEIGHT, WIDTH, channels), dtype)


def write(folder: Path, *names: str, dtype=np.uint8, channels: int = 3) -> Path:
    folder.mkdir(exist_ok=True)
    for index, name in enumerate(names):
        cv2.imwrite(str(folder / name), samples(index, dtype, channels))
    return folder


def names(named: Path) -> list[str]:
    sequence = find_sequence(named)
    assert sequence is not None
    return [path.name for path in sequence.paths]


def test_a_folder_is_read_in_natural_order_and_its_pattern_is_known(tmp_path):
    folder = write(tmp_path / "a", "shot2_10.png", "shot2_9.png", "shot2_11.png", ".shot2_12.png")
    (folder / "notes.txt").write_text("no picture")
    sequence = find_sequence(folder)
    assert names(folder) == ["shot2_9.png", "shot2_10.png", "shot2_11.png"]
    assert sequence.numbers == (9, 10, 11) and sequence.pattern == "shot2_%d.png" and sequence.warnings == ()
    write(folder, "cover.png")
    assert (
        names(folder) == names(folder / "shot2_%d.png")
        and "cover.png has no number" in find_sequence(folder).warnings[0]
    )


def test_the_number_that_changes_counts(tmp_path):
    folder = write(tmp_path / "a", "0001_v2.jpg", "0002_v2.jpg")
    assert find_sequence(folder).pattern == "%04d_v2.jpg" and find_sequence(folder).numbers == (1, 2)


def test_a_pattern_takes_its_digits_and_any_first_number(tmp_path):
    folder = write(tmp_path / "50%", *(f"f{number:03}.png" for number in (998, 999)), "f1000.png", "f7.png", "g998.png")
    assert names(folder / "f%03d.png") == ["f998.png", "f999.png", "f1000.png"]
    with pytest.raises(InputError, match=r"holds no picture called like .*f%05d.png"):
        find_sequence(folder / "f%05d.png")
    with pytest.raises(InputError, match="is of a format that is not read"):
        find_sequence(folder / "f%05d.tga")
    assert find_sequence(folder / "f7.png") is None and not is_sequence(folder / "clip%03d.mkv")


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        (("1.png", "2.png", "4.png", "7.png"), r"3\.png is missing; .*'.*\*\.png'"),
        (("a_1.png", "a_2.png", "b_1.png"), r"more than one run .*a_%d\.png and b_%d\.png; name one"),
        (("1.png", "2.tif"), "more than one run"),
        (("01.png", "1.png", "2.png"), "both have the number 1"),
        (("cover.png",), "pictures have no numbers"),
        ((), "is a folder without pictures"),
    ],
)
def test_a_folder_that_is_no_one_run_is_refused(files, reason, tmp_path):
    with pytest.raises(InputError, match=reason):
        find_sequence(write(tmp_path / "a", *files))


def test_a_glob_takes_what_it_matches(tmp_path):
    folder = write(tmp_path / "a", "1.png", "2.png", "4.png", "cover.png")
    gap = find_sequence(folder / "[0-9]*.png")
    assert gap.numbers == (1, 2, 4) and "3.png is missing" in gap.warnings[0]
    everything = find_sequence(folder / "*.png")
    assert len(everything) == 4 and everything.numbers == (0, 1, 2, 3)
    (folder / "clip.mkv").write_bytes(b"a video")
    assert not is_sequence(folder / "*") and find_sequence(folder / "*.mkv") is None


def test_pictures_of_another_size_are_refused_by_name(tmp_path):
    folder = write(tmp_path / "a", "1.png", "2.png", "3.png")
    cv2.imwrite(str(folder / "2.png"), np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(InputError, match=r"2\.png is 8x8, and .*1\.png is 24x16"):
        clip_info(folder)


@pytest.mark.parametrize("ending", ["tif", "png", "jpg", "webp"])
def test_pictures_that_lie_on_their_side_are_one_size_upright(ending, tmp_path):
    notes = Image.Exif()
    notes[0x0112] = 6
    for number in range(2):
        Image.new("RGB", (12, 20)).save(tmp_path / f"{number}.{ending}", exif=notes)
    clip = open_clip(tmp_path)
    assert [frame.size for frame in clip] == [Size(20, 12)] * 2 and clip.video.size == Size(20, 12)


def test_the_rate_is_exact():
    rates = {
        "24": Fraction(24),
        "23.976": Fraction(24000, 1001),
        "29.97": Fraction(30000, 1001),
        "12.5": Fraction(25, 2),
    }
    rates |= {"24000/1001": Fraction(24000, 1001), "59.94": Fraction(60000, 1001), "120": Fraction(120)}
    assert {text: parse_rate(text) for text in rates} == rates
    assert parse_rate(str(Fraction(24000, 1001))) == Fraction(24000, 1001)
    for text in ("0", "-1", "abc", "1e99999999", "24/0", "nan", "1001"):
        with pytest.raises(UsageError, match="--fps is"):
            parse_rate(text)


@pytest.mark.parametrize(
    ("ending", "dtype"), [("png", np.uint8), ("png", np.uint16), ("tif", np.uint16), ("bmp", np.uint8)]
)
def test_frames_are_the_pictures_bit_by_bit(ending, dtype, tmp_path):
    folder = write(tmp_path / "a", *(f"{number}.{ending}" for number in range(5, 8)), dtype=dtype)
    clip = open_clip(folder, Fraction(24000, 1001))
    frames = list(clip)
    peak = np.iinfo(dtype).max
    assert clip.video.bit_depth == 8 * np.dtype(dtype).itemsize and clip.info.frames == 3
    assert [frame.stamp.seconds for frame in frames] == [Fraction(1001 * number, 24000) for number in range(3)]
    assert list(frame_times(clip.video)) == [frame.stamp.seconds for frame in frames]
    for index, frame in enumerate(frames):
        assert np.array_equal(np.rint(frame.pixels * peak), samples(index, dtype).transpose(2, 0, 1)[::-1])


def test_transparency_is_left_out_with_one_line(tmp_path):
    folder = write(tmp_path / "a", "1.png", "2.png", channels=4)
    clip = open_clip(folder)
    assert clip.warnings == [f"{folder / '1.png'}: transparency is left out"] and clip.video.left_out == ()
    assert np.array_equal(np.rint(next(iter(clip)).pixels * 255), samples(0, channels=4).transpose(2, 0, 1)[2::-1])


def test_exr_is_taken_as_it_is_and_clipped_with_one_line(tmp_path):
    pixels = np.random.default_rng(0).random((3, HEIGHT, WIDTH), np.float32).astype(np.float16).astype(np.float32)
    folder = write(tmp_path / "a")
    for number in (1, 2):
        (folder / f"{number}.exr").write_bytes(exr_bytes(pixels * number))
    clip = open_clip(folder / "%d.exr")
    first, second = clip
    assert clip.video.bit_depth == 16 and np.array_equal(first.pixels, pixels)
    assert np.array_equal(second.pixels, np.clip(2 * pixels, 0, 1))
    assert len(clip.warnings) == 1 and "outside 0 .. 1, in 2.exr first" in clip.warnings[0]
    odd = pixels.copy()
    odd[:, 0, 0], odd[:, 0, 1] = np.nan, np.inf
    (folder / "2.exr").write_bytes(exr_bytes(odd))
    shown = list(open_clip(folder))[1].pixels
    assert (shown[:, 0, 0] == 0).all() and (shown[:, 0, 1] == 1).all() and np.array_equal(shown[:, 1:], pixels[:, 1:])
    (folder / "3.exr").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"3\.exr is no EXR that FFmpeg decodes"):
        list(open_clip(folder))


def test_an_exr_of_more_pixels_than_are_allowed_is_not_decoded(tmp_path, monkeypatch):
    (tmp_path / "1.exr").write_bytes(exr_bytes(np.zeros((3, HEIGHT, WIDTH), np.float32)))
    monkeypatch.setenv("LFVIDEO_MAX_PIXELS", str(4 * HEIGHT * WIDTH))  # FFmpeg counts rows with their padding
    assert clip_info(tmp_path).size == Size(WIDTH, HEIGHT)
    monkeypatch.setenv("LFVIDEO_MAX_PIXELS", str(HEIGHT * WIDTH - 1))
    with pytest.raises(InputError, match="--max-pixels"):
        clip_info(tmp_path)


def test_names_are_written_as_they_are_read(tmp_path):
    for pattern, name in (("%4d.png", "0007.png"), ("a%%_%d.png", "a%_7.png"), ("%05d.png", "00007.png")):
        assert numbered_name(pattern, 7) == name and number_in(pattern, name) == 7
    assert number_in("f%0d.png", "f.png") is None and number_in("f%0d.png", "f12.png") == 12


def test_dpx_is_read_at_its_depth(tmp_path):
    values = np.random.default_rng(0).integers(0, 1024, (3, HEIGHT, WIDTH), np.uint16)
    encoder = av.CodecContext.create("dpx", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = WIDTH, HEIGHT, "gbrp10le", Fraction(1, 25)
    frame = av.VideoFrame(WIDTH, HEIGHT, "gbrp10le")
    for plane, channel in zip(frame.planes, (1, 2, 0)):
        np.frombuffer(memoryview(plane), np.uint16).reshape(HEIGHT, -1)[:, :WIDTH] = values[channel]
    (tmp_path / "1.dpx").write_bytes(b"".join(map(bytes, [*encoder.encode(frame), *encoder.encode(None)])))
    clip = open_clip(tmp_path)
    assert clip.video.bit_depth == 10 and clip.info.size == Size(WIDTH, HEIGHT)
    assert np.array_equal(np.rint(next(iter(clip)).pixels * 1023), values)
