"""Variational refinement of a flow (Brox et al., ECCV 2004, as DIS uses it: Kroeger et al., section 2.4), in torch.

What is minimised, over all pixels: psi(gray levels differ) * LEVELS + psi(gradients differ) * GRADIENTS
+ psi(the flow's own gradient) * SMOOTH, psi(s^2) = sqrt(s^2 + eps^2). Differences are divided by the picture's gradient
there, so all three are in pixels. Weights are fixed for a few rounds of successive over-relaxation in which every other
pixel moves at a time (a chessboard), then taken anew.

Fixed shapes, nothing asked of the device. Where Triton is, inverse_search_triton.py has this as three kernels.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F

from ..nn.warp import grid_positions, inside, sample

LEVELS, GRADIENTS, SMOOTH = 5.0, 10.0, 20.0
NOISE = 0.1**2  # gray levels per pixel, squared: a gradient below it is noise
SHARP = 0.001**2  # pixels squared: below it psi is quadratic
OVER = 1.6  # relaxation
SWEEPS = 5
FREE = 1e-6  # pulls to where it is a pixel that nothing holds


class Constraints(NamedTuple):
    """What two pictures say of a flow (u, v), maps [B,1,H,W]: per constraint its gradient and its offset, so that
    gx * u + gy * v + offset is how far it is from being met, in pixels. `inside` is 0 where the flow leads outside."""

    level: tuple[torch.Tensor, torch.Tensor, torch.Tensor]
    across: tuple[torch.Tensor, torch.Tensor, torch.Tensor]
    down: tuple[torch.Tensor, torch.Tensor, torch.Tensor]
    inside: torch.Tensor


class System(NamedTuple):
    """Normal equations of the constraints, and the weights of smoothness to the right and downwards: [B,1,H,W] each."""

    xx: torch.Tensor
    xy: torch.Tensor
    yy: torch.Tensor
    x: torch.Tensor
    y: torch.Tensor
    right: torch.Tensor
    below: torch.Tensor


def refined(flow: torch.Tensor, source: torch.Tensor, target: torch.Tensor, rounds: int) -> torch.Tensor:
    """Flow [B,2,H,W] between gray pictures [B,1,H,W], 0 .. 255 -> a smoother one that fits better."""
    terms = constraints(flow, source, target)
    for _ in range(rounds):
        flow = relaxed(system(terms, flow), flow)
    return flow


def constraints(flow: torch.Tensor, source: torch.Tensor, target: torch.Tensor) -> Constraints:
    """Linearised where `flow` leads."""
    height, width = source.shape[2:]
    positions = grid_positions(height, width, source.device) + flow.permute(0, 2, 3, 1)
    there = sample(target, positions)
    apart, mean = there - source, (there + source) / 2
    x, y = _gradient(mean)
    (xx, xy), (_, yy) = _gradient(x), _gradient(y)
    apart_x, apart_y = _gradient(apart)
    level, across = _constraint(x, y, apart, flow), _constraint(xx, xy, apart_x, flow)
    return Constraints(level, across, _constraint(xy, yy, apart_y, flow), inside(positions, height, width))


def _constraint(x: torch.Tensor, y: torch.Tensor, apart: torch.Tensor, flow: torch.Tensor):
    length = torch.rsqrt(x * x + y * y + NOISE)
    x, y = x * length, y * length
    return x, y, apart * length - x * flow[:, :1] - y * flow[:, 1:]


def system(terms: Constraints, flow: torch.Tensor) -> System:
    """With the weights that psi gives at `flow`."""
    u, v = flow[:, :1], flow[:, 1:]
    left = [x * u + y * v + offset for x, y, offset in terms[:3]]
    level = LEVELS * terms.inside * torch.rsqrt(left[0] ** 2 + SHARP)
    gradients = GRADIENTS * terms.inside * torch.rsqrt(left[1] ** 2 + left[2] ** 2 + SHARP)
    weighted = list(zip((level, gradients, gradients), terms[:3]))
    xx, xy, yy, x, y = (
        torch.stack([weight * (term[a] * term[b]) for weight, term in weighted]).sum(0)
        for a, b in ((0, 0), (0, 1), (1, 1), (0, 2), (1, 2))
    )
    right, below = _forward(flow)
    steep = (right.square() + below.square()).sum(1, keepdim=True)
    smooth = SMOOTH * torch.rsqrt(steep + SHARP)
    return System(xx, xy, yy, x, y, _without_last(smooth, 3), _without_last(smooth, 2))


def relaxed(made: System, flow: torch.Tensor) -> torch.Tensor:
    """SWEEPS of over-relaxation from `flow`."""
    rows, columns = (torch.arange(side, device=flow.device) for side in flow.shape[2:])
    white = ((rows[:, None] + columns) % 2 == 0).expand_as(flow)
    for _ in range(SWEEPS):
        for colour in (white, ~white):
            flow = torch.where(colour, _moved(made, flow), flow)
    return flow


def _moved(made: System, flow: torch.Tensor) -> torch.Tensor:
    """Every pixel where its equations and its neighbours want it, and beyond."""
    left, above = F.pad(made.right, (1, 0))[..., :-1], F.pad(made.below, (0, 0, 1, 0))[:, :, :-1]
    around = F.pad(flow, (1, 1, 1, 1))
    pull = left * around[:, :, 1:-1, :-2] + made.right * around[:, :, 1:-1, 2:]
    pull = pull + above * around[:, :, :-2, 1:-1] + made.below * around[:, :, 2:, 1:-1]
    hold = left + made.right + above + made.below + FREE
    u, v = flow[:, :1], flow[:, 1:]
    u = u + OVER * ((pull[:, :1] - made.x - made.xy * v) / (made.xx + hold) - u)
    v = v + OVER * ((pull[:, 1:] - made.y - made.xy * u) / (made.yy + hold) - v)
    return torch.cat([u, v], 1)


def _gradient(picture: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Central differences along x and y, [B,1,H,W] each."""
    x = F.pad(picture, (1, 1, 0, 0), mode="replicate")
    y = F.pad(picture, (0, 0, 1, 1), mode="replicate")
    return (x[..., 2:] - x[..., :-2]) / 2, (y[:, :, 2:] - y[:, :, :-2]) / 2


def _forward(flow: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Differences to the right and downwards; zero at the last."""
    x = F.pad(flow, (0, 1, 0, 0), mode="replicate")
    y = F.pad(flow, (0, 0, 0, 1), mode="replicate")
    return x[..., 1:] - flow, y[:, :, 1:] - flow


def _without_last(weight: torch.Tensor, axis: int) -> torch.Tensor:
    """Zero at the last place along an axis, which has no neighbour beyond."""
    kept = weight.narrow(axis, 0, weight.shape[axis] - 1)
    return F.pad(kept, (0, 1) if axis == 3 else (0, 0, 0, 1))
