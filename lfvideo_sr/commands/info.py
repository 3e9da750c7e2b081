"""`lfvideo-sr info`: what was found on this machine. Everything is probed, nothing assumed."""

import json
import os
import platform
from fractions import Fraction
from importlib.util import find_spec
from typing import Any

from .. import __version__
from ..methods import METHODS
from ..weights import shipped

EXTRAS = ("torch", "lightning", "onnxruntime", "tensorrt", "tensorrt_rtx", "pycuda", "ray", "spandrel")
CODECS = ("libx264", "libx265", "libsvtav1", "ffv1", "h264_nvenc", "hevc_nvenc")


def gather() -> dict[str, Any]:
    """Version, devices and their dtypes, encoders that open, extras that are installed, methods and weights."""
    return {
        "version": __version__,
        "python": platform.python_version(),
        "devices": _devices(),
        "codecs": {name: _opens(name) for name in CODECS},
        "extras": {name: find_spec(name) is not None for name in EXTRAS},
        "methods": list(METHODS),
        "weights": shipped(),
    }


def show_info(as_json: bool) -> None:
    found = gather()
    if as_json:
        print(json.dumps(found, indent=1))
        return
    print(f"lfvideo-sr  {found['version']}, Python {found['python']}")
    for device, about in found["devices"].items():
        print(f"device      {device}: {about['name']}; runs {about['default']}, can {', '.join(about['dtypes'])}")
    print("encoders    " + ", ".join(name for name, works in found["codecs"].items() if works))
    print("absent      " + ", ".join(name for name, there in found["extras"].items() if not there))
    print(f"methods     {', '.join(found['methods'])}; weights: {', '.join(found['weights']) or 'none'}")


def _devices() -> dict[str, dict[str, Any]]:
    if find_spec("torch") is None:
        return {"cpu": {"name": platform.processor() or platform.machine(), "dtypes": ["fp32"], "default": "fp32"}}
    import torch

    from ..engines.torch_engine import pick_precision

    found = {"cpu": {"name": f"{platform.machine()}, {torch.get_num_threads()} threads", "dtypes": ["fp32", "bf16"]}}
    for number in range(torch.cuda.device_count()):
        found[f"cuda:{number}"] = {"name": torch.cuda.get_device_name(number), "dtypes": ["fp32", "bf16", "fp16"]}
    if torch.backends.mps.is_available():
        found["mps"] = {"name": "Apple GPU", "dtypes": ["fp32", "fp16"]}
    return {
        name: about | {"default": pick_precision("auto", torch.device(name)).value} for name, about in found.items()
    }


def _opens(codec: str) -> bool:
    """Whether an encoder really opens here: hardware encoders are listed by FFmpeg even without the hardware."""
    import av

    os.environ.setdefault("SVT_LOG", "1")  # 1: errors only; as when it encodes
    try:
        context = av.CodecContext.create(codec, "w")
        context.options = {"x265-params": "log-level=error"} if codec == "libx265" else {}
        context.width, context.height, context.pix_fmt = 256, 144, "yuv420p"
        context.time_base = Fraction(1, 25)
        context.open()
        return True
    except Exception:  # whatever the library raises, the answer is no
        return False
