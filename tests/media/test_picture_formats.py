"""Stills as cameras and telephones write them: formats, colour profiles, and what is said of those not read."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from lfvideo_sr.errors import InputError
from lfvideo_sr.media import picture_formats
from lfvideo_sr.media.images import read_image, read_picture
from lfvideo_sr.media.picture_formats import UnreadableFormat, pictures_in, shown_unreadable

PICTURE = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (40, 60, 3)).astype(np.uint8), (0, 0), 4)
EXIF_ORIENTATION = 0x112


def as_bytes(pixels: np.ndarray) -> np.ndarray:
    """Float [3,H,W] -> uint8 [H,W,3]."""
    return np.round(pixels * 255).astype(np.uint8).transpose(1, 2, 0)


def write(path: Path, orientation: int = 1, **options) -> Path:
    if path.suffix in picture_formats.HEIF:
        pytest.importorskip("pillow_heif").register_heif_opener()
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    Image.fromarray(PICTURE).save(path, quality=95, exif=exif, **options)
    return path


@pytest.mark.parametrize(("orientation", "turn"), [(1, 0), (3, 2), (6, 3), (8, 1)])
def test_avif_is_read_upright(tmp_path, orientation, turn):
    pixels = as_bytes(read_image(write(tmp_path / "a.avif", orientation))).astype(int)
    assert np.abs(pixels - np.rot90(PICTURE, turn)).mean() < 4


def test_an_avif_of_ten_bits_is_as_bright_as_one_of_eight(tmp_path):
    done, data = cv2.imencode(".avif", PICTURE[..., ::-1].astype(np.uint16) * 4, [cv2.IMWRITE_AVIF_DEPTH, 10])
    if not done:
        pytest.skip("this OpenCV writes no AVIF")
    (tmp_path / "a.avif").write_bytes(data.tobytes())
    assert np.abs(as_bytes(read_image(tmp_path / "a.avif")).astype(int) - PICTURE).mean() < 4


@pytest.mark.parametrize("name", ["a.heic", "a.jpg"])
def test_heic_is_read_whatever_it_is_called(tmp_path, name):
    write(tmp_path / "first.heic").rename(tmp_path / name)
    assert np.abs(as_bytes(read_image(tmp_path / name)).astype(int) - PICTURE).mean() < 4


def test_a_heic_without_its_package_says_what_to_install(tmp_path, monkeypatch):
    path = write(tmp_path / "a.heic")
    monkeypatch.setattr(picture_formats, "can_read_heif", lambda: False)
    monkeypatch.setattr("lfvideo_sr.media.images.can_read_heif", lambda: False)
    with pytest.raises(UnreadableFormat, match=r"a\.heic .*pip install 'lfvideo-sr\[heif\]'"):
        read_image(path)
    assert pictures_in(tmp_path) == ([], {path: picture_formats.NEEDS_HEIF})


def test_a_broken_heic_is_named(tmp_path):
    pytest.importorskip("pillow_heif")
    (tmp_path / "b.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100))
    with pytest.raises(UnreadableFormat, match=r"b\.heic is a HEIC that libheif does not decode"):
        read_image(tmp_path / "b.heic")


def test_other_formats_are_named_with_what_to_do(tmp_path):
    for name in ("1.png", "2.CR3", "3.dng", "4.gif", "5.txt", ".6.nef"):
        (tmp_path / name).touch()
    readable, others = pictures_in(tmp_path)
    assert [path.name for path in readable] == ["1.png"]
    raw, gif = shown_unreadable(others)
    assert raw.startswith("2.CR3, 3.dng: each is a raw photograph") and "develop it" in raw
    assert gif.startswith("4.gif is of a format that is not read; save it as PNG")
    with pytest.raises(UnreadableFormat, match="raw photograph"):
        read_image(tmp_path / "2.CR3")


def test_many_files_of_one_format_are_counted():
    (line,) = shown_unreadable({Path(f"{number}.dng"): "is raw" for number in range(5)})
    assert line == "0.dng, 1.dng, 2.dng and 2 more: each is raw"


# --- colour profiles -------------------------------------------------------------------------------------------------


def wide_profile() -> bytes:
    """Display P3: sRGB's own profile, whose curve it shares, with other colorants. A profile says them as s15.16
    numbers after a head of 8 bytes."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green, blue = (0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841)
    for name, xyz in {b"rXYZ": red, b"gXYZ": green, b"bXYZ": blue}.items():
        entry = profile.index(name, 128)
        place = int.from_bytes(profile[entry + 4 : entry + 8], "big") + 8
        for number, value in enumerate(xyz):
            profile[place + 4 * number : place + 4 * number + 4] = round(value * 65536).to_bytes(4, "big", signed=True)
    return bytes(profile)


DISPLAY_P3 = wide_profile()
COLOURFUL = cv2.resize(np.random.default_rng(1).integers(60, 190, (2, 3, 3)).astype(np.uint8), (60, 40))  # within both


def p3_to_srgb(picture: np.ndarray) -> np.ndarray:
    """uint8 [H,W,3], the plain way: linear light, the matrix between the two primaries, sRGB's curve."""
    value = picture / 255
    light = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    matrix = np.array([[1.2249, -0.2247, 0.0], [-0.0420, 1.0419, 0.0], [-0.0197, -0.0786, 1.0979]])
    light = np.clip(light @ matrix.T, 0, 1)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("ending", ["png", "jpg", "tiff", "webp", "avif", "heic"])
def test_display_p3_becomes_srgb(tmp_path, ending):
    if ending == "heic":
        pytest.importorskip("pillow_heif").register_heif_opener()
    path = tmp_path / f"a.{ending}"
    Image.fromarray(COLOURFUL).save(path, quality=100, icc_profile=DISPLAY_P3)
    error = as_bytes(read_image(path)) - p3_to_srgb(COLOURFUL)
    assert np.abs(error.mean((0, 1))).max() < 1.2 and np.abs(error).mean() < 2
    assert np.abs(p3_to_srgb(COLOURFUL) - COLOURFUL).mean() > 4  # so that this test would notice nothing being done


def test_sixteen_bits_keep_their_steps(tmp_path):
    ramp = np.arange(20000, 20600, dtype=np.uint16).reshape(20, 30, 1)
    deep = ramp + np.uint16([9000, 0, 0])
    assert cv2.imwrite(str(tmp_path / "plain.png"), deep[..., ::-1])
    (tmp_path / "a.png").write_bytes(_with_profile((tmp_path / "plain.png").read_bytes(), DISPLAY_P3))
    read = read_picture(tmp_path / "a.png")
    assert read.bit_depth == 16
    levels = np.round(read.pixels * 65535).transpose(1, 2, 0)
    assert np.abs(levels / 257 - p3_to_srgb(deep / 257)).max() < 1.1
    assert len(np.unique(levels[..., 1])) > 100  # 8 bits would leave 3


def _with_profile(png: bytes, profile: bytes) -> bytes:
    """A PNG with an iCCP chunk put after its head."""
    from zlib import compress, crc32

    body = b"iCCP" + b"P3\0\0" + compress(profile)
    chunk = (len(body) - 4).to_bytes(4, "big") + body + crc32(body).to_bytes(4, "big")
    return png[:33] + chunk + png[33:]


@pytest.mark.parametrize("profile", [ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(), b"no profile"])
def test_srgb_and_broken_profiles_change_nothing(tmp_path, profile):
    Image.fromarray(PICTURE).save(tmp_path / "a.png", icc_profile=profile)
    assert (as_bytes(read_image(tmp_path / "a.png")) == PICTURE).all()


def test_a_profile_of_grey_is_left_alone(tmp_path):
    Image.fromarray(PICTURE[..., 0]).save(tmp_path / "a.png", icc_profile=DISPLAY_P3)
    assert (as_bytes(read_image(tmp_path / "a.png"))[..., 1] == PICTURE[..., 0]).mean() > 0.9


def test_no_picture_says_which_formats_are_read(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"a\.jpg is no picture that can be read; give a PNG, JPEG, .* HEIC"):
        read_image(tmp_path / "a.jpg")
