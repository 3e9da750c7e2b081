"""Checks of what a user gives: readable messages for wrong numbers and names."""

from collections.abc import Collection
from difflib import get_close_matches
from importlib.util import find_spec
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from .errors import UsageError, shortened

_POSITIVE = "positive"
Count = Annotated[int, _POSITIVE]  # a field that is 1 or more

# The packages of modules that are called otherwise, and the extras of this package that install some.
_PACKAGES = {
    "cv2": "opencv-python-headless",
    "PIL": "pillow",
    "yaml": "pyyaml",
    "pillow_heif": "pillow-heif",
    "tensorrt_rtx": "tensorrt-rtx",
}
_EXTRAS = {
    "onnxruntime": "onnx",
    "onnx": "onnx",
    "onnxscript": "onnx",
    "lightning": "train",
    "tensorboard": "train",
    "tensorrt": "tensorrt",
    "pycuda": "pycuda",
    "ray": "ray",
    "pillow_heif": "heif",
}


def check_positive(name: str, value: int | float) -> None:
    """Raise UsageError unless `value` > 0."""
    if not value > 0:
        raise UsageError(f"{name} is {value}; give a number above 0")


def check_choice(name: str, value: str, choices: Collection[str]) -> None:
    """Raise UsageError unless `value` is one of `choices`, naming the nearest spelling."""
    if value in choices:
        return
    near = get_close_matches(value, list(choices), n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"choose one of: {', '.join(choices)}"
    raise UsageError(f"no '{value}' in {name}; {hint}")


def check_fields(record: Any) -> None:
    """Raise UsageError where a field of a dataclass is none of the words of its Literal, or a Count below 1."""
    for name, hint in get_type_hints(type(record), include_extras=True).items():
        value = getattr(record, name)
        if get_origin(hint) is Literal:
            check_choice(name, shortened(value), get_args(hint))
        elif _POSITIVE in getattr(hint, "__metadata__", ()):
            check_positive(f"'{name}'", value)


def package_of(module: str) -> str:
    """What pip calls the package of a module, by the first part of the module's name."""
    top = module.partition(".")[0]
    return _PACKAGES.get(top, top)


def install_command(module: str) -> str:
    """The command that installs the package of a module: an extra of this package, or, where torch is absent and not
    needed for it, the package alone, since pip would install torch with the extra."""
    extra = _EXTRAS.get(module.partition(".")[0])
    if extra and (extra == "train" or is_installed("torch")):
        return f"pip install 'lfvideo-sr[{extra}]'"
    return f"pip install {package_of(module)}"


def missing_package(module: str) -> str:
    """The message for a module that cannot be imported, with the command that installs it."""
    package = package_of(module)
    named = package if package == module else f"{package} (the module {module})"
    return f"this needs {named}, which is not installed; {install_command(module)}"


def is_installed(module: str) -> bool:
    """Whether a module could be imported. It is not imported."""
    try:
        return find_spec(module) is not None
    except ValueError:  # sys.modules holds None for it: as good as absent
        return False
