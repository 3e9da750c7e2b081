"""Errors that a user can meet. Each is also a builtin error and has its exit code. Its message is one line: what was
given, what is needed, what to do."""


class LFVideoError(Exception):
    """Base of every error this package raises on purpose."""

    exit_code = 3


class UsageError(LFVideoError, ValueError):
    """An option, a parameter or a configuration has a value that is not possible (exit code 2)."""

    exit_code = 2


class InputError(LFVideoError, ValueError):
    """A file, folder or array is not what it has to be (exit code 3)."""


class PictureRefused(InputError):
    """A picture that cannot be decoded here, or that is larger than allowed. Others beside it may still serve."""


class OutputError(LFVideoError, OSError):
    """The output cannot be written: it exists, the disk is full, the container cannot hold a stream (exit code 3)."""


class ResumeRefused(OutputError):
    """An unfinished output was begun with another input, other options or another version (exit code 5)."""

    exit_code = 5


class ReaderGone(OutputError):
    """Whoever read a pipe that is written to has closed it, as `head` does (exit code 141, of a broken pipe in shells).
    It has what it needs, so the command line prints nothing."""

    exit_code = 141


class QueueFailed(LFVideoError):
    """Some clips of a queue failed; the others are done (exit code 6)."""

    exit_code = 6


class EngineError(LFVideoError, RuntimeError):
    """A device, a dtype or a compiled engine is missing or failed (exit code 4)."""

    exit_code = 4


class TorchMissing(EngineError, ModuleNotFoundError):
    """A learned method needs torch or its exported graphs, and neither is installed."""

    name = "torch"


class ShapeError(LFVideoError, ValueError):
    """An array's shape, dtype or range is not what the function documents."""


class ReferencesMissing(InputError):
    """References were required (`--require-refs`) or named (`--refs`), and there are none."""


_OUT_OF_MEMORY = (
    "cannot allocate memory", "can't allocate", "failed to allocate", "insufficient memory", "bad alloc", "bad_alloc",
    "can't start new thread",
)  # fmt: skip


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error, of whatever library, says that there is no memory left, or none for another thread."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or any(reason in text for reason in _OUT_OF_MEMORY)


def shortened(value: object, most: int = 60) -> str:
    """A value for a message: what is longer than `most` characters is cut."""
    text = str(value)
    return text if len(text) <= most else f"{text[: most - 3]}..."


def printable(text: str) -> str:
    """Text for a terminal: control characters, and bytes of a name that are no UTF-8, are written as escapes."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def first_line(error: BaseException) -> str:
    """The first line of another library's error message; the error's name where the message is empty."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
