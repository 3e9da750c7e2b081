"""The methods, by name. Building one loads what it needs; reading the table loads nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Entry:
    """Where a method lives, whether it is learned (torch, weights), and the name of its default weights.

    A learned method without any runs with weights that a user names. qualities: weights of several sizes, by the names
    that --quality takes.
    """

    module: str
    learned: bool = False
    weights: str | None = None
    qualities: Mapping[str, str] = field(default_factory=dict)


METHODS: dict[str, Entry] = {
    "stream_ref": Entry(
        "stream_ref",
        learned=True,
        weights="stream_ref",
        qualities={"fast": "stream_ref_fast", "balanced": "stream_ref_balanced", "best": "stream_ref"},
    ),
    "flow_transfer": Entry("flow_transfer"),
    "bicubic": Entry("bicubic"),
    "c2_matching": Entry("c2_matching", learned=True),
    "rrsr": Entry("rrsr", learned=True),
    "amsa": Entry("amsa", learned=True),
    "e2ent2": Entry("e2ent2", learned=True),
    "refsr_net": Entry("refsr_net", learned=True),
}

VIEW_FUSION = "view_fusion"
BEHIND: dict[str, Entry] = {VIEW_FUSION: Entry(VIEW_FUSION, learned=True, weights=VIEW_FUSION)}
"""Networks that go on from what a method restored. They have weights, and are no methods: they take no frame alone."""
