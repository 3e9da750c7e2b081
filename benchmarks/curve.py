#!/usr/bin/env python3
"""Quality against time: PSNR-Y over seconds per frame, for this project's methods and for others that pip installs.

usage: LFVIDEO_DATA=FOLDER OMP_NUM_THREADS=1 benchmarks/curve.py [--frames 25] [--few 3] [--clips NAME...] [--crf 28]
       [--only NAME...] [--json FILE] [--plot docs/curve.svg] [--table docs/performance.md]
       benchmarks/curve.py --drawn-from FILE [--plot SVG] [--table MARKDOWN]       draws a run of before again

Clips that are never trained on, at most 540 lines, references in every 8th frame, as `compressed.py` writes them: clean
(lossless, reduced by bicubic, as papers do it) and compressed (H.264, 4:2:0). Scored are the frames that are no
references; slow methods restore fewer of them (--few), so each is also held against bicubic on its own frames.
Seconds are processor time of one thread, of encoding references, matching and restoring alone, per frame restored. The
methods take turns, frame by frame, so that whatever else the machine does slows all of them alike.
`peers.py` names how peers are installed; the table lists those that are absent.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from compressed import low_clip, reference_clip, truth_clip
from data_folder import data_folder
from peers import PEERS, NcnnEngine, absent

from lfvideo_sr.choose import make_engine
from lfvideo_sr.engine import Engine
from lfvideo_sr.methods import METHODS
from lfvideo_sr.stream.job import StreamJob
from lfvideo_sr.stream.options import StreamOptions
from lfvideo_sr.stream.stopwatch import Stopwatch

CLIPS = ("apple", "cockatoo", "bikes", "paragliding-launch")
EVERY = 8
STAGES = ("encode", "match", "restore")  # of a frame
FAIR = (
    "Real-ESRGAN is trained to look sharp on pictures damaged in unknown ways, not to come near the truth pixel "
    "by pixel: PSNR and SSIM do not measure what it is made for."
)
BEGIN, END = "<!-- curve.py -->", "<!-- /curve.py -->"
SECTION = """## Quality against time

This project's methods and others that pip installs, on the clips kept for validation, clean and compressed, over the
frames that are no references (`benchmarks/curve.py`). Flicker is in levels of 8 bits; seconds are processor time of one
core per frame. The methods take turns, frame by frame, so that other work slows all of them alike."""


@dataclass(frozen=True)
class Contender:
    """A row of the table.

    kind: "references", "single" (one picture, nothing else) or "peer".
    slow: restores few frames.
    """

    name: str
    kind: str
    make: Callable[[], Engine]
    slow: bool = False
    missing: str | None = None


def contenders() -> list[Contender]:
    """Everything to be measured. A further preset of a method is a line here."""
    ours = [
        Contender("bicubic", "single", lambda: make_engine("bicubic")),
        Contender("flow_transfer", "references", lambda: make_engine("flow_transfer")),
    ]
    for quality, weights in METHODS["stream_ref"].qualities.items():
        made = _made(_of_method, "stream_ref", weights)
        ours.append(Contender(f"{quality}, no references", "single", made))
        ours.append(Contender(quality, "references", made))
    for method in [name for name, entry in METHODS.items() if entry.trained]:  # of papers
        ours.append(Contender(method, "references", _made(_of_method, method), slow=True))
    peers = [
        Contender(name, "peer", _made(NcnnEngine, name, peer), slow=name == "Real-ESRGAN", missing=absent(peer))
        for name, peer in PEERS.items()
    ]
    return ours + peers


def _made(maker: Callable[..., Engine], *arguments: Any) -> Callable[[], Engine]:
    return lambda: maker(*arguments)


def _of_method(method: str, weights: str | None = None) -> Engine:
    return make_engine(method, weights=weights, device="cpu", dtype="fp32", engine="torch")


@dataclass
class Running:
    """A contender at work on a clip."""

    contender: Contender
    job: StreamJob
    frames: Iterator

    def step(self) -> bool:
        """Its next frame; False after the last."""
        return next(self.frames, None) is not None

    @property
    def seconds(self) -> float:
        """Processor time of one thread for each frame restored."""
        watch = self.job.watch
        return sum(watch.total(stage) for stage in STAGES) / 1e3 / max(watch.count("restore"), 1)


def measure(clip: Path, crf: int | None, options: argparse.Namespace, engines: dict[str, Engine]) -> list[dict]:
    """A row per contender that is there: clip, means over its frames that are no references, seconds per frame."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as opened:
        low, refs, truth = (Path(folder) / f"{name}.mkv" for name in ("low", "refs", "truth"))
        low_clip(clip, low, crf=crf, frames=options.frames)
        reference_clip(clip, refs, every=EVERY, frames=options.frames)
        truth_clip(clip, truth, frames=options.frames)
        running = []
        for contender in contenders():
            if contender.name not in engines:
                continue
            frames = min(options.few + 1, options.frames) if contender.slow else options.frames
            beside = {"refs": str(refs)} if contender.kind == "references" else {"no_refs": True}
            asked = StreamOptions(gt=str(truth), frames=frames, ref_every=EVERY, decode="cpu", **beside)
            watch = Stopwatch(time.thread_time)
            job = opened.enter_context(StreamJob(low, engines[contender.name], asked, watch=watch))
            running.append(Running(contender, job, iter(job)))
        _take_turns(list(running))
        return [_row(clip, crf, run) for run in running]


def _take_turns(running: list[Running]) -> None:
    ended: set[str] = set()
    for run in cycle(running):
        if len(ended) == len(running):
            return
        if run.contender.name not in ended and not run.step():
            ended.add(run.contender.name)


def _row(clip: Path, crf: int | None, run: Running) -> dict:
    scores = [score for score in run.job.scorer.scores if score.index % EVERY]
    steady = run.job.scorer.steadiness.summary()

    def mean(name: str) -> float:
        return float(np.mean([getattr(score, name) for score in scores]))

    return {
        "method": run.contender.name,
        "kind": run.contender.kind,
        "clip": clip.stem,
        "crf": crf,
        "frames": len(scores),
        "psnr_y": mean("psnr_y"),
        "bicubic_psnr_y": mean("bicubic_psnr_y"),
        "ssim_y": mean("ssim_y"),
        "bicubic_ssim_y": mean("bicubic_ssim_y"),
        "flicker": steady["flicker"],
        "seconds": run.seconds,
    }


def averaged(rows: list[dict], crf: int | None) -> list[dict]:
    """Means over the clips, a row per method, the quickest first."""
    rows_found = []
    for method in dict.fromkeys(row["method"] for row in rows):
        same = [row for row in rows if (row["method"], row["crf"]) == (method, crf)]
        if same:
            numbers = {key: float(np.mean([row[key] for row in same])) for key in _AVERAGED}
            frames = sum(row["frames"] for row in same)
            rows_found.append({"method": method, "kind": same[0]["kind"], "frames": frames} | numbers)
    return sorted(rows_found, key=lambda row: row["seconds"])


_AVERAGED = ("psnr_y", "bicubic_psnr_y", "ssim_y", "bicubic_ssim_y", "flicker", "seconds")
_COLUMNS = ("PSNR-Y", "above bicubic", "SSIM-Y", "above bicubic", "flicker", "s per frame", "frames")


def table(measured: dict) -> str:
    """Markdown: a table for each crf, and what was absent."""
    parts = []
    for crf in dict.fromkeys(row["crf"] for row in measured["rows"]):
        lines = [f"| {_title(crf)} | {' | '.join(_COLUMNS)} |", "|---" * (len(_COLUMNS) + 1) + "|"]
        for row in averaged(measured["rows"], crf):
            gain, similar = row["psnr_y"] - row["bicubic_psnr_y"], row["ssim_y"] - row["bicubic_ssim_y"]
            cells = (
                f"{row['psnr_y']:.2f}", f"{gain:+.2f}", f"{row['ssim_y']:.4f}", f"{similar:+.4f}",
                f"{row['flicker']:.2f}", f"{row['seconds']:.3g}", str(row["frames"]),
            )  # fmt: skip
            lines.append(f"| {row['method']} | {' | '.join(cells)} |")
        parts.append("\n".join(lines))
    parts += [FAIR] + [f"{name} was not measured: {why}." for name, why in measured["absent"].items()]
    return "\n\n".join(parts)


def _title(crf: int | None) -> str:
    return "clean" if crf is None else f"H.264, crf {crf}"


def plot(measured: dict, target: Path) -> None:
    """PSNR-Y above bicubic's on the same frames over seconds, a panel for each crf."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    looks = {"references": ("o", "C0"), "single": ("s", "C2"), "peer": ("^", "C1")}
    labels = {"references": "with references", "single": "without references", "peer": "others, without references"}
    crfs = list(dict.fromkeys(row["crf"] for row in measured["rows"]))
    figure, axes = plt.subplots(1, len(crfs), figsize=(5 * len(crfs), 4), layout="constrained", squeeze=False)
    for axis, crf in zip(axes[0], crfs):
        rows = averaged(measured["rows"], crf)
        middle = (rows[0]["seconds"] * rows[-1]["seconds"]) ** 0.5
        for row in rows:
            marker, colour = looks[row["kind"]]
            place = row["seconds"], row["psnr_y"] - row["bicubic_psnr_y"]
            axis.semilogx(*place, marker, color=colour, markersize=6, label=labels[row["kind"]])
            right = row["seconds"] > middle  # names lean inwards
            beside = {"xytext": (-6 if right else 6, 4), "ha": "right" if right else "left"}
            axis.annotate(row["method"], place, textcoords="offset points", fontsize=7, **beside)
        axis.axhline(0, color="grey", linewidth=0.8, linestyle=":")
        axis.margins(x=0.15, y=0.12)
        axis.set_title(_title(crf), fontsize=9)
        axis.set_xlabel("seconds per frame, one core")
        axis.set_ylabel("PSNR-Y above bicubic, dB")
    handles = {label: handle for axis in axes[0] for handle, label in zip(*axis.get_legend_handles_labels())}
    axes[0, 0].legend(handles.values(), handles.keys(), fontsize=8)
    plt.rcParams["svg.hashsalt"] = "lfvideo-sr"  # the same figure, the same file
    figure.savefig(target, metadata={"Date": None})


def write_between_markers(target: Path, text: str) -> None:
    """Put `text` between the marks in a file of docs, which has to have them."""
    before, begin, rest = target.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{target} has no place for the table; put {BEGIN} and {END} where it should be")
    target.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


def run(options: argparse.Namespace) -> dict:
    import torch

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    selected = [contender for contender in contenders() if not options.only or contender.name in options.only]
    measured: dict[str, Any] = {
        "rows": [],
        "absent": {contender.name: contender.missing for contender in selected if contender.missing},
    }
    for name, why in measured["absent"].items():
        print(f"{name:26} absent: {why}", flush=True)
    with ExitStack() as opened:
        engines = {
            contender.name: opened.enter_context(contender.make()) for contender in selected if not contender.missing
        }
        for clip in options.clips:
            for crf in (None, options.crf):
                measured_rows = measure(data_folder() / "video" / f"{clip}.mp4", crf, options, engines)
                measured["rows"] += measured_rows
                for row in measured_rows:
                    gain = row["psnr_y"] - row["bicubic_psnr_y"]
                    print(
                        f"{row['method']:26} {clip:20} {_title(crf):14} {row['psnr_y']:.2f} dB ({gain:+.2f}), SSIM-Y "
                        f"{row['ssim_y']:.4f}, {row['seconds']:.3f} s a frame, {row['frames']} frames", flush=True,
                    )  # fmt: skip
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=25)
    parser.add_argument("--few", type=int, default=3)
    parser.add_argument("--clips", nargs="+", default=CLIPS)
    parser.add_argument("--crf", type=int, default=28)
    parser.add_argument("--only", nargs="+")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--drawn-from", type=Path)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--table", type=Path)
    options = parser.parse_args()
    if min(options.frames, options.few + 1) < 3:
        parser.error("two frames in a row that are no references are wanted: --frames 3 or more, --few 2 or more")
    measured = json.loads(options.drawn_from.read_text()) if options.drawn_from else run(options)
    if options.json:
        options.json.write_text(json.dumps(measured, indent=1) + "\n")
    if options.plot:
        plot(measured, options.plot)
    if options.table:
        picture = f"\n\n![quality against time]({options.plot.name})" if options.plot else ""
        write_between_markers(options.table, f"{SECTION}\n\n{table(measured)}{picture}")
    else:
        print(table(measured))


if __name__ == "__main__":
    main()
