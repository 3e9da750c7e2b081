"""The first scene of the example: a tram passes a row of shops."""

from itertools import pairwise

import numpy as np
from drawing import CLOTH, CREAM, GLASS, INK, STONE, Drawing, Paint, blend, sky

from lfvideo_sr.synthetic import Camera, Path, Scene
from lfvideo_sr.textures import fractal


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
