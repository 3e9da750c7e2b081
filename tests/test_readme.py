"""What the README and the pages of docs/ for users say is so: the README's command runs, options and files exist, and
the README's Python works."""

import re
import shlex
import shutil
from functools import cache
from itertools import islice
from pathlib import Path

import pytest
import typer
from command_line import report_of

from lfvideo_sr import cli
from lfvideo_sr.checks import check_choice
from lfvideo_sr.cli.choices import BY_PARAMETER, GRID_METHODS
from lfvideo_sr.commands.first_checks import check_names
from lfvideo_sr.media.codecs import PRESETS, codec_of
from lfvideo_sr.media.video import VideoSource

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
PAGES = {name: (ROOT / name).read_text() for name in (
    "README.md", "docs/streams.md", "docs/pictures.md", "docs/lightfields.md", "docs/methods.md", "docs/engines.md",
    "docs/training.md", "docs/api.md", "docs/install.md", "docs/troubleshooting.md", "docs/references.md",
    "docs/tutorial.md", "docs/index.md", "docs/compare.md", "docs/pipes.md", "docs/many_clips.md",
)}  # fmt: skip
TEXT = "\n".join(PAGES.values())
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROSE = FENCE.sub("", TEXT)
_PLACEHOLDER = re.compile(r"\.\.\.|\b[A-Z]{3,}\b|\[|, ")  # of commands that stand for many
FIRST = 10  # frames of the example: past its second reference
FOREIGN = {"--version", "--gpus", "--alone", "--jpeg"}  # of other programs and of benchmarks, which prose may mention


def fences(*languages: str, text: str = README) -> list[str]:
    return [body for language, body in FENCE.findall(text) if language in languages]


def fresh_environment_commands() -> list[str]:
    """The lines that make a fresh environment and then do one thing; .ci/run runs the same ones."""
    return [line for body in fences("sh") for line in body.splitlines() if line.startswith("python3 -m venv")]


def shown_commands() -> list[list[str]]:
    """Every `lfvideo-sr ...` of every page, in the fences and in prose, as words; comments, what is behind a pipe or
    another command, and redirections are dropped, and lines that go on are joined."""
    text = "\n".join(page.read_text() for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")))
    bodies = [body.replace("\\\n", "") for body in fences("sh", "", text=text)]
    spans = [" ".join(span.split()) for span in re.findall(r"`(lfvideo-sr [^`]*)`", FENCE.sub("", text))]
    lines = dict.fromkeys([*(line for body in bodies for line in body.splitlines()), *spans])
    commands = [re.search(r"(?:^|[\s/])lfvideo-sr (.*)", line) for line in lines]
    ended = [re.split(r" (?:\||&&|2?>) ?", command[1])[0] for command in commands if command]
    return [shlex.split(words, comments=True) for words in ended if not _PLACEHOLDER.search(words)]


@cache
def whole_command():
    return typer.main.get_command(cli.app)


def options_of(command) -> set[str]:
    return {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)} | {"--help"}


def all_options() -> set[str]:
    command = whole_command()
    options, waiting = options_of(command), [command]
    while waiting:
        for sub in getattr(waiting.pop(), "commands", {}).values():
            options |= options_of(sub)
            waiting.append(sub)
    return options


def test_there_are_two_commands_for_a_fresh_environment():
    first, second = fresh_environment_commands()
    assert first.startswith("python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/lfvideo-sr stream ")
    assert "pytest" in second


def test_the_first_command_does_what_is_said(run, tmp_path, monkeypatch):
    """Its last part, in this environment, in a copy of the example's folder, for its first frames."""
    words = shlex.split(fresh_environment_commands()[0].split("&&")[-1])
    assert words[0] == ".venv/bin/lfvideo-sr"
    (clip,) = [Path(word) for word in words[1:] if (ROOT / word).is_file()]
    (tmp_path / clip).parent.mkdir(parents=True)
    shutil.copy(ROOT / clip, tmp_path / clip)
    monkeypatch.chdir(tmp_path)
    done = run(*words[1:], "--frames", FIRST)
    assert done.code == 0 and done.err == ""
    output = tmp_path / clip.with_name(f"{clip.stem}_x4{clip.suffix}")
    report = report_of(output)
    low = VideoSource(ROOT / clip, detect_cuts=False)
    large = VideoSource(output, detect_cuts=False)
    assert large.info.size == low.info.size.scaled(4)
    assert [frame.stamp.seconds for frame in large] == [frame.stamp.seconds for frame in islice(low, FIRST)]
    assert report["reference_source"] == "track" and "track" in done.out
    assert sum(use["frames_served"] for use in report["references"]) >= report["frames"] / 2
    assert str(output.relative_to(tmp_path)) in done.out


@pytest.mark.parametrize("words", shown_commands(), ids=" ".join)
def test_shown_commands_are_accepted(words, monkeypatch):
    """All but the files that they name: arguments, options, the kinds of their values, and names."""
    monkeypatch.setenv("LFVIDEO_MAX_PIXELS", "")  # which an option sets
    command = whole_command()
    while words and words[0] in getattr(command, "commands", {}):
        command, words = command.commands[words[0]], words[1:]
    command = getattr(command, "commands", {}).get("restore", command)  # `lightfield IN` is `lightfield restore IN`
    assert not getattr(command, "commands", {}) or not words or words[0].startswith("--"), f"no command {words[0]}"
    if not getattr(command, "commands", {}) and words and "--help" not in words:
        asked = command.make_context("shown", words).params
        check_names(asked, {**BY_PARAMETER, "method": {*GRID_METHODS, "all"}})
        codec_of(asked.get("codec") or "x264")
        check_choice("--preset", asked.get("preset") or "medium", PRESETS)


def test_options_in_prose_exist():
    mentioned = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PROSE)) - FOREIGN
    assert mentioned and mentioned <= all_options()


def test_methods_and_configurations_in_prose_exist():
    from lfvideo_sr.methods import METHODS

    for page in ("README.md", "docs/methods.md"):
        table = set(re.findall(r"^\| `(\w+)` \|", PAGES[page], re.MULTILINE))
        assert table == set(METHODS), page
    for name in re.findall(r"lfvideo-sr train (\w+)", TEXT):
        assert (ROOT / "configs" / f"{name}.yaml").is_file()


def test_linked_files_exist():
    for page, text in PAGES.items():
        links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
        assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == [], page


def test_the_readme_is_short_and_leads_to_every_page():
    assert len(README.splitlines()) < 150
    below = dict.fromkeys(("docs/compare.md", "docs/pipes.md", "docs/many_clips.md"), "docs/streams.md")
    leading = {page: PAGES[below[page]] if page in below else README for page in PAGES if page != "README.md"}
    assert [page for page, text in leading.items() if not re.search(rf"\]\((docs/)?{Path(page).name}\)", text)] == []


@pytest.mark.parametrize("code", fences("python"), ids=lambda code: code.split("\n")[0])
def test_shown_python_runs(code, hybrid_clip, tmp_path, monkeypatch, capsys):
    shutil.copy(hybrid_clip, tmp_path / "in.mp4")
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {"__name__": "__main__"})
    assert "Frame(13, 0.520s, 192x128)" in capsys.readouterr().out
