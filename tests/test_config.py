"""Configuration files: flat YAML to a frozen dataclass; what is misspelt or ill-typed is said in one line."""

import os
import re
from dataclasses import FrozenInstanceError, dataclass
from pathlib import Path

import pytest
import yaml

from lfvideo_sr.config import dump_config, from_mapping, load_config, read_mapping
from lfvideo_sr.errors import UsageError
from lfvideo_sr.methods.c2_matching import C2Size
from lfvideo_sr.methods.e2ent2 import E2ENT2Size
from lfvideo_sr.methods.refsr_net import RefSRSize
from lfvideo_sr.trainers.ccnet import CCNetConfig
from lfvideo_sr.trainers.e2ent2 import E2ENT2Config
from lfvideo_sr.trainers.restoration import RestorationConfig
from lfvideo_sr.trainers.sisr import SISRConfig


@dataclass(frozen=True)
class Run:
    trainer: str
    clips: tuple[str, ...] = ()
    steps: int = 10
    rate: float = 4e-4
    resume: bool = True
    limit: int | None = None


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_a_file_becomes_a_frozen_dataclass(tmp_path):
    text = "trainer: x\nclips: [a.mp4, b.mp4]\nsteps: 3\nrate: 1\nresume: false\nlimit: 5\n"
    run = load_config(write(tmp_path / "run.yaml", text), Run)
    assert run == Run("x", ("a.mp4", "b.mp4"), 3, 1.0, False, 5)
    assert type(run.rate) is float
    with pytest.raises(FrozenInstanceError):
        run.steps = 4


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        (E2ENT2Config, {"stage": "singel"}, "no 'singel' in stage; did you mean 'single'?"),
        (E2ENT2Config, {"stage": 3}, "no '3' in stage; choose one of: single, joint"),
        (SISRConfig, {"loss": "huber"}, "no 'huber' in loss; choose one of: l1, mse"),
        (SISRConfig, {"blocks": 0}, "'blocks' is 0; give a number above 0"),
        (CCNetConfig, {"queries": 0}, "'queries' is 0; give a number above 0"),
        (RestorationConfig, {"reference_side": 0}, "'reference_side' is 0; give a number above 0"),
        (C2Size, {"tap_flows": "owm"}, "no 'owm' in tap_flows; did you mean 'own'?"),
        (E2ENT2Size, {"features": "vgg19"}, "no 'vgg19' in features; did you mean 'vgg'?"),
        (RefSRSize, {"equations": "both"}, "no 'both' in equations; choose one of: meant, printed"),
    ],
)
def test_a_word_or_a_number_that_a_field_cannot_have_is_one_line(kind, changes, message):
    """Of a run's configuration and of a network's size, wherever they are made."""
    with pytest.raises(UsageError, match=f"^{re.escape(message)}$"):
        from_mapping(changes, kind, "here")


def test_what_is_not_said_has_its_default(tmp_path):
    assert load_config(write(tmp_path / "run.yaml", "trainer: x"), Run) == Run("x")


def test_changes_win_over_the_file(tmp_path):
    path = write(tmp_path / "run.yaml", "trainer: x\nsteps: 3\n")
    assert load_config(path, Run, {"steps": 7, "limit": None}) == Run("x", steps=7)


@pytest.mark.parametrize("text", ["4e-4", "4.0e-4", "0.0004", "'0.0004'"])
def test_a_number_is_read_as_people_write_it(text):
    """YAML itself takes 4e-4 for a word."""
    assert from_mapping(yaml.safe_load(f"trainer: x\nrate: {text}"), Run, "here").rate == 4e-4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("trainer: x\nstpes: 3", "no 'stpes' in Run; did you mean 'steps'?"),
        ("trainer: x\nzzz: 3", "no 'zzz' in Run; known: trainer, clips, steps, rate, resume, limit"),
        ("trainer: x\non: 3", "no 'True' in Run"),
        ("steps: 3", "missing 1 required positional argument: 'trainer'"),
        ("trainer: x\nsteps: many", "'steps' is 'many'; int is wanted"),
        ("trainer: x\nsteps: 3.5", "'steps' is 3.5; int is wanted"),
        ("trainer: x\nsteps: true", "'steps' is True; int is wanted"),
        ("trainer: x\nrate: fast", "'rate' is 'fast'; float is wanted"),
        ("trainer: x\nrate: true", "'rate' is True; float is wanted"),
        ("trainer: x\nrate:", "'rate' is None; float is wanted"),
        ("trainer: x\nresume: 1", "'resume' is 1; bool is wanted"),
        ("trainer: 7", "'trainer' is 7; str is wanted"),
        ("trainer: x\nclips: a.mp4", "'clips' is 'a.mp4'; a list is wanted"),
        ("trainer: x\nsteps: [1, 2]", "'steps' is [1, 2]; int is wanted"),
    ],
)
def test_what_is_wrong_is_said_with_the_file_and_the_key(tmp_path, text, message):
    path = write(tmp_path / "run.yaml", text)
    with pytest.raises(UsageError) as caught:
        load_config(path, Run)
    assert message in str(caught.value) and str(path) in str(caught.value)
    assert "\n" not in str(caught.value) and caught.value.exit_code == 2


@pytest.mark.parametrize("content", [b"- a\n- b\n", b"", b"just words", b"a: [1", b"\xff\xfe\x00\x01", b"a: b: c"])
def test_what_is_no_mapping_is_refused(tmp_path, content):
    path = tmp_path / "run.yaml"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"run\.yaml"):
        read_mapping(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"no\.yaml"):
        read_mapping(tmp_path / "no.yaml")


def test_a_dumped_configuration_reads_back_equal(tmp_path):
    run = Run("x", ("a.mp4",), 3, 1e-5, False, None)
    dump_config(run, tmp_path / "config.yaml")
    assert load_config(tmp_path / "config.yaml", Run) == run
    assert list(read_mapping(tmp_path / "config.yaml")) == ["trainer", "clips", "steps", "rate", "resume", "limit"]


def test_aliases_which_a_few_lines_multiply_without_end_are_refused(tmp_path):
    lines = ["trainer: x", "steps:", " - &a0 [y, y, y, y, y, y, y, y, y, y]"]
    lines += [f" - &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 10)]
    with pytest.raises(UsageError, match="an alias, which is not read"):
        load_config(write(tmp_path / "run.yaml", "\n".join(lines)), Run)


@pytest.mark.parametrize(
    "text",
    [
        "trainer: 2001-99-99",
        "steps: " + "9" * 5000,
        "a: " + "[" * 2000,
        "trainer: x\nsteps: " + "[x, " * 100 + "]" * 100,
    ],
    ids=["date", "digits", "depth", "length"],
)
def test_what_no_configuration_needs_is_a_short_line(tmp_path, text):
    with pytest.raises(UsageError) as caught:
        load_config(write(tmp_path / "run.yaml", text), Run)
    assert len(str(caught.value)) < 500 and "\n" not in str(caught.value)


def test_a_long_file_and_a_pipe_are_not_read(tmp_path):
    write(tmp_path / "run.yaml", "# " + "x" * (1 << 16))
    os.mkfifo(tmp_path / "pipe.yaml")
    for name, why in (("run", "longer than 64 KiB"), ("pipe", "no file")):
        with pytest.raises(UsageError, match=why):
            read_mapping(tmp_path / f"{name}.yaml")
