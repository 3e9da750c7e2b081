"""Every message in docs/references.md is printed by a command that meets what the page says of it."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from small_grids import rendered_grid
from small_stills import HIGH, LOW, framed_otherwise, scene, write_clip, write_photo

from lfvideo_sr.media.images import write_png
from lfvideo_sr.media.resize import degrade

PAGE = (Path(__file__).parents[2] / "docs" / "references.md").read_text()
TABLE = PAGE[PAGE.index("## Messages") :]
MESSAGES = [row.split("|")[1].strip() for row in TABLE.splitlines() if re.match(r"\| (?!message)", row)]
STREAM = ["stream", "in.mp4", "-o", "out.mkv", "--method", "flow_transfer", "--codec", "ffv1", "--frames", "2"]
STILLS = [*STREAM, "--refs", "stills"]
OTHER = np.full((HIGH.height, HIGH.width, 3), 90, np.uint8)
NOISE = np.random.default_rng(3).integers(0, 256, (HIGH.height, HIGH.width, 3)).astype(np.uint8)


def stills(**pictures: np.ndarray) -> Callable[[], None]:
    """What writes photos into the folder stills, by name."""

    def write() -> None:
        for name, picture in pictures.items():
            write_photo(Path("stills") / f"{name}.png", picture)

    return write


def manifest_of_a_file_elsewhere() -> None:
    write_photo(Path("elsewhere.png"), scene(2))
    Path("stills").mkdir()
    Path("stills/refs.csv").write_text("file,frame\n../elsewhere.png,2\n")


def other_video(first: float, count: int, size=HIGH) -> None:
    write_clip(Path("other.mp4"), first=first, count=count, size=size)


def video_of_another_hour() -> None:
    """Its pictures are shown from 100 s on."""
    import av

    other_video(0, 3)
    with av.open("other.mp4") as source, av.open("later.mkv", "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.pts is not None:
                packet.pts, packet.dts = (time + round(100 / packet.time_base) for time in (packet.pts, packet.dts))
                packet.stream = stream
                target.mux(packet)


def video_of_something_else() -> None:
    import av

    with av.open("other.mp4", "w") as target:
        stream = target.add_stream("libx264", 25)
        stream.width, stream.height, stream.pix_fmt = *HIGH, "yuv420p"
        for number in range(2):
            frame = av.VideoFrame.from_ndarray(np.roll(NOISE, 40 * number, 1), format="rgb24")
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))


def two_tracks() -> None:
    from lfvideo_sr.media.video import VideoSource
    from lfvideo_sr.references.hybrid_file import write_hybrid

    other_video(0, 8)
    with VideoSource(Path("other.mp4")) as clip:
        write_hybrid(clip, Path("two.mkv"), 4)


def blurred_beside_a_picture() -> None:
    write_photo(Path("in.png"), scene(2)[:64, :96])
    write_photo(Path("stills/empty.png"), OTHER)


def a_damaged_still() -> None:
    write_photo(Path("stills/1.png"), scene(1))
    Path("stills/3.png").write_bytes(b"no PNG")


def views() -> None:
    grid = rendered_grid(2, 2)
    Path("views").mkdir()
    for row, column in np.ndindex(2, 2):
        write_png(Path("views") / f"view_{row}_{column}.png", degrade(grid[row, column]))
    for name in ("a.png", "b.png"):
        write_png(Path(name), grid[0, 0])


Provoked = tuple[list[str], Callable[[], object]]
PROVOKED: dict[str, Provoked] = {
    "... mixes names: ... is seconds, ... is a frame index": (STILLS, stills(**{"t0.04": scene(1), "3": scene(3)})),
    "both belong to ... s; remove one of them": (STILLS, stills(**{"t0.04": scene(1), "t0.040": scene(1)})),
    "is out of range: as a 0-based frame index": (STILLS, stills(**{"t9": scene(1)})),
    "left out: ... fits nowhere in the clip": (STILLS, stills(**{"1": scene(1), "IMG_7": OTHER})),
    "left out: ... is no picture that can be read": (STILLS, a_damaged_still),
    "no larger than the clip's frames": (STILLS, stills(**{"1": scene(1), "3": scene(3)[:64, :96]})),
    "outside of its folder; pass --trust-manifest": (STILLS, manifest_of_a_file_elsewhere),
    "and they share no moment": ([*STREAM, "--refs", "later.mkv"], video_of_another_hour),
    "--ref-offset auto: the pictures agree on no offset": (
        [*STREAM, "--refs", "other.mp4", "--ref-offset", "auto"], video_of_something_else
    ),
    "--ref-offset has nothing to move": (["stream", "two.mkv", *STREAM[2:], "--ref-offset", "1"], two_tracks),
    "there is no detail to take from it": ([*STREAM, "--refs", "other.mp4"], lambda: other_video(0, 3, LOW)),
    "stills used, ... at a frame": (STILLS, stills(**{"0": scene(0), "1": scene(1)})),
    "not passed:": (STILLS, stills(**{"1": framed_otherwise(scene(4))})),
    "no reference shows what ... shows": (STILLS, stills(**{"1": OTHER})),
    "no reference has detail that ... lacks": (
        ["image", "in.png", "--ref", "stills", "--method", "flow_transfer"], blurred_beside_a_picture
    ),
    "pictures with --refs and ... --ref-view: where does each stand?": (
        ["lightfield", "views", "--refs", "a.png", "--refs", "b.png", "--method", "flow_transfer"], views
    ),
}  # fmt: skip


def test_the_page_lists_what_is_provoked_here_and_nothing_else():
    assert list(PROVOKED) == MESSAGES


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "in.mp4", count=5)


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_of_the_page_is_printed(message, run, clip, tmp_path, monkeypatch):
    words, prepare = PROVOKED[message]
    monkeypatch.chdir(tmp_path)
    Path("in.mp4").symlink_to(clip)
    prepare()
    outcome = run(*words)
    expression = ".*".join(map(re.escape, message.split("...")))
    assert re.search(expression, outcome.out + outcome.err), outcome
    if outcome.code:
        assert re.search(expression, outcome.line) and outcome.code in (2, 3)
