"""Decoding on a GPU: what arrives is what the host decodes, and where it cannot be there is a reason."""

import json
import re
import subprocess
import sys
from pathlib import Path
from shutil import which

import av
import fake_hardware
import numpy as np
import pytest
import torch
from odd_media import moving_planes, write_clip
from small_clips import engine_of

from lfvideo_sr.errors import EngineError
from lfvideo_sr.frames import DeviceFrame
from lfvideo_sr.media import hardware
from lfvideo_sr.media.video import VideoSource
from lfvideo_sr.nn.planes import DeviceReader
from lfvideo_sr.prefetch import prefetch
from lfvideo_sr.stream.decoding import choose_decoding
from lfvideo_sr.stream.job import StreamJob
from lfvideo_sr.stream.options import StreamOptions

READER = DeviceReader("cpu")


@pytest.fixture
def device(monkeypatch) -> None:
    """A device that decodes everything."""
    put(monkeypatch, lambda path, reader: fake_hardware.Container(path))


@pytest.fixture
def no_device() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")


def put(monkeypatch, opened) -> None:
    for place in ("hardware", "video"):
        monkeypatch.setattr(f"lfvideo_sr.media.{place}.open_on_device", opened)


def clip(folder: Path, width: int = 64, height: int = 36, depth: int = 8, **options) -> Path:
    frames = [moving_planes(index, width, height, depth) for index in range(4)]
    return write_clip(folder / "clip.mkv", frames, pixel_format="yuv420p" if depth == 8 else "yuv420p10le", **options)


@pytest.mark.parametrize("depth", [8, 10])
def test_frames_decoded_there_are_those_of_the_host(device, tmp_path, depth):
    path = clip(tmp_path, depth=depth)
    for there, here in zip(VideoSource(path, reader=READER), VideoSource(path), strict=True):
        assert isinstance(there, DeviceFrame) and "pixels" not in vars(there)
        assert (there.index, there.stamp, there.cut, there.size) == (here.index, here.stamp, here.cut, here.size)
        assert isinstance(there.tensor, torch.Tensor) and np.abs(there.pixels - here.pixels).max() < 1e-5
        assert there.pixels is there.pixels, "fetched once"
        assert type(there.with_pixels(here.pixels)) is type(here)


@pytest.mark.parametrize(("size", "options"), [((64, 36), {"max_height": 18}), ((63, 35), {})], ids=["reduced", "odd"])
def test_what_is_not_read_there_is_fetched_and_the_same(device, tmp_path, size, options):
    path = clip(tmp_path, *size)
    for there, here in zip(VideoSource(path, reader=READER, **options), VideoSource(path, **options), strict=True):
        assert not isinstance(there, DeviceFrame) and np.array_equal(there.pixels, here.pixels)


def test_a_picture_that_finds_no_room_there_is_fetched(device, tmp_path):
    """Each by itself: the next may find room again."""
    count = iter(range(9))

    class Full(DeviceReader):
        def __call__(self, picture, spec):
            if next(count) == 1:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 MiB")
            return super().__call__(picture, spec)

    path = clip(tmp_path)
    source = VideoSource(path, reader=Full("cpu"))
    frames = list(source)
    assert [isinstance(frame, DeviceFrame) for frame in frames] == [True, False, True, True]
    assert np.array_equal(frames[1].pixels, list(VideoSource(path))[1].pixels)
    assert len(source.warnings) == 1 and "out of memory" in source.warnings[0]


def test_an_untagged_tracks_matrix_is_kept(device, tmp_path):
    path = clip(tmp_path, 63, 35)
    pictures = [next(iter(VideoSource(path, untagged_matrix=2020, reader=reader))) for reader in (READER, None)]
    assert np.array_equal(pictures[0].pixels, pictures[1].pixels)


def refused(path, reader):
    raise EngineError("no device; pass --decode cpu")


@pytest.mark.parametrize(
    ("opened", "why"),
    [
        (lambda path, reader: fake_hardware.Container(path), None),
        (refused, "no device"),
        (lambda path, reader: fake_hardware.Container(path, lambda picture: picture), "does not decode this ffv1"),
    ],
    ids=["works", "refused", "decodes on the host"],
)
def test_a_track_is_tried_before_it_is_trusted(monkeypatch, tmp_path, opened, why):
    put(monkeypatch, opened)
    reason = hardware.why_not(VideoSource(clip(tmp_path)).video, READER)
    assert reason == why or why in reason


@pytest.mark.parametrize("error", [AssertionError(), NotImplementedError()])
def test_an_error_that_says_nothing_is_named(tmp_path, error):
    class Silent(DeviceReader):
        def current(self):
            raise error

    assert type(error).__name__ in hardware.why_not(VideoSource(clip(tmp_path)).video, Silent("cpu"))


def test_a_device_that_gives_another_picture_is_not_trusted(device, tmp_path):
    def off(picture, spec):
        return READER(picture, spec) + 0.01

    off.number = 0
    assert "different" in hardware.why_not(VideoSource(clip(tmp_path)).video, off)
    (tmp_path / "odd").mkdir()
    assert "only 4:2:0 of even sides" in hardware.why_not(VideoSource(clip(tmp_path / "odd", 63, 35)).video, off)


@pytest.mark.parametrize("error", [av.ExternalError, av.InvalidDataError])
def test_a_device_that_gives_up_is_told_from_damage(monkeypatch, tmp_path, error):
    """The host goes on with one; the other is a packet that nobody can read."""

    def show(picture):
        if picture.pts == 80:
            raise error(1, "something")
        return fake_hardware.DevicePicture(picture)

    put(monkeypatch, lambda path, reader: fake_hardware.Container(path, show))
    path = clip(tmp_path)
    source = VideoSource(path, reader=READER)
    frames, expected = list(source), list(VideoSource(path))
    if error is av.ExternalError:
        assert [isinstance(frame, DeviceFrame) for frame in frames] == [True, True, False, False]
        assert [frame.stamp for frame in frames] == [frame.stamp for frame in expected]
        assert np.array_equal(frames[3].pixels, expected[3].pixels)
        assert "the GPU stops decoding" in source.warnings[0] and "from frame 2 on" in source.warnings[0]
    else:
        assert len(frames) == 3 and "damaged" in source.warnings[0]


def test_a_stream_takes_the_engines_device_where_it_decodes(device, tmp_path, monkeypatch):
    monkeypatch.setattr("lfvideo_sr.nn.planes.DeviceReader", lambda device: READER)
    path, results = clip(tmp_path), []
    for name in ("cuda:0", "cpu"):
        engine = engine_of("flow_transfer")
        engine.device = name
        with StreamJob(path, engine, StreamOptions(frames=3)) as job:
            results.append([restored.frame.pixels for restored in job])
            assert (job.decoding.reader is not None) == job.decoding.announced == (name != "cpu")
    assert all(np.abs(result - other).max() < 1e-3 for result, other in zip(*results, strict=True))


def test_without_a_device_auto_goes_on_with_a_reason(no_device, tmp_path):
    source = VideoSource(clip(tmp_path))
    decoding = choose_decoding("auto", "cuda:0", source)
    assert decoding.reader is None and decoding.announced and "no CUDA device" in str(decoding)
    assert (
        choose_decoding("auto", "cuda:0", source, deinterlace=True).why == "fields are turned into frames on the host"
    )
    assert (
        not choose_decoding("auto", "cpu", source).announced and not choose_decoding("cpu", "cuda:0", source).announced
    )


def test_asked_for_and_absent_is_one_line(no_device, run, hybrid_clip, tmp_path):
    words = ("stream", hybrid_clip, "-o", tmp_path / "out.mkv", "--codec", "ffv1", "--frames", 2, "--method", "bicubic")
    refused = run(*words, "--decode", "cuda")
    assert refused.code == 4 and "no CUDA device" in refused.line and "--decode cpu" in refused.line
    assert run(*words, "--decode", "nvdec").code == 2
    assert run(*words).code == 0


def test_info_says_why_nothing_decodes_on_a_gpu(no_device):
    codecs, why = hardware.codecs_on_device()
    assert codecs == [] and "no CUDA device" in why and "not permitted" not in why


def test_the_probe_makes_clips_that_decode(monkeypatch):
    """As on a device, but on the host: this FFmpeg has every encoder of the probe, and what it makes is whole."""
    monkeypatch.setattr(hardware, "absence", lambda number: None)
    monkeypatch.setattr(hardware, "accelerator", lambda number: None)
    assert hardware.codecs_on_device() == ([], "the device decodes none of h264, hevc, vp9, av1")
    monkeypatch.setattr(hardware, "is_on_device", lambda picture: picture.format.name == "yuv420p")
    assert hardware.codecs_on_device() == (list(hardware.PROBED), None)


WITH_A_DRIVER = """
import ctypes, json, sys
libraries, paths = sys.argv[1:3], sys.argv[3:]
driver, _ = (ctypes.CDLL(one, ctypes.RTLD_GLOBAL) for one in libraries)  # FFmpeg asks for NVIDIA's, and finds these
from contextlib import contextmanager
from pathlib import Path
import numpy as np
from lfvideo_sr.frames import DeviceFrame
from lfvideo_sr.media import hardware
from lfvideo_sr.media.colour import planes_to_rgb
from lfvideo_sr.media.video import VideoSource
from lfvideo_sr.prefetch import prefetch

content = ctypes.pythonapi.PyCapsule_GetPointer
content.restype, content.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)

class OnHost:
    def __init__(self, plane):
        assert plane.__dlpack_device__() == (2, 0)
        self.capsule = plane.__dlpack__()
        ctypes.c_int.from_address(content(self.capsule, b"dltensor") + 8).value = 1  # what it says of its device

    def __dlpack__(self, **_):
        return self.capsule

    def __dlpack_device__(self):
        return (1, 0)

class Reader:
    device, number = "cuda:0", 0

    @contextmanager
    def current(self):
        driver.makes_current()
        yield

    def __call__(self, picture, spec):
        luma, chroma = (np.from_dlpack(OnHost(plane)) for plane in picture.planes)
        driver.stream_works()
        assert luma.strides[0] % 512 == 0
        planes = [one >> (8 * luma.itemsize - spec.bit_depth) for one in (luma, chroma[..., 0], chroma[..., 1])]
        return planes_to_rgb(planes, spec)

def decoded(path):
    source = VideoSource(path, reader=Reader())
    frames = list(prefetch(source))
    assert all(isinstance(one, DeviceFrame) for one in frames) and not source.warnings
    return [(*one.size, one.pixels.min() * 219 + 16, one.pixels.max() * 219 + 16) for one in frames]

before = hardware.absence(0)
driver.torch_begins()
found = {"absence": [before, hardware.absence(0)], "frames": [decoded(path) for path in paths]}
found |= {"own contexts": driver.own_contexts(), "spoilt": driver.spoilt()}
print(json.dumps(found, default=float))
"""


def drivers(folder: Path) -> list[Path]:
    """fake_driver.c under both names, with whatever else this FFmpeg wants to find in them."""
    wheel = Path(av.__file__).parents[1] / "av.libs"
    if which("cc") is None or not wheel.is_dir():
        pytest.skip("needs a C compiler, and PyAV as its wheels are")
    source = Path(__file__).with_name("fake_driver.c").read_text()
    ours = b"".join(path.read_bytes() for kind in ("avutil", "avcodec") for path in wheel.glob(f"lib{kind}*"))
    asked = {name.decode() for name in re.findall(rb"\0(cu[A-Zv]\w+)(?=\0)", ours)}
    missing = "".join(f"int {name}(void) {{ return 801; }}\n" for name in sorted(asked) if f" {name}(" not in source)
    (folder / "driver.c").write_text(source + missing)
    libraries = [folder / name for name in ("libcuda.so.1", "libnvcuvid.so.1")]
    for library in libraries:
        name = f"-Wl,-soname,{library.name}"
        subprocess.run(["cc", "-shared", "-fPIC", "-w", name, "-o", library, folder / "driver.c"], check=True)
    return libraries


def test_a_device_that_torch_works_on_decodes(tmp_path):
    """The real FFmpeg, from another thread than torch's, on a stand-in for the driver. A picture has fewer rows than
    its surface, and shorter ones."""
    paths = []
    for depth, codec, options in [
        (8, "libx264", {"bf": "0"}),
        (10, "libx265", {"x265-params": "log-level=error:bframes=0"}),
    ]:
        (tmp_path / codec).mkdir()
        paths.append(clip(tmp_path / codec, 322, 182, depth, codec=codec, options=options))
    words = [sys.executable, "-c", WITH_A_DRIVER, *drivers(tmp_path), *paths]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    expected = [(322, 182, 100 + number, 100 + number) for number in range(4)]
    assert np.allclose(report.pop("frames"), [expected, expected], atol=1e-3)
    assert report == {"absence": [None, None], "own contexts": 0, "spoilt": 0}


@pytest.mark.gpu
def test_a_gpu_decodes_what_the_host_decodes(gpu, tmp_path):
    """Some data-centre GPUs have no decoder for AV1; all have one for H.264. As in a stream, torch is at work before,
    in another thread."""
    torch.zeros(1, device="cuda")
    assert "h264" in hardware.codecs_on_device()[0]
    path = clip(tmp_path, 320, 192, codec="libx264", options={"qp": "20"})
    reader = DeviceReader("cuda:0")
    assert hardware.why_not(VideoSource(path).video, reader) is None
    source = VideoSource(path, reader=reader)
    for there, here in zip(prefetch(source, ahead=2), VideoSource(path), strict=True):
        assert there.tensor.is_cuda and np.abs(there.pixels - here.pixels).max() < 1e-5
    assert not source.warnings
