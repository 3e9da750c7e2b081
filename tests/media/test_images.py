"""Stills: depths, orientation, transparency, broken files, and writing without leftovers."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from lfvideo_sr.errors import InputError, OutputError
from lfvideo_sr.frames import Size, size_of
from lfvideo_sr.media.images import read_image, read_picture, read_size, write_png

PICTURE = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)


def as_bytes(pixels: np.ndarray) -> np.ndarray:
    """Float [3,H,W] -> uint8 [H,W,3]."""
    return np.round(pixels * 255).astype(np.uint8).transpose(1, 2, 0)


@pytest.mark.parametrize("ending", ["png", "bmp", "tiff", "webp"])
def test_lossless_formats_are_read_exactly(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    Image.fromarray(PICTURE).save(path, **({"lossless": True} if ending == "webp" else {}))
    pixels = read_image(path)
    assert pixels.dtype == np.float32 and pixels.flags.c_contiguous
    assert (as_bytes(pixels) == PICTURE).all()


@pytest.mark.parametrize(("orientation", "turn"), [(1, 0), (3, 2), (6, 3), (8, 1)])
@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "tiff"])
def test_orientation_is_obeyed(tmp_path, ending, orientation, turn):
    smooth = cv2.GaussianBlur(PICTURE, (0, 0), 4)
    exif = Image.Exif()
    exif[0x112] = orientation
    path = tmp_path / f"a.{ending}"
    Image.fromarray(smooth).save(path, exif=exif, quality=95)
    expected = np.rot90(smooth, turn).astype(int)
    assert np.abs(as_bytes(read_image(path)).astype(int) - expected).mean() < 4


@pytest.mark.parametrize("mode", ["L", "RGBA", "LA", "P", "1"])
def test_other_kinds_become_rgb(tmp_path, mode):
    image = Image.fromarray(PICTURE).convert(mode)
    image.save(tmp_path / "a.png")
    assert (as_bytes(read_image(tmp_path / "a.png")) == np.asarray(image.convert("RGB"))).all()


@pytest.mark.parametrize(("mode", "alpha", "expected"), [("RGBA", 9, True), ("LA", 9, True), ("RGBA", 255, False)])
def test_transparency_is_noticed(tmp_path, mode, alpha, expected):
    image = Image.fromarray(PICTURE).convert(mode)
    image.putalpha(alpha)
    image.save(tmp_path / "a.png")
    Image.fromarray(PICTURE).save(tmp_path / "b.jpg")
    seen = [read_picture(tmp_path / name, alpha=True).is_transparent for name in ("a.png", "b.jpg")]
    assert seen == [expected, False]


def test_sixteen_bits_are_kept(tmp_path):
    pixels = (np.random.default_rng(1).integers(0, 65536, (3, 9, 7)) / np.float32(65535)).astype(np.float32)
    write_png(tmp_path / "a.png", pixels, bit_depth=16)
    assert np.abs(read_image(tmp_path / "a.png") - pixels).max() < 1e-7
    grey = np.arange(600, dtype=np.uint16).reshape(20, 30) * 100
    Image.fromarray(grey).save(tmp_path / "b.png")
    assert (np.round(read_image(tmp_path / "b.png")[1] * 65535) == grey).all()
    Image.fromarray(PICTURE).save(tmp_path / "c.jpg")
    assert [read_picture(tmp_path / name).bit_depth for name in ("a.png", "b.png", "c.jpg")] == [16, 16, 8]


def test_png_is_written_and_nothing_else(tmp_path):
    pixels = PICTURE.transpose(2, 0, 1).astype(np.float32) / 255
    write_png(tmp_path / "é 1.png", pixels)
    write_png(tmp_path / "é 1.png", pixels)  # an older one is replaced
    assert (np.asarray(Image.open(tmp_path / "é 1.png")) == PICTURE).all()
    assert [path.name for path in tmp_path.iterdir()] == ["é 1.png"]


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + bytes(50), b"BM" + b"\xff" * 60])
def test_broken_files_are_named(tmp_path, content):
    path = tmp_path / "broken.png"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"broken\.png is no picture"):
        read_image(path)


def test_missing_files_folders_and_odd_samples_are_named(tmp_path):
    with pytest.raises(InputError, match=r"gone\.png cannot be read"):
        read_image(tmp_path / "gone.png")
    with pytest.raises(InputError, match="cannot be read"):
        read_image(tmp_path)
    cv2.imwrite(str(tmp_path / "f.tiff"), np.ones((4, 4, 3), np.float32))
    with pytest.raises(InputError, match="float32 samples"):
        read_image(tmp_path / "f.tiff")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "tiff", "bmp"])
def test_a_size_is_that_of_the_picture_read(tmp_path, ending, orientation):
    exif = Image.Exif()
    exif[0x112] = orientation
    path = tmp_path / f"a.{ending}"
    Image.fromarray(PICTURE).save(path, exif=exif, progressive=orientation > 4)
    assert read_size(path) == size_of(read_image(path))


@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_a_size_is_read_without_decoding(tmp_path, monkeypatch, ending):
    exif = Image.Exif()
    exif[0x112] = 6
    path = tmp_path / f"a.{ending}"
    Image.fromarray(PICTURE).save(path, **({"exif": exif} if ending == "jpg" else {}))
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("this decodes"))
    assert read_size(path) == (Size(20, 30) if ending == "jpg" else Size(30, 20))


@pytest.mark.parametrize("damage", ["cut", "a wrong byte"])
def test_the_size_of_a_damaged_png_is_asked_of_the_decoder(tmp_path, damage):
    path = tmp_path / "broken.png"
    Image.fromarray(PICTURE).save(path)
    data = bytearray(path.read_bytes())
    data[200] ^= 255
    path.write_bytes(bytes(data) if damage == "a wrong byte" else bytes(data[:200]))
    with pytest.raises(InputError, match=r"broken\.png is no picture"):
        read_size(path)


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    def full(path: Path, data) -> None:
        path.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match="the disk is full"):
        write_png(tmp_path / "a.png", np.zeros((3, 4, 4), np.float32))
    assert not list(tmp_path.iterdir())
