"""Curves over the frames of a clip as SVG, to stand inside of a page."""

import html
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 900, 150  # of the drawing's own units; a page stretches it in both directions
_MARGIN = 8
COLOURS = ("#ffab40", "#4fc3f7", "#aed581")


@dataclass(frozen=True)
class Curve:
    """A value for each frame; None where there is none, and infinite where a picture equals the truth."""

    name: str
    values: Sequence[float | None]


@dataclass(frozen=True)
class Plot:
    """Curves of one unit over the same frames. marks: places of frames that are references."""

    title: str
    curves: Sequence[Curve]
    marks: Sequence[int] = ()

    @property
    def is_empty(self) -> bool:
        return not any(_finite(curve.values) for curve in self.curves)

    def svg(self) -> str:
        """One <figure> with a line of class "head", which a page moves to the frame that it shows."""
        count = max(len(curve.values) for curve in self.curves)
        finite = [value for curve in self.curves for value in _finite(curve.values)]
        low, high = min(finite), max(finite)
        frame = _Frame(count, low, high if high > low else low + 1)
        lines = [frame.mark(place) for place in self.marks]
        lines += [frame.level(value) for value in (low, high)]
        lines += [frame.curve(curve, COLOURS[number]) for number, curve in enumerate(self.curves)]
        head = f'<line class="head" x1="{frame.x(0):.1f}" x2="{frame.x(0):.1f}" y1="0" y2="{HEIGHT}"/>'
        return (
            f"<figure><figcaption>{html.escape(self.title)}: {self._legend()}</figcaption>"
            f'<div class="plot"><div><span>{high:.4g}</span><span>{low:.4g}</span></div>'
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" data-first="{frame.x(0):.1f}" '
            f'data-last="{frame.x(count - 1):.1f}"><title>{html.escape(self.title)}</title>'
            f"{''.join(lines)}{head}</svg></div></figure>"
        )

    def _legend(self) -> str:
        curves = [
            f'<span style="color:{COLOURS[number]}">{html.escape(curve.name)}</span>'
            for number, curve in enumerate(self.curves)
        ]
        return " ".join([*curves, *(['<span class="of-marks">| reference</span>'] if self.marks else [])])


@dataclass(frozen=True)
class _Frame:
    """Where things are in a drawing."""

    count: int
    low: float
    high: float

    def x(self, place: float) -> float:
        return _MARGIN + (WIDTH - 2 * _MARGIN) * place / max(1, self.count - 1)

    def y(self, value: float) -> float:
        return HEIGHT - _MARGIN - (HEIGHT - 2 * _MARGIN) * (value - self.low) / (self.high - self.low)

    def mark(self, place: int) -> str:
        x = f"{self.x(place):.1f}"
        return f'<line class="mark" x1="{x}" x2="{x}" y1="0" y2="{HEIGHT}"/>'

    def level(self, value: float) -> str:
        y = f"{self.y(value):.1f}"
        return f'<line class="level" x1="{_MARGIN}" x2="{WIDTH - _MARGIN}" y1="{y}" y2="{y}"/>'

    def curve(self, curve: Curve, colour: str) -> str:
        parts = "".join(
            f'<polyline points="{points}" stroke="{colour}"/>' for points in self._runs(curve.values) if points
        )
        return f"<g>{parts}</g>"

    def _runs(self, values: Sequence[float | None]) -> Iterator[str]:
        """The points of each unbroken run of finite values."""
        run: list[str] = []
        for place, value in enumerate(values):
            if value is not None and math.isfinite(value):
                run.append(f"{self.x(place):.1f},{self.y(value):.1f}")
            elif run:
                yield " ".join(run)
                run = []
        yield " ".join(run)


def _finite(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None and math.isfinite(value)]
