"""From the authors' published checkpoints to this project's weights.

C2-Matching (github.com/yumingj/C2-Matching) publishes `feature_extraction.pth`, the student's two extractors, and
`c2_matching_restoration_mse.pth` (by reconstruction) or `c2_matching_restoration.pth` (GAN); textures come from
torchvision's VGG19. All of it fits, and what its network does otherwise than the paper is set in the size (see
`Reading`).

AMSA (github.com/Zj-BinXia/AMSA) publishes `feature_extraction.pth` and `restoration_mse.pth`. Their network is not the
paper's: what aggregates has other layers, and five scales are restored one by one and mixed at the end. Extractors,
residual blocks and the layers between them fit; the aggregation does not.

A checkpoint is read as plain tensors: a file that holds code is refused, and nothing in it runs.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeGuard

import torch
from torch import nn

from lfvideo_sr.checks import check_choice
from lfvideo_sr.errors import InputError
from lfvideo_sr.methods.amsa import AMSA, AMSASize
from lfvideo_sr.methods.c2_matching import C2Matching, C2Size
from lfvideo_sr.nn.vgg import MEAN, SPREAD, layer_names
from lfvideo_sr.tensor_files import load_tensors
from lfvideo_sr.weights import check_target, save

AGGREGATION = "restorer.fusions.{level}.aggregation.aggregation"

# Ours -> theirs, without the ".weight" or ".bias" at the end; WORDS lists what the braces stand for.
SHARED = (
    ("correspondence.query.features.{vgg16}", "feature_extraction_image1.model.{vgg16}"),
    ("correspondence.reference.features.{vgg16}", "feature_extraction_image2.model.{vgg16}"),
    ("textures.features.{number}", "features.{number}"),
    ("restorer.head", "content_extractor.conv_first"),
    ("restorer.body.{number}.{half}", "content_extractor.body.{number}.{half}"),
    ("restorer.fusions.{level}.head", "dyn_agg_restore.head_{level}.0"),
    ("restorer.fusions.{level}.body.{number}.{half}", "dyn_agg_restore.body_{level}.{number}.{half}"),
    ("restorer.enlargers.{level}", "dyn_agg_restore.tail_{level}.0"),
    ("restorer.narrow", "dyn_agg_restore.tail_large.0"),
    ("restorer.tail", "dyn_agg_restore.tail_large.2"),
)
MASKED = (
    (AGGREGATION + ".first", "dyn_agg_restore.{level}_offset_conv1"),
    (AGGREGATION + ".second", "dyn_agg_restore.{level}_offset_conv2"),
    (AGGREGATION + ".offsets", "dyn_agg_restore.{level}_dyn_agg.conv_offset_mask"),
    (AGGREGATION + ".aggregate", "dyn_agg_restore.{level}_dyn_agg"),
)
WORDS: Mapping[str, Mapping[str, str]] = {
    "vgg16": {str(place): name for place, name in enumerate(layer_names("vgg16"))},
    "number": {},
    "half": {"first": "conv1", "second": "conv2"},
    "level": {"0": "small", "1": "medium", "2": "large"},
}

# Tensors of the published AMSA that have no place here -> why.
AMSA_FOREIGN = {
    r"dyn_agg_restore\.\w+_deform_conv\..*": "a masked aggregation with a weight of its own, before the offsets; the "
    "paper's Eq. 6 has no mask and takes Eq. 8's weight",
    r"dyn_agg_restore\.\w+_offset_conv[12]\..*": "convolutions between reference and offsets; Eq. 7 has one layer only",
    r"dyn_agg_restore\.\w+_dyn_agg\..*": "aggregates with a mask and offsets for 8 groups; Eq. 8 has neither",
}

# What the files hold beside weights: their normalisation, which has to be ours, and layers nothing here looks at.
NORMALISATION = {
    f"feature_extraction_image{number}.{name}": numbers
    for number in (1, 2)
    for name, numbers in (("mean", MEAN), ("std", SPREAD))
}
_CONVOLUTIONS = [str(place) for place, name in enumerate(layer_names("vgg19")) if name.startswith("conv")]
LEFT_OUT = re.compile(rf"features\.({'|'.join(_CONVOLUTIONS)})\.(weight|bias)|classifier\.[036]\.(weight|bias)")

# Where files keep their weights beside other things; averaged ones are taken first, as BasicSR's own tools take them.
NESTED = ("params_ema", "params", "state_dict", "model_state_dict", "model", "net", "network", "generator")
LEFT_BY_PARTIAL = ("unfilled", "unrepresented")
HINTS = {  # how a problem starts -> what to do
    "missing features.": "textures are of torchvision's VGG19, give it by --vgg19",
    "missing feature_extraction_": "give feature_extraction.pth too",
    "missing content_extractor.": "give the restoration network's file too, as c2_matching_restoration_mse.pth",
    "unfilled": "--partial writes what fits",
}


def reordered(parameter: torch.Tensor) -> torch.Tensor:
    """Channels of a layer of offsets: (y, x) of every group and tap, then all masks -> (x, y, mask) of every one."""
    places = torch.arange(parameter.shape[0] // 3)
    return parameter[torch.stack([2 * places + 1, 2 * places, 2 * len(places) + places], 1).flatten()]


CHANGED: Mapping[str, Callable[[torch.Tensor], torch.Tensor]] = {"conv_offset_mask": reordered}  # by layer


@dataclass(frozen=True)
class PublishedNetwork:
    """What is known of a method's published checkpoints.

    foreign: pattern of names that this project's network has no place for -> why.
    options: of the size, so that the weights run as they were trained.
    """

    size: type[C2Size]
    network: Callable[[Any], nn.Module]
    names: Sequence[tuple[str, str]]
    foreign: Mapping[str, str]
    options: Mapping[str, Any]


PUBLISHED = {
    "c2_matching": PublishedNetwork(
        C2Size,
        C2Matching,
        SHARED + MASKED,
        foreign={},
        options={"tap_flows": "own", "offsets_from": "unmoved", "activation": "leaky"},
    ),
    "amsa": PublishedNetwork(AMSASize, AMSA, SHARED, AMSA_FOREIGN, options={"sharpness": 30.0}),
}


class Misfit(InputError):
    """Tensors do not fit a network; `problems` names each, and what is wrong with it."""

    def __init__(self, method: str, problems: Sequence[str]):
        kinds = [problem.split()[0] for problem in problems]
        counted = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
        hints = [hint for start, hint in HINTS.items() if any(problem.startswith(start) for problem in problems)]
        message = "; ".join([f"the tensors given do not fit {method} ({counted})", *hints, "nothing was written"])
        super().__init__(message)
        self.problems = problems


def convert_weights(
    files: Sequence[Path], output: Path, method: str, vgg19: Path | None = None, *, partial: bool = False,
    overwrite: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Write a method's published checkpoints as this project's weights; returns their metadata.

    vgg19:   torchvision's; it may be among the files as well.
    partial: leave what the published network has no counterpart of untrained, and list it in the metadata.
    overwrite: replace a file that exists.
    Raises Misfit, and writes nothing, where tensors are missing, unknown or of another shape.
    """
    check_choice("--method", method, list(PUBLISHED))
    files = [*files, *([] if vgg19 is None else [vgg19])]
    check_target(output, files, overwrite)
    known = PUBLISHED[method]
    tensors = read_all(files)
    size = known.size(**measured(tensors), **known.options)
    with torch.device("meta"):
        shapes = {name: list(parameter.shape) for name, parameter in known.network(size).named_parameters()}
    names = {name: published_name(name, known.names) for name in shapes}
    problems = [*_wrong(names, shapes, tensors), *_unplaced(names, tensors, known.foreign)]
    if any(not (partial and problem.startswith(LEFT_BY_PARTIAL)) for problem in problems):
        raise Misfit(method, problems)
    network = known.network(size)
    filled = {name: _ours(theirs, tensors[theirs]) for name, theirs in names.items() if theirs}
    network.load_state_dict(filled, strict=False)  # what shares a layer is filled with it
    about = {"method": method, "size": asdict(size), "converted_from": [file.name for file in files]}
    untrained = [name for name, theirs in names.items() if not theirs]
    about |= {"untrained": untrained} if untrained else {}
    save(network, output, about)
    return about


def read_all(files: Iterable[Path]) -> dict[str, torch.Tensor]:
    """The tensors of all files by published name; raises InputError where two files hold the same."""
    tensors: dict[str, torch.Tensor] = {}
    for file in files:
        read = read_tensors(file)
        twice = sorted(set(tensors) & set(read))
        if twice:
            raise InputError(f"{file} holds {twice[0]}, and a file before it does too; give one of each kind")
        tensors |= read
    return tensors


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a .pth or .safetensors file by name. Raises InputError for any other."""
    if not path.is_file():
        raise InputError(f"no file at {path}; give a published checkpoint")
    try:
        read = load_tensors(path)
    except Exception as error:  # whatever the reader raises, the file is not one
        raise InputError(f"{path} is no file of plain tensors; save the network's state_dict alone") from error
    tensors = _table(path, read)
    return {str(name).removeprefix("module."): value for name, value in tensors.items()}


def _table(path: Path, read: object) -> dict[str, torch.Tensor]:
    """The table of tensors that a file is, or that it holds beside other things of a training."""
    if _is_table(read):
        return read
    inner = {str(name): value for name, value in read.items() if _is_table(value)} if isinstance(read, dict) else {}
    name = next((name for name in NESTED if name in inner), next(iter(inner), None))
    if name is None or (name not in NESTED and len(inner) > 1):
        which = (
            f"holds several tables of tensors ({', '.join(inner)})" if inner else "is not a table of tensors by name"
        )
        raise InputError(f"{path} {which}; give a file with the weights of one network, nested or not")
    return inner[name]


def _is_table(value: object) -> TypeGuard[dict[str, torch.Tensor]]:
    return isinstance(value, dict) and bool(value) and all(map(_is_plain, value.values()))


def _is_plain(value: object) -> bool:
    return isinstance(value, torch.Tensor) and value.is_floating_point() and value.layout == torch.strided


def measured(tensors: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    """Widths and depth of the published network, as a size; the paper's where the tensors do not show them."""
    telling = {
        "channels": "content_extractor.conv_first.bias",
        "textures": "dyn_agg_restore.large_dyn_agg.bias",
        "descriptors": "feature_extraction_image1.model.conv1_1.bias",
    }
    widths = {field: len(tensors[name]) for field, name in telling.items() if name in tensors and tensors[name].ndim}
    size: dict[str, object] = {field: width for field, width in widths.items() if width}
    blocks: dict[str, set[str]] = {}
    for name in tensors:
        if block := re.match(r"(.*body\w*)\.(\d+)\.conv1\.weight", name):
            blocks.setdefault(block[1], set()).add(block[2])
    if blocks:  # one number for all bodies there
        size["blocks"] = (max(map(len, blocks.values())),) * 4
    return size


def published_name(name: str, names: Sequence[tuple[str, str]]) -> str | None:
    """What a parameter of ours is called there; None if it has no counterpart."""
    layer, _, kind = name.rpartition(".")
    for ours, theirs in names:
        match = re.fullmatch(re.sub(r"\\{(\w+)\\}", r"(?P<\1>\\w+)", re.escape(ours)), layer)
        if match:
            words = {key: WORDS[key].get(value, value) for key, value in match.groupdict().items()}
            return f"{theirs.format(**words)}.{kind}"
    return None


def _wrong(
    names: Mapping[str, str | None], shapes: Mapping[str, list[int]], tensors: Mapping[str, torch.Tensor]
) -> Iterator[str]:
    """Of every tensor wanted what is wrong with it: it is not there, or of another shape."""
    for name, theirs in names.items():
        shape = shapes[name]
        if theirs is None:
            yield f"unfilled {name} {shape}: the published network has no such layer"
        elif theirs not in tensors:
            yield f"missing {theirs} {shape}"
        elif list(tensors[theirs].shape) != shape:
            yield f"misshapen {theirs} {list(tensors[theirs].shape)}: {shape} is wanted"


def _unplaced(
    names: Mapping[str, str | None], tensors: Mapping[str, torch.Tensor], foreign: Mapping[str, str]
) -> Iterator[str]:
    """Of every tensor given that has no place what is wrong with it; nothing, if it may be left out."""
    for name in sorted(set(tensors) - set(names.values())):
        tensor = tensors[name]
        reasons = [reason for pattern, reason in foreign.items() if re.fullmatch(pattern, name)]
        if reasons:
            yield f"unrepresented {name} {list(tensor.shape)}: {reasons[0]}"
        elif name in NORMALISATION:
            if tensor.float().flatten().tolist() != torch.tensor(NORMALISATION[name]).tolist():
                yield f"differing {name}: {NORMALISATION[name]} is wanted"
        elif not LEFT_OUT.fullmatch(name):
            yield f"unknown {name} {list(tensor.shape)}"


def _ours(name: str, tensor: torch.Tensor) -> torch.Tensor:
    """A published tensor in the order that this project has."""
    change = CHANGED.get(name.split(".")[-2])
    return tensor.float() if change is None else change(tensor.float())
