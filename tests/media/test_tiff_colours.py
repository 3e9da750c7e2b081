"""TIFFs whose samples mean something else than the usual red, green and blue."""

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from lfvideo_sr.errors import PictureRefused
from lfvideo_sr.media.images import read_picture, read_size

PHOTOMETRIC = struct.pack("<HHI", 262, 3, 1)  # as the entry of the tag begins in a directory
SHADES = np.random.default_rng(4).integers(0, 65536, (9, 14, 4)).astype(np.uint16)


def read(path: Path) -> np.ndarray:
    """[H,W,3] of the file's own depth."""
    picture = read_picture(path)
    return np.round(picture.pixels.transpose(1, 2, 0) * ((1 << picture.bit_depth) - 1)).astype(int)


def with_photometric(path: Path, meaning: int) -> Path:
    data = path.read_bytes()
    place = data.index(PHOTOMETRIC) + len(PHOTOMETRIC)
    path.write_bytes(data[:place] + struct.pack("<H", meaning) + data[place + 2 :])
    return path


@pytest.mark.parametrize("turn", [None, Image.Transpose.ROTATE_90])
def test_lab_comes_out_in_the_colours_that_it_means(tmp_path, turn):
    colours = cv2.resize(np.random.default_rng(5).integers(60, 196, (3, 4, 3)).astype(np.uint8), (40, 30))
    lab = ImageCms.profileToProfile(
        Image.fromarray(colours), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    turned = lab if turn is None else lab.transpose(turn)
    turned.save(tmp_path / "lab.tif", tiffinfo={} if turn is None else {0x0112: 6})
    assert np.abs(read(tmp_path / "lab.tif") - colours).max() <= 4
    assert read_size(tmp_path / "lab.tif") == (40, 30)


def test_lab_that_is_not_read_is_refused_rather_than_shown_in_other_colours(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "icc.tif")
    with pytest.raises(PictureRefused, match=r"icc\.tif is a TIFF in LAB that is not read; save it in RGB"):
        read_picture(with_photometric(tmp_path / "icc.tif", 9))


def test_sixteen_bits_of_grey_in_which_0_is_white_are_no_negative(tmp_path):
    grey = SHADES[..., 0]
    Image.fromarray(65535 - grey).save(tmp_path / "scan.tif")
    np.testing.assert_array_equal(read(with_photometric(tmp_path / "scan.tif", 0))[..., 1], grey)


def test_transparent_pictures_of_16_bits_stay_at_16(tmp_path):
    cv2.imwrite(str(tmp_path / "deep.tif"), SHADES[..., [2, 1, 0, 3]])
    np.testing.assert_array_equal(read(tmp_path / "deep.tif"), SHADES[..., :3])
    alpha = read_picture(tmp_path / "deep.tif", alpha=True).alpha
    assert alpha is not None
    np.testing.assert_allclose(alpha * 65535, SHADES[..., 3], atol=0.01)


def test_grey_with_transparency_has_both(tmp_path):
    samples = (SHADES[..., :2] >> 8).astype(np.uint8)
    Image.fromarray(samples, "LA").save(tmp_path / "grey.tif")
    np.testing.assert_array_equal(read(tmp_path / "grey.tif")[..., 2], samples[..., 0])
    alpha = read_picture(tmp_path / "grey.tif", alpha=True).alpha
    assert alpha is not None
    np.testing.assert_allclose(alpha * 255, samples[..., 1], atol=0.01)
