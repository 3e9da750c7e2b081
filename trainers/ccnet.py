"""Trains CC-Net (RefSR-Net, section 3): correspondence as a classification over the positions of a window, on rendered
scenes with large motion, or on MPI Sintel where a user has it. Read from top to bottom."""

from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from lfvideo_sr.checks import Count
from lfvideo_sr.errors import UsageError
from lfvideo_sr.methods.refsr_net import load_srresnet
from lfvideo_sr.nn.ccnet import PHASE, CCNet, CCNetSize
from lfvideo_sr.nn.dilated import FIELD
from lfvideo_sr.nn.resize import full_precision
from lfvideo_sr.training.films import FilmSettings, random_look
from lfvideo_sr.training.flow_views import LoadViews, backward, rendered_views, sintel_views
from lfvideo_sr.training.loop import fit
from lfvideo_sr.training.sources import photos_key, photos_of
from lfvideo_sr.training.task import (
    Batch,
    BatchLosses,
    Losses,
    RunConfig,
    Step,
    Task,
    Validation,
    data_folder,
    drops,
    rise_and_fall,
)
from lfvideo_sr.training.window_samples import GRID, MARGIN, WindowSettings, window_sample
from lfvideo_sr.weights import load_into

HELD_OUT = 10_000  # number of the first scene that validates


@dataclass(frozen=True)
class CCNetConfig(RunConfig):
    """width, siamese, scale, unit: see CCNetSize. reach, queries, spacing: see WindowSettings.

    sharpness: that scores are multiplied by before their softmax; 1 in the paper, cosines want more.
    start: checkpoint to go on from.
    fixed_statistics: normalise by the running statistics, as the trained network does, and leave them as `start` has
        them. In a batch of few scenes each picture's own are far from those, as are blurred frames' from references'.
    contrast: least factor by which a sample's contrast is reduced (then rounded to 8 bits); 1 leaves it.
    flat, blur, noise: what films look like, see FilmSettings.
    photos: folders of photos that most of the scenes' surfaces are covered with.
    scenes, side, motion: so many rendered scenes of so many pixels a side, moving by up to so many pixels.
    sintel: folder with MPI Sintel's training set; in the place of rendered scenes. As in section 5, the reference is
        the frame before the one that is searched for.
    enlarge_by: checkpoint of a single-image network that enlarges frames; without, bilinear (Fig. 2 compares them).
    drop_at: steps at which the learning rate falls to a twentieth, as in section 5.1; decay: or linearly to zero over
        the last so many steps.
    """

    width: Count = 100
    siamese: bool = True
    scale: Count = 8
    unit: bool = False
    sharpness: float = 1.0
    start: str = ""
    fixed_statistics: bool = False
    contrast: float = 1.0
    flat: float = 1.0
    blur: float = 0.0
    noise: float = 0.0
    photos: tuple[str, ...] = ()
    reach: int = 64
    queries: Count = 1
    spacing: Count = GRID
    scenes: int = 1000
    side: Count = 384
    motion: float = 64.0
    sintel: str = ""
    enlarge_by: str = ""
    validation_samples: int = 32
    learning_rate: float = 1e-3
    drop_at: tuple[int, ...] = ()
    decay: int = 0


def train(config: CCNetConfig) -> Path:
    """Run; returns the checkpoint's path."""
    settings = WindowSettings(config.scale, config.reach, config.queries, config.spacing)
    if config.side < max(settings.window + FIELD - 1, settings.span + 2 * MARGIN * config.scale) + 2 * GRID:
        raise UsageError(f"scenes of {config.side} pixels hold no window of {config.reach}; give a larger `side`")
    torch.manual_seed(config.seed)  # first weights too
    size = CCNetSize(config.width, config.siamese, config.scale, config.unit)
    enlarge = load_srresnet(Path(config.enlarge_by)) if config.enlarge_by else None
    network = CCNet(size, enlarge)
    if config.start:
        load_into(network, Path(config.start))
    losses = CCNetLosses(network, settings, config.sharpness, config.fixed_statistics)
    optimizer = torch.optim.Adam(network.parameters(), config.learning_rate)
    falls = drops(*config.drop_at, factor=0.05)
    share = rise_and_fall(config.max_steps, decay=config.decay) if config.decay else falls
    task = Task(
        network=network,
        about={"method": "ccnet", "size": asdict(size)},
        steps={"match": Step(losses, optimizer, ("loss",), share)},
        sample=partial(sample, views_of(config, "train"), settings, config),
        validate=partial(validate, views_of(config, "validation"), config, settings),
        scores=("within_1", "exact"),
    )
    return fit(task, config)


def sample(views: list[LoadViews], settings: WindowSettings, config: CCNetConfig, number: int) -> dict[str, np.ndarray]:
    """Sample `number` of a run, as `window_sample` makes it, with the look of films and less contrast where asked."""
    rng = np.random.default_rng([config.seed, number])
    film = FilmSettings(config.flat, config.blur, config.noise)
    look = None if film == FilmSettings() else random_look(rng, film)
    made = window_sample(views[rng.integers(len(views))](), rng, settings, look)
    return made if config.contrast == 1 else faded(made, rng, config.contrast)


def faded(made: dict[str, np.ndarray], rng: np.random.Generator, least: float) -> dict[str, np.ndarray]:
    """Both pictures of a sample with less contrast, in 8 bits: much of what cameras see is faint, and rendered scenes
    are not. Factors from `least` to 1, small ones as often as large ones."""
    factor = np.float32(least ** rng.random())
    middle = made["reference"].mean((1, 2), keepdims=True)
    faint = {name: middle + factor * (made[name] - middle) for name in ("frame", "reference")}
    return made | {name: np.round(255 * picture.clip(0, 1)) / np.float32(255) for name, picture in faint.items()}


class CCNetLosses(BatchLosses):
    """Eq. 1: cross-entropy of each place's match among all positions of the window."""

    def __init__(self, network: CCNet, settings: WindowSettings, sharpness: float = 1.0, fixed: bool = False):
        super().__init__()
        self.network, self.settings, self.sharpness, self.fixed = network, settings, sharpness, fixed

    def forward(self, batch: Batch) -> Losses:
        if self.fixed:
            self.network.eval()  # normalisation is all that differs
        scores = self.sharpness * place_scores(self.network, batch, self.settings)
        return {"loss": F.cross_entropy(scores.flatten(0, 1), batch["truth"].flatten(), ignore_index=-1)}


def place_scores(network: CCNet, batch: Batch, settings: WindowSettings) -> torch.Tensor:
    """Inner products of each place with each position, [B,q*q,w*w]; their softmax is p of Eq. 1."""
    edge = MARGIN * settings.scale
    query = network.query(network.enlarge(batch["frame"])[:, :, edge:-edge, edge:-edge])
    places = slice(PHASE, PHASE + settings.spacing * (settings.queries - 1) + 1, settings.spacing)
    query, reference = query[:, :, places, places], network.reference(batch["reference"])
    with full_precision(query):
        return query.float().flatten(2).transpose(1, 2) @ reference.float().flatten(2)


def validate(views: list[LoadViews], config: CCNetConfig, settings: WindowSettings, network: CCNet) -> Validation:
    """On pictures never trained on: share of places found at most one pixel away along each axis, and exactly."""
    device = next(network.parameters()).device
    apart = []
    for number in range(config.validation_samples):
        rng = np.random.default_rng([config.seed, 0, number])
        made = window_sample(views[number % len(views)](), rng, settings)
        batch = {name: torch.from_numpy(array)[None].to(device) for name, array in made.items()}
        index = place_scores(network, batch, settings)[0].argmax(1).cpu().numpy()
        known = made["truth"] >= 0
        here, there = (np.stack(np.divmod(places[known], settings.window), -1) for places in (index, made["truth"]))
        apart.append(np.abs(here - there).max(-1))
    distance = np.concatenate(apart)
    return {"within_1": float((distance <= 1).mean()), "exact": float((distance == 0).mean())}, {}


def views_of(config: CCNetConfig, part: str) -> list[LoadViews]:
    """The pictures of a run with their flow, to "train" on or for its "validation"."""
    if config.sintel:
        return [backward(load) for load in sintel_views(data_folder() / config.sintel, part)]
    first, count = (0, config.scenes) if part == "train" else (HELD_OUT, min(config.scenes, config.validation_samples))
    cache, root = Path(config.cache), data_folder()
    photos = photos_of(root, config.photos, cache) if config.photos else []
    key = photos_key(root, config.photos)
    return rendered_views(count, config.side, config.motion, cache, first, photos, key)
