"""What `lfvideo-sr info METHOD` says is so: counted and measured here in another way."""

import json
from importlib import import_module

import pytest
from small_clips import engine_of
from torch import nn

from lfvideo_sr import describe as module
from lfvideo_sr.choose import load_learned
from lfvideo_sr.describe import count_parameters, describe
from lfvideo_sr.errors import UsageError
from lfvideo_sr.methods import METHODS
from lfvideo_sr.weights import fingerprint, shipped, weights_path

LEARNED = [name for name, entry in METHODS.items() if entry.learned]


@pytest.mark.parametrize("name", METHODS)
def test_every_method_is_described(name):
    found = json.loads(json.dumps(describe(name)))
    info = engine_of(name).info if not METHODS[name].learned or found["weights"] else None
    assert found["name"] == name and found["scale"] == 4 and found["summary"]
    assert info is None or (found["references"], found["worthless_below"]) == (info.references, info.worthless_below)
    assert list(found["parts"]) == ["encoder", "matcher", "restorer"]
    assert all(list(part) == ["parameters"] for part in found["parts"].values())
    for counts in (found["parameters"], *(part["parameters"] for part in found["parts"].values())):
        assert counts["total"] == counts["trainable"] + counts["frozen"] >= 0


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


def test_the_seeder_of_stream_ref_is_named():
    assert describe("stream_ref")["seeder"] == "FlowSeeder"


@pytest.mark.parametrize("name", ["flow_transfer", "bicubic"])
def test_classical_methods_have_no_parameters(name):
    found = describe(name)
    assert not found["learned"] and found["weights"] is None and found["parameters"]["total"] == 0


def test_shared_and_frozen_parameters_are_told_apart():
    shared, frozen = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 1).requires_grad_(False)
    parts = [nn.Sequential(shared, frozen), nn.Sequential(shared), len]
    assert count_parameters(parts) == {"total": 112 + 20, "trainable": 112, "frozen": 20}
    assert count_parameters([len]) == {"total": 0, "trainable": 0, "frozen": 0}


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
