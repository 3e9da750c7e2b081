"""The command line. Every command is a thin layer on the library; heavy modules load only when a command runs."""

import atexit
import gc
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from typing import Annotated

import typer

from .. import __version__
from ..checks import missing_package
from ..commands.completion import SHELLS
from ..errors import (
    EngineError,
    LFVideoError,
    OutputError,
    ReaderGone,
    UsageError,
    first_line,
    is_out_of_memory,
    printable,
)
from ..media import quiet
from ..methods import METHODS
from .choices import METHOD_NAMES, completed, listed
from .engines import engine_app
from .help import GroupedCommand, QuickGroup
from .lightfield import lightfield_app
from .measure import bench, compare, evaluate
from .options import AsJson
from .picture import image
from .planning import join, plan, run_segment
from .references import refs_app
from .restore import simulate, stream
from .training import train, weights_app

_INTERRUPTED = 130
_COLLECT_AFTER = 50_000  # new objects; Python's own is 700 to 2,000


def info(
    method: Annotated[
        str | None,
        typer.Argument(help=f"A method to describe: {METHOD_NAMES}.", autocompletion=completed(METHODS)),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print what this installation can do (devices, dtypes, codecs, extras, weights), or what a method is."""
    from ..commands.info import show_info, show_method

    show_info(as_json) if method is None else show_method(method, as_json)


def doctor(as_json: AsJson = False) -> None:
    """Print what is installed, what is missing and the command for it, and try each engine on ten frames. The exit code
    is 0 where all that is installed works, else 4."""
    from ..commands.doctor import run_doctor

    run_doctor(as_json)


def completion(
    shell: Annotated[str, typer.Argument(help=f"{listed(SHELLS)}.", autocompletion=completed(SHELLS))],
    install: Annotated[
        bool, typer.Option("--install", help="Install it for that shell instead of printing it.")
    ] = False,
) -> None:
    """Print the script that completes commands, options and names in a shell, or install it."""
    from ..commands.completion import install_completion, print_completion

    (install_completion if install else print_completion)(shell)


def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def _print_version(asked: bool) -> None:
    if asked:
        version()
        raise typer.Exit()


app = typer.Typer(
    name="lfvideo-sr",
    cls=QuickGroup,
    help="Turn a low-resolution video plus a few sharp references into a sharp x4 stream.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
# Each command with the example that its help ends with.
COMMANDS: dict[Callable[..., None], str] = {
    stream: "lfvideo-sr stream in.mp4 --refs stills/ -o out.mkv",
    plan: "lfvideo-sr plan in.mp4 -o out.mp4 > plan.json",
    run_segment: "lfvideo-sr run-segment plan.json 0",
    join: "lfvideo-sr join plan.json",
    simulate: "lfvideo-sr simulate sharp.mp4 -o hybrid.mkv --ref-every 8",
    image: "lfvideo-sr image in.png --ref sharp.jpg",
    train: "lfvideo-sr train stream_ref_rendered --max-steps 200",
    bench: "lfvideo-sr bench --size 240x136 --frames 25",
    compare: "lfvideo-sr compare in.mp4 in_x4.mp4 -o page.html",
    evaluate: "lfvideo-sr evaluate --dataset cufed5 --data sets --method stream_ref",
    info: "lfvideo-sr info stream_ref",
    doctor: "lfvideo-sr doctor",
    completion: "lfvideo-sr completion bash --install",
    version: "lfvideo-sr version",
}
for command, example in COMMANDS.items():
    app.command(cls=GroupedCommand, epilog=example)(command)
app.add_typer(weights_app, name="weights")
app.add_typer(engine_app, name="engine")
app.add_typer(lightfield_app, name="lightfield")
app.add_typer(refs_app, name="refs")


@app.callback()
def _common(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    os.environ["LFVIDEO_DEBUG"] = "1" if debug else os.environ.get("LFVIDEO_DEBUG", "")


def main() -> None:
    """Entry point: errors become one line and the documented exit code."""
    for out in (sys.stdout, sys.stderr):
        if isinstance(out, TextIOWrapper) and out.errors == "strict":  # a name that it cannot show is no reason to fail
            out.reconfigure(errors="backslashreplace")
    if "_LFVIDEO_SR_COMPLETE" in os.environ:  # a shell asks what could follow
        from typer.completion import completion_init

        completion_init()
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # of libraries; what a user has to know is in a line of our own
    _collect_seldom()
    with _requests_to_end_interrupt(), quiet.command_line():
        _run()


def _collect_seldom() -> None:
    """Keep Python's collector from looking through the 200,000 objects of loaded libraries, none of them garbage, again
    and again as they load, and once more at the end, before the process gives its memory back anyway."""
    gc.set_threshold(_COLLECT_AFTER)
    atexit.register(gc.freeze)


@contextmanager
def _requests_to_end_interrupt() -> Iterator[None]:
    """SIGTERM and SIGHUP, where nobody ignores them, work as Ctrl-C does: what is done is kept or cleared away."""
    ours = {}
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            if number is not None and signal.getsignal(number) is signal.SIG_DFL:
                ours[number] = signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, before in ours.items():
            signal.signal(number, before)


def _run() -> None:
    try:
        code = app(standalone_mode=False, prog_name="lfvideo-sr")
        if code == _INTERRUPTED:  # typer turns an interrupt into a code that it returns
            _fail("interrupted", _INTERRUPTED)
    except KeyboardInterrupt:
        _fail("interrupted", _INTERRUPTED)
    except ReaderGone as error:
        sys.exit(error.exit_code)
    except LFVideoError as error:
        _fail(str(error), error.exit_code, error)
    except typer.Exit as stop:
        sys.exit(stop.exit_code)
    except typer.Abort:
        _fail("interrupted", _INTERRUPTED)
    except ModuleNotFoundError as error:
        if (error.name or "lfvideo_sr").startswith("lfvideo_sr"):
            raise
        _fail(missing_package(error.name or ""), EngineError.exit_code, error)
    except ImportError as error:
        _fail(f"a library cannot be loaded ({first_line(error)}); install it again", EngineError.exit_code, error)
    except MemoryError as error:
        _fail_for_memory(error)
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error)
        _fail(f"{what}; check the name, its permissions and the disk", OutputError.exit_code, error)
    except Exception as error:
        if is_out_of_memory(error):
            _fail_for_memory(error)
        if not hasattr(error, "format_message"):  # a usage error of the option parser has one
            raise
        _fail_usage(error.format_message(), error)


def _fail_for_memory(error: Exception) -> None:
    _fail(f"out of memory ({first_line(error)}); give smaller sizes", EngineError.exit_code, error)


def _fail_usage(message: str, error: Exception) -> None:
    if message.startswith("Usage:"):  # a command without arguments: its help, on as many lines as it has
        print(message, file=sys.stderr)
        sys.exit(UsageError.exit_code)
    command = getattr(getattr(error, "ctx", None), "command_path", "lfvideo-sr")
    _fail(f"{message.rstrip('.')}; see {command} --help", UsageError.exit_code, error)


def _fail(message: str, code: int, error: BaseException | None = None) -> None:
    if error is not None and os.environ.get("LFVIDEO_DEBUG"):
        raise error
    print(f"lfvideo-sr: {printable(' '.join(message.split()))}", file=sys.stderr)
    sys.exit(code)
