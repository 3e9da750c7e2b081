"""A disk that fails in the middle of a file is an error, not the end of the clip."""

import sys
from collections.abc import Iterator
from pathlib import Path

import av
import pytest
from av.packet import Packet

from lfvideo_sr.errors import InputError
from lfvideo_sr.media.file_state import check_readable
from lfvideo_sr.media.one_clock import OneClock

UNREADABLE = Path("/proc/self/mem")  # nothing is mapped at its first bytes, so that reading fails as a disk does
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="no file here is known to fail")


class FailingContainer:
    """A clip of which FFmpeg gives five packets, and then ends or fails. name: the file that it is said to be."""

    def __init__(self, clip: Path, name: Path, error: Exception | None):
        self._clip, self._error = av.open(str(clip)), error
        self.name, self.format = f"file:{name}", self._clip.format

    def demux(self) -> Iterator[Packet]:
        for _, packet in zip(range(5), self._clip.demux()):
            yield packet
        if self._error is not None:
            raise self._error


@linux_only
@pytest.mark.parametrize("error", [None, av.error.OSError(5, "Input/output error")])
def test_packets_that_end_where_the_file_cannot_be_read_are_an_error(error, low_clip):
    packets = iter(OneClock(FailingContainer(low_clip, UNREADABLE, error)))
    with pytest.raises(InputError, match=r"mem cannot be read to its end \(Input/output error\); check its disk"):
        list(packets)


def test_packets_that_end_where_the_file_can_be_read_are_as_before(low_clip):
    assert len(list(OneClock(FailingContainer(low_clip, low_clip, None)))) == 5
    with pytest.raises(av.error.OSError):
        list(OneClock(FailingContainer(low_clip, low_clip, av.error.OSError(5, "Input/output error"))))


@linux_only
def test_only_what_was_not_read_is_looked_at(low_clip):
    check_readable(low_clip, low_clip.stat().st_size // 2)
    with pytest.raises(InputError, match="cannot be read to its end"):
        check_readable(UNREADABLE, 0)
    with pytest.raises(InputError, match=r"cannot be read to its end \(No such file"):
        check_readable(low_clip.with_name("gone.mkv"), 0)
