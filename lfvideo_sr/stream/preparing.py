"""References on their way to the engine: each is brought to the frame on show at its time, and gets its low-resolution
side."""

from collections import OrderedDict
from dataclasses import dataclass, replace

import numpy as np

from ..camera.equaliser import Equaliser
from ..camera.fit import CameraFit
from ..camera.kernels import SCALE
from ..camera.model import CameraModel
from ..camera.reduction import papers_taps
from ..frames import Frame, on_host
from ..media.clock import seconds_of
from ..references.reference import Reference, Side
from ..registration.agreement import OFF
from ..registration.conform import MOVED, Conformed, conform
from ..registration.displacement import displacement
from ..registration.sharpness import adds_detail

_KEPT = 3  # prepared references whose pictures are held: those that a frame takes, and the next
_TRUSTED, _LEARNED_FROM = 3, 8  # pairs: a stream's camera is believed from the first on, known from the second on


@dataclass(frozen=True, eq=False)
class Prepared:
    """A reference as engines take it.

    picture: the frame of its own moment with its pixels, where these may replace the frame's; None where not.
    changes: what was done to it, for reports. why: why its pixels may not replace the frame's, if that was looked at.
    """

    reference: Reference
    picture: Frame | None = None
    changes: str = ""
    why: str = ""


class Preparation:
    """Prepares the references of one stream, each once, and learns the stream's camera from them.

    equalises: whether an equaliser is looked for.
    equaliser: brings its frames, and the sides of references, to the papers' reduction; found by the first reference
               that the camera is learned from, if at all, and the same from then on.
    """

    def __init__(self, scale: int, equalises: bool = True):
        self._scale, self._equalises = scale, equalises
        self._held: OrderedDict[tuple, Prepared] = OrderedDict()
        self._fit, self._camera = CameraFit(), CameraModel.papers()
        self._behind = self._camera  # camera and equaliser together
        self.equaliser: Equaliser | None = None
        self._tried: set[tuple] = set()  # the keys of references that the camera was learned from, or not
        self._detailed: dict[tuple, bool] = {}

    @property
    def camera(self) -> str | None:
        """The estimate of the stream's camera, for reports; None where too few references showed it."""
        if self._fit.pairs < _TRUSTED:
            return None
        return f"{self._camera}; frames brought to bicubic" if self.equaliser else str(self._camera)

    def equalised(self, frame: Frame) -> Frame:
        """A frame as engines take it."""
        return frame if self.equaliser is None else frame.with_picture(self.equaliser(frame.picture))

    def __call__(self, reference: Reference) -> Prepared:
        if reference.key not in self._held:
            self._held[reference.key] = self._prepared(reference)
            if len(self._held) > _KEPT:
                self._held.popitem(last=False)
        return self._held[reference.key]

    def forget(self) -> None:
        """Let go of prepared references; what is known of the camera stays."""
        self._held.clear()
        self._detailed.clear()

    def adds_detail(self, reference: Reference, frame: Frame) -> bool:
        """Whether a reference has detail that the frame of its moment lacks, or if it has none, `frame`."""
        if reference.key not in self._detailed:
            self._detailed[reference.key] = self._is_detailed(reference, reference.frame or frame)
        return self._detailed[reference.key]

    def _is_detailed(self, reference: Reference, frame: Frame) -> bool:
        prepared = self(reference).reference
        if self._scale != SCALE:
            return True
        if reference.generated or (reference.frame is not None and prepared.side is None):  # shows something else
            return True
        return adds_detail(frame.pixels, on_host(prepared.load()), same=True)

    def learn(self, reference: Reference) -> Prepared:
        """Prepare a reference only where the camera may be learned from it; what is not prepared has no picture."""
        if self._fit.pairs >= _LEARNED_FROM or reference.key in self._tried:
            return self._held.get(reference.key, Prepared(reference))
        return self(reference)

    def _prepared(self, reference: Reference) -> Prepared:
        frame = reference.frame
        if frame is None or (self._scale != SCALE and not reference.generated):  # cameras are known at x4 only
            return Prepared(reference)
        if reference.generated:
            picture = frame.with_picture(reference.load())
            return Prepared(replace(reference, side=Side(self.equalised(frame).picture, papers_taps(), True)), picture)
        conformed = conform(frame.pixels, on_host(reference.load()), self._camera, self._scale)
        if conformed.transform is None and not np.isfinite(conformed.displacement):
            return Prepared(reference, why=conformed.why)
        exact = seconds_of(frame) == reference.time
        if exact and reference.key not in self._tried:
            self._tried.add(reference.key)
            if conformed.agrees and self._fit.pairs < _LEARNED_FROM:
                self._learn(frame, conformed)
        return self._beside(reference, frame, conformed, exact)

    def _learn(self, frame: Frame, conformed: Conformed) -> None:
        first = self._equalises and not self._fit.pairs
        if not self._fit.add(frame.pixels, conformed.picture):
            return
        if first and conformed.transform is None:  # else its pixels are not the sensor's
            self.equaliser = Equaliser.of(frame.pixels, conformed.picture)
            self._held.clear()  # sides of before were not equalised
        if self._fit.pairs >= _TRUSTED:
            self._camera = CameraModel(self._fit.model.taps)  # colours are each reference's own
            equaliser, camera = self.equaliser, self._camera
            self._behind = CameraModel(equaliser.behind(camera.taps)) if equaliser else camera

    def _beside(self, reference: Reference, frame: Frame, conformed: Conformed, exact: bool) -> Prepared:
        """With the decoded frame as its side where it shows just that, else with what the camera would make of it."""
        pixels, camera = conformed.picture, self._behind
        same = exact and conformed.displacement <= OFF and conformed.moved <= MOVED
        low = self.equalised(frame).picture if same else np.clip(camera.reduce(pixels), 0, 1)
        made = replace(reference, load=lambda: pixels, side=Side(low, camera.taps, same))
        passes = exact and reference.aligned and conformed.agrees and conformed.valid is None
        why = conformed.why if exact else ""
        return Prepared(made, frame.with_pixels(pixels) if passes else None, conformed.changes(), why)


def picture_of_view(frame: Frame, reference: Reference, scale: int) -> Frame | None:
    """A view with the pixels of the reference at its place, if these are in place; nothing is done to them."""
    picture = frame.with_picture(reference.load())
    fits = reference.aligned and picture.size == frame.size.scaled(scale)
    return picture if fits and (reference.generated or displacement(frame.pixels, picture.pixels) <= OFF) else None
