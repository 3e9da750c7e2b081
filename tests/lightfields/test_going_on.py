"""Light fields whose run is killed, and goes on: the result is that of an unbroken run, view by view."""

import random
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import h5py
import numpy as np
import pytest
from command_line import report_of
from crashing import CrashingRuns
from small_grids import MAKERS, rendered_grid

from lfvideo_sr.frames import Size
from lfvideo_sr.media.images import write_png
from lfvideo_sr.media.resize import degrade
from lfvideo_sr.stream import view_store
from lfvideo_sr.stream.view_store import ViewStore

HIGH = Size(96, 64)
FAST = ("--method", "flow_transfer", "--progress", "none")


@pytest.fixture(scope="module")
def runs() -> Iterator[CrashingRuns]:
    with CrashingRuns() as runs:
        yield runs


@pytest.fixture(scope="module")
def sharp() -> np.ndarray:
    return rendered_grid(size=HIGH)


@pytest.fixture(scope="module")
def low(sharp) -> np.ndarray:
    return np.stack([[degrade(view) for view in row] for row in sharp])


@pytest.fixture
def refs(tmp_path, sharp) -> tuple[object, ...]:
    write_png(tmp_path / "sharp.png", sharp[1, 1])
    return "--refs", tmp_path / "sharp.png", "--ref-view", "1,1"


def samples(path: Path) -> dict[str, bytes]:
    """The views of a folder or the arrays of a file."""
    if path.is_dir():
        return {file.name: file.read_bytes() for file in path.iterdir()}
    if path.suffix == ".h5":
        with h5py.File(path) as file:
            return {key: np.asarray(file[key]).tobytes() for key in file}
    return {path.name: path.read_bytes()}


slow = pytest.mark.slow
LAYOUTS = [
    ("hci2016", "sr.h5"),
    pytest.param("view_folder", "sr", marks=slow),
    pytest.param("mosaic", "sr.png", marks=slow),
]


@pytest.mark.parametrize(("layout", "name"), LAYOUTS)
def test_a_run_that_crashes_again_and_again_gives_what_an_unbroken_one_does(layout, name, low, refs, runs, tmp_path):
    written, rng = MAKERS[layout](tmp_path, low), random.Random(layout)
    options = ("--layout", "mosaic", "--grid", "3x3") if layout == "mosaic" else ()
    for folder in ("broken", "unbroken"):
        (tmp_path / folder).mkdir()
    words = ["lightfield", written.path, *options, *refs, *FAST, "-o", tmp_path]
    unbroken, output = tmp_path / "unbroken" / name, tmp_path / "broken" / name
    assert runs.run([*words[:-1], unbroken], tmp_path / "unbroken") == 0
    codes = [runs.run([*words[:-1], output], tmp_path / "broken", rng.randint(1, 45)) for _ in range(3)]
    assert 9 in codes and set(codes) <= {0, 9}
    assert runs.run([*words[:-1], output], tmp_path / "broken") == 0
    assert samples(output) == samples(unbroken)
    assert {path.name for path in output.parent.iterdir()} == {name, report_of(output) and f"{output.stem}.report.json"}


class Killed(BaseException):
    """Ends a run in this process as a kill does."""


def killed_at(patching: pytest.MonkeyPatch, number: int) -> None:
    """Before the view of that number is kept."""
    plain, calls = ViewStore.add, count()

    def killing(*arguments) -> None:
        if next(calls) == number:
            raise Killed
        plain(*arguments)

    patching.setattr(ViewStore, "add", killing)


def test_views_that_take_from_each_other_and_are_followed_in_time(low, refs, run, tmp_path, monkeypatch):
    """stream_ref predicts fields, takes from neighbours, and in a video follows the reference from frame to frame."""
    path = tmp_path / "in.h5"
    row = low[:1]  # of three views
    frames = np.round(255 * np.stack([row, np.roll(row, 1, -1)])).astype(np.uint8)
    with h5py.File(path, "w") as file:
        file["img_LR_4"] = frames
    words = ("lightfield", path, *refs[:-1], "0,1", "--quality", "fast", "--progress", "plain")
    assert run(*words, "-o", tmp_path / "whole.h5").code == 0
    with monkeypatch.context() as killed, pytest.raises(Killed):
        killed_at(killed, 4)
        run(*words, "-o", tmp_path / "sr.h5")
    done = run(*words, "-o", tmp_path / "sr.h5")
    assert done.code == 0 and "4 views are done" in done.out, done.err
    assert samples(tmp_path / "sr.h5") == samples(tmp_path / "whole.h5")
    ours, theirs = report_of(tmp_path / "sr.h5"), report_of(tmp_path / "whole.h5")
    for key in ("matching", "epipolar", "references"):
        assert ours[key] == theirs[key]
    assert ours["views_done_before"] == 4 and not list(tmp_path.glob("*.work"))


def test_a_view_that_was_harmed_costs_those_after_it_only(low, refs, run, tmp_path, monkeypatch):
    written, output = MAKERS["hci2016"](tmp_path, low), tmp_path / "sr.h5"
    words = ("lightfield", written.path, *refs, *FAST[:-1], "plain")
    assert run(*words, "-o", tmp_path / "whole.h5").code == 0
    with monkeypatch.context() as killed, pytest.raises(Killed):
        killed_at(killed, 7)
        run(*words, "-o", output)
    (tmp_path / "sr.h5.work" / "000004.npz").write_bytes(b"harmed")
    refused = run(*words, "-o", output, "--epipolar", "0.1")
    assert refused.code == 5 and "another epipolar" in refused.line
    done = run(*words, "-o", output, "--mosaic", tmp_path / "all.png")
    assert done.code == 0 and "4 views are done" in done.out
    assert samples(output) == samples(tmp_path / "whole.h5") and (tmp_path / "all.png").exists()


def test_where_there_is_no_room_for_views_a_run_goes_on_without(low, refs, run, tmp_path, monkeypatch):
    written, output = MAKERS["hci2016"](tmp_path, low), tmp_path / "sr.h5"

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(view_store, "put_in_place", full)
        done = run("lightfield", written.path, *refs, *FAST[:-1], "plain", "-o", output)
    assert done.code == 0 and "views are not kept" in done.out
    assert output.exists() and not (tmp_path / "sr.h5.work").exists()
