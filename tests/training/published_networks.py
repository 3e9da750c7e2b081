"""Checkpoints as the papers' authors published them: their names and shapes, with random tensors."""

import torch

from lfvideo_sr.nn.vgg import layer_names
from lfvideo_sr.weights import load_into, read_about

LEVELS = {"small": "relu3_1", "medium": "relu2_1", "large": "relu1_1"}
NARROW = {"channels": 6, "textures": 8, "descriptors": 4, "blocks": 2}
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
    checkpoint = Checkpoint(1)
    layers = ("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1")
    for number in (1, 2):
        owner = f"feature_extraction_image{number}"
        checkpoint[f"{owner}.mean"] = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
        checkpoint[f"{owner}.std"] = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
        checkpoint.vgg({layer: f"{owner}.model.{layer}" for layer in layers}, width)
    return checkpoint


def published_vgg(width: int, kind: str = "vgg19") -> Checkpoint:
    """As torchvision's, with layers that nothing here needs."""
    checkpoint = Checkpoint(2)
    layers = {name: f"features.{place}" for place, name in enumerate(layer_names(kind)) if name.startswith("conv")}
    checkpoint.vgg(layers, width)
    for place in (0, 3, 6):
        checkpoint[f"classifier.{place}.weight"], checkpoint[f"classifier.{place}.bias"] = (
            torch.zeros(2, 2),
            torch.zeros(2),
        )
    return checkpoint


def published_restoration(channels: int, textures: int, blocks: int, amsa: bool = False) -> Checkpoint:
    checkpoint = Checkpoint(3)
    checkpoint.conv("content_extractor.conv_first", channels, 3)
    checkpoint.body("content_extractor.body", channels, blocks)
    for level, texture in zip(LEVELS, (4 * textures, 2 * textures, textures)):
        owner, groups = f"dyn_agg_restore.{level}", min(8, texture // 8)
        if amsa:
            checkpoint.conv(f"{owner}_deform_conv", texture, texture)
            checkpoint.conv(f"{owner}_deform_conv.conv_offset_mask", 9, texture)
        checkpoint.conv(f"{owner}_offset_conv1", texture, channels + texture)
        checkpoint.conv(f"{owner}_offset_conv2", texture, texture)
        checkpoint.conv(f"{owner}_dyn_agg", texture, texture)
        checkpoint.conv(f"{owner}_dyn_agg.conv_offset_mask", 27 * groups, texture)
        checkpoint.conv(f"dyn_agg_restore.head_{level}.0", channels, channels + texture)
        checkpoint.body(f"dyn_agg_restore.body_{level}", channels, blocks)
    checkpoint.conv("dyn_agg_restore.tail_small.0", 4 * channels, channels)
    checkpoint.conv("dyn_agg_restore.tail_medium.0", 4 * channels, channels)
    checkpoint.conv("dyn_agg_restore.tail_large.0", channels // 2, channels)
    checkpoint.conv("dyn_agg_restore.tail_large.2", 3, channels // 2)
    return checkpoint


FILES = ("feature_extraction.pth", "restoration_mse.pth", "vgg19.pth")


def published(sizes: dict, amsa: bool = False) -> dict[str, Checkpoint]:
    """All a method's files."""
    net = published_restoration(sizes["channels"], sizes["textures"], sizes["blocks"], amsa)
    return dict(zip(FILES, (published_extractors(sizes["descriptors"]), net, published_vgg(sizes["textures"]))))


def loaded(module, output):
    """The network of a method's module with converted weights."""
    network = module.network(read_about(output)["size"])
    load_into(network, output)
    return network.eval()
