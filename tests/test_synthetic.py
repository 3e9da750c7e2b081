"""The renderer: its flow is checked against its own pictures, which share no code with it but the projection."""

import cv2
import numpy as np
import pytest

from lfvideo_sr.frames import Size
from lfvideo_sr.synthetic import Camera, Path, Plane, Scene, Texture, flow, random_scene, render
from lfvideo_sr.textures import SILHOUETTES, TEXTURES, random_texture, silhouette

SIZE = Size(256, 192)
SEEDS = (0, 1, 2, 3)


def scene_of(seed: int, **options) -> Scene:
    return random_scene(np.random.default_rng(seed), width=SIZE.width, **options)


def warp_back(picture: np.ndarray, displacement: np.ndarray) -> np.ndarray:
    """[3,H,W] fetched at each pixel's position + displacement [H,W,2]."""
    height, width = displacement.shape[:2]
    grid = np.dstack(np.meshgrid(np.arange(width), np.arange(height))).astype(np.float32)
    fetched = cv2.remap(picture.transpose(1, 2, 0), grid + displacement, None, cv2.INTER_CUBIC)
    return fetched.transpose(2, 0, 1)


def eroded(mask: np.ndarray) -> np.ndarray:
    """Without the pixels at its border, which show two surfaces at once."""
    return cv2.erode(mask.astype(np.uint8), np.ones((5, 5)), borderValue=1) > 0


def away_from_edges(displacement: np.ndarray) -> np.ndarray:
    """Pixels whose neighbours move like them, bool [H,W]."""
    jump = np.abs(np.diff(displacement, axis=1, prepend=displacement[:, :1])).max(-1)
    jump = np.maximum(jump, np.abs(np.diff(displacement, axis=0, prepend=displacement[:1])).max(-1))
    return eroded(jump < 0.1)


def two_patches(speed: float) -> Scene:
    """A patch of noise before a background of other noise, moving right by `speed` pixels per unit of time."""
    rng = np.random.default_rng(5)
    background = Plane(Texture.of(rng.random((400, 400, 3))), (4, 4), Path((0, 0, 4)), endless=True)
    near = Texture.of(rng.random((64, 64, 3)))
    patch = Plane(near, (0.25, 0.25), Path((0, 0, 2), velocity=(2 * speed / SIZE.width, 0, 0)))
    return Scene((background, patch), Camera(baseline=4 / SIZE.width))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("times", [(0, 1), (7, 3)])
def test_flow_explains_the_other_picture(seed, times):
    scene = scene_of(seed, motion=2)
    here, there = (render(scene, time, SIZE) for time in times)
    displacement, visible = flow(scene, *times, SIZE)
    sure = eroded(visible) & away_from_edges(displacement)
    error = np.abs(warp_back(there, displacement) - here)[:, sure].mean()
    still = np.abs(there - here)[:, sure].mean()
    assert sure.mean() > 0.3
    assert error < 0.02
    assert error < 0.25 * still


@pytest.mark.parametrize("seed", SEEDS)
def test_flow_there_and_back_cancels(seed):
    scene = scene_of(seed)
    there, seen = flow(scene, 2, 5, SIZE)
    back, seen_back = flow(scene, 5, 2, SIZE)
    height, width = seen.shape
    target = np.dstack(np.meshgrid(np.arange(width), np.arange(height))) + there
    x, y = np.clip(np.rint(target).astype(int), 0, np.subtract(SIZE, 1)).transpose(2, 0, 1)
    sure = eroded(seen) & seen_back[y, x] & away_from_edges(there)
    assert np.abs(there + back[y, x])[sure].mean() < 0.02  # the nearest pixel of a smooth flow stands for the point


def test_flow_of_a_known_motion():
    displacement, visible = flow(two_patches(speed=3), 0, 2, SIZE)
    middle = displacement[96, 128]
    assert np.allclose(middle, (6, 0), atol=1e-4)
    assert np.allclose(displacement[5, 5], 0, atol=1e-4)
    assert visible[96, 128]


def test_hidden_points_do_not_match():
    scene = two_patches(speed=5)
    displacement, visible = flow(scene, 0, 2, SIZE)
    inside = np.zeros_like(visible)
    inside[8:-8, 8:-8] = True
    hidden = eroded(~visible & inside)
    error = np.abs(warp_back(render(scene, 2, SIZE), displacement) - render(scene, 0, SIZE)).mean(0)
    assert hidden.sum() > 100
    assert np.abs(displacement[hidden]).max() < 1e-4  # the background that the patch runs over
    assert error[hidden].mean() > 10 * error[eroded(visible)].mean()


def test_points_that_leave_the_picture_are_not_visible():
    _, visible = flow(two_patches(speed=70), 0, 2, SIZE)
    assert not visible[96, 128]


def test_near_things_move_left_and_up_as_the_view_grows():
    scene = two_patches(speed=0)
    displacement, _ = flow(scene, 0, 0, SIZE, view_to=(1, 2))
    assert np.allclose(displacement[96, 128], (-4, -2), atol=1e-4)  # depth 2: two pixels per step
    assert np.allclose(displacement[5, 5], (-2, -1), atol=1e-4)
    moved = render(scene, 0, SIZE, view=(1, 2))
    assert np.abs(moved[:, 80:100, 100:140] - render(scene, 0, SIZE)[:, 82:102, 104:144]).max() < 1e-3


@pytest.mark.parametrize("seed", SEEDS)
def test_disparity_of_random_scenes(seed):
    displacement, _ = flow(scene_of(seed), 0, 0, SIZE, view_to=(1, 1))
    assert displacement.max() < 0
    assert -2.5 < displacement.min() < -0.8


@pytest.mark.parametrize("seed", SEEDS)
def test_typical_motion(seed):
    displacement, _ = flow(scene_of(seed), 0, 1, SIZE)
    low, high = np.percentile(np.linalg.norm(displacement, axis=-1), (50, 99))
    assert low > 0.2
    assert 1 < high < 12


def test_no_motion_stands_still():
    scene = scene_of(0, motion=0)
    assert np.array_equal(render(scene, 0, SIZE), render(scene, 9, SIZE))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_small_render_is_the_average_of_a_large_one(seed):
    scene = scene_of(seed)
    large = render(scene, 1, SIZE.scaled(2))
    small = render(scene, 1, SIZE)
    average = large.reshape(3, SIZE.height, 2, SIZE.width, 2).mean((2, 4))
    assert -10 * np.log10(np.mean((small - average) ** 2)) > 40


def test_fine_stripes_far_below_a_pixel_turn_grey():
    stripes = np.zeros((1024, 1024, 3))
    stripes[:, ::2] = 1
    scene = Scene((Plane(Texture.of(stripes), (1, 1), Path((0, 0, 2)), Path((0, 0, 0.3)), endless=True),))
    assert np.abs(render(scene, 0, Size(64, 64)) - 0.5).max() < 0.02


def test_pictures_are_float32_rgb_between_0_and_1():
    picture = render(scene_of(1, exposure_change=0.8), 3, SIZE)
    displacement, visible = flow(scene_of(1), 0, 1, SIZE)
    assert picture.dtype == np.float32 and picture.shape == (3, 192, 256) and picture.flags.c_contiguous
    assert picture.min() >= 0 and picture.max() <= 1
    assert displacement.dtype == np.float32 and displacement.shape == (192, 256, 2)
    assert visible.dtype == bool and visible.shape == (192, 256)


def test_exposure_changes_over_time():
    scene = scene_of(1, motion=0, exposure_change=0.5)
    levels = [render(scene, time, SIZE).mean() for time in range(0, 60, 3)]
    assert max(levels) > 1.5 * min(levels)


def test_a_seed_tells_the_whole_scene():
    first, again, other = (render(scene_of(seed), 4, SIZE) for seed in (7, 7, 8))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_number_of_planes():
    assert len(scene_of(0, planes=(2, 2)).planes) == 3


def test_a_plane_behind_the_camera_is_not_drawn():
    scene = two_patches(speed=0)
    behind = Plane(scene.planes[1].texture, (1, 1), Path((0, 0, -1)))
    with_it = Scene((*scene.planes, behind), scene.camera)
    assert np.array_equal(render(with_it, 0, SIZE), render(scene, 0, SIZE))
    assert np.array_equal(flow(with_it, 0, 1, SIZE)[1], flow(scene, 0, 1, SIZE)[1])


@pytest.mark.parametrize("name", TEXTURES)
def test_textures_have_contrast(name):
    rgb = TEXTURES[name](np.random.default_rng(3), (60, 90))
    assert rgb.shape == (60, 90, 3) and rgb.dtype == np.float32
    assert rgb.min() >= 0 and rgb.max() <= 1 and rgb.std() > 0.01


def test_random_texture_stays_in_range():
    for seed in range(12):
        rgb = random_texture(np.random.default_rng(seed), (40, 30))
        assert rgb.dtype == np.float32 and rgb.min() >= 0 and rgb.max() <= 1


@pytest.mark.parametrize("kind", SILHOUETTES)
def test_silhouettes_leave_no_more_than_their_rectangle(kind):
    alpha = silhouette(kind, np.random.default_rng(1), (50, 80))
    assert alpha.shape == (50, 80) and alpha[25, 40] == 1
    assert (alpha.mean() == 1) == (kind == "rectangle")
