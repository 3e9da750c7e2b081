"""The losses of the GAN variants, and those of a restoration run, against their equations written out."""

import math
from dataclasses import replace

import pytest
import torch
from small_networks import filled, low, picture, small_network
from small_runs import again, course, saved, train_gan
from torch import nn

from lfvideo_sr.errors import UsageError
from lfvideo_sr.method import Match
from lfvideo_sr.nn.vgg import VGG
from lfvideo_sr.trainers.restoration import RestorationConfig, RestorationLosses, _groups, _network, train
from lfvideo_sr.training.adversarial import (
    PENALTY,
    PERCEPTUAL_LAYER,
    Critic,
    critic_loss,
    generator_loss,
    perceptual_loss,
    published_perceptual_loss,
)

ROUNDING = 1e-9  # in float64
FLOAT = 1e-6


def pictures(count=3, side=32, seed=0, dtype=torch.float64):
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@torch.no_grad()
def test_perceptual_loss_is_equation_11():
    assert PERCEPTUAL_LAYER == "relu5_1"
    vgg = filled(VGG("vgg19", ("relu5_1",), 4)).double()
    for layer in vgg.features:
        if isinstance(layer, nn.Conv2d):
            layer.weight *= 3  # so that enough arrives at the last layer
    made, truth = pictures(2, 48, 1), pictures(2, 48, 2)
    total = 0.0
    for of_made, of_truth in zip(vgg(made)["relu5_1"], vgg(truth)["relu5_1"]):
        channels, height, width = of_made.shape
        norms = [float((of_truth[c] - of_made[c]).square().sum().sqrt()) for c in range(channels)]
        total += sum(norms) / (channels * height * width)
    assert total > 1e-3
    assert float(perceptual_loss(vgg, made, truth)) == pytest.approx(total / 2, abs=ROUNDING)


@torch.no_grad()
def test_the_published_perceptual_loss_is_one_norm_over_the_batch():
    """Undivided: of three pictures of 160x160, whose relu5_1 is 10x10 with 512 channels at VGG's width, it is thousands
    of times as large as Eq. 11 (4,850 times, as counted on the public code with real features)."""
    vgg = filled(VGG("vgg19", ("relu5_1",), 8)).double()
    for layer in vgg.features:
        if isinstance(layer, nn.Conv2d):
            layer.weight *= 3
    made, truth = pictures(3, 48, 1), pictures(3, 48, 2)
    difference = vgg(made)["relu5_1"] - vgg(truth)["relu5_1"]
    expected = sum(float(value) ** 2 for value in difference.flatten()) ** 0.5
    published = float(published_perceptual_loss(vgg, made, truth))
    assert published == pytest.approx(expected, rel=ROUNDING)
    channels, height, width = difference[0].shape
    even = math.sqrt(3 * channels) * height * width  # the ratio where all channels differ alike
    assert 0.5 * even < published / float(perceptual_loss(vgg, made, truth)) < 2 * even
    assert math.sqrt(3 * 512) * 10 * 10 == pytest.approx(3919, abs=1)


@pytest.mark.parametrize("perceptual_loss", [perceptual_loss, published_perceptual_loss])
def test_perceptual_loss_of_the_truth_has_a_gradient_of_zero(perceptual_loss):
    vgg = filled(VGG("vgg19", ("relu5_1",), 4))
    made = pictures(dtype=torch.float32).requires_grad_()
    loss = perceptual_loss(vgg, made, made.detach().clone())
    loss.backward()
    assert loss == 0 and torch.equal(made.grad, torch.zeros_like(made))


def test_nothing_flows_back_into_the_truth():
    vgg = filled(VGG("vgg19", ("relu5_1",), 4))
    truth = pictures(seed=1, dtype=torch.float32).requires_grad_()
    made = pictures(dtype=torch.float32).requires_grad_()
    perceptual_loss(vgg, made, truth).backward()
    assert truth.grad is None and made.grad.abs().sum() > 0


def test_generator_loss_is_equation_12():
    assert float(generator_loss(torch.tensor([1.0, -2.0, 4.0]))) == -1.0


class Quadratic(nn.Module):
    """D(x) = sum of weight * x^2: its slope is 2 weight x."""

    def __init__(self, weight=0.3):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(weight, dtype=torch.float64))

    def forward(self, pictures):
        return (self.weight * pictures.square()).flatten(1).sum(1)


def literal_critic_loss(weight, restored, truth, shares, penalty):
    """Eq. 13 for `Quadratic`, whose slope is known."""
    total = 0.0
    for restored_picture, true_picture, share in zip(restored, truth, shares):
        mixed = share * restored_picture + (1 - share) * true_picture
        slope = (2 * weight * mixed).square().sum().sqrt()
        judged = weight * (restored_picture.square().sum() - true_picture.square().sum())
        total = total + judged + penalty * (slope - 1) ** 2
    return total / len(truth)


@pytest.mark.parametrize("penalty", [PENALTY, 0.5])
def test_critic_loss_is_equation_13(penalty):
    assert PENALTY == 10
    critic, restored, truth = Quadratic(), pictures(seed=1), pictures(seed=2)
    torch.manual_seed(4)
    shares = torch.rand(3, 1, 1, 1).flatten().tolist()
    assert len(set(shares)) == 3  # one for each picture
    torch.manual_seed(4)
    loss = critic_loss(critic, restored, truth, penalty)
    weight = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    expected = literal_critic_loss(weight, restored, truth, shares, penalty)
    assert loss.item() == pytest.approx(expected.item(), rel=ROUNDING)
    (slope,) = torch.autograd.grad(expected, weight)
    loss.backward()  # also through the penalty
    assert float(critic.weight.grad) == pytest.approx(float(slope), rel=ROUNDING)


def test_the_critic_is_five_pairs_without_normalisation():
    critic = Critic(8)
    layers = [
        (layer.in_channels, layer.out_channels, layer.stride[0])
        for layer in critic.layers
        if isinstance(layer, nn.Conv2d)
    ]
    pairs = [(8, 8), (8, 16), (16, 32), (32, 64), (64, 128)]
    expected = [(3, 8, 1), (8, 8, 2)]
    for before, after in pairs[1:]:
        expected += [(before, after, 1), (after, after, 2)]
    assert layers == expected
    kinds = {type(module) for module in critic.modules()} - {Critic, nn.Sequential}
    assert kinds == {nn.Conv2d, nn.LeakyReLU, nn.Linear}


def test_the_published_critic_is_normalised_and_ends_in_a_sigmoid():
    """As in C2-Matching's code; the gradient penalty reaches its weights all the same."""
    critic = Critic(4, published=True)
    kinds = [type(module) for module in critic.modules()]
    assert kinds.count(nn.BatchNorm2d) == kinds.count(nn.Conv2d) == 10
    made, truth = pictures(4, 32, 1, torch.float32), pictures(4, 32, 2, torch.float32)
    with torch.no_grad():
        assert ((critic(100 * made) > 0) & (critic(100 * made) < 1)).all()
    critic_loss(critic, made, truth).backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in critic.parameters())


@torch.no_grad()
@pytest.mark.parametrize("size", [(16, 16), (40, 24), (65, 33)], ids=str)
def test_the_critic_judges_each_picture_of_any_size(size):
    critic = filled(Critic(4))
    pictures = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0))
    judged = critic(pictures)
    assert judged.shape == (2,)
    assert torch.allclose(judged[1:], critic(pictures[1:]), atol=FLOAT)


# What a restoration run minimises.


def batch(side=24, turned=True):
    """Two samples, the second without a reference."""
    seeds = {"target": (1, 2), "reference": (3, 4), "turned": (5, 6)}
    shown = {name: torch.cat([picture(side, side, seed) for seed in pair]) for name, pair in seeds.items()}
    tensors = {name: (picture * 255).round().to(torch.uint8) for name, picture in shown.items()}
    for frame, name in (("frame", "target"), ("turned_frame", "turned")):
        tensors[frame] = torch.cat([low(picture[None].float() / 255) for picture in tensors[name]])
    if not turned:
        del tensors["turned"], tensors["turned_frame"]
    return tensors | {"present": torch.tensor([1.0, 0.0])}


def restored_alone(network, frame, reference):
    """One sample by the method's own verbs; no reference where there is none."""
    if reference is None:
        return network.restorer(frame, [])
    encoded = network.encoder(reference)
    return network.restorer(frame, [Match(encoded, *network.matcher(frame, encoded))])


@torch.no_grad()
@pytest.mark.parametrize("method", ["c2_matching", "rrsr", "amsa"])
def test_reconstruction_is_equation_1_of_rrsr(method):
    network, samples = small_network(method), batch(turned=False)
    losses = RestorationLosses(network, RestorationConfig())
    values = losses(samples)
    total = 0.0
    for number, reference in enumerate((samples["reference"][:1].float() / 255, None)):
        made = restored_alone(network, samples["frame"][number : number + 1], reference)
        total += float((made - samples["target"][number].float() / 255).abs().mean()) / 2
    assert set(values) == set(losses.names) == {"loss", "reconstruction"}
    assert float(values["loss"]) == float(values["reconstruction"]) == pytest.approx(total, abs=1e-5)


@torch.no_grad()
def test_reciprocal_reconstruction_is_rrsrs():
    network, samples = small_network("rrsr"), batch()
    losses = RestorationLosses(network, RestorationConfig(rtrr_weight=0.4))
    values = losses(samples)
    rec = rtrr = 0.0
    for number, reference in enumerate((samples["reference"][:1].float() / 255, None)):
        here = slice(number, number + 1)
        made = restored_alone(network, samples["frame"][here], reference)
        rec += float((made - samples["target"][here].float() / 255).abs().mean()) / 2
        expected = samples["turned"][here].float() / 255
        again = restored_alone(network, samples["turned_frame"][here], made.clamp(0, 1))  # X_SR is the reference
        rtrr += float((expected - again).abs().mean()) / 2
    assert float(values["rtrr"]) == pytest.approx(rtrr, abs=1e-4)
    assert float(values["loss"]) == pytest.approx(rec + 0.4 * rtrr, abs=1e-4)


def test_reciprocal_reconstruction_teaches_the_first_pass_too():
    """It "in turn depends on the quality of its reference image": its gradient reaches what was restored."""
    network, samples = small_network("c2_matching"), batch()
    losses = RestorationLosses(network, RestorationConfig(rtrr_weight=1.0))
    restored = picture(24, 24, 9).repeat(2, 1, 1, 1).mul(0.8).add(0.1).requires_grad_()
    losses.reciprocal(samples, restored).backward()
    assert restored.grad.abs().sum() > 0


def test_a_run_minimises_equation_6():
    network, samples = small_network("c2_matching"), batch(side=32)
    critic = filled(Critic(4))
    config = RestorationConfig(
        rtrr_weight=0.4, perceptual_weight=1e-1, perceptual_width=4, adversarial_weight=1e-2, critic_width=4
    )
    losses = RestorationLosses(network, config, critic)
    values = {name: loss.detach() for name, loss in losses(samples).items()}
    parts = values["reconstruction"] + 0.4 * values["rtrr"] + 0.1 * values["perceptual"] + 0.01 * values["adversarial"]
    assert float(values["loss"]) == pytest.approx(float(parts), rel=1e-6)
    assert set(values) == set(losses.names) and all(float(value) for value in values.values())
    restored = losses.restore(samples["frame"], samples["reference"].float() / 255, samples["present"])
    assert float(values["adversarial"]) == pytest.approx(-critic(restored).mean().item(), abs=FLOAT)
    expected = perceptual_loss(losses.perceptual, restored, samples["target"].float() / 255)
    assert float(values["perceptual"]) == pytest.approx(expected.item(), abs=FLOAT)
    assert not {id(parameter) for parameter in critic.parameters()} & {id(trained) for trained in losses.parameters()}


def test_papers_settings():
    config = RestorationConfig()
    assert (config.side, config.reference_side, config.learning_rate, config.betas) == (160, 160, 1e-4, (0.9, 0.999))
    assert config.turned and not config.rtrr_weight and not config.no_reference and config.size == {}


def test_reconstruction_comes_first_in_one_run(tmp_path):
    """The critic and the perceptual loss begin at the step that is named, after a resume too."""
    config = train_gan(tmp_path, reconstruction_steps=2, max_steps=4, stop_after=1, perceptual="published")
    untrained = saved(config)["modules"]["critic"]
    for stop in (2, 3, 0):
        again(config, stop_after=stop)
        steps = saved(config)["optimizers"]["judge"]["state"]
        assert len(steps) == (0 if stop == 2 else len(untrained))
        moved = any(
            not torch.equal(untrained[name], value) for name, value in saved(config)["modules"]["critic"].items()
        )
        assert moved == (stop != 2)
    rows = course(config)
    for name in ("perceptual", "adversarial", "loss_critic"):
        assert [row[name] == "" for row in rows] == [True, True, False, False]
    assert all(float(row["loss"]) == pytest.approx(float(row["reconstruction"])) for row in rows[:2])
    row = rows[2]
    parts = float(row["reconstruction"]) + 0.1 * float(row["perceptual"]) + 0.1 * float(row["adversarial"])
    assert float(row["loss"]) == pytest.approx(parts, rel=1e-4)


@pytest.mark.parametrize("method", ["c2_matching", "rrsr", "amsa"])
def test_all_layers_that_lead_to_offsets_are_slowed(method):
    """In C2-Matching's code every tensor whose name has "offset": of three layers, six tensors a stride."""
    network = small_network(method)
    groups = _groups(network, RestorationConfig(offset_rates=(0.01, 0.1, 0.5), learning_rate=1.0))
    rates = {id(parameter): group["lr"] for group in groups for parameter in group["params"]}
    names = {id(parameter): name for name, parameter in network.restorer.named_parameters()}
    assert rates.keys() == names.keys()
    for level, rate in enumerate((0.01, 0.1, 0.5)):
        slowed = [names[key] for key, value in rates.items() if value == rate]
        assert slowed and all(name.startswith(f"fusions.{level}.") for name in slowed)
        layers = {name.split(".")[-2] for name in slowed}
        assert layers == ({"offsets"} if method == "amsa" else {"first", "second", "offsets"})
        aggregations = {name.rsplit(".", 2)[0] for name in slowed}
        assert len(slowed) == 2 * len(layers) * len(aggregations) and not any(".body." in name for name in slowed)


def test_a_network_may_start_as_the_public_code_starts_it():
    """Convolutions N(0, 0.02), deformable ones uniform within 1 / sqrt(fan in), offsets and biases zero."""
    torch.manual_seed(0)
    size = {"descriptors": 4, "textures": 16}
    restorer = _network(RestorationConfig(initialisation="published", size=size)).restorer.requires_grad_(False)
    weights = torch.cat([block.first.weight.flatten() for block in restorer.body])
    assert float(weights.std()) == pytest.approx(0.02, rel=0.02) and abs(float(weights.mean())) < 1e-3
    aggregation = restorer.fusions[0].aggregation.aggregation
    reach = (aggregation.aggregate.weight.shape[1] * 9) ** -0.5
    assert 0.95 * reach < float(aggregation.aggregate.weight.abs().max()) <= reach
    assert float(aggregation.aggregate.weight.std()) == pytest.approx(reach / math.sqrt(3), rel=0.05)
    assert not aggregation.offsets.weight.any() and float(aggregation.first.weight.std()) == pytest.approx(
        0.02, rel=0.1
    )
    assert not any(parameter.any() for name, parameter in restorer.named_parameters() if name.endswith("bias"))


@pytest.mark.parametrize("field", ["initialisation", "perceptual", "critic"])
def test_a_word_that_is_none_is_refused(field):
    with pytest.raises(UsageError, match=f"no 'publishd' in {field}; did you mean 'published'"):
        train(replace(RestorationConfig(pairs=("rendered:1",)), **{field: "publishd"}))
