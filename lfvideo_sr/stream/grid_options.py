"""What a run over a light field is asked to do."""

from dataclasses import dataclass, field

from ..checks import check_choice, check_positive
from ..errors import UsageError
from ..lightfields.opening import OpenOptions
from .epipolar import WEIGHT
from .options import DEFAULT_CACHE

FUSION = ("off", "auto", "always")


@dataclass(frozen=True)
class GridOptions:
    """What a run over a light field is asked to do; the command line's flags of the same names.

    open:      how the file is read.
    refs:      pictures, a folder of views, a manifest, or a sharp light field of the same grid.
    ref_views: "row,column" each: where references stand, or which views of a sharp light field they are.
    views:     "3,3" or "2:6,2:6": only these views are restored.
    matching:  "guided": most fields are predicted from a few, by geometry; "free": each view is searched.
    ref_every: of a light-field video, every so many frames have references.
    trust_manifest: a manifest of references may list files outside of its folder.
    view_fusion: where no view is sharp, each takes from what the others measured: "auto"; "always": sharp views are not
               looked for; "off".
    epipolar:  how much a neighbouring view counts beside a view's own pixels, 0 to 1; 0: not at all.
    """

    open: OpenOptions = field(default_factory=OpenOptions)
    refs: tuple[str, ...] = ()
    ref_views: tuple[str, ...] = ()
    no_refs: bool = False
    require_refs: bool = False
    ref_output: str = "pass"
    ref_cache: int = DEFAULT_CACHE
    max_refs: int = 2
    ref_every: int = 8
    views: str | None = None
    matching: str = "guided"
    epipolar: float = WEIGHT
    view_fusion: str = "off"
    simulate: bool = False
    gt: str | None = None
    trust_manifest: bool = False

    def __post_init__(self) -> None:
        check_positive("--max-refs", self.max_refs)
        check_positive("--ref-every", self.ref_every)
        check_choice("--ref-output", self.ref_output, ("pass", "sr"))
        check_choice("--matching", self.matching, ("guided", "free"))
        check_choice("view_fusion", self.view_fusion, FUSION)
        if not 0 <= self.epipolar <= 1:
            raise UsageError(f"--epipolar is {self.epipolar}; a number from 0 to 1 is wanted")
        if self.no_refs and (self.refs or self.require_refs):
            raise UsageError("--no-refs contradicts --refs and --require-refs; drop one of them")
        if self.view_fusion == "always" and (self.no_refs or self.refs or self.ref_views or self.require_refs):
            raise UsageError("view_fusion takes no references; drop --refs, --ref-view, --require-refs and --no-refs")
        if self.simulate and self.gt:
            raise UsageError("--simulate has the input itself as truth; drop --gt")
