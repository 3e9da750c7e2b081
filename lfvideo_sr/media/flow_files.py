"""Frames with ground-truth flow as MPI Sintel and Middlebury publish them: .flo files beside the frames or across."""

import re
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ..errors import InputError

_UNKNOWN = 1e9  # Middlebury writes larger numbers where the flow is not known
_ACROSS = (("flow", "clean"), ("flow", "final"), ("other-gt-flow", "other-data"))  # folders of flow and of its frames


@dataclass(frozen=True)
class FlowPair:
    """Files: frames n and n + 1, the flow from one to the other, and where that exists a mask of what gets hidden."""

    first: Path
    second: Path
    flow: Path
    occlusion: Path | None


def find_flow_pairs(folder: str | Path) -> list[FlowPair]:
    """All flow below `folder` whose two frames are there, sorted by name."""
    pairs = (_pair(path) for path in sorted(Path(folder).rglob("*.flo")))
    return [pair for pair in pairs if pair is not None]


def read_flow(path: str | Path) -> np.ndarray:
    """Float32 [H,W,2], (dx, dy) in pixels: what is at (x, y) is at (x + dx, y + dy) in the next frame; NaN where that
    is not known."""
    try:
        flow = cv2.readOpticalFlow(str(path))
    except cv2.error:  # of a file that claims an impossible size
        flow = None
    if flow is None or flow.ndim != 3:
        raise InputError(f"{path} is no flow that can be read; a Middlebury .flo file is wanted")
    flow[(np.abs(flow) > _UNKNOWN).any(-1)] = np.nan
    return flow


def frames_around(pair: FlowPair) -> list[Path]:
    """The longest run of consecutive frames in the folder of the pair's frames, the later of equally long ones."""
    first = pair.first
    numbered = {int(match[0]): path for path in first.parent.glob(f"*{first.suffix}") if (match := _number(path))}
    runs: list[list[int]] = []
    for number in sorted(numbered):
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return [numbered[number] for number in max(reversed(runs), key=len)]


def _number(path: Path) -> re.Match | None:
    return re.search(r"\d+$", path.stem)


def _pair(flow: Path) -> FlowPair | None:
    number = _number(flow)
    if number is None:
        return None
    following = f"{int(number[0]) + 1:0{len(number[0])}}"
    for folder in [flow.parent, *(_across(flow, *folders).parent for folders in _ACROSS)]:
        for name in (flow.stem[: number.start()], "frame"):
            first, second = (folder / f"{name}{digits}.png" for digits in (number[0], following))
            if first.exists() and second.exists():
                mask = _across(flow, "flow", "occlusions").with_suffix(".png")
                return FlowPair(first, second, flow, mask if mask.exists() else None)
    return None


def _across(file: Path, name: str, replacement: str) -> Path:
    """The same path with its last folder called `name` replaced by `replacement`."""
    parts = list(file.parts)
    if name in parts[:-1]:
        parts[len(parts) - 2 - parts[-2::-1].index(name)] = replacement
    return Path(*parts)
