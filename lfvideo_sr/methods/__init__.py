"""The methods, by name. Building one loads what it needs; reading the table loads nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Entry:
    """Where a method lives, whether it is learned (torch, weights), and the name of its default weights.

    qualities: weights of several sizes, by the names that --quality takes. trained: what to know of the default weights
    beside the number of their steps.
    """

    module: str
    learned: bool = False
    weights: str | None = None
    qualities: Mapping[str, str] = field(default_factory=dict)
    trained: str = ""


def _of_a_paper(name: str) -> Entry:
    """A paper's method with weights of the same name, trained as long as those of the others."""
    return Entry(name, learned=True, weights=name, trained="a small network; docs/results.md has what it reaches")


METHODS: dict[str, Entry] = {
    "stream_ref": Entry(
        "stream_ref",
        learned=True,
        weights="stream_ref",
        qualities={"fast": "stream_ref_fast", "balanced": "stream_ref_balanced", "best": "stream_ref"},
    ),
    "flow_transfer": Entry("flow_transfer"),
    "bicubic": Entry("bicubic"),
    "c2_matching": _of_a_paper("c2_matching"),
    "rrsr": _of_a_paper("rrsr"),
    "amsa": _of_a_paper("amsa"),
    "e2ent2": _of_a_paper("e2ent2"),
    "refsr_net": _of_a_paper("refsr_net"),
}

VIEW_FUSION = "view_fusion"
BEHIND: dict[str, Entry] = {VIEW_FUSION: Entry(VIEW_FUSION, learned=True, weights=VIEW_FUSION)}
"""Networks that go on from what a method restored. They have weights, and are no methods: they take no frame alone."""
