"""E2ENT2's losses against Eq. 8 to 10, its stages, and reciprocal reconstruction on it."""

import pytest
import torch
from small_networks import low, picture, small_network
from small_runs import course, train_e2ent2
from torch import nn

from lfvideo_sr.errors import UsageError
from lfvideo_sr.method import Match
from lfvideo_sr.trainers.e2ent2 import CriticsLosses, E2ENT2Config, E2ENT2Losses, _network, train
from lfvideo_sr.training.adversarial import Critic, relativistic_critic_loss, relativistic_generator_loss


def batch(side: int = 32) -> dict[str, torch.Tensor]:
    target, reference, turned = (picture(side, side, seed) for seed in (1, 2, 3))
    return {
        "target": (target * 255).byte(), "frame": low(target), "reference": (reference * 255).byte(),
        "present": torch.ones(1), "turned": (turned * 255).byte(), "turned_frame": low(turned),
    }  # fmt: skip


def losses_of(network=None, critics=(), **changes) -> E2ENT2Losses:
    config = E2ENT2Config(**changes)
    return E2ENT2Losses(network or small_network("e2ent2"), config, nn.ModuleList(critics))


def test_the_relativistic_losses_are_equations_9_and_10():
    rng = torch.Generator().manual_seed(1)
    real, fake = torch.randn(5, generator=rng), torch.randn(5, generator=rng)

    def d(one, others):
        return torch.sigmoid(one - others.mean())

    critic = -d(real, fake).log().mean() - (1 - d(fake, real)).log().mean()
    generator = -(1 - d(real, fake)).log().mean() - d(fake, real).log().mean()
    assert float(relativistic_critic_loss(real, fake)) == pytest.approx(float(critic), rel=1e-5)
    assert float(relativistic_generator_loss(real, fake)) == pytest.approx(float(generator), rel=1e-5)
    assert float(critic) != pytest.approx(float(generator), rel=1e-2)


@pytest.mark.parametrize(("reconstruction", "power"), [("l1", 1), ("mse", 2)])
def test_reconstruction_is_of_both_branches(reconstruction, power):
    given, network = batch(), small_network("e2ent2")
    target = given["target"] / 255
    alone = (network.restorer.alone(given["frame"]) - target).abs().pow(power).mean()
    losses = losses_of(network, reconstruction=reconstruction)
    whole = losses(given)
    single = losses_of(network, reconstruction=reconstruction, stage="single")(given)["reconstruction"]
    assert float(single.detach()) == pytest.approx(float(alone.detach()), rel=1e-5)
    encoded = network.encoder(given["reference"] / 255)
    positions, relevance = network.matcher(given["frame"], encoded)
    restored = network.restorer(given["frame"], [Match(encoded, positions, relevance)])
    wanted = alone + (restored - target).abs().pow(power).mean()
    assert float(whole["reconstruction"].detach()) == pytest.approx(float(wanted.detach()), rel=1e-5)
    assert float(whole["loss"].detach()) == pytest.approx(1e-2 * float(wanted.detach()), rel=1e-5)


def test_each_branch_has_its_critic():
    critics = [Critic(4), Critic(4)]
    losses = losses_of(critics=critics, adversarial_weight=1e-5)
    given = batch()
    found = losses(given)
    pictures = losses.restored[0]
    assert len(pictures) == 2 and not any(one.requires_grad for one in pictures)
    target = given["target"] / 255
    wanted = sum(relativistic_generator_loss(critic(target), critic(two)) for critic, two in zip(critics, pictures))
    assert float(found["adversarial"].detach()) == pytest.approx(float(wanted.detach()), rel=1e-5)
    judged = CriticsLosses(nn.ModuleList(critics), losses)(given)["loss"]
    wanted = sum(relativistic_critic_loss(one(target), one(two)) for one, two in zip(critics, pictures))
    assert float(judged.detach()) == pytest.approx(float(wanted.detach()), rel=1e-5) and not losses.restored


def test_reciprocal_reconstruction_teaches_the_features_too():
    """The restored picture is the reference of the second pass; its features carry gradients (Eq. 5)."""
    losses = losses_of(rtrr_weight=0.4)
    found = losses(batch())
    assert losses.names == ("loss", "reconstruction", "rtrr")
    found["rtrr"].backward()
    grown = {name: one.grad for name, one in losses.network.named_parameters() if one.grad is not None}
    assert any(name.startswith("phi.") for name in grown) and any(one.abs().sum() > 0 for one in grown.values())
    assert losses_of(rtrr_weight=0.4, stage="single").names == ("loss", "reconstruction")


def test_frozen_features_stay(tmp_path):
    before = train_e2ent2(tmp_path / "before", max_steps=1, stage="single")
    run = train_e2ent2(tmp_path / "after", start=f"{before.output}/last.pt", frozen_features=True, max_steps=3)
    one = torch.load(f"{before.output}/last.pt")["averaged"]  # what a run starts from
    other = torch.load(f"{run.output}/last.pt")["modules"]["network"]
    changed = {name.split(".")[0] for name in one if not torch.equal(one[name], other[name])}
    own = {name for name in one if name.startswith("phi.")}
    assert own and all(torch.equal(one[name], other[name]) for name in own) and changed == {"restorer"}


def test_a_single_stage_leaves_the_other_branch(tmp_path):
    config = train_e2ent2(tmp_path, stage="single", max_steps=2)
    assert set(course(config)[0]) >= {"loss", "adversarial", "loss_critic"} and "rtrr" not in course(config)[0]
    state = torch.load(f"{config.output}/last.pt")["modules"]["network"]
    torch.manual_seed(config.seed)
    fresh = _network(config).state_dict()
    changed = {name.split(".")[1] for name in fresh if not torch.equal(fresh[name], state[name])}
    assert "single" in changed and not changed & {"res1", "res2"}


def test_nothing_to_train_on_is_one_line(tmp_path):
    with pytest.raises(UsageError, match="nothing to train on; name folders as `photos` or `pairs`"):
        train(E2ENT2Config(output=str(tmp_path)))
    with pytest.raises(UsageError, match="stage"):
        train(E2ENT2Config(stage="third", output=str(tmp_path)))
