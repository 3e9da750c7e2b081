"""The authors' checkpoints as this project's weights: all lands where it should, and what does not fit is named."""

import re

import pytest
import torch
from published_networks import FILES, NARROW, Checkpoint, loaded, published, published_restoration, published_vgg
from safetensors.torch import load_file

from lfvideo_sr.choose import load_learned
from lfvideo_sr.errors import InputError
from lfvideo_sr.methods import amsa, c2_matching
from lfvideo_sr.methods.c2_matching import C2Size
from lfvideo_sr.nn.dynamic_aggregation import Reading
from lfvideo_sr.weights import read_about

FULL = {"channels": 64, "textures": 64, "descriptors": 64, "blocks": 16}


@pytest.mark.parametrize(("amsa", "millions"), [(False, 8.866), (True, 9.676)], ids=["c2_matching", "amsa"])
def test_the_shapes_are_those_of_the_published_networks(amsa, millions):
    """They have as many parameters, as counted on the public code."""
    count = sum(tensor.numel() for tensor in published_restoration(64, 64, 16, amsa).values())
    assert round(count / 1e6, 3) == millions


def test_full_size_files_land_where_they_should(convert):
    """And VGG19 by its option, and tensors of a network that ran on several GPUs."""
    files = published(FULL)
    net = Checkpoint()
    net.update({f"module.{name}": tensor for name, tensor in files["restoration_mse.pth"].items()})
    vgg = files.pop("vgg19.pth")
    files["restoration_mse.pth"], net = net, files["restoration_mse.pth"]
    torch.save(dict(vgg), "vgg19-dcbb9e9d.pth")
    outcome, output = convert(files, "--vgg19", "vgg19-dcbb9e9d.pth")
    assert outcome.code == 0, outcome.err
    about = read_about(output)
    assert about["method"] == "c2_matching"
    assert about["converted_from"] == ["feature_extraction.pth", "restoration_mse.pth", "vgg19-dcbb9e9d.pth"]
    size = C2Size(**about["size"])
    assert (size.channels, size.textures, size.descriptors, tuple(size.blocks)) == (64, 64, 64, (16,) * 4)
    assert size.reading == Reading("own", "unmoved", "leaky")
    network = loaded(c2_matching, output)
    ours, first = network.restorer, network.restorer.fusions[0].aggregation.aggregation
    assert torch.equal(ours.tail.weight, net["dyn_agg_restore.tail_large.2.weight"])
    assert torch.equal(ours.body[15].second.bias, net["content_extractor.body.15.conv2.bias"])
    assert torch.equal(ours.fusions[2].body[7].first.weight, net["dyn_agg_restore.body_large.7.conv1.weight"])
    assert torch.equal(first.aggregate.weight, net["dyn_agg_restore.small_dyn_agg.weight"])
    offsets = net["dyn_agg_restore.small_dyn_agg.conv_offset_mask.bias"]
    group, tap = 3, 5
    x, y, mask = first.offsets.bias.view(8, 9, 3)[group, tap]
    assert (y, x) == (offsets[18 * group + 2 * tap], offsets[18 * group + 2 * tap + 1])
    assert mask == offsets[144 + 9 * group + tap]
    assert torch.equal(network.textures.features[10].weight, vgg["features.10.weight"])
    features = network.encoder.state_dict()["extractor.features.10.weight"]
    assert torch.equal(features, files["feature_extraction.pth"]["feature_extraction_image2.model.conv3_1.weight"])


def without(files, name):
    return {file: {key: tensor for key, tensor in content.items() if key != name} for file, content in files.items()}


def changed(files, name, tensor):
    return {key: {**content, **({name: tensor} if name in content else {})} for key, content in files.items()}


EXTRA = "network_d.0.weight"
SMALL = "dyn_agg_restore.small_dyn_agg"


@pytest.mark.parametrize(
    ("change", "problems"),
    [
        (lambda files: without(files, f"{SMALL}.bias"), [f"missing {SMALL}.bias [32]"]),
        (lambda files: without(files, "content_extractor.body.1.conv1.weight"),
         ["missing content_extractor.body.1.conv1.weight [6, 6, 3, 3]"]),
        (lambda files: changed(files, f"{SMALL}.weight", torch.zeros(32, 32, 1, 1)),
         [f"misshapen {SMALL}.weight [32, 32, 1, 1]: [32, 32, 3, 3] is wanted"]),
        (lambda files: changed(files, f"{SMALL}.conv_offset_mask.bias", torch.zeros(54)),
         [f"misshapen {SMALL}.conv_offset_mask.bias [54]: [108] is wanted"]),
        (lambda files: {**files, "more.pth": {EXTRA: torch.zeros(2, 3)}}, [f"unknown {EXTRA} [2, 3]"]),
        (lambda files: {**files, "vgg19.pth": published_vgg(8, "vgg16")},
         ["unknown features.17.weight [64, 32, 3, 3]"]),
        (lambda files: changed(files, "feature_extraction_image2.std", torch.ones(1, 3, 1, 1)),
         ["differing feature_extraction_image2.std: (0.229, 0.224, 0.225) is wanted"]),
        (lambda files: {name: files[name] for name in FILES[:2]}, ["missing features.0.weight [8, 3, 3, 3]"]),
        (lambda files: {name: files[name] for name in FILES[1:]},
         ["missing feature_extraction_image1.model.conv1_1.weight [64, 3, 3, 3]"]),
        (lambda files: {**files, "restoration_mse.pth": published_restoration(6, 8, 2, amsa=True)},
         ["unknown dyn_agg_restore.small_deform_conv.conv_offset_mask.bias [9]"]),
    ],
    ids=["missing", "missing block", "shape", "groups", "unknown", "vgg16", "normalisation", "no vgg", "no extractors",
         "another method's"],
)  # fmt: skip
def test_every_tensor_that_does_not_fit_is_named_and_nothing_is_written(convert, change, problems):
    outcome, output = convert(change(published(NARROW)))
    assert outcome.code == 3 and "nothing was written" in outcome.line
    assert set(problems) <= set(outcome.out.splitlines()), outcome.out
    assert all(re.match(r"(missing|misshapen|unknown|differing) \S+", line) for line in outcome.out.splitlines())
    assert not output.exists()


def test_one_wrong_tensor_is_one_line(convert):
    outcome, _ = convert(without(published(NARROW), f"{SMALL}.bias"))
    assert len(outcome.out.splitlines()) == 1 and "(1 missing)" in outcome.line


def test_what_is_missing_as_a_whole_has_a_remedy(convert):
    assert "--vgg19" in convert({name: published(NARROW)[name] for name in FILES[:2]})[0].line
    assert "feature_extraction.pth" in convert({name: published(NARROW)[name] for name in FILES[1:]})[0].line
    assert "c2_matching_restoration_mse.pth" in convert({name: published(NARROW)[name] for name in FILES[::2]})[0].line


class Runs:
    """A pickle of this would make a file."""

    def __reduce__(self):
        return open, ("it_ran", "w")


@pytest.mark.parametrize(
    "content",
    [Runs(), {"a": Runs()}, {"iter": 3, "optimizers": []},
     {"net_g": {"a": torch.zeros(2)}, "net_d": {"a": torch.zeros(2)}}, {}, [torch.zeros(2)],
     {"a": torch.zeros(2, dtype=torch.long)}],
    ids=["code", "code in a table", "training state", "several networks", "empty", "list", "integers"],
)  # fmt: skip
def test_a_file_that_is_no_table_of_tensors_is_refused(convert, content, tmp_path):
    outcome, output = convert({**published(NARROW), "bad.pth": content})
    assert outcome.code == 3 and "bad.pth" in outcome.line
    assert not output.exists() and not (tmp_path / "it_ran").exists()


def test_weights_beside_the_state_of_a_training_are_converted(convert):
    """Averaged ones before others, under usual names, and under another where there is but one table."""
    files = published(NARROW)
    _, output = convert(files)
    expected = load_file(output)
    weights = {f"module.{key}": tensor for key, tensor in files["restoration_mse.pth"].items()}
    training = {"epoch": 3, "optimizer": {"state": {}, "param_groups": [{"lr": 0.1}]}}
    others = {key: torch.zeros_like(tensor) for key, tensor in weights.items()}
    for inner in (
        {"params": weights},
        {"state_dict": weights},
        {"mine": weights},
        {"params": others, "params_ema": weights},
    ):
        outcome, _ = convert({**files, "restoration_mse.pth": training | inner}, "--overwrite")
        assert outcome.code == 0, outcome.err
        converted = load_file(output)
        assert converted.keys() == expected.keys()
        assert all(torch.equal(converted[name], tensor) for name, tensor in expected.items())


def test_weights_that_exist_are_replaced_only_with_overwrite(convert, tmp_path):
    (tmp_path / "out.safetensors").write_text("precious")
    outcome, output = convert(published(NARROW))
    assert outcome.code == 3 and "--overwrite" in outcome.line and output.read_text() == "precious"
    outcome, _ = convert(published(NARROW), "--overwrite")
    assert outcome.code == 0 and read_about(output)["method"] == "c2_matching"
    (tmp_path / "new").touch()
    assert output.stat().st_mode == (tmp_path / "new").stat().st_mode
    assert not list(tmp_path.glob("*.partial*"))


def test_a_link_that_leads_nowhere_is_replaced_only_with_overwrite(convert, tmp_path):
    (tmp_path / "out.safetensors").symlink_to(tmp_path / "nowhere")
    outcome, output = convert(published(NARROW))
    assert outcome.code == 3 and "--overwrite" in outcome.line and output.is_symlink()


def test_other_wrong_files_and_targets_are_refused(convert, run, tmp_path):
    files = published(NARROW)
    outcome, output = convert({**files, "restoration_gan.pth": files["restoration_mse.pth"]})
    assert outcome.code == 3 and "restoration_gan.pth holds" in outcome.line
    (tmp_path / "text.pth").write_text("no checkpoint")
    for words, code, message in (
        (["text.pth", "-o", output, "--method", "amsa"], 3, "text.pth"),
        (["nowhere.pth", "-o", output, "--method", "amsa"], 3, "nowhere.pth"),
        ([*files, "-o", "nowhere/out.safetensors", "--method", "c2_matching"], 3, "nowhere"),
        ([*files, "-o", "out.pth", "--method", "c2_matching"], 3, "out.pth"),
        ([*files, "-o", output, "--method", "c2_machting"], 2, "did you mean 'c2_matching'"),
    ):
        outcome = run("weights", "convert", *words)
        assert outcome.code == code and message in outcome.line
    assert not output.exists()
    (tmp_path / "vgg.safetensors").write_bytes(b"precious")
    outcome = run("weights", "convert", "vgg.safetensors", "-o", "vgg.safetensors", "--method", "amsa")
    assert outcome.code == 3 and (tmp_path / "vgg.safetensors").read_bytes() == b"precious"


def test_the_published_amsa_is_refused_with_every_tensor_it_concerns(convert):
    files = published(NARROW, amsa=True)
    outcome, output = convert(files, method="amsa")
    assert outcome.code == 3 and "--partial" in outcome.line and not output.exists()
    lines = [line.split() for line in outcome.out.splitlines()]
    named = {line[1] for line in lines if line[0] == "unrepresented"}
    net = files["restoration_mse.pth"]
    assert named == {name for name in net if re.search("_deform_conv|_offset_conv|_dyn_agg", name)}
    ours = {
        f"restorer.fusions.{n}.aggregation.aggregation.{part}" for n in range(3) for part in ("offsets", "aggregate")
    }
    assert {line[1].rpartition(".")[0] for line in lines if line[0] == "unfilled"} == ours
    assert "Eq. 6" in outcome.out


def test_what_fits_of_the_published_amsa_is_a_start_that_says_so(convert):
    files = published(NARROW, amsa=True)
    outcome, output = convert(files, "--partial", method="amsa")
    assert outcome.code == 0 and "12 tensors stay untrained" in outcome.out
    about = read_about(output)
    assert len(about["untrained"]) == 12 and about["size"]["sharpness"] == 30
    network = loaded(amsa, output)
    net = files["restoration_mse.pth"]
    assert torch.equal(network.restorer.fusions[1].head.weight, net["dyn_agg_restore.head_medium.0.weight"])
    assert torch.equal(network.restorer.enlargers[1].bias, net["dyn_agg_restore.tail_medium.0.bias"])
    with pytest.raises(InputError, match=r"out\.safetensors leaves 12 tensors of amsa untrained: it is a start for"):
        load_learned("amsa", str(output))
    bad = without(files, "content_extractor.conv_first.bias")
    output.unlink()
    outcome, output = convert(bad, "--partial", method="amsa")
    assert outcome.code == 3 and not output.exists()
