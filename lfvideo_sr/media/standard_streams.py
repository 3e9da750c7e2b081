"""Standard input as a file that FFmpeg reads and that can be told to end, and standard output for pictures alone."""

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

_LOOK = 0.2  # seconds between two looks at whether to stop
_TAIL = 1 << 16  # bytes


class PipeReader:
    """What PyAV takes for a file: reads whatever a pipe has, and ends where the writer closes it or after `stop`.

    name:       for messages.
    bytes_read: so far.
    head, tail: the first and the last bytes that were read, at most 12 and 64 KiB.
    stopped:    whether it was told to end.
    """

    name = "standard input"

    def __init__(self, descriptor: int = 0):
        self._descriptor = descriptor
        self.stopped = False
        self.bytes_read = 0
        self.head = self.tail = b""

    def read(self, most: int) -> bytes:
        """Wait until there is something; b"" at the end."""
        while not self.stopped:
            if select.select([self._descriptor], [], [], _LOOK)[0]:
                content = os.read(self._descriptor, most)
                self.bytes_read += len(content)
                self.head = self.head or content[:12]
                self.tail = (self.tail + content)[-_TAIL:]
                return content
        return b""

    def stop(self) -> None:
        """As if the writer had closed the pipe."""
        self.stopped = True


@contextmanager
def pictures_on_stdout() -> Iterator[int]:
    """A descriptor of standard output, for pictures. Inside, all that anybody prints goes to standard error."""
    sys.stdout.flush()
    pictures = os.dup(1)
    os.dup2(2, 1)
    try:
        with redirect_stdout(sys.stderr):
            yield pictures
    finally:
        os.dup2(pictures, 1)
        os.close(pictures)
