"""The losses that teach descriptors to match, against their equations written out."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch.autograd import gradcheck

from lfvideo_sr.methods.c2_matching import CorrespondenceNetwork
from lfvideo_sr.trainers import correspondence
from lfvideo_sr.trainers.correspondence import CorrespondenceConfig, CorrespondenceLosses
from lfvideo_sr.training.correspondence_losses import MARGIN, SAFE, TEMPERATURE, distillation_loss, margin_loss

ROUNDING = 1e-9  # in float64
FLOAT = 1e-5  # in float32
SIZE = (7, 9)  # of both grids


def descriptors(seed, size=SIZE, channels=4, dtype=torch.float64):
    noise = torch.randn(channels, size[0] * size[1], generator=torch.Generator().manual_seed(seed), dtype=dtype)
    return F.normalize(noise, dim=0)


def grid(size=SIZE):
    return torch.tensor([[float(x), float(y)] for y in range(size[0]) for x in range(size[1])])


def squared(place, places):
    """Of one descriptor [C] from each of many [C,n]."""
    return (place[:, None] - places).square().sum(0).tolist()


def literal_margin_loss(query, reference, points, matches, size=SIZE, margin=1.0, safe=4.0):
    """Eq. 1 to 3 of C2-Matching, place by place."""

    def away(a, b):
        return max(abs(a % size[1] - b % size[1]), abs(a // size[1] - b // size[1])) > safe

    total = 0.0
    for p, match in zip(points.tolist(), matches.tolist()):
        from_query, from_reference = squared(query[:, p], reference), squared(reference[:, match], query)
        negatives = [apart for k, apart in enumerate(from_query) if away(k, match)]
        negatives += [apart for k, apart in enumerate(from_reference) if away(k, p)]
        total += max(0.0, margin + from_query[match] - min(negatives))  # Eq. 1 to 3
    return total / len(points)


def literal_distillation_loss(query, reference, teacher_own, teacher_other, temperature=0.15):
    """Eq. 4 to 6."""

    def correlation(first, second, p):
        powers = [math.exp(product / temperature) for product in (first[:, p] @ second).tolist()]
        return [power / sum(powers) for power in powers]

    total = 0.0
    for p in range(query.shape[1]):
        student, teacher = correlation(query, reference, p), correlation(teacher_own, teacher_other, p)
        total += sum(t * math.log(t / s) for t, s in zip(teacher, student))
    return total / query.shape[1]


def points_and_matches(count=20):
    rng = torch.Generator().manual_seed(7)
    places = SIZE[0] * SIZE[1]
    return torch.randperm(places, generator=rng)[:count], torch.randint(places, (count,), generator=rng)


def test_papers_settings():
    assert (MARGIN, SAFE, TEMPERATURE) == (1.0, 4.0, 0.15)
    assert CorrespondenceConfig().distillation_weight == 15 and CorrespondenceConfig().learning_rate == 1e-3


@pytest.mark.parametrize("options", [{}, {"margin": 0.3, "safe": 1.0}], ids=str)
def test_margin_loss_is_equations_1_to_3(options):
    query, reference = descriptors(0), descriptors(1)
    points, matches = points_and_matches()
    loss = margin_loss(query, reference, points, matches, grid(), grid(), **options)
    assert float(loss) == pytest.approx(literal_margin_loss(query, reference, points, matches, **options), abs=ROUNDING)
    assert loss > 0.1


def test_a_place_just_beyond_the_safe_radius_is_a_negative():
    """Chebyshev distance 4 is safe, 5 is not."""
    query = F.normalize(torch.eye(13)[:, :13].double() + 1e-9, dim=0)
    line = torch.stack([torch.arange(13.0), torch.zeros(13)], -1)
    points = torch.tensor([2])
    for distance, expected in ((4, 0.0), (5, 1.0)):  # the other's place there has the very same descriptor
        reference = query.clone()
        reference[:, 2 + distance] = query[:, 2]
        loss = margin_loss(query, reference, points, points, line, line)
        assert float(loss) == pytest.approx(expected, abs=1e-6), distance


def test_nothing_beyond_the_safe_radius_is_no_loss_and_no_gradient():
    query = descriptors(0, (3, 3)).requires_grad_()
    points = torch.arange(9)
    loss = margin_loss(query, descriptors(1, (3, 3)), points, points, grid((3, 3)), grid((3, 3)))
    loss.backward()
    assert loss == 0 and torch.equal(query.grad, torch.zeros_like(query))


def test_distillation_is_equations_4_to_6():
    inputs = [descriptors(seed) for seed in range(4)]
    assert float(distillation_loss(*inputs)) == pytest.approx(literal_distillation_loss(*inputs), abs=ROUNDING)
    warmer = distillation_loss(*inputs, temperature=1.0)
    assert float(warmer) == pytest.approx(literal_distillation_loss(*inputs, temperature=1.0), abs=ROUNDING)


def test_distillation_is_zero_where_the_student_agrees():
    query, reference = descriptors(0), descriptors(1)
    assert abs(float(distillation_loss(query, reference, query, reference))) < ROUNDING


def test_gradients_are_those_of_the_function():
    query, reference = descriptors(2, channels=3).requires_grad_(), descriptors(3, channels=3).requires_grad_()
    points, matches = points_and_matches(5)
    assert gradcheck(
        lambda a, b: margin_loss(a, b, points, matches, grid(), grid()), (query, reference), fast_mode=True
    )
    taught = descriptors(4), descriptors(5)
    assert gradcheck(lambda a, b: distillation_loss(a, b, *taught), (query, reference), fast_mode=True)


SIDE = 64  # of pictures: 16x16 places


def batch(inside=(slice(2, 14), slice(1, 15))):
    """Two samples whose true matches lie one place to the right and a pixel down; the second has too few."""
    rng = torch.Generator().manual_seed(1)
    pictures = {name: torch.rand(2, 3, SIDE, SIDE, generator=rng) for name in ("sharp", "frame", "reference")}
    places = torch.arange(16.0) * 4 + 1.5
    y, x = torch.meshgrid(places, places, indexing="ij")
    truth = torch.full((2, 16, 16, 2), torch.nan)
    truth[0][inside] = torch.stack([x + 5, y + 1], -1)[inside]
    truth[1][:3] = torch.stack([x + 5, y + 1], -1)[:3]
    return pictures | {"truth": truth}


def networks(seed, width=4):
    torch.manual_seed(seed)
    return CorrespondenceNetwork(width)


def config(**changes):
    return CorrespondenceConfig(**{"width": 4, **changes})


@torch.no_grad()
@pytest.mark.parametrize("stage", ["teacher", "student"])
def test_a_trainers_loss_is_equation_7(stage):
    network, teacher = networks(0), networks(1) if stage == "student" else None
    samples = batch()
    losses = CorrespondenceLosses(network, config(stage=stage), teacher)(samples)
    view = samples["sharp" if stage == "teacher" else "frame"]
    query, reference = (features.flatten(2).double() for features in network(view, samples["reference"]))
    points = [row * 16 + column for row in range(2, 14) for column in range(1, 15)]
    matches = torch.tensor([point + 1 for point in points])  # 5 pixels are one place, 1 is none
    margin = literal_margin_loss(query[0], reference[0], torch.tensor(points), matches, (16, 16))
    assert float(losses["margin"]) == pytest.approx(margin, abs=FLOAT)  # the second sample does not count
    expected = margin
    if teacher is not None:
        taught = [features.flatten(2).double() for features in teacher(samples["sharp"], samples["reference"])]
        each = [literal_distillation_loss(query[b], reference[b], taught[0][b], taught[1][b]) for b in range(2)]
        assert float(losses["distillation"]) == pytest.approx(sum(each) / 2, abs=FLOAT)
        expected += 15 * sum(each) / 2
    assert float(losses["loss"]) == pytest.approx(expected, abs=20 * FLOAT)
    assert set(losses) == set(CorrespondenceLosses(network, config(stage=stage), teacher).names)


def test_samples_with_too_few_matches_train_nothing_but_do_not_fail():
    network, samples = networks(0), batch(inside=(slice(0, 1), slice(0, 1)))
    losses = CorrespondenceLosses(network, config(), None)(samples)
    losses["loss"].backward()
    assert losses["loss"] == 0 and all((parameter.grad == 0).all() for parameter in network.parameters())


def test_a_teacher_is_not_trained():
    network, teacher = networks(0), networks(1)
    losses = CorrespondenceLosses(network, config(stage="student"), teacher)
    losses(batch())["loss"].backward()
    assert all(parameter.grad is None for parameter in teacher.parameters())
    assert all(parameter.grad.abs().sum() > 0 for parameter in network.parameters())


@torch.no_grad()
def test_autocast_does_not_blur_distances():
    """In bfloat16 the hardest negatives of smooth descriptors would be at the same distance as their neighbours."""
    network, teacher, samples = networks(0), networks(1), batch()
    losses = CorrespondenceLosses(network, config(stage="student"), teacher)
    with torch.autocast("cpu", torch.bfloat16):
        query, reference = network(samples["frame"], samples["reference"])
        taught = teacher(samples["sharp"], samples["reference"])
        values = losses(samples)
    margin = correspondence._margin(
        query[0], reference[0], samples["truth"][0]
    )  # of the same descriptors, without autocast
    pairs = zip(*(features.flatten(2) for features in (query, reference, *taught)))
    assert float(values["margin"]) == pytest.approx(float(margin), abs=FLOAT)
    divergence = torch.stack([distillation_loss(*pair) for pair in pairs]).mean()
    assert float(values["distillation"]) == pytest.approx(float(divergence), abs=FLOAT)
