"""Chooses by name: the method, the engine that runs it, and its weights."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .checks import check_choice, is_installed
from .engine import Engine, Precision
from .errors import EngineError, InputError, TorchMissing, UsageError, shortened
from .frames import Size
from .method import Method
from .methods import BEHIND, METHODS, VIEW_FUSION
from .torch_loading import is_loaded, may_have_gpu, why_no_torch

if TYPE_CHECKING:  # the command line chooses without OpenCV
    from .matching.view_samples import Fuse

ENGINES = ("auto", "torch", "onnx", "tensorrt")
QUALITIES = ("auto", "fast", "balanced", "best")
_SCALE = 4  # of every method whose size states no other
_SMALL = 1 << 18  # low-resolution pixels of a picture


class Choice(NamedTuple):
    """An engine, and why it was taken."""

    engine: Engine
    why: str

    @property
    def name(self) -> str:
        return self.engine.name


@dataclass(frozen=True)
class EngineOptions:
    """A method by name, and what it runs on.

    weights: of a learned method: shipped ones by name, a .safetensors file, or a run's checkpoint (.pt); None: its own.
    quality: which of its own weights, where it has several sizes: fast, balanced, best, or auto: best on a GPU, fast on
             a CPU.
    engine:  torch, onnx, tensorrt, or auto: TensorRT where a usable plan is there, else torch, and ONNX Runtime where
             torch is absent, or where it takes longer to load than a single picture does on a CPU.
    anchor_model: file of a single-image network that restores the frames without references; None: the method does.
    """

    method: str = "stream_ref"
    weights: str | None = None
    device: str = "auto"
    dtype: str = "auto"
    engine: str = "auto"
    quality: str = "best"
    anchor_model: str | None = None

    def settled(self) -> "EngineOptions":
        """The same with weights in place of a quality; raises UsageError for a quality that cannot be had."""
        check_choice("--quality", self.quality, QUALITIES)
        sizes = METHODS[self.method].qualities if self.method in METHODS else {}
        chosen = self.quality in ("fast", "balanced")
        if chosen and self.weights is not None:
            raise UsageError(f"--quality {self.quality} names shipped weights, and --weights others; give one of them")
        if chosen and not sizes:
            raise UsageError(f"--quality {self.quality}: {self.method} has one size; leave --quality out")
        if self.weights is not None or not sizes:
            return replace(self, quality="best")
        quality = self.quality if self.quality != "auto" else "best" if self._on_a_gpu() else "fast"
        return replace(self, weights=sizes[quality], quality="best")

    def named_quality(self) -> str | None:
        """The quality whose weights are taken; None where they are others, or the method has one size."""
        weights = self.settled().weights
        sizes = METHODS[self.method].qualities
        return next((quality for quality, name in sizes.items() if name == weights), None)

    def _on_a_gpu(self) -> bool:
        """Whether a GPU is named, or will be found."""
        if self.engine == "tensorrt" or self.device != "auto":
            return self.device != "cpu"
        if not may_have_gpu():  # then torch need not be loaded to know
            return False
        if self.engine != "onnx" and why_no_torch() is None:
            from .engines.torch_engine import pick_device

            return pick_device("auto").type != "cpu"
        if not is_installed("onnxruntime"):
            return False
        from .engines.onnx_engine import pick_provider

        return pick_provider("auto")[0] != "cpu"

    def fingerprinted(self) -> dict[str, str | None]:
        """All that decides what comes out: weights are told from others of the same name by their content."""
        from .weights import fingerprint

        settled = self.settled()
        if settled.anchor_model is not None and Path(settled.anchor_model).is_file():
            settled = replace(settled, anchor_model=fingerprint(Path(settled.anchor_model)))
        if not METHODS[self.method].learned:
            return asdict(settled) | {"weights": None}
        return asdict(settled) | {"weights": fingerprint(weights_file(self.method, settled.weights))}


def make_engine(
    method: str = "stream_ref", *, weights: str | None = None, device: str = "auto", dtype: str = "auto",
    engine: str = "auto", quality: str = "best",
) -> Engine:  # fmt: skip
    """The engine for a method's name; see EngineOptions."""
    return choose_engine(EngineOptions(method, weights, device, dtype, engine, quality)).engine


def choose_engine(
    options: EngineOptions,
    size: Size | None = None,
    tell: Callable[[str], object] = lambda line: None,
    one_picture: bool = False,
) -> Choice:
    """The engine asked for, or the best there is; raises EngineError for one that cannot be had.

    size: of the low-resolution frames, if known: a plan has to take it.
    tell: called with a line for people where TensorRT, taken by auto, refuses in the middle and another goes on.
    one_picture: there is nothing else to restore, so that to load torch may take longer than the work.
    """
    check_choice("--method", options.method, list(METHODS))
    check_choice("--engine", options.engine, ENGINES)
    options = options.settled()
    choice = _chosen(options, size, tell, one_picture)
    if options.anchor_model is None:
        return choice
    from .engines.anchored import with_anchor_model

    return choice._replace(engine=with_anchor_model(choice.engine, Path(options.anchor_model)))


def _chosen(options: EngineOptions, size: Size | None, tell: Callable[[str], object], one_picture: bool) -> Choice:
    if not METHODS[options.method].learned:
        return _classical(options)
    if options.engine == "torch":
        return Choice(_torch(options), "asked for")
    if options.engine == "onnx":
        return Choice(_onnx(options), "asked for")
    if options.engine == "tensorrt":
        return Choice(_tensorrt(options, size), "asked for")
    if one_picture and size is not None and _starts_sooner_by_graphs(options, size):
        return Choice(_onnx(options), "it starts sooner than torch")
    return _best(options, size, tell)


def _starts_sooner_by_graphs(options: EngineOptions, size: Size) -> bool:
    """Whether a picture is restored on a CPU by graphs that are there, while torch is not loaded yet. A large picture
    is left to torch, which matches it in strips."""
    on_a_cpu = options.device == "cpu" or (options.device == "auto" and not may_have_gpu())
    if is_loaded() or not on_a_cpu or options.dtype not in ("auto", "fp32") or size.width * size.height > _SMALL:
        return False
    return is_installed("onnxruntime") and _graphs_fit(options)


def _graphs_fit(options: EngineOptions) -> bool:
    from .engines.cache import graphs_misfit, graphs_to_run

    precision, folder, weights = graphs_of(options)
    return graphs_misfit(graphs_to_run(folder), weights, precision) is None


def _best(options: EngineOptions, size: Size | None, tell: Callable[[str], object]) -> Choice:
    """What "auto" takes."""
    refused = "no TensorRT plan is built" if may_have_gpu() else "no NVIDIA GPU is here"
    if (options.device == "auto" or options.device.startswith("cuda")) and _plans_are_there(options):
        from .engines.fallback import FallingBack

        try:
            engine = FallingBack(_tensorrt(options, size), lambda: _without_plans(options, "").engine, tell)
            return Choice(engine, "a plan is there")
        except EngineError as error:
            refused = str(error).split("; ")[0]
    return _without_plans(options, refused)


def _without_plans(options: EngineOptions, refused: str) -> Choice:
    """Torch, or ONNX Runtime where torch is absent or does not load; raises TorchMissing where there are no graphs."""
    without = why_no_torch()
    if without is None:
        return Choice(_torch(options), refused)
    if not _graphs_are_there(options):
        raise TorchMissing(
            f"{options.method} needs torch or its ONNX graphs, and {without}; pip install torch, or carry over what "
            "`lfvideo-sr engine build` makes where torch is"
        )
    return Choice(_onnx(options), without)


def _classical(options: EngineOptions) -> Choice:
    method = options.method
    if options.engine != "auto":
        raise UsageError(f"--engine {options.engine}: {method} is classical and runs on NumPy; leave --engine out")
    from .engines.numpy_engine import NumpyEngine

    module = import_module(f".methods.{METHODS[method].module}", __package__)
    return Choice(NumpyEngine(module.build()), f"{method} is classical")


def _torch(options: EngineOptions) -> Engine:
    if without := why_no_torch():
        raise TorchMissing(f"{options.method} needs torch, and {without}; pip install torch, or pass --engine onnx")
    from .engines.torch_engine import TorchEngine

    method = load_learned(options.method, options.weights)
    return TorchEngine(method, device=options.device, precision=options.dtype)


def _onnx(options: EngineOptions) -> Engine:
    from .engines.cache import graphs_misfit, graphs_to_run
    from .engines.onnx_engine import OnnxEngine, check_runs

    method = options.method
    precision, folder, print_of_weights = graphs_of(options)
    folder = graphs_to_run(folder)
    check_runs(precision, options.device)
    misfit = graphs_misfit(folder, print_of_weights, precision)
    if misfit:
        raise EngineError(
            f"no ONNX graphs of {method} in {precision.value} ({misfit}); "
            f"lfvideo-sr engine build {method} --precision {precision.value}"
        )
    return OnnxEngine(folder, options.device)


def _tensorrt(options: EngineOptions, size: Size | None) -> Engine:
    from .engines.device_buffers import device_buffers
    from .engines.plans import find_plans, tensorrt_library
    from .engines.tensorrt_engine import TensorRTEngine

    precision, folder, print_of_weights = graphs_of(options, Precision.FP16)
    trt, buffers = tensorrt_library(), device_buffers(options.device)
    plans = find_plans(folder, print_of_weights, precision, trt.builder, buffers.gpu, size)
    return TensorRTEngine(plans, trt, buffers)


def graphs_of(options: EngineOptions, default: Precision = Precision.FP32) -> tuple[Precision, Path, str]:
    """Precision, folder in the cache and fingerprint of weights of a method's graphs, whether they are there or not."""
    from .engines.cache import graph_folder
    from .engines.graphs import check_precision
    from .weights import fingerprint

    precision = default if options.dtype == "auto" else check_precision(options.dtype)
    print_of_weights = fingerprint(weights_file(options.method, options.weights))
    return precision, graph_folder(options.method, print_of_weights, precision), print_of_weights


def _graphs_are_there(options: EngineOptions) -> bool:
    """Whether any graphs were built or are shipped, fit or not."""
    from .engines.cache import graphs_to_run

    return is_installed("onnxruntime") and graphs_to_run(graphs_of(options)[1]).is_dir()


def _plans_are_there(options: EngineOptions) -> bool:
    """Whether any plan is there, fit or not: looking for TensorRT itself takes longer than this."""
    from .engines.cache import plans_in

    try:
        return any(plans_in(graphs_of(options, Precision.FP16)[1]))
    except EngineError:  # no such dtype: the engine that runs will say so
        return False


def weights_file(method: str, weights: str | None) -> Path:
    """The weights of a learned method, shipped ones or what is given; raises InputError where there are none."""
    from .weights import weights_path

    return weights_path(weights or METHODS[method].weights or method)


def view_fusion_weights() -> Path | None:
    """The weights of the network that fuses the views of a light field; None where none are shipped."""
    from .weights import shipped, weights_path

    name = BEHIND[VIEW_FUSION].weights
    return weights_path(name) if name in shipped() else None


def view_network(device: str = "auto") -> Callable[[], "Fuse | None"]:
    """What makes that network (stream/view_fusion.py) when it is called, with torch or, where that is absent, as a
    graph; it makes None where there are no weights or nothing to run them: views are then fused by classical means."""

    def made() -> "Fuse | None":
        weights = view_fusion_weights()
        if weights is None:
            return None
        if why_no_torch() is None:
            from .engines.view_torch import load_view_fusion, with_torch

            return with_torch(load_view_fusion(weights), device)
        return _view_graph(weights, device)

    return made


def _view_graph(weights: Path, device: str) -> "Fuse | None":
    if not is_installed("onnxruntime"):
        return None
    from .engines.view_graph import open_view_graph, view_graph_path

    path = view_graph_path(weights)
    return open_view_graph(path, device) if path.is_file() else None


def scale_of(options: EngineOptions) -> int:
    """Output pixels per input pixel along each side, of a method with its weights. Raises what `choose_engine` raises
    for weights that cannot be had."""
    from .weights import read_about

    check_choice("--method", options.method, list(METHODS))
    settled = options.settled()
    if not METHODS[settled.method].learned:
        return _SCALE
    scale = read_about(weights_file(settled.method, settled.weights))["size"].get("scale", _SCALE)
    return scale if isinstance(scale, int) else _SCALE  # what has no such size is refused when it is built


def _check_generation(path: Path, about: Mapping[str, Any], generation: int) -> None:
    stored = about.get("generation", 1)
    if stored != generation:
        raise InputError(
            f"{path} holds {about['method']} of generation {stored}, this version runs generation {generation}; leave "
            "--weights out, or train anew"
        )


def _check_trained(path: Path, about: Mapping[str, Any]) -> None:
    untrained = about.get("untrained") or []
    if untrained:
        raise InputError(
            f"{path} leaves {len(untrained)} tensors of {about['method']} untrained: it is a start for training only; "
            "give it to a training as `start`, and pass the last.pt of that run"
        )


def load_learned(method: str, weights: str | None = None) -> Method:
    """A learned method with its weights."""
    from .weights import load_into, network_of_size, read_about

    entry = METHODS[method]
    module = import_module(f".methods.{entry.module}", __package__)
    path = weights_file(method, weights)
    about = read_about(path)
    if about["method"] != method:
        raise InputError(
            f"{path} holds weights of '{shortened(about['method'])}', not of '{method}'; pass --method to match"
        )
    _check_generation(path, about, getattr(module, "GENERATION", 1))
    _check_trained(path, about)
    network = network_of_size(module.network, about, path)
    load_into(network, path)
    built: Method = module.build(network)
    if entry.trained and weights is None:
        trained = f"{path.stem}: {entry.trained}, {about['steps']:,} steps"
        built = replace(built, info=replace(built.info, trained=trained))
    if about.get("converted_from"):  # trained with references always: without one it may be worse than with a wrong one
        return replace(built, info=replace(built.info, unlike_below=0.0))
    return built
