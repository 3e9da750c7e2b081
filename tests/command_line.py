"""What a command line gave back; the fixture `run` makes them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """Exit code and what was printed."""

    code: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The only line on stderr."""
        assert len(self.err.splitlines()) == 1, self.err
        assert self.err.startswith("lfvideo-sr: ")
        return self.err.strip()
