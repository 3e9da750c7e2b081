"""E2ENT2's losses against Eq. 8 to 10, its stages, and reciprocal reconstruction on it."""

import pytest
import torch
from small_networks import low, picture, small_network
from small_runs import course, saved, train_e2ent2
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

    def d(score, scores):
        return torch.sigmoid(score - scores.mean())

    critic = -d(real, fake).log().mean() - (1 - d(fake, real)).log().mean()
    generator = -(1 - d(real, fake)).log().mean() - d(fake, real).log().mean()
    assert float(relativistic_critic_loss(real, fake)) == pytest.approx(float(critic), rel=1e-5)
    assert float(relativistic_generator_loss(real, fake)) == pytest.approx(float(generator), rel=1e-5)
    assert float(critic) != pytest.approx(float(generator), rel=1e-2)


@pytest.mark.parametrize(("reconstruction", "power"), [("l1", 1), ("mse", 2)])
def test_reconstruction_is_of_both_branches(reconstruction, power):
    samples, network = batch(), small_network("e2ent2")
    target = samples["target"] / 255
    alone = (network.restorer.alone(samples["frame"]) - target).abs().pow(power).mean()
    losses = losses_of(network, reconstruction=reconstruction)
    whole = losses(samples)
    single = losses_of(network, reconstruction=reconstruction, stage="single")(samples)["reconstruction"]
    assert float(single.detach()) == pytest.approx(float(alone.detach()), rel=1e-5)
    encoded = network.encoder(samples["reference"] / 255)
    positions, relevance = network.matcher(samples["frame"], encoded)
    restored = network.restorer(samples["frame"], [Match(encoded, positions, relevance)])
    expected = alone + (restored - target).abs().pow(power).mean()
    assert float(whole["reconstruction"].detach()) == pytest.approx(float(expected.detach()), rel=1e-5)
    assert float(whole["loss"].detach()) == pytest.approx(1e-2 * float(expected.detach()), rel=1e-5)


def test_each_branch_has_its_critic():
    critics = [Critic(4), Critic(4)]
    losses = losses_of(critics=critics, adversarial_weight=1e-5)
    samples = batch()
    values = losses(samples)
    pictures = losses.restored[0]
    assert len(pictures) == 2 and not any(picture.requires_grad for picture in pictures)
    target = samples["target"] / 255
    expected = sum(
        relativistic_generator_loss(critic(target), critic(picture)) for critic, picture in zip(critics, pictures)
    )
    assert float(values["adversarial"].detach()) == pytest.approx(float(expected.detach()), rel=1e-5)
    judged = CriticsLosses(nn.ModuleList(critics), losses)(samples)["loss"]
    expected = sum(
        relativistic_critic_loss(critic(target), critic(picture)) for critic, picture in zip(critics, pictures)
    )
    assert float(judged.detach()) == pytest.approx(float(expected.detach()), rel=1e-5) and not losses.restored


def test_reciprocal_reconstruction_teaches_the_features_too():
    """The restored picture is the reference of the second pass; its features carry gradients (Eq. 5)."""
    losses = losses_of(rtrr_weight=0.4)
    values = losses(batch())
    assert losses.names == ("loss", "reconstruction", "rtrr")
    values["rtrr"].backward()
    grown = {
        name: parameter.grad for name, parameter in losses.network.named_parameters() if parameter.grad is not None
    }
    assert any(name.startswith("phi.") for name in grown) and any(
        gradient.abs().sum() > 0 for gradient in grown.values()
    )
    assert losses_of(rtrr_weight=0.4, stage="single").names == ("loss", "reconstruction")


def test_frozen_features_stay(tmp_path):
    before = train_e2ent2(tmp_path / "before", max_steps=1, stage="single")
    run = train_e2ent2(tmp_path / "after", start=f"{before.output}/last.pt", frozen_features=True, max_steps=3)
    before_joint = torch.load(f"{before.output}/last.pt")["averaged"]  # what a run starts from
    other = torch.load(f"{run.output}/last.pt")["modules"]["network"]
    changed = {name.split(".")[0] for name in before_joint if not torch.equal(before_joint[name], other[name])}
    phi = {name for name in before_joint if name.startswith("phi.")}
    assert phi and all(torch.equal(before_joint[name], other[name]) for name in phi) and changed == {"restorer"}


def test_a_single_stage_leaves_the_other_branch(tmp_path):
    config = train_e2ent2(tmp_path, stage="single", max_steps=2)
    assert set(course(config)[0]) >= {"loss", "adversarial", "loss_critic"} and "rtrr" not in course(config)[0]
    state = torch.load(f"{config.output}/last.pt")["modules"]["network"]
    torch.manual_seed(config.seed)
    fresh = _network(config).state_dict()
    changed = {name.split(".")[1] for name in fresh if not torch.equal(fresh[name], state[name])}
    assert "single" in changed and not changed & {"res1", "res2"}


def test_a_single_stages_best_checkpoint_is_that_of_the_branch_it_trains(tmp_path):
    """The other branch still has its first weights there, so no score of it says anything."""
    config = train_e2ent2(tmp_path, stage="single", max_steps=2, validate_every=1, validation="rendered:1")
    rows = course(config)
    assert "with_reference" not in rows[0]
    assert saved(config, "best.pt")["best"] == pytest.approx(max(float(row["without"]) for row in rows), rel=1e-5)


def test_nothing_to_train_on_is_one_line(tmp_path):
    with pytest.raises(UsageError, match="nothing to train on; name folders as `photos` or `pairs`"):
        train(E2ENT2Config(output=str(tmp_path)))
    with pytest.raises(UsageError, match="stage"):
        train(E2ENT2Config(stage="third", output=str(tmp_path)))
