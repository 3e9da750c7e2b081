"""Textured planes moving in 3-D before a moving pinhole camera, with exact flow: ground truth that needs no download.

World: x right, y down, z away from the camera, in units of one picture width seen at depth 1 with focal length 1.
A plane carries its own coordinates (a, b) in [-1,1]: a to its right, b downwards. Pixel centres are integers, so a
picture spans -0.5 .. width - 0.5. Planes are painted in the order the scene lists them, the farthest first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from .frames import Size
from .textures import SILHOUETTES, Surface, random_texture, silhouette

Vector = Sequence[float] | np.ndarray
_FINE = 2  # samples per pixel and axis
_NEAR = 0.05  # a plane that comes closer to the camera than this is not drawn


@dataclass(frozen=True)
class Path:
    """A vector over time: start + velocity * t + sway * sin(rate * t + phase)."""

    start: Vector
    velocity: Vector | float = 0.0
    sway: Vector | float = 0.0
    rate: float = 0.0
    phase: float = 0.0

    def at(self, time: float) -> np.ndarray:
        """Its value at `time`, float64 of the length of `start`."""
        swing = np.sin(self.rate * time + self.phase)
        return np.asarray(self.start, float) + np.multiply(self.velocity, time) + np.multiply(self.sway, swing)


@dataclass(frozen=True, eq=False)
class Texture:
    """What a plane looks like: premultiplied RGBA, float32 [h,w,4] in [0,1]; alpha is its silhouette."""

    pixels: np.ndarray

    @classmethod
    def of(cls, rgb: np.ndarray, alpha: np.ndarray | None = None) -> "Texture":
        """From float [h,w,3] in [0,1] and a silhouette [h,w] in [0,1]; without one the whole rectangle is opaque."""
        alpha = np.ones(rgb.shape[:2]) if alpha is None else alpha
        return cls(np.dstack([rgb * alpha[..., None], alpha]).astype(np.float32))

    @cached_property
    def levels(self) -> list[np.ndarray]:
        """The mip pyramid: each level is the area average of the one before, down to about 8 texels."""
        levels = [self.pixels]
        while min(levels[-1].shape[:2]) >= 16:
            height, width = levels[-1].shape[:2]
            levels.append(cv2.resize(levels[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA))
        return levels

    @cached_property
    def alpha(self) -> np.ndarray:
        """The silhouette alone, float32 [h,w]."""
        return np.ascontiguousarray(self.pixels[..., 3])


@dataclass(frozen=True, eq=False)
class Plane:
    """A rectangle in the world that moves rigidly; `endless` goes on beyond its edges, mirrored, as a background must.

    half_size: half width and half height in world units. position: of its centre. turn: rotation vector, radians;
    without one it faces along z.
    """

    texture: Texture
    half_size: tuple[float, float]
    position: Path
    turn: Path = Path((0, 0, 0))
    endless: bool = False

    def to_world(self, time: float) -> np.ndarray:
        """Matrix [3,3]: (a, b, 1) -> world (x, y, z)."""
        axes = _rotation(self.turn.at(time))
        return np.column_stack([*(axes[:, :2] * self.half_size).T, self.position.at(time)])

    @property
    def border(self) -> int:
        return cv2.BORDER_REFLECT if self.endless else cv2.BORDER_CONSTANT


@dataclass(frozen=True, eq=False)
class Camera:
    """A pinhole: focal length in picture widths, times exp(zoom); turn is a rotation vector in radians.

    baseline: how far the camera moves right (down) for one column (row) of a light field, in world units.
    focus: depth of what stays in its place from view to view; infinite: cameras are parallel.
    """

    position: Path = Path((0, 0, 0))
    turn: Path = Path((0, 0, 0))
    zoom: Path = Path((0,))
    focal: float = 1.0
    baseline: float = 0.006
    focus: float = np.inf

    def projection(self, plane: Plane, time: float, size: Size, view: tuple[float, float]) -> np.ndarray:
        """Homography [3,3]: the plane's (a, b, 1) -> (x * depth, y * depth, depth) in pixels of a picture of `size`."""
        axes = _rotation(self.turn.at(time))
        centre = self.position.at(time) + axes @ (view[1] * self.baseline, view[0] * self.baseline, 0)
        seen = plane.to_world(time)
        seen[:, 2] -= centre
        scale = size.width * self.focal * np.exp(self.zoom.at(time)[0])
        across, down = (steps * self.baseline * scale / self.focus for steps in (view[1], view[0]))
        lens = np.array(
            [[scale, 0, (size.width - 1) / 2 + across], [0, scale, (size.height - 1) / 2 + down], [0, 0, 1]]
        )
        return lens @ axes.T @ seen


@dataclass(frozen=True, eq=False)
class Scene:
    """Planes, the farthest first (the first must be endless), a camera, and log of the exposure over time."""

    planes: tuple[Plane, ...]
    camera: Camera = Camera()
    exposure: Path = Path((0,))

    def projections(self, time: float, size: Size, view: tuple[float, float]) -> list[np.ndarray]:
        """One homography for each plane, see `Camera.projection`."""
        return [self.camera.projection(plane, time, size, view) for plane in self.planes]


def render(scene: Scene, time: float, size: Size, *, view: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """The picture at `time`: float32 [3,H,W] RGB in [0,1], antialiased.

    view: (row, column) offset of the camera in a light field, in steps of its baseline; things move left (up) as the
    column (row) grows, the nearer the more.
    """
    fine = size.scaled(_FINE)
    canvas = np.zeros((fine.height, fine.width, 4), np.float32)
    for plane, projection in zip(scene.planes, scene.projections(time, fine, view)):
        if _in_front(plane, projection):
            _paint(canvas, plane, projection)
    pixels = cv2.resize(canvas, size, interpolation=cv2.INTER_AREA)[..., :3]
    gain = np.float32(np.exp(scene.exposure.at(time)[0]))
    return np.ascontiguousarray(np.clip(pixels * gain, 0, 1).transpose(2, 0, 1))


def flow(
    scene: Scene,
    time_from: float,
    time_to: float,
    size: Size,
    *,
    view_from: tuple[float, float] = (0.0, 0.0),
    view_to: tuple[float, float] = (0.0, 0.0),
) -> tuple[np.ndarray, np.ndarray]:
    """Where the surface point at each pixel centre of one picture is in another picture of the same size.

    Returns (dx, dy) as float32 [H,W,2] in pixels: the point at (x, y) is at (x + dx, y + dy) in the other picture;
    and bool [H,W]: the point is inside the other picture and nothing hides it there.
    """
    pixels = np.dstack(np.meshgrid(np.arange(size.width, dtype=np.float32), np.arange(size.height, dtype=np.float32)))
    start = scene.projections(time_from, size, view_from)
    end = scene.projections(time_to, size, view_to)
    surface = np.zeros(pixels.shape[:2], int)
    for index, (plane, projection) in enumerate(zip(scene.planes, start)):
        surface[_covers(plane, projection, pixels)] = index
    target = np.zeros_like(pixels)
    visible = np.zeros(surface.shape, bool)
    for index in np.unique(surface):
        here = surface == index
        target[here] = _apply(end[index] @ np.linalg.inv(start[index]), pixels[here])
        visible[here] = _in_front(scene.planes[index], end[index])
    visible &= ((target >= -0.5) & (target <= np.subtract(size, 0.5))).all(-1)
    for index, (plane, projection) in enumerate(zip(scene.planes, end)):
        visible &= (surface >= index) | ~_covers(plane, projection, target)
    return target - pixels, visible


def random_scene(
    rng: np.random.Generator,
    *,
    motion: float = 1.0,
    planes: tuple[int, int] = (3, 8),
    exposure_change: float = 0.0,
    width: int = 512,
    texture: Surface = random_texture,
) -> Scene:
    """Patches of all kinds crossing before a background.

    motion: 1 moves things by about 1 to 6 pixels per unit of time in a picture of `width`, 0 moves nothing.
    planes: least and most patches before the background. exposure_change: largest change of log exposure.
    width:  the picture width for which textures carry detail up to the pixel limit.
    texture: what surfaces are covered with.
    """
    depths = np.sort(rng.uniform(1.8, 4.6, rng.integers(planes[0], planes[1] + 1)))[::-1]
    speed = motion / width  # one pixel per unit of time, at depth 1
    patches = [_random_patch(rng, depth, speed, width, texture) for depth in depths]
    camera = Camera(
        position=_random_path(rng, (0, 0, 0), speed * 8 * np.array([1.2, 0.8, 1])),
        turn=_random_path(rng, (0, 0, 0), speed * np.array([0.5, 0.5, 1])),
        zoom=_random_path(rng, (0,), speed * np.ones(1)),
        baseline=1.8 * 2 / width,
    )
    exposure = Path((0,), sway=exposure_change, rate=rng.uniform(0.05, 0.5), phase=rng.uniform(0, 6.28))
    return Scene((_random_background(rng, width, texture), *patches), camera, exposure)


def _rotation(vector: np.ndarray) -> np.ndarray:
    return cv2.Rodrigues(np.asarray(vector, float))[0]


def _apply(homography: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points [...,2] through a homography."""
    mapped = cv2.perspectiveTransform(points.reshape(-1, 1, 2).astype(np.float64), homography)
    return mapped.reshape(points.shape).astype(np.float32)


def _in_front(plane: Plane, projection: np.ndarray) -> bool:
    """Does the whole plane lie before the camera? An endless one always counts as if."""
    depth_a, depth_b, depth = projection[2]
    return plane.endless or depth - abs(depth_a) - abs(depth_b) > _NEAR


def _to_texels(shape: tuple[int, ...]) -> np.ndarray:
    """Matrix [3,3]: a plane's (a, b, 1) -> (x, y, 1) in texels of a texture level of this shape."""
    height, width = shape[:2]
    return np.array([[width / 2, 0, (width - 1) / 2], [0, height / 2, (height - 1) / 2], [0, 0, 1]])


def _covers(plane: Plane, projection: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Bool [H,W]: is the plane's silhouette at these picture positions [H,W,2]? Says nothing of planes before it."""
    if plane.endless or not _in_front(plane, projection):
        return np.full(points.shape[:2], plane.endless)
    texels = _apply(_to_texels(plane.texture.alpha.shape) @ np.linalg.inv(projection), points)
    x, y = texels[..., 0], texels[..., 1]
    return cv2.remap(plane.texture.alpha, x, y, cv2.INTER_LINEAR, borderMode=plane.border) > 0.5


def _paint(canvas: np.ndarray, plane: Plane, projection: np.ndarray) -> None:
    """Lay a plane over the part of the canvas [H,W,4] that it touches."""
    left, top, right, bottom = _box(canvas.shape, plane, projection)
    if left >= right or top >= bottom:
        return
    from_box = np.linalg.inv(projection) @ np.array([[1, 0, left], [0, 1, top], [0, 0, 1.0]])
    patch = _sample(plane, from_box, (right - left, bottom - top))
    part = canvas[top:bottom, left:right]
    if not plane.endless:
        patch += part * (1 - patch[..., 3:])
    part[...] = patch


def _box(shape: tuple[int, ...], plane: Plane, projection: np.ndarray) -> tuple[int, int, int, int]:
    """Left, top, right, bottom (exclusive) of what the plane can touch."""
    height, width = shape[:2]
    if plane.endless:
        return 0, 0, width, height
    corners = _apply(projection, np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float32))
    left, top = np.clip(np.floor(corners.min(0)) - 2, 0, (width, height)).astype(int)
    right, bottom = np.clip(np.ceil(corners.max(0)) + 3, 0, (width, height)).astype(int)
    return left, top, right, bottom


def _sample(plane: Plane, from_box: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The plane's texture at each pixel of a box of this (width, height), between the two fitting mip levels."""
    levels = plane.texture.levels
    shrink = _shrinking(_to_texels(levels[0].shape) @ from_box, np.array([size[0] / 2, size[1] / 2]))
    level = float(np.clip(np.log2(shrink), 0, len(levels) - 1))
    sharper = _look_up(plane, levels[int(level)], from_box, size)
    if level == int(level):
        return sharper
    blunter = _look_up(plane, levels[int(level) + 1], from_box, size)
    return cv2.addWeighted(sharper, 1 - level % 1, blunter, level % 1, 0)


def _look_up(plane: Plane, level: np.ndarray, from_box: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpPerspective(level, _to_texels(level.shape) @ from_box, size, flags=how, borderMode=plane.border)


def _shrinking(homography: np.ndarray, point: np.ndarray) -> float:
    """How many units a homography steps, on average over directions, for one unit at `point` [2]."""
    *mapped, depth = homography @ (*point, 1)
    jacobian = (homography[:2, :2] - np.outer(mapped, homography[2, :2]) / depth) / depth
    return np.sqrt(abs(np.linalg.det(jacobian)))


def _random_path(rng: np.random.Generator, start: Vector, speed: np.ndarray) -> Path:
    """Drifts and swings, each with up to `speed` per unit of time."""
    rate = rng.uniform(0.06, 0.25)
    drift, swing = rng.uniform(-1, 1, (2, len(speed))) * speed
    return Path(start, drift, swing / rate, rate, rng.uniform(0, 6.28))


def _random_patch(rng: np.random.Generator, depth: float, speed: float, width: int, texture: Surface) -> Plane:
    """A patch at `depth` of a tenth to half the picture's width."""
    half = depth * np.exp(rng.uniform(np.log(0.05), np.log(0.25))) * np.exp(rng.uniform(-0.4, 0.4) * np.array([1, -1]))
    across, down = (2 * half / depth * width * rng.uniform(0.9, 1.6)).astype(int)
    shape = (int(down), int(across))
    look = Texture.of(texture(rng, shape), silhouette(rng.choice(SILHOUETTES), rng, shape))
    place = rng.uniform(-0.45, 0.45, 2) * depth
    position = _random_path(rng, (*place, depth), depth * speed * np.array([4, 3, 0.5]))
    turn = _random_path(rng, rng.uniform(-0.4, 0.4, 3), speed * np.array([2, 2, 4]))
    return Plane(look, (half[0], half[1]), position, turn)


def _random_background(rng: np.random.Generator, width: int, texture: Surface) -> Plane:
    depth = 6.0
    side = int(1.4 * width * rng.uniform(0.9, 1.4))
    look = Texture.of(texture(rng, (side, side)))
    turn = (*rng.uniform(-0.15, 0.15, 2), rng.uniform(-0.5, 0.5))
    return Plane(look, (0.7 * depth, 0.7 * depth), Path((0, 0, depth)), Path(turn), endless=True)
