"""Errors a user can meet. Each is also a builtin error, carries its exit code, and reads as one line:
what was given, what was wanted, what to do."""


class LFVideoError(Exception):
    """Base of every error this package raises on purpose."""

    exit_code = 3


class UsageError(LFVideoError, ValueError):
    """The command line or a configuration asks for something that cannot be asked for (exit code 2)."""

    exit_code = 2


class InputError(LFVideoError, ValueError):
    """A file, folder or array is not what it has to be (exit code 3)."""


class OutputError(LFVideoError, OSError):
    """The output cannot be written: it exists, the disk is full, the container cannot hold a stream (exit code 3)."""


class ResumeRefused(OutputError):
    """An unfinished output was begun with another input, other options or another version (exit code 5)."""

    exit_code = 5


class QueueFailed(LFVideoError):
    """Some clips of a queue failed; the others are done (exit code 6)."""

    exit_code = 6


class EngineError(LFVideoError, RuntimeError):
    """A device, a dtype or a compiled engine is missing or failed (exit code 4)."""

    exit_code = 4


class TorchMissing(EngineError, ModuleNotFoundError):
    """A learned method, and neither torch nor its exported graphs are there."""

    name = "torch"


class ShapeError(LFVideoError, ValueError):
    """An array's shape, dtype or range is not what the function documents."""


class ReferencesMissing(InputError):
    """References were required (`--require-refs`) or named (`--refs`) and none was found."""


def first_line(error: BaseException) -> str:
    """The first line of what somebody else's error says; its name where it says nothing."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
