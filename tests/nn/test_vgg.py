"""VGG's layers by name, against a stack written out; and which files of weights fit."""

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from lfvideo_sr.errors import InputError
from lfvideo_sr.nn.vgg import VGG, channels_of, layer_names, load_vgg

# torchvision's configurations "D" and "E": channels of convolutions, "M" a pooling.
PUBLISHED = {
    "vgg16": [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"],
    "vgg19": [64, 64, "M", 128, 128, "M", 256, 256, 256, 256, "M"] + 2 * [512, 512, 512, 512, "M"],
}
# What torchvision's vgg19 calls its first convolutions, and their shapes: up to relu3_1.
FIRST_LAYERS = {0: (64, 3), 2: (64, 64), 5: (128, 64), 7: (128, 128), 10: (256, 128)}
ROUNDING = 1e-5


def published_state(seed=0):
    """Weights in torchvision's layout, random, of vgg19's first five convolutions, with a part of its classifier."""
    rng = torch.Generator().manual_seed(seed)
    state = {"classifier.6.bias": torch.zeros(1000)}
    for place, (outputs, inputs) in FIRST_LAYERS.items():
        state[f"features.{place}.weight"] = torch.randn(outputs, inputs, 3, 3, generator=rng) / (3 * inputs**0.5)
        state[f"features.{place}.bias"] = torch.randn(outputs, generator=rng) / 10
    return state


def literal_layers(state, picture):
    """relu1_1, conv2_1, relu2_1 and relu3_1 of the picture by the weights of `published_state`."""

    def conv(x, place):
        return F.conv2d(x, state[f"features.{place}.weight"], state[f"features.{place}.bias"], padding=1)

    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    spread = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    relu1_1 = conv((picture - mean) / spread, 0).clamp(min=0)
    pooled = F.max_pool2d(conv(relu1_1, 2).clamp(min=0), 2)
    conv2_1 = conv(pooled, 5)
    pooled = F.max_pool2d(conv(conv2_1.clamp(min=0), 7).clamp(min=0), 2)
    return {
        "relu1_1": relu1_1,
        "conv2_1": conv2_1,
        "relu2_1": conv2_1.clamp(min=0),
        "relu3_1": conv(pooled, 10).clamp(min=0),
    }


@pytest.mark.parametrize("kind", PUBLISHED)
def test_layers_follow_the_published_stack(kind):
    expected, block, number = [], 1, 1
    for width in PUBLISHED[kind]:
        if width == "M":
            expected.append(f"pool{block}")
            block, number = block + 1, 1
        else:
            assert channels_of(f"conv{block}_{number}") == channels_of(f"relu{block}_{number}") == width
            expected += [f"conv{block}_{number}", f"relu{block}_{number}"]
            number += 1
    assert layer_names(kind) == expected


@pytest.mark.parametrize(("kind", "place"), [("vgg16", 24), ("vgg19", 28)])
def test_conv5_1_has_torchvisions_number(kind, place):
    network = VGG(kind, ("relu5_1",), width=1)
    assert network.names[place] == "conv5_1" and len(network.features) == place + 2  # nothing beyond its ReLU


def test_width_scales_all_channels():
    network = VGG("vgg16", ("conv3_1", "relu1_2"), width=6)
    features = network(torch.rand(2, 3, 13, 21))
    assert {name: tuple(feature.shape) for name, feature in features.items()} == {
        "relu1_2": (2, 6, 13, 21),
        "conv3_1": (2, 24, 3, 5),  # pooling leaves out an odd row and column
    }
    assert channels_of("conv3_1", 6) == 24


@pytest.mark.parametrize("form", ["pth", "safetensors", "checkpoint"])
def test_features_are_those_of_the_stack_written_out(form, tmp_path):
    state, path = published_state(), tmp_path / ("w.safetensors" if form == "safetensors" else "w.pth")
    if form == "safetensors":
        save_file(state, path)
    else:
        torch.save({"averaged": state, "step": 3} if form == "checkpoint" else state, path)
    expected = literal_layers(state, picture := torch.rand(2, 3, 18, 12, generator=torch.Generator().manual_seed(1)))
    network = VGG("vgg19", tuple(expected))
    load_vgg(network, path)
    features = network(picture)
    assert features.keys() == expected.keys()
    for name in expected:
        assert torch.allclose(features[name], expected[name], atol=ROUNDING), name


def test_a_layer_before_its_relu_is_left_as_it_is():
    """The ReLU after it must not work in place."""
    features = VGG("vgg16", ("conv1_1", "relu1_1"), width=8)(torch.rand(1, 3, 8, 8))
    assert (features["conv1_1"] < 0).any()
    assert torch.equal(features["relu1_1"], features["conv1_1"].clamp(min=0))


def other_shape():
    return published_state() | {"features.7.weight": torch.zeros(128, 64, 3, 3)}


def without_bias():
    return {key: tensor for key, tensor in published_state().items() if key != "features.10.bias"}


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (other_shape, r"layer features\.7\.weight is missing or of another shape"),
        (without_bias, r"layer features\.10\.bias is missing"),
        (lambda: {"head.weight": torch.zeros(3)}, r"layer features\.0\.weight is missing"),
        (lambda: [torch.zeros(3)], "holds no VGG weights"),
        (lambda: None, "holds no VGG weights"),
    ],
    ids=["another shape", "missing", "another network", "a list", "nothing"],
)
def test_a_wrong_file_is_refused_and_changes_nothing(state, message, tmp_path):
    torch.save(state(), tmp_path / "w.pth")
    network = VGG("vgg19", ("relu3_1",))
    before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    with pytest.raises(InputError, match=message):
        load_vgg(network, tmp_path / "w.pth")
    assert all(torch.equal(tensor, before[key]) for key, tensor in network.state_dict().items())


@pytest.mark.parametrize("name", ["noise.pth", "noise.safetensors", "absent.pth", "absent.safetensors"])
def test_what_cannot_be_read_is_refused(name, tmp_path):
    """A file that is missing is not reported as one of another kind."""
    if name.startswith("noise"):
        (tmp_path / name).write_bytes(b"not weights at all")
    message = "holds no VGG weights" if name.startswith("noise") else f"no VGG weights at .*{name}; give torchvision's"
    with pytest.raises(InputError, match=message):
        load_vgg(VGG("vgg19", ("relu1_1",), 4), tmp_path / name)
