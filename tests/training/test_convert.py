"""The authors' checkpoints as this project's weights: all lands where it should and computes what theirs does."""

import json
import re

import pytest
import torch
import torch.nn.functional as F
from torchvision.ops import deform_conv2d

from lfvideo_sr.method import Match
from lfvideo_sr.methods import amsa, c2_matching
from lfvideo_sr.methods.c2_matching import STRIDES, C2Matching, C2Size
from lfvideo_sr.nn.dynamic_aggregation import MaskedAggregation, Reading, fitted, positions_at
from lfvideo_sr.nn.vgg import layer_names
from lfvideo_sr.trainers.convert import reordered
from lfvideo_sr.weights import load_into, read_about

LEVELS = {"small": "relu3_1", "medium": "relu2_1", "large": "relu1_1"}
NARROW = {"channels": 6, "textures": 8, "descriptors": 4, "blocks": 2}
FULL = {"channels": 64, "textures": 64, "descriptors": 64, "blocks": 16}
CHANNELS = {"1": 1, "2": 2, "3": 4, "4": 8, "5": 8}  # of VGG's blocks, in widths


class Checkpoint(dict):
    """Random tensors under published names."""

    def __init__(self, seed: int = 0):
        self.random = torch.Generator().manual_seed(seed)

    def conv(self, name: str, outputs: int, inputs: int, kernel: int = 3) -> None:
        spread = (inputs * kernel**2) ** -0.5
        self[f"{name}.weight"] = torch.randn(outputs, inputs, kernel, kernel, generator=self.random) * spread
        self[f"{name}.bias"] = torch.randn(outputs, generator=self.random) * 0.1

    def body(self, name: str, channels: int, blocks: int) -> None:
        for block in range(blocks):
            for half in ("conv1", "conv2"):
                self.conv(f"{name}.{block}.{half}", channels, channels)

    def vgg(self, names: dict[str, str], width: int) -> None:
        """names: published one of each layer of VGG."""
        inputs = 3
        for layer, name in names.items():
            outputs = width * CHANNELS[layer[4]]
            self.conv(name, outputs, inputs)
            inputs = outputs


def published_extractors(width: int) -> Checkpoint:
    found = Checkpoint(1)
    layers = ("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1")
    for number in (1, 2):
        owner = f"feature_extraction_image{number}"
        found[f"{owner}.mean"] = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
        found[f"{owner}.std"] = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
        found.vgg({layer: f"{owner}.model.{layer}" for layer in layers}, width)
    return found


def published_vgg(width: int, kind: str = "vgg19") -> Checkpoint:
    """As torchvision's, with layers that nothing here needs."""
    found = Checkpoint(2)
    layers = {name: f"features.{place}" for place, name in enumerate(layer_names(kind)) if name.startswith("conv")}
    found.vgg(layers, width)
    for place in (0, 3, 6):
        found[f"classifier.{place}.weight"], found[f"classifier.{place}.bias"] = torch.zeros(2, 2), torch.zeros(2)
    return found


def published_restoration(channels: int, textures: int, blocks: int, amsa: bool = False) -> Checkpoint:
    found = Checkpoint(3)
    found.conv("content_extractor.conv_first", channels, 3)
    found.body("content_extractor.body", channels, blocks)
    for level, texture in zip(LEVELS, (4 * textures, 2 * textures, textures)):
        owner, groups = f"dyn_agg_restore.{level}", min(8, texture // 8)
        if amsa:
            found.conv(f"{owner}_deform_conv", texture, texture)
            found.conv(f"{owner}_deform_conv.conv_offset_mask", 9, texture)
        found.conv(f"{owner}_offset_conv1", texture, channels + texture)
        found.conv(f"{owner}_offset_conv2", texture, texture)
        found.conv(f"{owner}_dyn_agg", texture, texture)
        found.conv(f"{owner}_dyn_agg.conv_offset_mask", 27 * groups, texture)
        found.conv(f"dyn_agg_restore.head_{level}.0", channels, channels + texture)
        found.body(f"dyn_agg_restore.body_{level}", channels, blocks)
    found.conv("dyn_agg_restore.tail_small.0", 4 * channels, channels)
    found.conv("dyn_agg_restore.tail_medium.0", 4 * channels, channels)
    found.conv("dyn_agg_restore.tail_large.0", channels // 2, channels)
    found.conv("dyn_agg_restore.tail_large.2", 3, channels // 2)
    return found


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


FILES = ("feature_extraction.pth", "restoration_mse.pth", "vgg19.pth")


def published(sizes: dict, amsa: bool = False) -> dict[str, Checkpoint]:
    """All a method's files."""
    net = published_restoration(sizes["channels"], sizes["textures"], sizes["blocks"], amsa)
    return dict(zip(FILES, (published_extractors(sizes["descriptors"]), net, published_vgg(sizes["textures"]))))


@pytest.mark.parametrize(("amsa", "millions"), [(False, 8.866), (True, 9.676)], ids=["c2_matching", "amsa"])
def test_the_shapes_above_are_the_published_networks(amsa, millions):
    """They have as many parameters, as counted on the public code."""
    count = sum(tensor.numel() for tensor in published_restoration(64, 64, 16, amsa).values())
    assert round(count / 1e6, 3) == millions


@pytest.fixture
def convert(run, tmp_path):
    """Writes files, runs the command on them -> what it said, and its target."""

    def convert(files: dict[str, object], *options, method="c2_matching"):
        for name, content in files.items():
            torch.save(dict(content) if isinstance(content, Checkpoint) else content, tmp_path / name)
        output = tmp_path / "out.safetensors"
        given = [tmp_path / name for name in files]
        return run("weights", "convert", *given, "-o", output, "--method", method, *options), output

    return convert


def loaded(module, output):
    network = module.network(read_about(output)["size"])
    load_into(network, output)
    return network.eval()


# What their network computes, written down anew from its tensors.


def conv(state, name, x):
    return F.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], padding=1)


def leaky(x):
    return F.leaky_relu(x, 0.1)


def body(state, name, x, blocks):
    for block in range(blocks):
        x = x + conv(state, f"{name}.{block}.conv2", F.relu(conv(state, f"{name}.{block}.conv1", x)))
    return x


def nine_flows(flow, ratio):
    """Flow [h-2,w-2,2] of whole patches in places, by their first pixel -> [9,h*ratio,w*ratio,2] in finer places."""
    fine = F.pad(flow, (0, 0, 0, 2, 0, 2)).repeat_interleave(ratio, 0).repeat_interleave(ratio, 1) * ratio
    shifted = torch.zeros(9, *fine.shape)
    for tap in range(9):
        down, right = tap // 3 * ratio, tap % 3 * ratio
        shifted[tap, down:, right:] = fine[: fine.shape[0] - down, : fine.shape[1] - right]
    return shifted


def their_aggregation(state, level, content, reference, flows):
    owner = f"dyn_agg_restore.{level}"
    seen = leaky(conv(state, f"{owner}_offset_conv1", torch.cat([content, reference], 1)))
    said = conv(state, f"{owner}_dyn_agg.conv_offset_mask", leaky(conv(state, f"{owner}_offset_conv2", seen)))
    third = said.shape[1] // 3
    offsets, mask = said[:, : 2 * third].clone(), said[:, 2 * third :].sigmoid()
    for group in range(third // 9):
        for tap in range(9):
            offsets[:, 18 * group + 2 * tap] += flows[tap, ..., 1]
            offsets[:, 18 * group + 2 * tap + 1] += flows[tap, ..., 0]
    weight, bias = state[f"{owner}_dyn_agg.weight"], state[f"{owner}_dyn_agg.bias"]
    return leaky(deform_conv2d(reference, offsets, weight, bias, padding=1, mask=mask))


def their_restoration(state, frame, features, flow, blocks):
    x = body(state, "content_extractor.body", leaky(conv(state, "content_extractor.conv_first", frame)), blocks)
    for level, layer in LEVELS.items():
        flows = nine_flows(flow, 4 // STRIDES[layer])
        found = their_aggregation(state, level, x, features[layer], flows)
        merged = leaky(conv(state, f"dyn_agg_restore.head_{level}.0", torch.cat([x, found], 1)))
        x = body(state, f"dyn_agg_restore.body_{level}", merged, blocks) + x
        x = conv(state, f"dyn_agg_restore.tail_{level}.0", x)
        x = leaky(x if level == "large" else F.pixel_shuffle(x, 2))
    base = F.interpolate(frame, scale_factor=4, mode="bilinear", align_corners=False)
    return base + conv(state, "dyn_agg_restore.tail_large.2", x)


def matched(height, width, seed=5):
    """Where a frame's whole patches were found in as large a reference: their flow, and as a field of ours."""
    random = torch.Generator().manual_seed(seed)
    row = torch.randint(0, height - 2, (height - 2, width - 2), generator=random)
    column = torch.randint(0, width - 2, (height - 2, width - 2), generator=random)
    own_row, own_column = torch.meshgrid(torch.arange(height - 2), torch.arange(width - 2), indexing="ij")
    flow = torch.stack([column - own_column, row - own_row], -1).float()
    found = torch.full((1, height, width, 2), 9.0)  # at the edge of ours: something, which theirs does not know
    found[0, 1:-1, 1:-1] = torch.stack([column + 1, row + 1], -1).float() * 4 + 1.5
    return flow, found


def test_converted_weights_compute_what_the_published_network_does(convert):
    files = published(NARROW)
    outcome, output = convert(files)
    assert outcome.code == 0, outcome.err + outcome.out
    network = loaded(c2_matching, output)
    random = torch.Generator().manual_seed(4)
    frame, reference = torch.rand(1, 3, 7, 9, generator=random), torch.rand(1, 3, 28, 36, generator=random)
    flow, positions = matched(7, 9)
    with torch.no_grad():
        features = network.textures(reference)
        ours = network.restorer(frame, [Match(features, positions, torch.ones(1, 7, 9))])
        theirs = their_restoration(files["restoration_mse.pth"], frame, features, flow, NARROW["blocks"])
    assert (theirs - F.interpolate(frame, scale_factor=4, mode="bilinear")).abs().mean() > 0.05  # it does something
    torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("level", LEVELS)
def test_the_layer_that_aggregates_is_theirs(level):
    layer = LEVELS[level]
    ratio = 4 // STRIDES[layer]
    state = published_restoration(6, 16, 1)  # of several groups at every level
    texture = len(state[f"dyn_agg_restore.{level}_dyn_agg.bias"])
    ours = MaskedAggregation(6, texture, Reading("own", "unmoved", "leaky"), ratio)
    parts = {
        "first": "_offset_conv1", "second": "_offset_conv2", "aggregate": "_dyn_agg",
        "offsets": "_dyn_agg.conv_offset_mask",
    }  # fmt: skip
    for part, theirs in parts.items():
        for kind in ("weight", "bias"):
            tensor = state[f"dyn_agg_restore.{level}{theirs}.{kind}"]
            getattr(ours, part).get_parameter(kind).data = reordered(tensor) if part == "offsets" else tensor
    assert ours.groups > 1
    flow, positions = matched(5, 6)
    content = torch.randn(1, 6, 5 * ratio, 6 * ratio, generator=state.random)
    reference = torch.randn(1, texture, 5 * ratio, 6 * ratio, generator=state.random)
    with torch.no_grad():
        found = ours(content, reference, positions_at(positions, 4, STRIDES[layer]))
        theirs = their_aggregation(state, level, content, reference, nine_flows(flow, ratio))
    torch.testing.assert_close(found, theirs, atol=1e-5, rtol=1e-4)
    plain = MaskedAggregation(6, texture, ratio=ratio)
    plain.load_state_dict(ours.state_dict())
    assert (plain(content, reference, positions_at(positions, 4, STRIDES[layer])) - theirs).abs().mean() > 0.01


@pytest.mark.parametrize(("number", "extractor"), [(1, "query"), (2, "reference")])
def test_extractors_and_textures_are_theirs(convert, number, extractor):
    files = published(NARROW)
    network = loaded(c2_matching, convert(files)[1])
    picture = torch.rand(1, 3, 16, 20)
    owner, state = f"feature_extraction_image{number}.model", files["feature_extraction.pth"]
    normal = (picture - state[f"feature_extraction_image{number}.mean"]) / state[
        f"feature_extraction_image{number}.std"
    ]
    x = F.relu(conv(state, f"{owner}.conv1_2", F.relu(conv(state, f"{owner}.conv1_1", normal))))
    x = F.relu(conv(state, f"{owner}.conv2_2", F.relu(conv(state, f"{owner}.conv2_1", F.max_pool2d(x, 2)))))
    x = conv(state, f"{owner}.conv3_1", F.max_pool2d(x, 2))
    with torch.no_grad():
        found = getattr(network.correspondence, extractor)(picture)["conv3_1"]
        first = network.textures(picture)["relu1_1"]
    torch.testing.assert_close(found, x)
    torch.testing.assert_close(first, F.relu(conv(files["vgg19.pth"], "features.0", normal)))


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
    return {key: {one: two for one, two in content.items() if one != name} for key, content in files.items()}


def changed(files, name, tensor):
    return {key: {**content, **({name: tensor} if name in content else {})} for key, content in files.items()}


EXTRA = "network_d.0.weight"
SMALL = "dyn_agg_restore.small_dyn_agg"


@pytest.mark.parametrize(
    ("change", "said"),
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
def test_every_tensor_that_does_not_fit_is_named_and_nothing_is_written(convert, change, said):
    outcome, output = convert(change(published(NARROW)))
    assert outcome.code == 3 and "nothing was written" in outcome.line
    assert set(said) <= set(outcome.out.splitlines()), outcome.out
    assert all(re.match(r"(missing|misshapen|unknown|differing) \S+", line) for line in outcome.out.splitlines())
    assert not output.exists()


def test_one_wrong_tensor_is_one_line(convert):
    outcome, _ = convert(without(published(NARROW), f"{SMALL}.bias"))
    assert len(outcome.out.splitlines()) == 1 and "(1 missing)" in outcome.line


def test_what_is_missing_as_a_whole_has_a_remedy(convert):
    assert "--vgg19" in convert({name: published(NARROW)[name] for name in FILES[:2]})[0].line
    assert "feature_extraction.pth" in convert({name: published(NARROW)[name] for name in FILES[1:]})[0].line
    assert "restoration_mse.pth" in convert({name: published(NARROW)[name] for name in FILES[::2]})[0].line


class Runs:
    """A pickle of this would make a file."""

    def __reduce__(self):
        return open, ("it_ran", "w")


@pytest.mark.parametrize(
    "content",
    [Runs(), {"a": Runs()}, {"iter": 3, "optimizers": []}, {"params": {"a": torch.zeros(2)}}, {}, [torch.zeros(2)],
     {"a": torch.zeros(2, dtype=torch.long)}],
    ids=["code", "code in a table", "training state", "nested", "empty", "list", "integers"],
)  # fmt: skip
def test_a_file_that_is_no_table_of_tensors_is_refused(convert, content, tmp_path):
    outcome, output = convert({**published(NARROW), "bad.pth": content})
    assert outcome.code == 3 and "bad.pth" in outcome.line
    assert not output.exists() and not (tmp_path / "it_ran").exists()


def test_other_wrong_files_and_targets_are_refused(convert, run, tmp_path):
    files = published(NARROW)
    outcome, output = convert({**files, "restoration_gan.pth": files["restoration_mse.pth"]})
    assert outcome.code == 3 and "restoration_gan.pth holds" in outcome.line
    (tmp_path / "text.pth").write_text("no checkpoint")
    for words, code, said in (
        (["text.pth", "-o", output, "--method", "amsa"], 3, "text.pth"),
        (["nowhere.pth", "-o", output, "--method", "amsa"], 3, "nowhere.pth"),
        ([*files, "-o", "nowhere/out.safetensors", "--method", "c2_matching"], 3, "nowhere"),
        ([*files, "-o", "out.pth", "--method", "c2_matching"], 3, "out.pth"),
        ([*files, "-o", output, "--method", "c2_machting"], 2, "did you mean 'c2_matching'"),
    ):
        outcome = run("weights", "convert", *words)
        assert outcome.code == code and said in outcome.line
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
    assert len(about["untrained"]) == 12 and about["size"]["sharpness"] == 10
    network = loaded(amsa, output)
    net = files["restoration_mse.pth"]
    assert torch.equal(network.restorer.fusions[1].head.weight, net["dyn_agg_restore.head_medium.0.weight"])
    assert torch.equal(network.restorer.enlargers[1].bias, net["dyn_agg_restore.tail_medium.0.bias"])
    bad = without(files, "content_extractor.conv_first.bias")
    output.unlink()
    outcome, output = convert(bad, "--partial", method="amsa")
    assert outcome.code == 3 and not output.exists()


# The options, beside converted weights.


def test_the_papers_reading_is_the_default():
    assert C2Size().reading == Reading() == Reading("shared", "fetched", "none")
    assert json.loads(json.dumps(C2Size().tap_flows)) == "shared"


def test_a_misspelt_reading_is_an_error_with_a_suggestion():
    with pytest.raises(ValueError, match="did you mean 'unmoved'"):
        C2Matching(C2Size(offsets_from="unmovd", textures=8, channels=4, descriptors=4, blocks=(1, 1, 1, 1)))


@pytest.mark.parametrize(("height", "width"), [(3, 9), (8, 2), (5, 5)])
def test_an_unmoved_reference_is_cut_or_filled_at_the_right_and_bottom(height, width):
    features = torch.rand(1, 2, 5, 5)
    found = fitted(features, height, width)
    assert found.shape == (1, 2, height, width)
    rows, columns = min(5, height), min(5, width)
    assert torch.equal(found[:, :, :rows, :columns], features[:, :, :rows, :columns])
    assert found[:, :, rows:].abs().sum() == found[:, :, :, columns:].abs().sum() == 0


@pytest.mark.parametrize(
    "options", [{"tap_flows": "own"}, {"offsets_from": "unmoved"}, {"activation": "leaky"}], ids=str
)
def test_a_picture_in_strips_is_the_picture(options, monkeypatch):
    network = C2Matching(C2Size(4, (1, 1, 1, 1), 8, 4, **options))
    for parameter in network.restorer.parameters():
        parameter.data += 0.05 * torch.randn(parameter.shape)
    frame, features = torch.rand(1, 3, 24, 5), network.textures(torch.rand(1, 3, 80, 24))
    match = Match(features, torch.rand(1, 24, 5, 2) * 60, torch.ones(1, 24, 5))
    with torch.no_grad():
        whole = network.restorer(frame, [match])
        for name in ("_ALIGNED", "_FUSED", "_FINISHED"):
            monkeypatch.setattr(c2_matching, name, 20)
        torch.testing.assert_close(network.restorer(frame, [match]), whole, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("frame", "reference"), [((4, 5), (40, 24)), ((4, 5), (8, 60)), ((1, 1), (16, 16))])
def test_references_of_any_size_and_gradients(frame, reference):
    size = C2Size(4, (1, 1, 1, 1), 8, 4, tap_flows="own", offsets_from="unmoved", activation="leaky")
    network = C2Matching(size)
    low, picture = torch.rand(1, 3, *frame), torch.rand(1, 3, *reference)
    positions = torch.rand(1, *frame, 2) * 16
    restored = network.restorer(low, [Match(network.textures(picture), positions, torch.ones(1, *frame))])
    assert restored.shape == (1, 3, 4 * frame[0], 4 * frame[1])
    restored.sum().backward()
    offsets = network.restorer.fusions[0].aggregation.aggregation.offsets.bias.grad
    assert offsets is not None and offsets.isfinite().all()
