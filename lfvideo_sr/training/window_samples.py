"""Training samples of CC-Net (RefSR-Net, sections 3 and 5): a few places of a low-resolution frame, and the part of the
reference in which each of them has to be distinguished from all others."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..media.resize import degrade
from ..nn.ccnet import PHASE
from ..nn.dilated import BORDER
from .films import Look
from .flow_views import FlowViews

GRID = 8  # pixels: the first place of a sample is (8m + 1, 8n + 1), counted from one, as in the paper
MARGIN = 2  # low-resolution pixels round what is looked at, which enlarging needs


@dataclass(frozen=True)
class WindowSettings:
    """scale: of the frame. reach: pixels of the window to each side of the true match (64: 129x129 positions).
    queries, spacing: places a sample along each side, and pixels between two; the paper's is 1. More share the
    reference's features, and the window grows by the distance between the outermost."""

    scale: int = 8
    reach: int = 64
    queries: int = 1
    spacing: int = GRID

    @property
    def span(self) -> int:
        """Pixels of the enlarged frame that are looked at along a side, a multiple of GRID."""
        return 2 * BORDER + GRID * -(-(PHASE + self.spacing * (self.queries - 1) + 1) // GRID)

    @property
    def frame_side(self) -> int:
        """Low-resolution pixels of the frame's part, margins included."""
        return self.span // self.scale + 2 * MARGIN

    @property
    def window(self) -> int:
        """Positions along a side of the window."""
        return 2 * self.reach + 1 + self.spacing * (self.queries - 1)


def window_sample(
    views: FlowViews, rng: np.random.Generator, settings: WindowSettings, look: Look | None = None
) -> dict[str, np.ndarray]:
    """frame f32 [3,f,f], the low-resolution part of the first picture; reference f32 [3,w+64,w+64], of the second,
    round the middle place's true match; truth int64 [q*q]: the position of each place's match in the window,
    row * w + column, -1 where it is unknown or outside.

    The picture is turned by quarters and the low-resolution grid moved by less than one of its pixels, as in section 5.
    Both parts are given `look` before the first is reduced.
    """
    views = quarter_turns(views, int(rng.integers(4)))
    right, down = rng.integers(0, settings.scale, 2)
    grid = _Grid(views.first[:, down:, right:], views.flow[down:, right:], np.array([right, down], np.float32))
    x, y = _place(grid, rng, settings)
    frame = _frame_part(grid.picture, x, y, settings, look)
    matches = _matches(grid, x, y, settings)  # [q,q,2]
    middle = matches[settings.queries // 2, settings.queries // 2]
    left, top = _corner(middle, views.second.shape, settings)
    side = settings.window + 2 * BORDER
    reference = np.ascontiguousarray(views.second[:, top : top + side, left : left + side], np.float32) / 255
    reference = reference if look is None else look(reference)
    truth = _positions(matches - (left + BORDER, top + BORDER), settings.window)
    return {"frame": frame, "reference": reference, "truth": truth}


def quarter_turns(views: FlowViews, count: int) -> FlowViews:
    """Everything turned by so many quarters, anticlockwise."""
    first, second = (np.rot90(picture, count, (1, 2)) for picture in (views.first, views.second))
    across, down = np.moveaxis(np.rot90(views.flow, count, (0, 1)), -1, 0)
    for _ in range(count % 4):
        across, down = down, -across
    return FlowViews(first, second, np.stack([across, down], -1))


class _Grid(NamedTuple):
    """The first picture from another corner, so that its low-resolution pixels are elsewhere, and the flow there; the
    second picture stays. corner: (x, y) of it."""

    picture: np.ndarray
    flow: np.ndarray
    corner: np.ndarray


def _place(grid: _Grid, rng: np.random.Generator, settings: WindowSettings) -> tuple[int, int]:
    """Left and top of the part that is looked at, on the grid; its middle place has a known match if one is found."""
    edge = -(-MARGIN * settings.scale // GRID)  # grid steps
    most = [(length - settings.span) // GRID - edge for length in grid.flow.shape[:2]]
    middle = settings.queries // 2
    for _ in range(20):
        y, x = (GRID * int(rng.integers(edge, last + 1)) for last in most)
        if np.isfinite(_matches(grid, x, y, settings)[middle, middle]).all():
            break
    return x, y


def _frame_part(picture: np.ndarray, x: int, y: int, settings: WindowSettings, look: Look | None) -> np.ndarray:
    """What a low-resolution camera shows of it; reduced with more around, which an antialiasing kernel sees."""
    scale, side = settings.scale, settings.frame_side
    left, top = x // scale - MARGIN, y // scale - MARGIN
    more = [min(MARGIN, edge) for edge in (left, top)]
    rows = slice(scale * (top - more[1]), scale * (top + side + MARGIN))
    columns = slice(scale * (left - more[0]), scale * (left + side + MARGIN))
    part = picture[:, rows, columns]
    part = part[:, : part.shape[1] // scale * scale, : part.shape[2] // scale * scale].astype(np.float32) / 255
    low = degrade(part if look is None else look(part), scale)[:, more[1] : more[1] + side, more[0] : more[0] + side]
    return np.ascontiguousarray(low, np.float32)


def _matches(grid: _Grid, x: int, y: int, settings: WindowSettings) -> np.ndarray:
    """Where the places of a part at (x, y) are in the second picture, [q,q,2]."""
    steps = BORDER + PHASE + settings.spacing * np.arange(settings.queries)
    places = np.stack(np.meshgrid(x + steps, y + steps), -1)
    return places + (grid.flow[places[..., 1], places[..., 0]] + grid.corner)


def _corner(middle: np.ndarray, shape: tuple[int, ...], settings: WindowSettings) -> tuple[int, int]:
    """Left and top of the reference's part, round the match or as near to that as the picture allows."""
    side = settings.window + 2 * BORDER
    corner = np.nan_to_num(np.round(middle)) - side // 2
    left, top = (int(np.clip(first, 0, length - side)) for first, length in zip(corner, (shape[2], shape[1])))
    return left, top


def _positions(places: np.ndarray, window: int) -> np.ndarray:
    """Places [q,q,2] in the window -> row * window + column [q*q], -1 outside."""
    known = np.isfinite(places).all(-1)
    x, y = np.moveaxis(np.round(np.where(known[..., None], places, -1)).astype(np.int64), -1, 0)
    inside = known & (x >= 0) & (x < window) & (y >= 0) & (y < window)
    return np.where(inside, y * window + x, -1).flatten()
