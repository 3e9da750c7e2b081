"""Recordings put one after the other bring the headers of their streams again: what is copied has the first one."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from odd_media import filled, packets
from round_trips import clip_planes, copy


def flv(path: Path, rate: int = 48000) -> bytes:
    """The bytes of an FLV with pictures and AAC sound of half a second, `rate` samples a second."""
    silence = av.AudioFrame.from_ndarray(np.zeros((1, rate // 2), np.float32), format="fltp", layout="mono")
    silence.sample_rate, silence.pts = rate, 0
    with av.open(str(path), "w") as target:
        pictures, sound = target.add_stream("flv1", 25), target.add_stream("aac", rate, layout="mono")
        pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
        for index, planes in enumerate(clip_planes(12)):
            frame = filled(planes, "yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            target.mux(pictures.encode(frame))
        for packets_of in (pictures.encode(None), sound.encode(silence), sound.encode(None)):
            target.mux(packets_of)
    return path.read_bytes()


def glued(tmp_path: Path, rate: int = 48000) -> Path:
    """Two FLV in one: the header of the second file is left out."""
    path = tmp_path / "in.flv"
    path.write_bytes(flv(tmp_path / "a.flv") + flv(tmp_path / "b.flv", rate)[13:])
    return path


@pytest.mark.parametrize("ending", ["mkv", "mp4"])
def test_a_header_that_comes_again_changes_nothing(tmp_path, ending):
    clip, output = glued(tmp_path), tmp_path / f"out.{ending}"
    warnings = copy(clip, output).warnings
    with av.open(str(output)) as result:
        assert [stream.type for stream in result.streams] == ["video", "audio"]
    assert packets(output, "audio") == packets(clip, "audio") and not any("format" in line for line in warnings)


def test_another_format_of_sound_is_said(tmp_path):
    clip, output = glued(tmp_path, rate=44100), tmp_path / "out.mkv"
    warnings = copy(clip, output).warnings
    assert packets(output, "audio") == packets(clip, "audio")
    assert sum("audio stream #0 changes its format" in line and "--audio aac" in line for line in warnings) == 1
