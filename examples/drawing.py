"""A canvas to paint pictures on that hang in a rendered scene, and the sky behind them."""

import cv2
import numpy as np

from lfvideo_sr.frames import Size
from lfvideo_sr.synthetic import Path, Plane, Texture
from lfvideo_sr.textures import fractal

SIZE = Size(960, 544)  # of the finished picture

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
