"""`lfvideo-sr info`: what was found on this machine, or what a method is. Everything is probed, nothing assumed."""

import json
import platform
from fractions import Fraction
from importlib.util import find_spec
from typing import Any

from .. import __version__
from ..describe import describe
from ..media.codecs import CODECS, Codec, quiet_options
from ..methods import METHODS
from ..weights import shipped

EXTRAS = ("torch", "lightning", "onnxruntime", "tensorrt", "tensorrt_rtx", "pycuda")


def gather() -> dict[str, Any]:
    """Version, devices and their dtypes, encoders that open, extras that are installed, methods and weights."""
    return {
        "version": __version__,
        "python": platform.python_version(),
        "devices": _devices(),
        "codecs": {codec.encoder: _opens(codec) for codec in CODECS},
        "gpu_decoding": _gpu_decoding(),
        "extras": {name: find_spec(name) is not None for name in EXTRAS},
        "methods": list(METHODS),
        "weights": shipped(),
    }


def encoders_that_open() -> list[str]:
    """FFmpeg's names of the encoders of the table that can be used here."""
    return [codec.encoder for codec in CODECS if _opens(codec)]


def show_info(as_json: bool) -> None:
    """Print what `gather` finds, as JSON or in a few lines."""
    machine = gather()
    if as_json:
        print(json.dumps(machine, indent=1))
        return
    print(f"lfvideo-sr  {machine['version']}, Python {machine['python']}")
    for device, about in machine["devices"].items():
        print(f"device      {device}: {about['name']}; runs {about['default']}, can {_listed(about)}")
    print("encoders    " + ", ".join(name for name, works in machine["codecs"].items() if works))
    decoding = machine["gpu_decoding"]
    codecs = ", ".join(decoding["codecs"])
    print("decoding    " + (f"on a GPU: {codecs}" if codecs else f"on the CPU: {decoding['why_not']}"))
    print("absent      " + ", ".join(name for name, installed in machine["extras"].items() if not installed))
    print(f"methods     {', '.join(machine['methods'])}; weights: {', '.join(machine['weights']) or 'none'}")


def _listed(device: dict[str, Any]) -> str:
    """A device's dtypes; one that it only imitates is never a gain."""
    emulated = device.get("emulated", [])
    return ", ".join(
        f"{dtype} (emulated: slower than fp32)" if dtype in emulated else dtype for dtype in device["dtypes"]
    )


def show_method(name: str, as_json: bool) -> None:
    """Print what a method takes, its weights, and its parts with their parameters."""
    method = describe(name)
    if as_json:
        print(json.dumps(method, indent=1))
        return
    print(f"method      {method['name']}: {method['summary']}")
    print(f"takes       {_references(method)}")
    if not method["learned"]:
        print("parameters  none")
        return
    print(f"weights     {_weights(method['weights'])}")
    print(f"parameters  {_counted(method['parameters'])}")
    for part, about in method["parts"].items():
        seed = f", from a seed by {method['seeder']}" if part == "matcher" and method["seeder"] else ""
        print(f"{part:<11} {_counted(about['parameters'])}{seed}")


def _references(method: dict[str, Any]) -> str:
    if not method["references"]:
        return f"no references; x{method['scale']}"
    threshold = method["worthless_below"]
    dropped = f", drops those below relevance {threshold:g}" if threshold else ""
    return f"up to {method['references']} references{dropped}; x{method['scale']}"


def _weights(about: dict[str, Any] | None) -> str:
    if about is None:
        return "none shipped: what follows is the untrained network of default size"
    return f"{about['name']}, fingerprint {about['fingerprint']}, {about['bytes'] / 1e6:.1f} MB"


def _counted(about: dict[str, Any]) -> str:
    frozen = f", {about['frozen']:,} of them frozen" if about["frozen"] else ""
    return f"{about['total']:,} parameters{frozen}"


def _devices() -> dict[str, dict[str, Any]]:
    if find_spec("torch") is None:
        return {"cpu": {"name": platform.processor() or platform.machine(), "dtypes": ["fp32"], "default": "fp32"}}
    import torch

    from ..engines.torch_engine import computes_bf16, pick_precision

    name = f"{platform.machine()}, {torch.get_num_threads()} threads"
    devices: dict[str, dict[str, Any]] = {"cpu": {"name": name, "dtypes": ["fp32", "bf16"]}}
    for number in range(torch.cuda.device_count()):
        devices[f"cuda:{number}"] = {"name": torch.cuda.get_device_name(number), "dtypes": ["fp32", "bf16", "fp16"]}
    for device, about in devices.items():
        about["emulated"] = [] if computes_bf16(torch.device(device)) else ["bf16"]
    if torch.backends.mps.is_available():
        devices["mps"] = {"name": "Apple GPU", "dtypes": ["fp32", "fp16"]}
    return {
        name: about | {"default": pick_precision("auto", torch.device(name)).value} for name, about in devices.items()
    }


def _gpu_decoding() -> dict[str, Any]:
    """Codecs that the first CUDA device was seen to decode, or why there are none."""
    from ..media.hardware import codecs_on_device

    codecs, why_not = codecs_on_device()
    return {"codecs": codecs, "why_not": why_not}


def _opens(codec: Codec) -> bool:
    """Whether an encoder really opens here: hardware encoders are listed by FFmpeg even without the hardware."""
    import av

    try:
        context = av.CodecContext.create(codec.encoder, "w")
        assert isinstance(context, av.VideoCodecContext)
        context.options = quiet_options(codec.encoder)
        formats = [video_format.name for video_format in av.Codec(codec.encoder, "w").video_formats or ()]
        context.width, context.height = 256, 144
        context.pix_fmt = "yuv420p" if "yuv420p" in formats or not formats else formats[0]
        context.time_base = Fraction(1, 25)
        context.open()
        return True
    except Exception:  # whatever the library raises, the answer is no
        return False
