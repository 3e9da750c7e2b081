"""The second scene of the example: two sloops cross before a lighthouse."""

import cv2
import numpy as np
from drawing import CREAM, INK, Drawing, Paint, blend, sky

from lfvideo_sr.synthetic import Camera, Path, Scene
from lfvideo_sr.textures import fractal


def hills(rng: np.random.Generator, width: int, height: int, colour: Paint, rough: float) -> Drawing:
    """A ridge, darker below, with the grain of far woods."""
    drawing = Drawing(width, height)
    ridge = fractal(rng, (1, 2 * width), rough)[0]
    ridge = (0.45 - 0.16 * ridge) * height
    x = np.arange(2 * width) / 2
    outline = [(0, height), *zip(x, ridge), (width, height)]
    drawing.polygon(outline, colour)
    drawing.shade(1 + 0.13 * fractal(rng, drawing.rgba.shape[:2], 0.8))
    return drawing


def sea(rng: np.random.Generator, height: int, colour: Paint, glint: Paint, stretch: int) -> Drawing:
    """A strip of water with a wavy upper edge."""
    drawing = Drawing(1500, height)
    shape = drawing.rgba.shape[:2]
    waves = cv2.resize(fractal(rng, (shape[0], shape[1] // stretch), 0.8), shape[::-1], interpolation=cv2.INTER_CUBIC)
    water = blend(np.float32(colour) * 0.75, glint, 0.22 + 0.2 * waves + 0.5 * np.clip(waves - 1.2, 0, 1))
    x = np.arange(0, 1501, 3)
    crest = 5 + 1.5 * np.sin(x / 17) + 1.2 * np.sin(x / 7.3 + 1)
    drawing.polygon([(0, height), *zip(x, crest), (1500, height)], water)
    return drawing


def sail_boat(rng: np.random.Generator, colour: Paint, number: str) -> Drawing:
    """A sloop: a main sail sewn of striped cloth with its number, a jib, a planked hull."""
    drawing = Drawing(220, 270)
    mast, foot = 108, 212
    main = [(mast + 3, 10), (mast + 3, foot), (206, foot - 6), (150, 104)]
    drawing.polygon(main, CREAM)
    for seam in range(16, 206, 12):
        reach = np.interp(seam, (10, 104, 206), (0, 40, 96))
        drawing.rectangle(mast + 4, seam, reach, 1, (0.74, 0.70, 0.62))
    drawing.polygon([(mast + 3, 150), (mast + 3, 186), (190, 186), (172, 150)], colour)
    drawing.text(mast + 36, 128, number, 12, INK)
    drawing.polygon([(mast - 3, 22), (mast - 3, foot - 4), (26, foot - 4), (72, 118)], colour)
    for seam in range(34, 206, 9):
        reach = np.interp(seam, (22, 118, 208), (0, 32, 78))
        drawing.rectangle(mast - 4 - reach, seam, reach, 1, np.float32(colour) * 0.6)
    drawing.rectangle(mast - 2, 4, 4, 216, (0.36, 0.22, 0.13))
    drawing.polygon([(14, 218), (212, 216), (186, 262), (46, 262)], (0.40, 0.22, 0.13))
    for plank in range(226, 262, 6):
        left, right = np.interp(plank, (218, 262), (14, 46)), np.interp(plank, (216, 262), (212, 186))
        drawing.rectangle(left, plank, right - left, 1.2, (0.25, 0.13, 0.08))
    drawing.polygon([(14, 217), (212, 215), (210, 221), (18, 223)], CREAM)
    drawing.shade(1 + 0.05 * fractal(rng, drawing.rgba.shape[:2], 1.2))
    return drawing


def lighthouse(rng: np.random.Generator) -> Drawing:
    """A striped tower on a rock."""
    drawing = Drawing(330, 420)
    rock = 330 - 40 * np.abs(np.sin(np.linspace(0.2, 3.0, 40))) + rng.normal(0, 6, 40)
    drawing.polygon([(0, 420), (0, 380), *zip(np.linspace(14, 316, 40), rock + 30), (330, 420)], (0.34, 0.30, 0.32))
    drawing.shade(1 + 0.25 * fractal(rng, drawing.rgba.shape[:2], 0.9))
    for band in range(7):
        top, bottom = 84 + band * 34, 118 + band * 34
        wide = [28 + 0.075 * y for y in (top, bottom)]
        corners = [(160 - wide[0], top), (160 + wide[0], top), (160 + wide[1], bottom), (160 - wide[1], bottom)]
        drawing.polygon(corners, CREAM if band % 2 else (0.76, 0.20, 0.18))
    for y in (130, 196, 262):
        drawing.rectangle(154, y, 12, 18, INK)
    drawing.rectangle(122, 76, 76, 8, INK)
    for x in range(122, 199, 6):
        drawing.rectangle(x, 62, 1.4, 14, INK)
    drawing.rectangle(136, 40, 48, 36, (1.0, 0.90, 0.55))
    for x in (136, 148, 160, 172, 183):
        drawing.rectangle(x, 40, 1.6, 36, INK)
    drawing.polygon([(130, 40), (160, 12), (190, 40)], (0.55, 0.14, 0.13))
    drawing.shade(np.linspace(1.06, 0.86, 660)[None] + 0.04 * fractal(rng, drawing.rgba.shape[:2], 1.1))
    return drawing


def buoy() -> Drawing:
    """A striped can buoy with a board."""
    drawing = Drawing(190, 260)
    drawing.polygon([(60, 120), (130, 120), (150, 244), (40, 244)], (0.88, 0.70, 0.16))
    drawing.polygon([(54, 158), (136, 158), (142, 196), (48, 196)], INK)
    drawing.rectangle(92, 60, 6, 62, INK)
    drawing.rectangle(10, 14, 170, 62, (0.16, 0.32, 0.30))
    drawing.rectangle(14, 18, 162, 54, CREAM)
    drawing.rectangle(17, 21, 156, 48, (0.16, 0.32, 0.30))
    drawing.text(95, 36, "HARBOUR", 16, CREAM)
    drawing.text(95, 58, "keep left - 4 knots", 8, CREAM)
    return drawing


def harbour(rng: np.random.Generator) -> Scene:
    """Two sloops cross before a lighthouse in the evening."""
    dusk, sun = (0.98, 0.72, 0.48), Drawing(120, 120)
    sun.ellipse(60, 60, 48, 48, (1.0, 0.93, 0.72))
    swell = {"rate": 0.35, "sway": (3, 2, 0)}
    rock = {"rate": 0.3, "sway": (0, 3, 0)}
    planes = (
        sky(rng, (0.30, 0.36, 0.58), dusk, (1.0, 0.62, 0.50), 0.62),
        sun.at(640, 238, 39),
        hills(rng, 1500, 130, (0.42, 0.36, 0.50), 1.3).at(480, 272, 22),
        sea(rng, 120, (0.30, 0.38, 0.50), dusk, 5).at(480, 354, 14, **swell),
        lighthouse(rng).at(190, 200, 10),
        sea(rng, 140, (0.24, 0.36, 0.48), dusk, 6).at(480, 424, 9, phase=1, **swell),
        sail_boat(rng, (0.78, 0.30, 0.22), "NL 29").at(420, 306, 8, (6, 0), **rock, turn=Path((0, 0.2, 0.03))),
        sea(rng, 160, (0.18, 0.32, 0.43), (0.92, 0.72, 0.56), 7).at(480, 494, 6.5, phase=2, **swell),
        sail_boat(rng, (0.20, 0.42, 0.52), "DK 7").at(
            730, 362, 5.6, (-9, 0), **rock, phase=2, turn=Path((0, -0.2, -0.03))
        ),
        sea(rng, 180, (0.13, 0.26, 0.36), (0.84, 0.68, 0.56), 8).at(480, 576, 4.5, phase=3, **swell),
        buoy().at(830, 396, 3.6, turn=Path((0, 0, 0), sway=(0, 0, 0.06), rate=0.3), **rock, phase=4),
        sea(rng, 180, (0.11, 0.23, 0.32), (0.80, 0.64, 0.54), 9).at(480, 584, 3.2, phase=4, **swell),
    )
    return Scene(planes, Camera(Path((0, 0, 0), (-0.012, 0, 0)), Path((0, 0, 0), sway=(0, 0, 0.008), rate=0.2)))
