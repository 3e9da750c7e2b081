"""Makes examples/in.mp4: a small low-resolution clip with sharp key frames beside it, as a hybrid camera gives them.

Track 1 is the clip, 240x136. Track 2, not flagged default, holds 960x544 pictures of frames 0, 8, 16, ... and of the
frame after the cut, each with the time stamp of the frame it shows. Track 3 is a quiet tone.

    python examples/make_example.py                              # examples/in.mp4
    python examples/make_example.py --ground-truth truth.mkv     # also every frame at 960x544, lossless
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path as FilePath

import av
import cv2
import numpy as np
from av.stream import Disposition
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from lfvideo_sr.frames import Size
from lfvideo_sr.media.resize import degrade, to_uint8
from lfvideo_sr.synthetic import Camera, Path, Plane, Scene, Texture, render
from lfvideo_sr.textures import fractal

SIZE = Size(960, 544)
RATE = 24
FRAMES = 48
CUT = 29
EVERY = 8
TICK = Fraction(1, RATE * 512)

Paint = tuple[float, float, float] | np.ndarray
INK, CREAM, STONE, GLASS = (0.13, 0.14, 0.18), (0.96, 0.93, 0.85), (0.72, 0.69, 0.64), (0.30, 0.40, 0.48)
CLOTH = (
    (0.62, 0.20, 0.18),
    (0.20, 0.36, 0.46),
    (0.84, 0.64, 0.26),
    (0.30, 0.44, 0.30),
    (0.46, 0.30, 0.42),
    (0.86, 0.80, 0.68),
)


class Drawing:
    """A transparent canvas measured in pixels of the finished picture and kept at twice their density."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.rgba = np.zeros((2 * height, 2 * width, 4), np.float32)  # premultiplied

    def fill(self, mask: np.ndarray, paint: Paint, left: int = 0, top: int = 0) -> None:
        """Paint a colour [3], or a picture [h,w,3] of the canvas, through uint8 `mask` [h,w] laid at left, top."""
        rows, columns = slice(top, top + mask.shape[0]), slice(left, left + mask.shape[1])
        share = mask[..., None].astype(np.float32) / 255
        colour = np.float32(paint)[rows, columns] if np.ndim(paint) == 3 else np.float32(paint)
        part = self.rgba[rows, columns]
        part *= 1 - share
        part += share * np.concatenate([np.broadcast_to(colour, (*mask.shape, 3)), np.ones_like(share)], -1)

    def polygon(self, points: list[tuple[float, float]], paint: Paint) -> None:
        corners = np.array(points) * 2
        limit = (2 * self.width, 2 * self.height)
        left, top = np.clip(np.floor(corners.min(0)) - 1, 0, limit).astype(int)
        right, bottom = np.clip(np.ceil(corners.max(0)) + 2, 0, limit).astype(int)
        if left >= right or top >= bottom:
            return
        mask = np.zeros((bottom - top, right - left), np.uint8)
        inside = (corners - (left, top) - 0.5) * 16
        cv2.fillPoly(mask, [np.rint(inside).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
        self.fill(mask, paint, left, top)

    def rectangle(self, x: float, y: float, width: float, height: float, paint: Paint) -> None:
        self.polygon([(x, y), (x + width, y), (x + width, y + height), (x, y + height)], paint)

    def ellipse(self, x: float, y: float, across: float, down: float, paint: Paint) -> None:
        angles = np.linspace(0, 2 * np.pi, 72, endpoint=False)
        self.polygon(list(zip(x + across * np.cos(angles), y + down * np.sin(angles))), paint)

    def text(self, x: float, y: float, words: str, height: float, paint: Paint) -> None:
        """Words centred at (x, y); `height` is that of a capital letter."""
        scale, font = height * 2 / 22, cv2.FONT_HERSHEY_DUPLEX
        thick = max(1, round(height * 0.22))
        (wide, high), below = cv2.getTextSize(words, font, scale, thick)
        margin = below + thick
        mask = np.zeros((high + 2 * margin, wide + 2 * margin), np.uint8)
        cv2.putText(mask, words, (margin, margin + high), font, scale, 255, thick, cv2.LINE_AA)
        self.fill(mask, paint, round(2 * x - mask.shape[1] / 2), round(2 * y - mask.shape[0] / 2))

    def shade(self, light: np.ndarray) -> None:
        """Multiply the colours, within what alpha allows, by light [h,w]."""
        self.rgba[..., :3] = np.clip(self.rgba[..., :3] * light[..., None], 0, self.rgba[..., 3:])

    def at(
        self, x: float, y: float, depth: float, speed: tuple[float, float] = (0, 0), scale: float = 1, **path
    ) -> Plane:
        """The drawing hung up with its centre at pixel (x, y) of frame 0, moving by `speed` pixels a frame."""
        unit = depth / SIZE.width
        start = ((x - SIZE.width / 2) * unit, (y - SIZE.height / 2) * unit, depth)
        turn = path.pop("turn", Path((0, 0, 0)))
        path["sway"] = tuple(unit * swing for swing in path.get("sway", (0, 0, 0)))
        position = Path(start, velocity=(speed[0] * unit, speed[1] * unit, 0), **path)
        return Plane(
            Texture(self.rgba), (self.width / 2 * unit * scale, self.height / 2 * unit * scale), position, turn
        )


def blend(low: Paint, high: Paint, share: np.ndarray) -> np.ndarray:
    """Between two colours, by share [h,w] in [0,1] -> [h,w,3]."""
    return np.float32(low) + (np.float32(high) - np.float32(low)) * np.clip(share, 0, 1)[..., None].astype(np.float32)


def sky(rng: np.random.Generator, top: Paint, bottom: Paint, cloud: Paint, horizon: float) -> Plane:
    """An endless background: colours from the zenith to the horizon (a share of the height), and clouds."""
    drawing = Drawing(1200, 720)
    shape = drawing.rgba.shape[:2]
    height = np.linspace(0, 1 / horizon, shape[0])[:, None].repeat(shape[1], 1)
    streaks = cv2.resize(fractal(rng, (shape[0], shape[1] // 3), 1.35), shape[::-1], interpolation=cv2.INTER_CUBIC)
    drawing.rgba[..., :3] = blend(top, bottom, height) * 1.0
    veil = np.clip(streaks * 0.5 - 0.1, 0, 0.85) * np.clip(1.3 - height, 0, 1)
    drawing.fill((veil * 255).astype(np.uint8), cloud)
    drawing.rgba[..., 3] = 1
    plane = drawing.at(480, 272, 40)
    return Plane(plane.texture, plane.half_size, plane.position, endless=True)


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


def brick_wall(rng: np.random.Generator, drawing: Drawing, colour: Paint) -> np.ndarray:
    """A picture [h,w,3] as large as the drawing: bricks of 12x5 pixels, each of its own shade."""
    y, x = np.indices(drawing.rgba.shape[:2], np.float32) / 2
    row = np.floor(y / 5)
    x = x + row % 2 * 6
    shades = rng.uniform(0.78, 1.14, (int(row.max()) + 1, int(x.max() / 12) + 1))
    shade = shades[row.astype(int), np.floor(x / 12).astype(int)]
    joint = (y % 5 < 1) | (x % 12 < 1)
    wall = np.float32(colour) * shade[..., None]
    return np.where(joint[..., None], np.float32(colour) * 0.55 + 0.28, wall).astype(np.float32)


def window(drawing: Drawing, x: float, y: float, width: float, height: float, light: float) -> None:
    """A sash window with a sill, curtains and six panes."""
    drawing.rectangle(x - 3, y - 3, width + 6, height + 6, CREAM)
    drawing.rectangle(x, y, width, height, blend(GLASS, (0.98, 0.85, 0.55), np.full((1, 1), light))[0, 0])
    drawing.polygon([(x, y), (x + width * 0.4, y), (x, y + height * 0.7)], (0.90, 0.88, 0.84))
    drawing.polygon([(x + width, y), (x + width * 0.6, y), (x + width, y + height * 0.7)], (0.86, 0.84, 0.80))
    drawing.rectangle(x + width / 2 - 1, y, 2, height, CREAM)
    for bar in (1 / 3, 2 / 3):
        drawing.rectangle(x, y + height * bar - 0.7, width, 1.4, CREAM)
    drawing.rectangle(x - 6, y + height + 3, width + 12, 4, STONE)


def gable(x: float, width: float, top: float, eaves: float) -> list[tuple[float, float]]:
    """The outline of a stepped gable, down to the eaves."""
    steps = np.linspace(0, width * 0.36, 5)
    heights = np.linspace(eaves, top, 5)
    left = [(x + step, y) for step, here, above in zip(steps, heights, [*heights[1:], top]) for y in (here, above)]
    return left + [(2 * x + width - side, y) for side, y in reversed(left)]


def house(rng: np.random.Generator, drawing: Drawing, x: float, width: float, colour: Paint, sign: str) -> None:
    """A townhouse from its stepped gable down to the shop with its striped awning."""
    eaves, base = rng.uniform(90, 120), drawing.height
    outline = [(x, base), *gable(x, width, eaves - 78, eaves), (x + width, base)]
    drawing.polygon(outline, STONE)
    drawing.polygon([(px, py + 4) if py < base else (px, py) for px, py in outline], brick_wall(rng, drawing, colour))
    drawing.ellipse(x + width / 2, eaves - 34, 11, 11, CREAM)
    drawing.ellipse(x + width / 2, eaves - 34, 8, 8, GLASS)
    columns = 3 if width > 165 else 2
    for row in range(2):
        for column in range(columns):
            middle = x + width * (column + 0.5) / columns
            window(drawing, middle - 16, eaves + 16 + row * 82, 32, 52, rng.choice((0.0, 0.15, 0.8)))
    shop = eaves + 176
    drawing.rectangle(x + 8, shop + 20, width - 16, base - shop - 20, INK)
    drawing.rectangle(x + 14, shop + 52, width - 66, base - shop - 70, (0.95, 0.80, 0.52))
    drawing.rectangle(x + width - 44, shop + 48, 30, base - shop - 48, np.float32(colour) * 0.6)
    for shelf in range(3):
        for item in np.arange(x + 20, x + width - 62, 9):
            tall = rng.uniform(6, 16)
            drawing.rectangle(item, shop + 82 + shelf * 22 - tall, 6, tall, CLOTH[rng.integers(6)])
    drawing.rectangle(x + 8, shop, width - 16, 24, np.float32(colour) * 0.45)
    drawing.text(x + width / 2, shop + 12, sign, 12, CREAM)
    stripes = np.linspace(x + 4, x + width - 4, 15)
    for index, (left, right) in enumerate(pairwise(stripes)):
        paint = CREAM if index % 2 else np.clip(np.float32(colour) * 1.2, 0, 1)
        drawing.polygon([(left + 3, shop + 24), (right + 3, shop + 24), (right, shop + 50), (left, shop + 50)], paint)


def street_front(rng: np.random.Generator) -> Drawing:
    """Eight houses in a row."""
    signs = ("BAKERY", "OLD MAPS", "CAFE LUMEN", "BOOKS", "FLOWERS", "TEA & SPICE", "CLOCKS", "VIOLINS")
    colours = ((0.66, 0.33, 0.26), (0.86, 0.66, 0.38), (0.42, 0.52, 0.50), (0.74, 0.47, 0.40))
    drawing = Drawing(1400, 420)
    x = 0.0
    for index, sign in enumerate(signs):
        width = rng.uniform(160, 182)
        house(rng, drawing, x, width, colours[index % 4], sign)
        x += width
    drawing.shade(1 + 0.05 * fractal(rng, drawing.rgba.shape[:2], 1.2))
    return drawing


def pavement(rng: np.random.Generator) -> Drawing:
    """Cobbles, flatter towards the houses, with two rails."""
    drawing = Drawing(1400, 150)
    y, x = np.indices(drawing.rgba.shape[:2], np.float32) / 2
    row_at = 34 * np.log1p(y / 22)
    row = np.floor(row_at / 3.2)
    cell = 9 + 0.09 * y
    column = (x - 700) / cell + row % 2 / 2
    shade = np.sin(row * 12.9898 + np.floor(column) * 78.233) * 43758.5 % 1
    joint = (row_at / 3.2 % 1 < 0.2) | (column % 1 < 0.12)
    stones = np.where(joint, 0.33, 0.52 + 0.2 * shade)[..., None] * np.float32([1.0, 0.96, 0.90])
    drawing.rectangle(0, 0, 1400, 150, stones.astype(np.float32))
    for rail in (40, 62):
        drawing.rectangle(0, rail, 1400, 4, (0.28, 0.28, 0.30))
        drawing.rectangle(0, rail, 1400, 1.4, (0.80, 0.80, 0.82))
    return drawing


def tram(rng: np.random.Generator) -> Drawing:
    """Line 7 to the harbour."""
    drawing = Drawing(440, 176)
    red, dark = (0.75, 0.16, 0.14), (0.45, 0.09, 0.09)
    for wheel in (70, 118, 322, 370):
        drawing.ellipse(wheel, 160, 15, 15, INK)
        drawing.ellipse(wheel, 160, 6, 6, STONE)
    drawing.polygon([(10, 30), (26, 16), (414, 16), (430, 30), (434, 152), (6, 152)], CREAM)
    drawing.polygon([(8, 92), (432, 92), (434, 152), (6, 152)], red)
    drawing.rectangle(7, 140, 427, 12, dark)
    drawing.rectangle(8, 88, 425, 4, (0.80, 0.62, 0.25))
    for index, x in enumerate(np.arange(62, 380, 46)):
        drawing.rectangle(x, 40, 38, 42, INK)
        drawing.rectangle(x + 2, 42, 34, 38, (0.55, 0.70, 0.76))
        if index % 2:
            drawing.ellipse(x + 19, 62, 7, 8, (0.80, 0.62, 0.50))
            drawing.rectangle(x + 11, 54, 16, 4, CLOTH[rng.integers(6)])
            drawing.polygon([(x + 6, 80), (x + 12, 70), (x + 26, 70), (x + 32, 80)], CLOTH[rng.integers(6)])
    for door in (20, 390):
        drawing.rectangle(door, 40, 30, 100, dark)
        drawing.rectangle(door + 3, 44, 24, 60, (0.50, 0.64, 0.70))
    drawing.rectangle(150, 19, 140, 18, INK)
    drawing.text(220, 28, "7 HARBOUR", 11, (1.0, 0.78, 0.25))
    drawing.text(220, 117, "see more with less  -  city tramways 1909", 9, CREAM)
    drawing.shade(1 + 0.03 * fractal(rng, drawing.rgba.shape[:2], 1.0))
    return drawing


def balloon() -> Drawing:
    """A hot-air balloon of twelve gores."""
    drawing = Drawing(120, 170)
    colours = ((0.84, 0.25, 0.20), (0.96, 0.80, 0.35), (0.25, 0.45, 0.62))
    down = np.linspace(0, 1, 40)
    half = 58 * np.sin(np.pi * np.clip(down * 0.9, 0, 1)) ** 0.62
    for gore in range(12):
        sides = [np.sin(np.pi * (share / 12 - 0.5)) * half + 60 for share in (gore, gore + 1)]
        y = 3 + down * 122
        drawing.polygon([*zip(sides[0], y), *zip(sides[1][::-1], y[::-1])], colours[gore % 3])
    for x in (50, 57, 63, 70):
        drawing.polygon([(x, 122), (x + 1, 122), (60 + (x - 60) * 0.8, 150), (59 + (x - 60) * 0.8, 150)], INK)
    drawing.rectangle(51, 149, 18, 15, (0.55, 0.36, 0.20))
    for row in range(4):
        drawing.rectangle(51, 151 + row * 4, 18, 1, (0.36, 0.22, 0.12))
    return drawing


def tree(rng: np.random.Generator, width: int, height: int) -> Drawing:
    """A trunk and a crown of some thousand leaves, the lit ones on top."""
    drawing = Drawing(width, height)
    middle = width / 2
    drawing.polygon(
        [(middle - 9, height), (middle - 6, 80), (middle + 6, 80), (middle + 11, height)], (0.30, 0.22, 0.17)
    )
    drawing.shade(1 + 0.18 * fractal(rng, drawing.rgba.shape[:2], 0.7))
    boughs = [(0.5, 0.2), (0.3, 0.26), (0.7, 0.27), (0.22, 0.42), (0.5, 0.4), (0.78, 0.43), (0.38, 0.53), (0.64, 0.54)]
    count = 3600
    for index in range(count):
        bough = boughs[rng.integers(len(boughs))]
        angle, far = rng.uniform(0, 2 * np.pi), rng.uniform(0, 1) ** 0.6 * width * 0.2
        x, y = bough[0] * width + np.cos(angle) * far, bough[1] * height + np.sin(angle) * far
        lit = 0.35 + 0.5 * index / count - 0.35 * (y / height - 0.3) + rng.normal(0, 0.06)
        turn, size = rng.uniform(0, np.pi), rng.uniform(3, 6)
        along = np.array([np.cos(turn), np.sin(turn)]) * size
        across = np.array([-along[1], along[0]]) * 0.45
        outline = np.add((x, y), (along, across, -along, -across))
        drawing.polygon(list(outline), (0.42 * lit + 0.05, 0.74 * lit, 0.20 * lit))
    return drawing


def poster(rng: np.random.Generator) -> Drawing:
    """An advertising pillar with a concert bill in small print."""
    drawing = Drawing(170, 420)
    drawing.ellipse(85, 40, 80, 34, (0.16, 0.30, 0.26))
    drawing.rectangle(2, 36, 166, 16, (0.12, 0.24, 0.21))
    drawing.rectangle(10, 52, 150, 368, (0.40, 0.42, 0.38))
    drawing.rectangle(18, 64, 134, 190, (0.95, 0.90, 0.76))
    drawing.text(85, 84, "CONCERT", 17, (0.62, 0.12, 0.12))
    for row, words in enumerate(
        ("Saturday, 9 June, at eight", "Ravel: Jeux d'eau", "Debussy: La Mer", "Satie: Je te veux")
    ):
        drawing.text(85, 108 + row * 14, words, 7, INK)
    for ring in range(14, 0, -1):
        drawing.ellipse(85, 205, 3 * ring, 3 * ring, ((0.62, 0.12, 0.12), (0.95, 0.90, 0.76))[ring % 2])
    drawing.rectangle(18, 264, 134, 150, (0.18, 0.32, 0.50))
    drawing.text(85, 288, "LIGHT FIELDS", 12, (1.0, 0.85, 0.45))
    for row, share in enumerate(np.linspace(0.2, 1, 9)):
        drawing.rectangle(28 + row * 13, 400 - 90 * share, 8, 90 * share, (1.0, 0.85 - 0.06 * row, 0.45 - 0.03 * row))
    drawing.shade(1 + 0.04 * fractal(rng, drawing.rgba.shape[:2], 1.0))
    return drawing


def street(rng: np.random.Generator) -> Scene:
    """A tram passes a row of shops while the camera walks along."""
    planes = (
        sky(rng, (0.36, 0.58, 0.80), (0.95, 0.90, 0.80), (1.0, 0.98, 0.95), 0.75),
        balloon().at(506, 66, 11, (2.6, -0.5), scale=0.72, turn=Path((0, 0, 0.04), sway=(0, 0, 0.05), rate=0.15)),
        street_front(rng).at(540, 258, 6),
        pavement(rng).at(540, 530, 5.2),
        tram(rng).at(860, 412, 4.6, (-12, 0), sway=(0, 0.8, 0), rate=1.1),
        tree(rng, 300, 520).at(150, 330, 3.4, turn=Path((0, 0, 0), sway=(0, 0, 0.012), rate=0.25)),
        poster(rng).at(900, 400, 2.9),
    )
    camera = Camera(Path((0, 0, 0), (0.012, 0, 0.004)), Path((0, 0, 0), sway=(0.001, 0, 0.003), rate=0.2))
    return Scene(planes, camera)


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


@dataclass(frozen=True)
class Moment:
    """One frame of the clip, as float32 [3,544,960] in [0,1]."""

    index: int
    pixels: np.ndarray

    @property
    def is_reference(self) -> bool:
        return self.index % EVERY == 0 or self.index == CUT


def film(seed: int) -> Iterator[Moment]:
    """The clip, frame by frame: the street, then the harbour."""
    rng = np.random.default_rng(seed)
    before, after = street(rng), harbour(rng)
    for index in range(FRAMES):
        scene, time = (before, index) if index < CUT else (after, index - CUT)
        yield Moment(index, render(scene, time, SIZE))


def add_track(target: av.container.OutputContainer, size: Size, crf: int) -> av.VideoStream:
    """An H.264 track, BT.709 limited, whose time stamps need not be regular."""
    track = target.add_stream("libx264", rate=RATE)
    track.width, track.height, track.pix_fmt = size.width, size.height, "yuv420p"
    track.options = {"crf": str(crf), "preset": "veryslow", "bf": "0"}
    track.time_base = track.codec_context.time_base = TICK
    track.codec_context.colorspace = Colorspace.ITU709
    track.codec_context.color_primaries = ColorPrimaries.BT709
    track.codec_context.color_trc = ColorTrc.BT709
    track.codec_context.color_range = ColorRange.MPEG
    return track


def picture(pixels: np.ndarray) -> av.VideoFrame:
    """8-bit RGB as a frame."""
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(to_uint8(pixels).transpose(1, 2, 0)), format="rgb24")


def write_picture(
    target: av.container.OutputContainer, track: av.VideoStream, moment: Moment, pixels: np.ndarray
) -> None:
    frame = picture(pixels).reformat(
        format="yuv420p",
        dst_colorspace=Colorspace.ITU709,  # without it the planes are BT.601, whatever the tags say
        dst_color_range=ColorRange.MPEG,
        interpolation="BICUBIC",
    )
    frame.pts, frame.time_base = moment.index * int(1 / TICK / RATE), TICK
    target.mux(track.encode(frame))


def write_tone(target: av.container.OutputContainer, track: av.AudioStream) -> None:
    """A quiet chord that fades in and out, as long as the clip."""
    rate = 44100
    time = np.arange(rate * FRAMES // RATE) / rate
    chord = sum(np.sin(2 * np.pi * pitch * time) for pitch in (220, 277.18, 329.63))
    sound = (0.05 * chord * np.sin(np.pi * time / time[-1])).astype(np.float32)
    for start in range(0, sound.size, 1024):
        frame = av.AudioFrame.from_ndarray(sound[None, start : start + 1024], format="fltp", layout="mono")
        frame.rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        target.mux(track.encode(frame))


def write_example(output: FilePath, truth: FilePath | None, seed: int) -> None:
    """Render the clip once and write the two-track file and, where wanted, the ground truth."""
    with av.open(str(output), "w") as target, GroundTruth(truth) as ground_truth:
        low = add_track(target, Size(SIZE.width // 4, SIZE.height // 4), crf=14)
        low.disposition = Disposition.default
        high = add_track(target, SIZE, crf=16)
        audio = target.add_stream("aac", rate=44100, layout="mono", bit_rate=48000)
        for moment in film(seed):
            write_picture(target, low, moment, degrade(moment.pixels))
            if moment.is_reference:
                write_picture(target, high, moment, moment.pixels)
            ground_truth.write(moment)
        write_tone(target, audio)
        for track in (low, high, audio):
            target.mux(track.encode(None))


class GroundTruth:
    """Every frame as lossless FFV1, RGB; writes nothing where no path is given."""

    def __init__(self, path: FilePath | None) -> None:
        self.target = av.open(str(path), "w") if path else None
        if self.target:
            self.track = self.target.add_stream("ffv1", rate=RATE)
            self.track.width, self.track.height, self.track.pix_fmt = *SIZE, "bgr0"

    def __enter__(self) -> "GroundTruth":
        return self

    def write(self, moment: Moment) -> None:
        if self.target:
            frame = picture(moment.pixels).reformat(format="bgr0")
            frame.pts, frame.time_base = moment.index, Fraction(1, RATE)
            self.target.mux(self.track.encode(frame))

    def __exit__(self, *error: object) -> None:
        if self.target:
            self.target.mux(self.track.encode(None))
            self.target.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=FilePath, default=FilePath(__file__).with_name("in.mp4"))
    parser.add_argument("--ground-truth", type=FilePath, metavar="PATH", help="also write every frame at 960x544, FFV1")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    write_example(options.output, options.ground_truth, options.seed)


if __name__ == "__main__":
    main()
