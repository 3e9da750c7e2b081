"""CC-Net's training samples: places, windows and true positions, on pictures whose flow is known by construction."""

import cv2
import numpy as np
import pytest
import torch

from lfvideo_sr.errors import InputError, UsageError
from lfvideo_sr.frames import Size
from lfvideo_sr.media.images import write_png
from lfvideo_sr.media.resize import degrade
from lfvideo_sr.methods.refsr_net import RefSRNet, RefSRSize
from lfvideo_sr.nn.ccnet import CCNet, CCNetSize
from lfvideo_sr.nn.dilated import BORDER
from lfvideo_sr.trainers.ccnet import CCNetConfig, CCNetLosses, faded, place_scores, train, views_of
from lfvideo_sr.training import flow_views
from lfvideo_sr.training.films import FilmSettings, random_look
from lfvideo_sr.training.flow_views import (
    FlowViews,
    backward,
    moving_views,
    photo_texture,
    rendered_views,
    sintel_views,
)
from lfvideo_sr.training.window_samples import GRID, MARGIN, WindowSettings, quarter_turns, window_sample


def shifted(dx: int, dy: int, side: int = 256) -> FlowViews:
    """Noise, and the same moved right by dx and down by dy."""
    noise = np.random.default_rng(0).integers(0, 256, (3, side, side), np.uint8)
    flow = np.full((side, side, 2), (dx, dy), np.float32)
    y, x = np.mgrid[:side, :side]
    flow[(x + dx < 0) | (x + dx >= side) | (y + dy < 0) | (y + dy >= side)] = np.nan
    return FlowViews(noise, np.roll(noise, (dy, dx), (1, 2)), flow)


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_turns_keep_what_lies_where(count):
    """A pixel's match has the pixel's colour, before and after."""
    views = quarter_turns(shifted(5, -3, side=40), count)
    y, x = np.argwhere(np.isfinite(views.flow).all(-1)).T
    right, down = views.flow[y, x].astype(int).T
    assert len(y) > 1000 and np.array_equal(views.second[:, y + down, x + right], views.first[:, y, x])


@pytest.mark.parametrize("settings", [WindowSettings(8, 12, 1), WindowSettings(4, 10, 3)], ids=str)
@pytest.mark.parametrize("number", range(4))
def test_the_truth_is_where_the_frames_pixel_lies(settings, number):
    """The place's pixel, read from the sharp picture, is the reference's at the true position of the window."""
    views = shifted(7, -4)
    made = window_sample(views, np.random.default_rng(number), settings)
    side = settings.frame_side
    assert made["frame"].shape == (3, side, side) and made["reference"].shape == (3, *2 * [settings.window + 64])
    assert made["truth"].shape == (settings.queries**2,) and (made["truth"] >= 0).all()
    row, column = divmod(int(made["truth"][0]), settings.window)
    # the low-resolution part, reduced from where the sharp reference shows it, is the same
    edge, scale = MARGIN * settings.scale, settings.scale
    top, left = row + 32 - 32, column + 32 - 32  # where the part without its margin begins in the reference
    whole = side * scale - 2 * edge
    seen = made["reference"][:, top : top + whole, left : left + whole]
    inner = slice(MARGIN, -MARGIN)
    again = degrade(np.ascontiguousarray(seen), scale)
    close = np.abs(again - made["frame"][:, inner, inner])[:, 3:-3, 3:-3]
    assert close.size and close.max() < 1.5 / 255


def test_places_beside_each_other_are_eight_pixels_apart():
    settings = WindowSettings(4, 12, 3)
    truth = window_sample(shifted(3, 2), np.random.default_rng(1), settings)["truth"].reshape(3, 3)
    rows, columns = np.divmod(truth, settings.window)
    assert (np.diff(rows, axis=0) == GRID).all() and (np.diff(columns, axis=1) == GRID).all()
    assert (np.diff(rows, axis=1) == 0).all() and (np.diff(columns, axis=0) == 0).all()


def test_places_may_be_nearer():
    settings = WindowSettings(4, 12, 5, spacing=2)
    assert settings.window == 2 * 12 + 1 + 8 and settings.span == 64 + 16
    truth = window_sample(shifted(3, 2), np.random.default_rng(1), settings)["truth"].reshape(5, 5)
    rows, columns = np.divmod(truth, settings.window)
    assert (np.diff(rows, axis=0) == 2).all() and (np.diff(columns, axis=1) == 2).all()
    network, batch = CCNet(CCNetSize(12, scale=4)).eval(), batch_of(settings)
    scores = place_scores(network, batch, settings)
    assert scores.shape == (2, 25, settings.window**2)
    query = network.query(network.enlarge(batch["frame"])[:, :, MARGIN * 4 : -MARGIN * 4, MARGIN * 4 : -MARGIN * 4])
    other = network.reference(batch["reference"])
    expected = torch.einsum("bc,bcij->bij", query[:, :, 2 * 3, 2 * 1], other).flatten(
        1
    )  # row 3, column 1 of the places
    assert torch.allclose(scores[:, 3 * 5 + 1], expected, atol=1e-5)


def test_unit_features_are_compared_by_cosine():
    network = CCNet(CCNetSize(12, scale=4, unit=True)).eval()
    features = network.query(torch.rand(1, 3, 70, 66))
    assert torch.allclose(features.norm(dim=1), torch.ones(1, 6, 2), atol=1e-5)
    settings = WindowSettings(4, 6, 1)
    plain, sharp = (
        float(CCNetLosses(network, settings, by)(batch_of(settings))["loss"].detach()) for by in (1.0, 30.0)
    )
    scores = place_scores(network, batch_of(settings), settings)
    assert scores.max() <= 1 + 1e-5 and abs(plain - np.log(169)) < 0.5 and plain != sharp


@torch.no_grad()
@pytest.mark.parametrize("scale", [4, 8])
def test_the_pixel_that_is_trained_is_the_one_that_is_searched_for(scale):
    """A sample's place has the vector that the method searches for where its low-resolution pixel is."""
    settings = WindowSettings(scale, 6, 1)
    network = RefSRNet(RefSRSize(scale=scale, matching=12, features=8, blocks=1, channels=8)).eval()
    batch = batch_of(settings)
    place = MARGIN + BORDER // scale  # a sample's place is BORDER pixels from the margins round it
    trained = network.matcher.queries(batch["frame"])[:, :, place, place]
    window = network.correspondence.reference(batch["reference"])
    scores = torch.einsum("bc,bcij->bij", trained, window).flatten(1)
    assert torch.allclose(place_scores(network.correspondence, batch, settings)[:, 0], scores, atol=1e-5)


def test_one_place_in_the_middle_of_its_window_is_the_papers_sample():
    settings = WindowSettings()
    assert (settings.scale, settings.window) == (8, 129)
    views = shifted(1, 1, side=480)
    made = [window_sample(views, np.random.default_rng(number), settings)["truth"].tolist() for number in range(12)]
    assert made.count([64 * 129 + 64]) > 2  # the others lie near the picture's edge
    assert all(0 <= place < 129**2 for (place,) in made)


def test_what_is_hidden_or_outside_is_no_match():
    views = shifted(7, -4)
    hidden = views._replace(flow=np.full_like(views.flow, np.nan))
    assert (window_sample(hidden, np.random.default_rng(0), WindowSettings(4, 10, 2))["truth"] == -1).all()
    far = views._replace(flow=views.flow + 500)
    assert (window_sample(far, np.random.default_rng(0), WindowSettings(4, 10, 2))["truth"] == -1).all()


def batch_of(settings: WindowSettings, count: int = 2) -> dict[str, torch.Tensor]:
    made = [window_sample(shifted(3, 2), np.random.default_rng(number), settings) for number in range(count)]
    return {name: torch.from_numpy(np.stack([sample[name] for sample in made])) for name in made[0]}


def test_the_loss_is_equation_1():
    """- sum of q log p over the window's positions, where p is the softmax of inner products, for one place."""
    settings = WindowSettings(4, 6, 1)
    network, batch = CCNet(CCNetSize(12, scale=4)).eval(), batch_of(settings)
    loss = CCNetLosses(network, settings)(batch)["loss"]
    enlarged = network.enlarge(batch["frame"])[:, :, MARGIN * 4 : MARGIN * 4 + 65, MARGIN * 4 : MARGIN * 4 + 65]
    f, g = network.query(enlarged)[:, :, 0, 0], network.reference(batch["reference"])
    assert g.shape[2:] == (13, 13)
    expected = []
    for number in range(2):
        s = torch.einsum("c,cij->ij", f[number], g[number]).flatten()
        p = s.exp() / s.exp().sum()
        expected.append(-p[batch["truth"][number, 0]].log())
    assert float(loss.detach()) == pytest.approx(float(torch.stack(expected).mean().detach()), rel=1e-4)


def test_places_without_a_match_do_not_count():
    settings = WindowSettings(4, 6, 2)
    network, batch = CCNet(CCNetSize(12, scale=4)).eval(), batch_of(settings)
    batch["truth"][0, 1:] = -1
    batch["truth"][1] = -1
    loss = CCNetLosses(network, settings)(batch)["loss"]
    scores = place_scores(network, batch, settings)[0, 0]
    assert float(loss.detach()) == pytest.approx(float(-scores.log_softmax(0)[batch["truth"][0, 0]].detach()), rel=1e-4)


def test_fixed_statistics_are_those_of_use():
    """Normalised as after training, and left as they are; the weights learn all the same."""
    settings = WindowSettings(4, 6, 1)
    network, batch = CCNet(CCNetSize(12, scale=4)), batch_of(settings)
    before = {name: buffer.clone() for name, buffer in network.named_buffers()}
    loss = CCNetLosses(network.train(), settings, fixed=True)(batch)["loss"]
    loss.backward()
    assert all(torch.equal(buffer, before[name]) for name, buffer in network.named_buffers())
    assert network.query.layers[0].weight.grad.abs().sum() > 0
    assert torch.equal(loss, CCNetLosses(network.eval(), settings)(batch)["loss"])
    assert not torch.equal(loss, CCNetLosses(network.train(), settings)(batch)["loss"])


def test_fading_takes_contrast_from_both_pictures_alike():
    made = window_sample(shifted(3, 2), np.random.default_rng(0), WindowSettings(4, 6, 1))
    faint = faded(made, np.random.default_rng(1), 0.1)
    shares = [faint[name].std() / made[name].std() for name in ("frame", "reference")]
    assert shares[0] == pytest.approx(shares[1], rel=0.02) and 0.1 < shares[0] < 0.9
    assert all(
        np.allclose(255 * faint[name], np.round(255 * faint[name]), atol=1e-3) for name in ("frame", "reference")
    )
    assert faint["frame"].dtype == np.float32 and faint["truth"] is made["truth"]


def test_films_are_fainter_where_detail_is_softer_and_noisier():
    """Detail is told apart from what is around it: the step between two fields stays, what is on them goes."""
    columns = np.arange(96)
    picture = np.where(columns < 48, 0.2, 0.7) + 0.08 * (columns % 2)
    picture = np.broadcast_to(picture, (3, 96, 96)).astype(np.float32)

    def shown(**settings):
        return random_look(np.random.default_rng(4), FilmSettings(**settings))(picture)

    levels = np.round(255 * picture) / np.float32(255)
    assert np.array_equal(shown(), levels)
    flat = shown(flat=0.1)
    assert np.ptp(flat[0, 48, 4:30]) < 0.6 * np.ptp(levels[0, 48, 4:30])
    assert abs(flat[0, 48, 70:90].mean() - flat[0, 48, 4:24].mean() - 0.5) < 0.02
    assert np.ptp(shown(blur=3.0)[0, 48, 8:40]) < 0.3 * np.ptp(levels[0, 48, 8:40])
    noisy = 255 * (shown(noise=8.0) - levels)
    assert 1 < noisy.std() < 9 and abs(noisy.mean()) < 0.5


def test_scenes_can_be_covered_with_photos(tmp_path):
    """Most of their surfaces: what is red in no texture is red here."""
    red = np.zeros((3, 40, 60), np.uint8)
    red[0] = 255
    pictures = [load().first for load in rendered_views(4, 64, 6.0, tmp_path, photos=[lambda: red])]
    shares = [((picture[0] > 200) & (picture[1:] < 5).all(0)).mean() for picture in pictures]
    assert max(shares) > 0.2 and np.mean(shares) < 0.95
    surface = photo_texture([lambda: red], np.random.default_rng(0), (100, 30))
    assert surface.shape == (100, 30, 3)
    plain = rendered_views(4, 64, 6.0, tmp_path)[0]().first
    assert not np.array_equal(plain, pictures[0])  # kept elsewhere


def test_scenes_of_other_photos_are_rendered_anew(tmp_path):
    """Of as many of them, under the same names or other ones."""
    photos = tmp_path / "photos"
    photos.mkdir()
    write_png(photos / "a.png", np.zeros((3, 40, 60), np.uint8))
    config = CCNetConfig(scenes=1, side=64, motion=6.0, photos=(str(photos),), cache=str(tmp_path / "cache"))
    dark = [load().first for load in views_of(config, "train")]
    assert len(list((tmp_path / "cache").iterdir())) == 1
    write_png(photos / "a.png", np.random.default_rng(0).integers(0, 256, (3, 40, 60), np.uint8))
    other = [load().first for load in views_of(config, "train")]
    assert not np.array_equal(dark[0], other[0])
    (photos / "a.png").rename(photos / "b.png")
    views_of(config, "train")
    assert len(list((tmp_path / "cache").iterdir())) == 3


def test_rendered_views_are_kept_and_moved_by_known_flow(tmp_path):
    (load,) = rendered_views(1, 96, 20.0, tmp_path)
    assert not list(tmp_path.rglob("*.npz"))  # rendered when asked for
    views = load()
    assert len(list(tmp_path.rglob("*.npz"))) == 1
    assert all(np.array_equal(view, other, equal_nan=True) for view, other in zip(views, load()))
    assert views.first.shape == (3, 96, 96) and views.first.dtype == np.uint8 and views.flow.dtype == np.float32


@pytest.mark.parametrize("seed", [1, 2, 7])
def test_flow_leads_to_what_looks_alike(seed):
    views = moving_views(np.random.default_rng([11, seed]), Size(160, 160), 30.0)
    known = np.isfinite(views.flow).all(-1)
    places = np.dstack(np.meshgrid(np.arange(160), np.arange(160))).astype(np.float32)
    first, second = (view.astype(np.float32).mean(0) for view in views[:2])
    fetched = cv2.remap(second, np.nan_to_num(places + views.flow), None, cv2.INTER_LINEAR)
    alike, at_rest = (
        np.corrcoef(picture[known], first[known])[0, 1] for picture in (fetched, second)
    )  # whatever exposure
    assert alike > 0.85 and 1 - alike < 0.5 * (1 - at_rest)


def lay_sintel(folder, count=12):
    picture = np.random.default_rng(0).random((3, 8, 12)).astype(np.float32)
    for number in range(1, count + 2):
        for part in ("clean", "flow", "occlusions"):
            (folder / part / "alley_1").mkdir(parents=True, exist_ok=True)
        write_png(folder / "clean" / "alley_1" / f"frame_{number:04}.png", np.roll(picture, number, 2))
        if number <= count:
            flow = np.full((8, 12, 2), (1, 0), np.float32)
            cv2.writeOpticalFlow(str(folder / "flow" / "alley_1" / f"frame_{number:04}.flo"), flow)
            mask = np.zeros((3, 8, 12), np.float32)
            mask[:, 2, 3] = 1
            write_png(folder / "occlusions" / "alley_1" / f"frame_{number:04}.png", mask)


def test_sintel_is_read_and_split(tmp_path):
    lay_sintel(tmp_path)
    parts = [sintel_views(tmp_path, part) for part in ("train", "validation")]
    assert [len(pairs) for pairs in parts] == [11, 1]  # 85 of 1041, rounded up
    assert -(-1041 * flow_views.HELD_OUT // flow_views.OF) == 85 and 1041 - 85 == 956
    views = parts[0][0]()
    assert views.first.shape == (3, 8, 12) and np.array_equal(np.roll(views.first, 1, 2), views.second)
    assert np.isnan(views.flow[2, 3]).all() and np.isnan(views.flow[:, -1]).all()  # hidden, and gone
    assert np.isfinite(views.flow[3, :-1]).all()


def test_a_folder_without_flow_is_one_line(tmp_path):
    with pytest.raises(InputError, match="holds no flow with its frames") as raised:
        sintel_views(tmp_path, "train")
    assert "\n" not in str(raised.value)


def test_scenes_that_hold_no_window_are_refused(tmp_path):
    with pytest.raises(UsageError, match="scenes of 128 pixels hold no window of 64"):
        train(CCNetConfig(side=128, output=str(tmp_path)))


def test_flow_of_the_later_picture_to_the_earlier():
    """RefSR-Net looks for the later frame in the earlier one; flow files say where the earlier one's pixels go."""
    rng = np.random.default_rng(2)
    first = rng.integers(0, 256, (3, 20, 24), np.uint8)
    moved = np.full((20, 24, 2), np.nan, np.float32)
    moved[2:12, 3:20] = (3, 5)  # what the rest does is not known
    second = np.zeros_like(first)
    second[:, 7:17, 6:23] = first[:, 2:12, 3:20]
    later, earlier, back = backward(lambda: FlowViews(first, second, moved))()
    assert np.array_equal(later, second) and np.array_equal(earlier, first)
    known = np.isfinite(back).all(-1)
    assert known.sum() == 10 * 17 and known[7:17, 6:23].all() and (back[known] == (-3, -5)).all()
    for row, column in ((7, 6), (16, 22), (10, 12)):
        x, y = (np.array([column, row]) + back[row, column]).astype(int)
        assert np.array_equal(earlier[:, y, x], later[:, row, column])
    gone = backward(lambda: FlowViews(first, second, np.full_like(moved, 100)))()[2]
    assert np.isnan(gone).all()  # all of it leaves the picture
