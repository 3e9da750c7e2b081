"""What a method is: three verbs given by keyword, and what a caller must know of it.

*encode* turns a reference into features, once. *match* finds each place of a frame in a reference. *restore* makes
the large picture from the frame and its matches. Arrays are NumPy's for classical methods and torch's for learned
ones; the engine that runs the method knows which.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np

Features = Mapping[str, Any]


@dataclass(frozen=True)
class MethodInfo:
    """What must be known before a method can be run.

    scale:           output pixels per input pixel along each side.
    references:      the most references it fuses; 0: it takes none.
    worthless_below: a match of a lower mean relevance is dropped, so that the frame comes out as without it.
    unlike_below:    so is one where the reference, fetched along the match, is less like the frame, by the correlation
                     of their texture (registration/likeness.py); 0: that is not looked at.
    guided:          its restorer takes positions between those that its own search tries, so that the field of a
                     light field's view may be predicted from those of others.
    own_frame:       its encoder takes, beside a reference, its low-resolution side (the decoded frame of its moment)
                     and the camera's taps (camera/reduction.py).
    recurrent:       its restorer takes what was restored last, and the frame that it was made of.
    learned:         it learned from the papers' reduction, so that the frames of a camera that reduces otherwise are
                     brought to that before it sees them (camera/equaliser.py).
    halo:            low-resolution pixels to every side that a restored pixel depends on, of the frame and of its
                     fields, so that large frames may be restored in parts; None: it may depend on all of them.
    trained:         how the weights came about, where a user should know; empty where they are a user's own.
    summary:         one line for people.
    """

    name: str
    summary: str
    scale: int = 4
    references: int = 2
    worthless_below: float = 0.0
    guided: bool = False
    own_frame: bool = False
    recurrent: bool = False
    halo: int | None = field(default=None, compare=False)  # older exported graphs of the same method do not state it
    unlike_below: float = field(default=0.0, compare=False)  # nor this
    learned: bool = field(default=True, compare=False)  # nor this
    trained: str = field(default="", compare=False)


class Match(NamedTuple):
    """One reference's features and where each place of the frame is in it (see correspondence.Correspondence)."""

    features: Features
    positions: Any
    relevance: Any


class Seeder(Protocol):
    """Gives a match its initial field by classical means, on the host."""

    def prepare(self, low: np.ndarray) -> np.ndarray:
        """What to keep of a low-resolution picture, float [3,h,w] in [0,1] or uint8."""

    def __call__(self, frame: np.ndarray, reference: np.ndarray, previous: np.ndarray | None) -> np.ndarray:
        """Two prepared pictures, and the field of the frame before -> positions f32 [h',w',2] at the field's stride."""

    def follow(self, frame: np.ndarray, before: np.ndarray) -> np.ndarray:
        """Two prepared frames, the second shown just before the first -> positions f32 [h',w',2] in its output
        pixels."""


@dataclass(frozen=True, eq=False)
class Method:
    """encoder(reference [B,3,H,W]) -> features by name;
    matcher(frame [B,3,h,w], features, seed [B,h',w',2] or None) -> positions [B,h',w',2], relevance [B,h',w'];
    restorer(frame [B,3,h,w], matches) -> picture [B,3,scale*h,scale*w].
    Pictures are RGB in [0,1]; positions are (x, y) in reference pixels.

    seeder: makes the seed, on the host. device_seeder: its twin for tensors, with a batch before their axes, which an
    engine takes where frames are on a GPU. warm: without a seeder, the seed is the positions found in the frame before,
    if any.
    """

    info: MethodInfo
    encoder: Callable[[Any], Features]
    matcher: Callable[[Any, Features, Any], tuple[Any, Any]]
    restorer: Callable[[Any, Sequence[Match]], Any]
    field_stride: int = 1
    seeder: Seeder | None = None
    device_seeder: Any = None
    warm: bool = False
