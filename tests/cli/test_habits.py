"""What people try first: -h, --version, -q, -v, help that can be read, and messages that name what to install."""

import json
import shlex

import pytest
import typer
from command_line import FAST, report_of, run_without
from small_clips import EVERY, FRAMES

import lfvideo_sr
from lfvideo_sr import checks, cli
from lfvideo_sr.cli import help as help_layout
from lfvideo_sr.torch_loading import may_have_gpu


def commands(command, named: tuple[str, ...] = ()):
    """The words and the command of each command that is no group."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield named, command
    for name, each in (inner or {}).items():
        yield from commands(each, (*named, name))


ROOT = typer.main.get_command(cli.app)
ALL = dict(commands(ROOT))


def test_version_and_short_help(run):
    assert run("--version").out.strip() == lfvideo_sr.__version__
    for words in ((), ("stream",), ("lightfield",), ("lightfield", "info"), ("refs", "suggest")):
        assert run(*words, "-h").out == run(*words, "--help").out != ""


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_each_help_ends_with_an_example_that_parses(words, run):
    command = ALL[words]
    program, *example = shlex.split(command.epilog.partition(" > ")[0])
    assert program == "lfvideo-sr"
    named = [*words] if example[: len(words)] == [*words] else [*words[:-1]]  # `lightfield IN`
    command.make_context("example", example[len(named) :])  # raises for what does not parse
    assert " ".join(command.epilog.split()) in " ".join(run(*words, "--help").out.split())


def test_options_are_in_groups(run):
    printed = run("stream", "--help").out
    titles = [line for line in printed.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert titles == [
        "Arguments:", "References:", "Method and device:", "Input:", "Output:", "Encoding:", "Measuring:",
        "Pipes and live streams:", "What is printed:", "Others:", "Example:",
    ]  # fmt: skip
    assert printed.index("References:") < printed.index("--refs ") < printed.index("Method and device:")


def test_groups_name_options_that_exist_and_lack_none_of_stream():
    options = {name for command in ALL.values() for parameter in command.params for name in parameter.opts}
    assert help_layout.GROUPS.keys() <= options
    ungrouped = [parameter.name for parameter in ALL[("stream",)].params if help_layout.group_of(parameter) == "Others"]
    assert ungrouped == []


def test_completion_is_offered_and_knows_names(run, monkeypatch):
    script = run("completion", "bash").out
    assert "complete" in script and "lfvideo-sr" in script and "_LFVIDEO_SR_COMPLETE" in script
    assert "did you mean 'bash'" in run("completion", "basch").line


@pytest.mark.parametrize(
    ("command", "parameter", "typed", "names"),
    [
        ("stream", "method", "flow", ["flow_transfer"]),
        ("stream", "codec", "ff", ["ffv1"]),
        ("stream", "preset", "very", ["veryfast", "veryslow"]),
        ("stream", "progress", "j", ["json"]),
        ("stream", "ref_source", "same", ["same-track"]),
        ("image", "dtype", "b", ["bf16"]),
        ("lightfield restore", "layout", "hci2016", ["hci2016", "hci2016-folder"]),
        ("train", "configs", "stream_ref_lf", ["stream_ref_lf"]),
        ("info", "method", "bi", ["bicubic"]),
        ("completion", "shell", "z", ["zsh"]),
    ],
)
def test_names_that_a_parameter_takes_are_completed(command, parameter, typed, names):
    asked = ALL[tuple(command.split())]
    taken = next(each for each in asked.params if each.name == parameter)
    context = asked.make_context("x", ["x"], resilient_parsing=True)
    assert [item.value for item in taken.shell_complete(context, typed)] == names


def test_a_wrong_option_names_the_help_of_its_command(run):
    assert run("image", "a.png", "--progresss", "json").line.endswith("; see lfvideo-sr image --help")
    assert run("refs", "suggest", "--nowhere").line.endswith("; see lfvideo-sr refs suggest --help")
    assert run("strem").line.endswith("; see lfvideo-sr --help")


def test_quiet_prints_nothing_and_verbose_prints_more(run, hybrid_clip, tmp_path):
    options = (*FAST, "--frames", "3")
    quiet = run("stream", hybrid_clip, "-o", tmp_path / "a.mkv", *options, "-q")
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")
    verbose = run("stream", hybrid_clip, "-o", tmp_path / "b.mkv", *options, "-v").out
    assert "stage       restore:" in verbose and "reference   " in verbose and "served" in verbose
    assert "stage " not in run("stream", hybrid_clip, "-o", tmp_path / "c.mkv", *options).out


def test_y_replaces_what_exists(run, low_clip, tmp_path):
    (tmp_path / "out.mkv").write_text("older")
    assert run("stream", low_clip, "-o", tmp_path / "out.mkv", *FAST, "-y", "--frames", "1").code == 0


def test_the_report_says_what_each_frame_was_made_from(run, hybrid_clip, tmp_path):
    assert run("stream", hybrid_clip, "-o", tmp_path / "out.mkv", *FAST).code == 0
    report = report_of(tmp_path / "out.mkv")
    rows = report["per_frame"]
    assert [row["index"] for row in rows] == list(range(FRAMES))
    sharp = [row for row in rows if row["passed"]]
    assert {0} < {row["index"] for row in sharp} <= set(range(0, FRAMES, EVERY))
    for row in rows:
        uses = [report["references"][place] for place in row["references"]]
        assert len(uses) == len(row["relevance"]) <= 2
        if row["passed"]:
            assert [use["time"] for use in uses] == [pytest.approx(row["time"], abs=1e-3)]
        else:
            assert all(0 < relevance <= 1 for relevance in row["relevance"])
    counted = [sum(place in row["references"] for row in rows) for place in range(len(report["references"]))]
    assert counted == [use["frames_served"] for use in report["references"]]


def test_json_progress_is_a_line_an_object(run, low_clip, tmp_path):
    lines = run("stream", low_clip, "-o", tmp_path / "out.mkv", *FAST, "--progress", "json").out.splitlines()
    objects = [json.loads(line) for line in lines]
    assert {tuple(each) for each in objects} == {("message",), ("frame", "frames", "seconds")}
    assert objects[0] == {"message": f"opening     {low_clip}"}
    assert [each for each in objects if "frame" in each][-1]["frame"] == FRAMES


def test_a_module_is_named_by_its_package(low_clip, tmp_path):
    done = run_without(["cv2"], "stream", low_clip, "-o", tmp_path / "out.mkv", "--method", "bicubic")
    assert done.returncode == 4
    (line,) = done.stderr.splitlines()
    assert "opencv-python-headless (the module cv2)" in line and "pip install opencv-python-headless" in line
    assert checks.missing_package("yaml").endswith("pip install pyyaml")
    assert checks.missing_package("h5py").startswith("this needs h5py, which")
    assert checks.missing_package("ray").endswith("pip install 'lfvideo-sr[ray]'")


def test_without_torch_no_command_would_install_it_on_the_way(monkeypatch):
    """pip installs all that a package requires along with an extra of it."""
    monkeypatch.setattr(checks, "is_installed", lambda module: module != "torch")
    assert checks.install_command("pillow_heif") == "pip install pillow-heif"
    assert checks.install_command("ray.exceptions") == "pip install ray"
    assert checks.install_command("lightning") == "pip install 'lfvideo-sr[train]'"  # which needs torch


@pytest.mark.skipif(may_have_gpu(), reason="the encoder may open")
def test_a_gpus_encoder_that_is_not_there_is_one_line(run, low_clip, tmp_path):
    outcome = run("stream", low_clip, "-o", tmp_path / "out.mkv", "--method", "bicubic", "--codec", "h264_nvenc")
    assert outcome.code == 4 and "an NVIDIA GPU that encodes" in outcome.line and "--codec x264" in outcome.line
    assert list(tmp_path.iterdir()) == []
