"""What `lfvideo-sr info METHOD` says is so: counted and measured here in another way."""

import json
from importlib import import_module

import pytest
import torch
import torch.nn.functional as F
from small_clips import engine_of
from torch import nn

from lfvideo_sr import describe as module
from lfvideo_sr.choose import load_learned
from lfvideo_sr.describe import count_parameters, describe
from lfvideo_sr.errors import UsageError
from lfvideo_sr.matching.exact import exact_search
from lfvideo_sr.method import Method, MethodInfo
from lfvideo_sr.methods import METHODS
from lfvideo_sr.reach import reaches, searches_everywhere
from lfvideo_sr.weights import fingerprint, shipped, weights_path

LEARNED = [name for name, entry in METHODS.items() if entry.learned]


@pytest.mark.parametrize("name", METHODS)
def test_every_method_is_described(name):
    described = json.loads(json.dumps(describe(name)))
    info = engine_of(name).info if not METHODS[name].learned or described["weights"] else None
    assert described["name"] == name and described["scale"] == 4 and described["summary"]
    assert info is None or (described["references"], described["worthless_below"]) == (
        info.references,
        info.worthless_below,
    )
    assert list(described["parts"]) == ["encoder", "matcher", "restorer"]
    for counts in (described["parameters"], *(part["parameters"] for part in described["parts"].values())):
        assert counts["total"] == counts["trainable"] + counts["frozen"] >= 0
    for part in described["parts"].values():
        field = part["receptive_field"]
        assert field is None or field == "global" or field >= 1


@pytest.mark.parametrize("name", [name for name in LEARNED if (METHODS[name].weights or name) in shipped()])
def test_parameters_are_those_of_the_networks_parts(name):
    described, method = describe(name), load_learned(name)
    for part, about in described["parts"].items():
        assert about["parameters"]["total"] == sum(
            parameter.numel() for parameter in getattr(method, part).parameters()
        )
    together = nn.ModuleList([method.encoder, method.matcher, method.restorer])
    assert described["parameters"]["total"] == sum(parameter.numel() for parameter in together.parameters())
    path = weights_path(METHODS[name].weights or name)
    assert (
        described["weights"]["fingerprint"] == fingerprint(path)
        and described["weights"]["bytes"] == path.stat().st_size
    )


def test_how_far_stream_ref_sees():
    """By hand: a convolution adds 2 pixels, bicubic enlargement of the frame 4, a residual block 4."""
    described = describe("stream_ref")
    fields = {part: about["receptive_field"] for part, about in described["parts"].items()}
    blocks = described["weights"]["about"]["size"]["blocks"]
    assert fields["matcher"] == 1 + 4 + 2 + 4 + 2  # misfit, head, one block, tail
    assert fields["restorer"] == 1 + 4 + 2 + 4 * blocks + 2 + 2  # misfit, head, trunk, tail, places beside a pixel
    assert fields["encoder"] == (4 * 5 + 3 * 4) / 4  # 16 taps round each of the 5 pixels that enlargement reads
    assert described["seeder"] == "FlowSeeder"


@pytest.mark.parametrize("name", ["flow_transfer", "bicubic"])
def test_classical_methods_have_no_parameters_and_no_field(name):
    described = describe(name)
    assert not described["learned"] and described["weights"] is None and described["parameters"]["total"] == 0
    assert all(part["receptive_field"] is None for part in described["parts"].values())


def test_shared_and_frozen_parameters_are_told_apart():
    shared, frozen = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 1).requires_grad_(False)
    parts = [nn.Sequential(shared, frozen), nn.Sequential(shared), len]
    assert count_parameters(parts) == {"total": 112 + 20, "trainable": 112, "frozen": 20}
    assert count_parameters([len]) == {"total": 0, "trainable": 0, "frozen": 0}


# a method that searches


class Encoder(nn.Module):
    """What the low version of a reference, or a frame, looks like round each pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 16, 3, padding=1)

    def forward(self, reference: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"low": self.layer(F.avg_pool2d(reference, 4))}


class Searching(nn.Module):
    """Finds each low-resolution pixel by exact search."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, frame: torch.Tensor, reference, seed: None) -> tuple[torch.Tensor, torch.Tensor]:
        query = F.pad(self.encoder.layer(frame), (1, 1, 1, 1), mode="replicate")
        other = F.pad(reference["low"], (1, 1, 1, 1), mode="replicate")
        field = exact_search(query, other)
        columns = other.shape[-1]
        place = torch.stack([field.index % columns, field.index // columns], -1)[:, 0] - 1  # without the margin
        return 4 * place.float() + 1.5, field.score[:, 0].clamp(0, 1)


class Restorer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 48, 5, padding=2), nn.PixelShuffle(4))

    def forward(self, frame: torch.Tensor, matches) -> torch.Tensor:
        return self.layers(frame)


@pytest.fixture
def searching() -> Method:
    torch.manual_seed(0)
    encoder = Encoder()
    info = MethodInfo("searching", "exact search", references=1)
    return Method(info=info, encoder=encoder, matcher=Searching(encoder), restorer=Restorer(), field_stride=4)


def test_a_search_of_the_whole_reference_is_global(searching):
    assert reaches(searching) == {"encoder": 3, "matcher": "global", "restorer": 5}


def test_a_local_search_is_not():
    assert not searches_everywhere(engine_of("stream_ref"))


def test_a_network_without_shipped_weights_is_described_untrained(monkeypatch):
    monkeypatch.setattr(module, "shipped", lambda: [])
    described = describe("stream_ref")
    untrained = import_module("lfvideo_sr.methods.stream_ref").network({})
    assert described["weights"] is None and described["learned"]
    assert described["parameters"]["total"] == sum(parameter.numel() for parameter in untrained.parameters())


def test_an_unknown_method_is_refused():
    with pytest.raises(UsageError, match="no 'strem_ref' in the methods; did you mean 'stream_ref'"):
        describe("strem_ref")


# the command


@pytest.mark.parametrize("name", METHODS)
def test_the_command_says_it_in_a_few_lines(name, run):
    outcome = run("info", name)
    assert outcome.code == 0 and outcome.err == "" and name in outcome.out
    assert 3 <= len(outcome.out.splitlines()) <= 8 and max(map(len, outcome.out.splitlines())) <= 120


def test_the_command_as_json(run):
    printed = json.loads(run("info", "stream_ref", "--json").out)
    assert printed["parameters"]["total"] == describe("stream_ref")["parameters"]["total"]
    assert "devices" in json.loads(run("info", "--json").out)  # without a method it is about the machine


def test_the_command_says_that_weights_are_missing(run, monkeypatch):
    monkeypatch.setattr(module, "shipped", lambda: [])
    assert "untrained network of default size" in run("info", "stream_ref").out


def test_the_command_refuses_an_unknown_method(run):
    outcome = run("info", "zzz")
    assert outcome.code == 2 and "choose one of: " in outcome.line
    assert all(name in outcome.line for name in METHODS)
