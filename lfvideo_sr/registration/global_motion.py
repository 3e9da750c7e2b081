"""How a picture as a whole is moved against a frame: the affine transform, by features, then by Gauss-Newton.

A transform is float64 [3,3] in homogeneous coordinates and takes (x, y) in output pixels of the frame's geometry, where
low-resolution pixel i is at 4*i + 1.5, to (x, y) in pixels of the picture.
"""

from collections.abc import Callable

import cv2
import numpy as np

from ..camera.colour_transfer import tukey
from ..camera.kernels import SCALE
from ..frames import Size

_FEATURES = 1200
_SURE = 12  # features that agree on a transform, below which it is chance
_RATIO = 0.8  # of the best match's distance to the second best's
_AGREE = 2.0  # low-resolution pixels
_MARGIN = 3  # low-resolution pixels at each side that are not compared
_SETTLED = 0.01  # low-resolution pixels
_LEAST_SHARE = 0.1  # of a frame that has to be compared

FROM_LOW = np.array([[SCALE, 0, (SCALE - 1) / 2], [0, SCALE, (SCALE - 1) / 2], [0, 0, 1]], np.float64)
TO_LOW = np.linalg.inv(FROM_LOW)
# Of a transform: the picture's luma as the frame would show it, and where it shows any.
Warp = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def stretched(size: Size, onto: Size) -> np.ndarray:
    """The transform that spreads the whole of a picture of `size` over a frame of output size `onto`."""
    across, down = size.width / onto.width, size.height / onto.height
    return np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2], [0, 0, 1]])


def centred(size: Size, onto: Size) -> np.ndarray:
    """The same without stretching: one side fits, and of the other as much is left over at either end."""
    ratio = min(size.width / onto.width, size.height / onto.height)
    middle = [(side - ratio * other + ratio - 1) / 2 for side, other in zip(size, onto)]
    return np.array([[ratio, 0, middle[0]], [0, ratio, middle[1]], [0, 0, 1]])


def by_features(frame: np.ndarray, picture: np.ndarray) -> np.ndarray | None:
    """The similarity [3,3] from pixels of frame [h,w] to those of a picture of about the same scale, uint8 lumas each;
    None where too few features agree on one."""
    orb, sift = cv2.ORB.create(_FEATURES, fastThreshold=7), cv2.SIFT.create(_FEATURES)
    for finder, norm in ((orb, cv2.NORM_HAMMING), (sift, cv2.NORM_L2)):
        (points, words), (others, other_words) = (finder.detectAndCompute(luma, None) for luma in (frame, picture))
        if words is None or other_words is None or len(points) < _SURE or len(others) < _SURE:
            continue
        pairs = [two for two in cv2.BFMatcher(norm).knnMatch(words, other_words, 2) if len(two) == 2]
        good = [first for first, second in pairs if first.distance < _RATIO * second.distance]
        if len(good) < _SURE:
            continue
        source = np.array([points[match.queryIdx].pt for match in good], np.float32)
        target = np.array([others[match.trainIdx].pt for match in good], np.float32)
        transform, inliers = cv2.estimateAffinePartial2D(source, target, ransacReprojThreshold=_AGREE, maxIters=1000)
        if transform is not None and inliers.sum() >= max(_SURE, 0.2 * len(good)):
            return np.concatenate([transform, [[0, 0, 1]]])
    return None


def by_phase(frame: np.ndarray, picture: np.ndarray) -> np.ndarray:
    """The shift [3,3] from pixels of frame to those of a picture of the same size, float32 lumas [h,w], by phase
    correlation."""
    window = cv2.createHanningWindow((frame.shape[1], frame.shape[0]), cv2.CV_32F)
    (across, down), _ = cv2.phaseCorrelate(frame, picture, window)
    return np.array([[1, 0, across], [0, 1, down], [0, 0, 1]])


def refined(frame: np.ndarray, warp: Warp, transform: np.ndarray, blurs: tuple[float, ...], rounds: int) -> np.ndarray:
    """Gauss-Newton on the luma of a frame [h,w], in its gain and offset as well; places that do not fit (something
    moved) count for nothing in the end.

    warp:  gives the picture's luma [h,w] under a transform, and where it shows anything, bool [h,w].
    blurs: both are blurred by so many low-resolution pixels first, at most `rounds` steps each.
    """
    for blur in blurs:
        seen = _blurred(frame, blur)
        for _ in range(rounds):
            luma, inside = warp(transform)
            step = _step(seen, _blurred(luma, blur), inside)
            if step is None:
                return transform
            transform = transform @ FROM_LOW @ step @ TO_LOW
            if _reach(step, frame.shape) < _SETTLED:
                break
    return transform


def _blurred(luma: np.ndarray, blur: float) -> np.ndarray:
    return cv2.GaussianBlur(luma, (0, 0), blur) if blur else luma


def _step(frame: np.ndarray, luma: np.ndarray, inside: np.ndarray) -> np.ndarray | None:
    """The affine step [3,3], low-resolution pixels, that brings `luma` to `frame`; None where they hardly overlap."""
    height, width = frame.shape
    use = inside.copy()
    use[:_MARGIN] = use[-_MARGIN:] = use[:, :_MARGIN] = use[:, -_MARGIN:] = False
    if use.mean() < _LEAST_SHARE:
        return None
    down, across = (gradient[use] for gradient in gradients(luma))
    y, x = np.nonzero(use)
    half = max(height, width) / 2
    x, y = ((position - side / 2).astype(np.float32) / np.float32(half) for position, side in ((x, width), (y, height)))
    levels, target = luma[use], frame[use]
    columns = np.stack([across * x, across * y, across, down * x, down * y, down, levels, np.ones_like(levels)], 1)
    weights = tukey(np.abs(target - _level(levels, target)))
    solution = np.zeros(8)
    for _ in range(2):
        weighted = columns * weights[:, None]
        square = (weighted.T @ columns).astype(np.float64)
        square += 1e-7 * np.diag(np.diag(square) + 1e-9)
        solution = np.linalg.solve(square, (weighted.T @ target).astype(np.float64))
        weights = tukey(np.abs(target - columns @ solution.astype(np.float32)))
    moved = solution[:6].reshape(2, 3) / max(solution[6], 0.1)
    moved = np.clip(moved, -half / 4, half / 4)
    to_unit = np.array([[1 / half, 0, -width / 2 / half], [0, 1 / half, -height / 2 / half], [0, 0, 1]])
    return np.eye(3) + np.concatenate([moved @ to_unit, np.zeros((1, 3))])


def gradients(luma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of luma [h,w] along y and x, per pixel, by central differences."""
    return cv2.Sobel(luma, cv2.CV_32F, 0, 1, ksize=1, scale=0.5), cv2.Sobel(luma, cv2.CV_32F, 1, 0, ksize=1, scale=0.5)


def _level(levels: np.ndarray, target: np.ndarray) -> np.ndarray:
    """`levels` brought to the mean and spread of `target`."""
    return (levels - levels.mean()) * (target.std() / max(float(levels.std()), 1e-6)) + target.mean()


def _reach(step: np.ndarray, shape: tuple[int, ...]) -> float:
    """How far a step moves the corner that it moves most, in low-resolution pixels."""
    height, width = shape
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], np.float64).T
    return float(np.abs((step @ corners - corners)[:2]).max())
