"""`lfvideo-sr engine build | list | verify | clean`: exported graphs and compiled plans."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ..checks import check_choice, is_installed
from ..choose import EngineOptions, choose_engine, graphs_of, load_learned
from ..engine import Precision
from ..errors import EngineError, UsageError
from ..methods import METHODS
from .texts import parse_sizes

if TYPE_CHECKING:
    from ..engines.device_buffers import Buffers
    from ..engines.plans import Library, Shapes
    from ..engines.verify import Difference

BUILT = ("tensorrt", "onnx")


@dataclass(frozen=True)
class EngineBuild:
    """What `engine build` is asked for. output: a folder that gets a copy of the graphs; fresh: export in any case."""

    options: EngineOptions
    shapes: str
    output: Path | None = None
    fresh: bool = False

    def run(self) -> None:
        """Build what is missing or does not fit; what fits is left as it is."""
        from ..engines.plans import Shapes

        check_learned(self.options.method)
        check_choice("--engine", self.options.engine, BUILT)
        shapes = Shapes.of_text(self.shapes)
        default = Precision.FP32 if self.options.engine == "onnx" else Precision.FP16
        precision, folder, weights = graphs_of(self.options, default)
        if self.options.engine == "onnx":
            self._graphs(precision, folder, weights)
            self._copy(folder)
            return
        buffers, library = _gpu_and_library(self.options.device)
        self._graphs(precision, folder, weights)
        with buffers.working():  # TensorRT builds for the present device
            for path in _plans(folder, weights, precision, shapes, library, buffers.gpu):
                typer.echo(f"plan        {path}")

    def _graphs(self, precision: Precision, folder: Path, weights: str) -> None:
        from ..engines.cache import copy_graphs, graphs_misfit, shipped_graphs

        misfit = "asked for anew" if self.fresh else graphs_misfit(folder, weights, precision)
        if misfit is None:
            typer.echo(f"graphs      {folder} (already there)")
            return
        shipped = shipped_graphs(folder)
        if shipped is not None and not self.fresh and graphs_misfit(shipped, weights, precision) is None:
            copy_graphs(shipped, folder)
            typer.echo(f"graphs      {folder} (as shipped; nothing is exported)")
            return
        _needs("torch", "onnx", "onnxscript")
        from ..engines.export import export_graphs

        typer.echo(f"graphs      {misfit}; exporting {self.options.method} in {precision.value}, this takes minutes")
        export_graphs(load_learned(self.options.method, self.options.weights), folder, weights, precision)
        typer.echo(f"graphs      {folder}")

    def _copy(self, folder: Path) -> None:
        from ..engines.cache import copy_graphs

        if self.output is None:
            return
        target = self.output / folder.name
        copy_graphs(folder, target)
        typer.echo(f"copied to   {target}; where LFVIDEO_CACHE={self.output} is set, they are found")


def list_engines() -> None:
    """Every set of graphs in the cache, with its plans, and what does not fit this version; and what is shipped."""
    from ..engines.cache import cache_folder, graph_folders, shipped_folders

    for folder in shipped_folders():
        typer.echo(f"shipped     {folder.name}")
    typer.echo(f"cache       {cache_folder()}")
    for folder in graph_folders():
        typer.echo(f"graphs      {folder.name}: {_listed(folder)}")
        _list_plans(folder)


def _listed(folder: Path) -> str:
    from ..engines.cache import graphs_misfit
    from ..engines.graphs import read_about

    try:
        about = read_about(folder)
    except EngineError as error:
        return f"not usable ({error})"
    misfit = graphs_misfit(folder, about.weights, about.precision)
    line = f"{about.info.name} {about.precision.value}, weights {about.weights}, version {about.version}"
    return f"{line} (stale: {misfit})" if misfit else line


def _list_plans(folder: Path) -> None:
    from ..engines.cache import plans_in
    from ..engines.plans import read_plan

    for path in plans_in(folder):
        try:
            plan = read_plan(path)
            typer.echo(f"plan        {plan.verb}: {plan.builder}, {plan.gpu}, {plan.shapes}")
        except EngineError as error:
            typer.echo(f"plan        {error}")


def verify_engine(options: EngineOptions, sizes: str, tolerance: float | None) -> None:
    """Print how far each verb is from torch; raises EngineError where a largest difference is beyond `tolerance`."""
    from ..engines.graph_engine import GraphEngine
    from ..engines.verify import compare

    check_learned(options.method)
    check_choice("--engine", options.engine, BUILT)
    engine = choose_engine(options).engine
    assert isinstance(engine, GraphEngine)
    worst = 0.0
    for size in parse_sizes(sizes):
        for difference in compare(engine, load_learned(options.method, options.weights), size):
            typer.echo(f"{size!s:11} {_shown(difference)}")
            worst = max(worst, difference.largest)
    if tolerance is not None and worst > tolerance:
        by = f"by {worst:.2e}, more than {tolerance:g}"
        raise EngineError(f"{options.engine} differs from torch {by}; build it again")


def _shown(difference: "Difference") -> str:
    psnr, places = difference.psnr, difference.places
    more = "" if psnr is None else f", PSNR between the pictures {psnr:.1f} dB"
    more += "" if places is None else f" of relevance, {places:.2%} of the matches elsewhere"
    return f"{difference.verb:8} largest {difference.largest:.2e}, mean {difference.mean:.2e}{more}"


def clean_engines() -> None:
    """Delete all graphs and plans in the cache, and print how much that was."""
    from ..engines.cache import cache_folder, clean

    typer.echo(f"{cache_folder()}: {clean() / 1e6:.1f} MB freed")


def check_learned(method: str) -> None:
    """Raises UsageError for a method that has nothing to export."""
    check_choice("the methods", method, list(METHODS))
    if not METHODS[method].learned:
        learned = ", ".join(name for name, entry in METHODS.items() if entry.learned)
        raise UsageError(f"{method} is classical and needs no engine; choose one of: {learned}")


def _gpu_and_library(device: str) -> tuple["Buffers", "Library"]:
    """The GPU and the TensorRT found; raises EngineError with what runs without them."""
    from ..engines.device_buffers import device_buffers
    from ..engines.plans import tensorrt_library

    return device_buffers(device), tensorrt_library()


def _plans(
    folder: Path, weights: str, precision: Precision, shapes: "Shapes", library: "Library", gpu: str
) -> list[Path]:
    """The plans of all verbs, each built unless the one that is there fits."""
    from ..engines.cache import plan_path
    from ..engines.graphs import paths, read_about
    from ..engines.plans import build_plan, usable

    about, plans = read_about(folder), []
    for graph in paths(folder).values():
        path = plan_path(graph, library.builder, gpu, str(shapes))
        if not usable(path, weights, precision, library.builder, gpu):
            path = build_plan(graph, about, shapes, library, gpu)
        plans.append(path)
    return plans


def _needs(*modules: str) -> None:
    missing = [name for name in modules if not is_installed(name)]
    if missing:
        raise EngineError(f"this needs {', '.join(missing)}; pip install 'lfvideo-sr[onnx]'")
