"""Files whose clock jumps: recordings put one after the other, a stray time, a pause."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import av
import pytest
from av.format import Flags
from av.stream import Disposition
from command_line import report_of
from hypothesis import assume, given
from hypothesis import strategies as st
from odd_media import packet_times, packets, write_clip
from round_trips import FAST, clip_planes, copy, seconds

from lfvideo_sr.errors import OutputError
from lfvideo_sr.media.one_clock import OneClock
from lfvideo_sr.media.stamps import rising
from lfvideo_sr.media.video import VideoSource
from lfvideo_sr.stream.segmented_sink import SegmentedSink

HOUR = 3_600_000
KINDS = {"v": SimpleNamespace(index=0, type="video"), "a": SimpleNamespace(index=1, type="audio")}
KINDS["s"] = SimpleNamespace(index=2, type="subtitle")
for kind in KINDS.values():
    kind.disposition = Disposition(0)


@dataclass(eq=False)
class Timed:
    """A packet as far as its times go, in milliseconds."""

    kind: str
    pts: int | None
    dts: int | None
    duration: int
    size: int = 1
    pos: int = 0
    time_base = Fraction(1, 1000)

    @property
    def stream(self) -> SimpleNamespace:
        return KINDS[self.kind]

    @property
    def stream_index(self) -> int:
        return self.stream.index


def recording(start: int, length: int, kinds: str = "va") -> list[Timed]:
    """Pictures every 40 ms and sound every 20 ms, in the order of their times."""
    steps = {"v": 40, "a": 20}
    made = [
        Timed(kind, time, time, steps[kind])
        for kind in kinds
        for time in range(start, start + length, steps[kind])
    ]  # fmt: skip
    return sorted(made, key=lambda packet: packet.dts)


def mended(given: Sequence[Timed], jumps_in_format: bool = True) -> tuple[dict[str, list[int]], OneClock]:
    """The times of each stream's packets on one clock."""
    flags = Flags.ts_discont.value if jumps_in_format else 0
    container = SimpleNamespace(demux=lambda: iter(given), format=SimpleNamespace(flags=flags), name="no file")
    clock = OneClock(container)
    times: dict[str, list[int]] = {}
    for packet in clock:
        times.setdefault(packet.kind, []).append(packet.pts)
    return times, clock


def steps(times: list[int]) -> set[int]:
    return {later - earlier for earlier, later in pairwise(times)}


@pytest.mark.parametrize("second", [0, 400, HOUR, -HOUR])
@pytest.mark.parametrize("kinds", ["v", "va"])
def test_two_recordings_become_one(second, kinds):
    times, clock = mended(recording(0, 1000, kinds) + recording(second, 1000, kinds))
    assert all(steps(row) == {40 if kind == "v" else 20} for kind, row in times.items())
    assert all(row[0] == 0 and len(row) == (50 if kind == "v" else 100) for kind, row in times.items())
    assert [float(jump.by) for jump in clock.jumps] == [pytest.approx((second - 1000) / 1000, abs=0.05)]


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(5, 40)), min_size=1, max_size=6))
def test_any_number_of_recordings_keep_sound_beside_pictures(parts):
    ends = [start + frames * 40 for start, frames in parts]
    assume(not any(0 < end - start < 40 for end, (start, _) in zip(ends, parts[1:])))  # where sound alone would go back
    given = [packet for start, frames in parts for packet in recording(start, frames * 40)]
    raw = {id(packet): packet.pts for packet in given}
    times, _ = mended(given)
    assert all(step > 0 for row in times.values() for step in steps(row))
    first = 0
    for _, frames in parts:
        part = given[first : first + 3 * frames]
        assert len({packet.pts - raw[id(packet)] for packet in part}) == 1  # pictures and sound moved by the same
        first += 3 * frames


def test_sound_alone_may_go_back_by_less_than_a_picture():
    times, clock = mended(recording(180, 200) + recording(355, 200))
    assert clock.jumps == [] and times["v"][5] == times["a"][10] == 355


def test_sound_that_is_longer_than_the_pictures_is_not_overlapped():
    first = recording(0, 1000, "v") + recording(0, 1060, "a")
    times, _ = mended(sorted(first, key=lambda packet: packet.dts) + recording(0, 1000))
    assert times["a"][53] == 1060 and times["v"][25] == 1060
    assert steps(times["a"]) == {20} and steps(times["v"]) == {40, 100}


def test_a_packet_that_comes_late_stays_on_the_clock_before():
    """A transport stream gives the last picture of a recording when the next one has begun."""
    first, second = recording(0, 1000), recording(0, 1000)
    last = next(packet for packet in reversed(first) if packet.kind == "v")
    first.remove(last)
    early = [packet for packet in second if packet.kind == "a"][:3]
    times, clock = mended([*first, *early, last, *(packet for packet in second if packet not in early)])
    assert steps(times["v"][:25]) == {40} and len(clock.jumps) == 1
    assert times["a"][50] - times["a"][49] == 20


def test_subtitles_go_along():
    first, second = recording(0, 2000), recording(0, 2000)
    words = [Timed("s", 500, 500, 100), Timed("s", 1990, 1990, 100), Timed("s", 700, 700, 100)]
    given = [*first[:60], words[0], *first[60:], *second[:2], words[1], *second[2:60], words[2], *second[60:]]
    assert mended(given)[0]["s"] == [500, 1990, 2700]


@pytest.mark.parametrize("stray", [5, 480, 2000, HOUR])
@pytest.mark.parametrize("kind", ["v", "a"])
def test_one_stray_time_moves_nothing_else(stray, kind):
    given = recording(1000, 1000)
    odd = [packet for packet in given if packet.kind == kind][10]
    odd.pts = odd.dts = stray
    expected = {other: [packet.pts for packet in given if packet.kind == other] for other in "va"}
    times, clock = mended(given)
    assert not clock.jumps
    for other in "va":
        moved = [index for index, time in enumerate(times[other]) if time != expected[other][index]]
        assert moved == ([10] if other == kind == "a" and stray != 480 else []) or moved == [10]


def test_a_pause_is_no_jump():
    """Where the sound goes on, where the format's clock does not jump, and where it is short."""
    sound = recording(0, 40_000, "a")
    pictures = recording(0, 1000, "v") + recording(30_000, 1000, "v")
    times, clock = mended(sorted(sound + pictures, key=lambda packet: packet.dts))
    assert times["v"][25] == 30_000 and not clock.jumps
    times, clock = mended(recording(0, 1000) + recording(30_000, 1000), jumps_in_format=False)
    assert times["v"][25] == 30_000 and not clock.jumps
    times, clock = mended(recording(0, 1000) + recording(9000, 1000))
    assert times["v"][25] == 9000 and not clock.jumps


def test_a_stretch_of_wild_times_is_brought_back_whatever_the_format():
    given = [*recording(0, 1000), *recording(10**9, 1000), *recording(2000, 1000)]
    times, _ = mended(given, jumps_in_format=False)
    assert all(step <= 60 for row in times.values() for step in steps(row)) and times["v"][-1] < 3100


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([0, 40, 80, 120], [0, 40, 80, 120]),
        ([0, 40, 5000, 120, 160], [0, 40, 80, 120, 160]),
        ([0, 40, 7, 120, 160], [0, 40, 80, 120, 160]),
        ([0, 40, 40, 80, 120], [0, 40, 60, 80, 120]),
        ([0, None, None, 120], [0, 40, 80, 120]),
        ([0, 40, 2000, 2040], [0, 40, 2000, 2040]),
        ([9000, 40, 80, 120], [0, 40, 80, 120]),
        ([200, 0, 240, 280], [200, 220, 240, 280]),
        ([0, 40, 10, 20, 30], [0, 40, 80, 120, 160]),
    ],
)
def test_times_rise_and_only_odd_ones_are_moved(given, expected):
    items = list(enumerate(given))
    assert [time for _, time in rising(items, lambda item: item[1], lambda item: 40)] == expected


def glued(folder: Path, times: int = 2) -> Path:
    """Transport streams of 20 frames whose clocks begin alike, one after the other."""
    part = write_clip(folder / "part.ts", clip_planes(20, (16, 16)), audio="aac", **FAST).read_bytes()
    (folder / "in.ts").write_bytes(part * times)
    return folder / "in.ts"


@pytest.mark.parametrize("ending", ["mkv", "mp4"])
def test_glued_streams_are_written_whole(tmp_path, ending):
    clip, output = glued(tmp_path), tmp_path / f"out.{ending}"
    copy(clip, output)
    times, sound = seconds(output), packet_times(output, "audio")
    assert len(times) == 40 and all(Fraction(39, 1000) < step < Fraction(1, 10) for step in steps(times))
    assert len(sound) == len(packet_times(clip, "audio"))
    with av.open(str(tmp_path / "part.ts")) as part:
        picture, heard = (stream.start_time * stream.time_base for stream in part.streams)
    apart = times[20] - sound[len(sound) // 2]
    assert abs(apart - (picture - heard)) <= Fraction(2, 1000)  # as in the part


def test_one_line_is_said_of_many_jumps(tmp_path):
    part = write_clip(tmp_path / "part.ts", clip_planes(6, (32, 32)), **FAST).read_bytes()
    (tmp_path / "in.ts").write_bytes(part * 5)
    source = VideoSource(tmp_path / "in.ts")
    assert {later - earlier for earlier, later in pairwise([frame.stamp.seconds for frame in source])} == {
        Fraction(1, 25)
    }
    said = [line for line in source.warnings if "clock" in line]
    assert len(said) == 1 and "jumps 4 times" in said[0]


@pytest.mark.parametrize("ending", ["mkv", "mp4"])
def test_a_run_that_goes_on_carries_the_jump_too(tmp_path, ending, run, monkeypatch):
    """Of four parts, so that the first segment has jumps within it; stopped in the second."""
    clip = glued(tmp_path, 4)
    command = ("stream", clip, "--method", "bicubic", "--preset", "ultrafast", "--progress", "none")
    assert run(*command, "-o", tmp_path / f"whole.{ending}").code == 0
    plain = SegmentedSink.encode

    def failing(sink: SegmentedSink, picture) -> None:
        if picture.number == 70:
            raise OutputError("stopped")
        plain(sink, picture)

    output = tmp_path / f"out.{ending}"
    with monkeypatch.context() as broken:
        broken.setattr(SegmentedSink, "encode", failing)
        assert run(*command, "-o", output).code == 3
    assert run(*command, "-o", output).code == 0 and report_of(output)["frames_done_before"] >= 32
    for kind in ("video", "audio"):
        assert packets(output, kind) == packets(tmp_path / f"whole.{ending}", kind)
        assert packet_times(output, kind) == packet_times(tmp_path / f"whole.{ending}", kind)
    assert len(seconds(output)) == 80 and max(steps(seconds(output))) < Fraction(1, 10)
