"""`lfvideo-sr lightfield`: restores a light field with sharp views, and writes it, a report and pictures of it."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..choose import EngineOptions, choose_engine, view_fusion_weights, view_network
from ..engine import Engine
from ..engines.host_memory import prepare_process
from ..errors import InputError, OutputError, printable
from ..lightfields.carried import write_rgb
from ..lightfields.epi import write_epi
from ..lightfields.field import LightField
from ..lightfields.frames_of import VIDEO_SUFFIXES
from ..lightfields.grid import name_of
from ..lightfields.hdf5 import SUFFIXES as HDF5_SUFFIXES
from ..lightfields.mosaic import write_mosaic
from ..lightfields.opening import of_output, open_light_field, split_key
from ..lightfields.viewer import write_viewer
from ..lightfields.walk import write_walk
from ..media.hdf5_links import linked_files
from ..media.partial import unfinished_in
from ..media.picture_formats import PICTURES
from ..methods import METHODS, VIEW_FUSION
from ..references.opening import reference_files
from ..report import Fingerprint, bytes_of, detail_lines, grid_report, is_done, is_report, summary_lines, write_json
from ..stream.finished import is_marked, mark_finished
from ..stream.grid_job import GridJob, low_size
from ..stream.grid_options import GridOptions
from ..stream.journal import Journal, remove_left, work_folder
from ..stream.view_fusion import VIEWS
from ..stream.view_store import ENDING, ViewStore
from ..weights import fingerprint
from .estimate import estimated_grid_seconds, kept_bytes, lacking, most_bytes
from .progress import Progress, make_progress
from .targets import REPORT, beside, check_targets
from .texts import shown_bytes, shown_score, shown_seconds, shown_training

_ENDINGS = {
    "--mosaic": (".png",),
    "--epi": (".png",),
    "--viewer": (".html", ".htm"),
    "--video": (".mp4", ".mkv", ".mov"),
}


@dataclass(frozen=True)
class Pictures:
    """Files to make of the result beside it; None: not made."""

    mosaic: Path | None = None
    video: Path | None = None
    epi: Path | None = None
    viewer: Path | None = None
    rgb: Path | None = None

    def named(self) -> dict[str, Path]:
        return {f"--{name}": path for name, path in vars(self).items() if path is not None}


@dataclass(frozen=True)
class LightFieldCommand:
    """The options of the command. dry_run: only print what would be done, how long and how large."""

    input: str
    output: Path | None
    options: GridOptions
    pictures: Pictures = field(default_factory=Pictures)
    engine: EngineOptions = field(default_factory=EngineOptions)
    report: Path | None = None
    overwrite: bool = False
    resume: bool = True
    progress: str = "auto"
    dry_run: bool = False
    verbose: bool = False

    def run(self) -> None:
        """Write output, pictures and report; raises LFVideoError, with the views that are done kept for another run."""
        output = self.output or default_output(self.input)
        report_path = self.report or beside(output, ".report.json")
        progress = make_progress(self.progress)
        asked = self._fingerprint()
        if asked and not self.overwrite and is_done(output, report_path, asked):
            remove_left(output, _deciding(asked))
            progress.say(f"{output} is already done: same input, same options (--overwrite runs it again)")
            return
        self._check_targets(output, report_path)
        changes: list[str] = []  # of the engine, in the middle

        def changed(line: str) -> None:
            changes.append(line)
            progress.say(line)

        chosen = choose_engine(self.engine, low_size(self.input, self.options), changed)
        with (
            chosen.engine as engine,
            GridJob(self.input, engine, self.options, output.parent, fuse=view_network(engine.device)) as job,
        ):
            prepare_process(engine.device)
            self._announce(job, engine, output, progress)
            if self.dry_run:
                return
            with self._journal(job, output, asked, progress) as journal:
                store = None if journal is None else ViewStore(journal)
                before = 0 if store is None else store.done
                if before:
                    progress.say(f"going on    {before} views are done")
                seconds, written = self._write(job, store, output, journal, progress)
                with _unfinished_in(journal):
                    self._write_pictures(job, output)
                    report = grid_report(job, output, seconds)
                    report |= {"engine": engine.name, "warnings": report["warnings"] + changes}
                    report |= {"fingerprint": asked.text if asked else None, "output_bytes": bytes_of(output)}
                    report |= {"views_done_before": before} | ({"output_files": written} if output.is_dir() else {})
                    write_json(report_path, report)
                if journal is not None:
                    journal.remove()
            details = detail_lines(report) if self.verbose else []
            lines = details + summary_lines(report, "views") + _distance_lines(report)
        made = [f"{option[2:]:<11} {path}" for option, path in self.pictures.named().items()]
        for line in [*lines, *made, f"report      {report_path}"]:
            progress.say(line)

    def _fingerprint(self) -> Fingerprint | None:
        if self.engine.method not in METHODS or not split_key(self.input)[0].exists():
            return None
        chosen = self.engine.fingerprinted()
        del chosen["engine"]  # the command takes no other than auto
        if self.options.view_fusion != "off":
            weights = view_fusion_weights()
            chosen["view_fusion"] = None if weights is None else fingerprint(weights)
        pictures = {option: str(path) for option, path in self.pictures.named().items()}
        key = split_key(self.input)[1]
        return Fingerprint.of(self._files_read(), self.options, chosen | {"pictures": pictures, "key": key})

    def _files_read(self) -> list[Path]:
        files = [split_key(name)[0] for name in [self.input, *([self.options.gt] if self.options.gt else [])]]
        files += [file for name in self.options.refs for file in reference_files(split_key(name)[0])]
        arrays = [file for file in files if file.suffix.lower() in HDF5_SUFFIXES and file.is_file()]
        return files + [other for file in arrays for other in linked_files(file, self.options.open.follow_links)]

    def _check_targets(self, output: Path, report: Path) -> None:
        """Refuse before anything is loaded: what exists, has no folder, or is read here."""
        targets = {"-o": output, REPORT: report, **self.pictures.named()}
        for option, endings in _ENDINGS.items():
            if (path := targets.get(option)) and path.suffix.lower() not in endings:
                raise OutputError(f"{path}: {option} ends in {' or '.join(endings)}; give another name")
        ours = [output] if is_marked(work_folder(output), output) else []
        check_targets(targets, self._files_read(), self.overwrite, ours)

    def _announce(self, job: GridJob, engine: Engine, output: Path, progress: Progress) -> None:
        info = job.source.info
        if self.pictures.rgb and not info.chroma:
            raise InputError(f"{info.name} has no Cb and Cr beside its luma; drop --rgb")
        frames = f", {info.frames} frames" if info.frames > 1 else ""
        progress.say(f"layout      {info.layout} ({info.decided}): {info.grid}{frames}, {info.samples}")
        most = most_bytes(job)
        guesses = [f"{job.info.frames} views", *([f"at most {shown_bytes(most)}"] if most else [])]
        if seconds := estimated_grid_seconds(job, engine):
            guesses.append(f"about {shown_seconds(seconds)}")
        progress.say(f"{job.info.name} {job.info.size} -> {job.size}; {', '.join(guesses)}")
        if warning := lacking(output.parent, most):
            progress.say(f"warning     {warning}")
        for warning in info.warnings if self.dry_run else ():  # else the summary has them
            progress.say(f"warning     {warning}")
        for line in shown_training(engine.info.trained):
            progress.say(line)
        progress.say(f"references  {job.reference_kind}: {job.reference_description}")
        if job.reference_kind in ("anchor", VIEWS):
            progress.say(
                "            no true detail is added without references: give a sharp view with "
                f"--refs center_hr.png --ref-view {name_of(info.grid.centre)}"
            )

    @contextmanager
    def _journal(
        self, job: GridJob, output: Path, asked: Fingerprint | None, progress: Progress
    ) -> Iterator[Journal | None]:
        """Of the run. None where nothing can be kept: scores need every view, and views that are kept take room beside
        the output."""
        if asked is None or job.scorer is not None:
            yield None
            return
        if lacking(output.parent, most_bytes(job) + kept_bytes(job)):
            progress.say("warning     views are not kept for a run that goes on later: the disk has no room for them")
            yield None
            return
        on = {"device": job.engine.device, "dtype": job.engine.precision.value, "engine": job.engine.name}
        with Journal(output, _deciding(asked) | on, self.resume, ending=ENDING) as journal:
            yield journal

    def _write(
        self, job: GridJob, store: ViewStore | None, output: Path, journal: Journal | None, progress: Progress
    ) -> tuple[float, list[str]]:
        """Run the job into the target; on any failure it does not appear. The seconds it took, and of a folder the
        files that are in it now by this run."""
        with _unfinished_in(journal):
            sink = job.source.target(output, job.size, job.grid, job.source.info.frames)
        started = time.monotonic()
        try:
            for restored in progress.over(job.restored(store), job.info.frames):
                with job.watch.stage("write"):
                    sink.write(restored.frame, job.frame_number(restored.frame))
            with job.watch.stage("finish"):
                sink.close()
            if journal is not None:
                mark_finished(journal.folder, output)
        except BaseException:
            sink.abort()
            if journal is not None and journal.done:
                progress.say(f"{len(journal.done)} views are safe; the same command goes on from there")
            raise
        return time.monotonic() - started, sorted(sink.files)

    def _write_pictures(self, job: GridJob, output: Path) -> None:
        """From the finished output, view by view, so that nothing of it is held."""
        pictures = self.pictures
        if not pictures.named():
            return
        after = self._finished(job, output)
        try:
            if pictures.mosaic:
                write_mosaic(pictures.mosaic, after)
            if pictures.video:
                write_walk(pictures.video, after, overwrite=self.overwrite)
            if pictures.epi:
                write_epi(pictures.epi, after)
            if pictures.viewer:
                title = printable(f"{Path(self.input).name}, {job.engine.info.name}")
                write_viewer(pictures.viewer, after, job.source, title, job.grid)
            if pictures.rgb:
                write_rgb(pictures.rgb, after, output, job.grid)
        finally:
            after.close()

    def _finished(self, job: GridJob, output: Path) -> LightField:
        """The output, opened the way the input was."""
        return open_light_field(output, of_output(self.options.open, job.source.info, job.grid))


def method_of_grid(name: str) -> tuple[str, str]:
    """By a name that --method takes for a light field: the method that restores, and `GridOptions.view_fusion`."""
    if name in ("auto", VIEW_FUSION):
        return "stream_ref", "auto" if name == "auto" else "always"
    return name, "off"


def _unfinished_in(journal: Journal | None) -> AbstractContextManager[None]:
    """Where unfinished files are made: in the folder of the run, if there is one."""
    return nullcontext() if journal is None else unfinished_in(journal.room())


def _deciding(asked: Fingerprint) -> dict[str, Any]:
    """What decides how views come out: all that was asked but the pictures made of them."""
    return {name: value for name, value in asked.asked.items() if name != "pictures"}


def default_output(named: str) -> Path:
    """`<stem>_x4` beside the input, a file or a folder as it is; with the key in its name where one is named."""
    path, key = split_key(named)
    of_key = "" if key is None else "_" + re.sub(r"[^\w.-]+", "_", key)
    if path.is_dir():
        return beside(path, f"{of_key}_x4{path.suffix}")
    output = beside(path, f"{of_key}_x4{_ending(path)}")
    if path.suffix.lower() != output.suffix.lower() and _is_of_another(output, named):
        return beside(path, f"_{path.suffix[1:]}{of_key}_x4{output.suffix}")  # of lf.bmp and lf.jpg, each its own
    return output


def _is_of_another(output: Path, named: str) -> bool:
    """Whether a file is the result of another input, by the report beside it."""
    report = beside(output, ".report.json")
    return output.exists() and is_report(report) and json.loads(report.read_text())["input"] != named


def _ending(path: Path) -> str:
    """Of the file that is written for a file: pictures become PNG, and other endings are kept where they can be."""
    ending = path.suffix.lower()
    if ending in PICTURES:
        return ".png"
    if ending in VIDEO_SUFFIXES:
        return path.suffix if ending in _ENDINGS["--video"] else ".mkv"
    return path.suffix if ending in HDF5_SUFFIXES else ".h5"


def _distance_lines(report: dict[str, Any]) -> list[str]:
    """PSNR-Y and SSIM over the distance from the nearest reference."""
    rows = report.get("metrics", {}).get("by_distance", [])
    lines = ["distance    views  PSNR-Y (bicubic)   SSIM-Y (bicubic)"] if rows else []
    for row in rows:
        psnr, bicubic_psnr = (shown_score(value, 2) for value in (row["psnr_y"]["mean"], row["bicubic_psnr_y"]))
        ssim, bicubic_ssim = (shown_score(value, 4) for value in (row["ssim_y"]["mean"], row["bicubic_ssim_y"]))
        lines.append(
            f"{row['distance']:>8.2f}    {row['views']:>5}  {psnr} ({bicubic_psnr})      {ssim} ({bicubic_ssim})"
        )
    return lines
