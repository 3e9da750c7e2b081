"""What a data set gives: pictures by name, and the references that belong to each."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..media.images import read_image


@dataclass(frozen=True)
class Item:
    """A high-resolution picture and its references, the most similar (or the drawn) one first; and its low-resolution
    version, where the data set has such pictures. Only paths are held."""

    name: str
    path: Path
    references: tuple[Path, ...] = ()
    low: Path | None = None

    def picture(self) -> np.ndarray:
        """Float32 [3,H,W] RGB in [0,1]; raises InputError where it cannot be read."""
        return read_image(self.path)


@dataclass(frozen=True)
class Dataset:
    """A data set as found on this machine.

    whole:          how many pictures the published one has; None: nobody published one.
    ranked:         references are ordered by similarity, so that levels L1, L2 ... mean something.
    self_reference: it has no references; the low-resolution picture itself stands in for one.
    note:           what a reader of the numbers must know; may be empty.
    """

    name: str
    items: tuple[Item, ...]
    whole: int | None = None
    ranked: bool = False
    self_reference: bool = False
    note: str = ""
