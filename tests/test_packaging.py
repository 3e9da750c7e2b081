"""What is installed is what lies in the tree: packages, weights, configurations; and every shipped one loads."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from fnmatch import fnmatch
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import yaml

import lfvideo_sr
from lfvideo_sr.commands.train import TRAINERS
from lfvideo_sr.config import load_config, read_mapping
from lfvideo_sr.methods import BEHIND, METHODS
from lfvideo_sr.weights import load_into, read_about, shipped, weights_path

ROOT = Path(__file__).parent.parent
BESIDE = {"engines": "lfvideo_sr.engines", "trainers": "lfvideo_sr.trainers", "configs": "lfvideo_sr.configs"}
CONFIGS = sorted((ROOT / "configs").rglob("*.yaml"))


@pytest.fixture(scope="module")
def settings() -> dict:
    """[tool.setuptools] of pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]


def packages() -> dict[str, Path]:
    """Every folder with an __init__.py, by the name it is installed as."""
    folders = {}
    for top, name in {"lfvideo_sr": "lfvideo_sr", **BESIDE}.items():
        for file in (ROOT / top).rglob("__init__.py"):
            folders[".".join([name, *file.parent.relative_to(ROOT / top).parts])] = file.parent
    return folders


def test_the_list_of_packages_equals_the_tree(settings):
    assert sorted(settings["packages"]) == sorted(packages())


def test_no_folder_with_code_is_forgotten():
    folders = {file.parent for top in ("lfvideo_sr", *BESIDE) for file in (ROOT / top).rglob("*.py")}
    assert folders == set(packages().values())


def test_the_folders_beside_the_package_are_mapped_under_it(settings):
    mapped = {name: ROOT / folder for name, folder in settings["package-dir"].items()}
    for name, folder in packages().items():
        assert mapped.get(name, mapped["lfvideo_sr"].joinpath(*name.split(".")[1:])) == folder


def test_every_file_that_is_no_code_is_package_data(settings):
    for name, folder in packages().items():
        globs = settings["package-data"].get(name, [])
        inner = [other for other in packages().values() if folder in other.parents]
        data = [
            str(file.relative_to(folder))
            for file in folder.rglob("*")
            if file.is_file() and file.suffix not in (".py", ".pyc") and not any(map(file.is_relative_to, inner))
        ]
        assert [file for file in data if not any(fnmatch(file, glob) for glob in globs)] == [], name
    assert set(settings["package-data"]) <= set(packages())


TOPS = ("lfvideo_sr", *BESIDE, "tests", "docs", "examples", "benchmarks", ".ci")
FILES = (
    "pyproject.toml", "MANIFEST.in", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "CITATION.cff",
    "THIRD_PARTY_NOTICES.md", "Dockerfile", "requirements-without-torch.txt",
)  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A folder with a source archive and a wheel, and beside them the tree they were made of."""
    pytest.importorskip("setuptools", minversion="77")
    folder = tmp_path_factory.mktemp("built")
    for top in TOPS:
        shutil.copytree(ROOT / top, folder / "tree" / top, ignore=shutil.ignore_patterns("__pycache__", "*_x4.*"))
    for name in FILES:
        shutil.copy(ROOT / name, folder / "tree" / name)
    code = f"from setuptools import build_meta as b; b.build_sdist({str(folder)!r}); b.build_wheel({str(folder)!r})"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder / "tree", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "is absent from the `packages` configuration" not in done.stdout + done.stderr
    return folder


def test_a_source_archive_holds_what_the_readme_and_the_tests_need(built):
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    tree = built / "tree"
    expected = {str(file.relative_to(tree)) for top in TOPS for file in (tree / top).rglob("*") if file.is_file()}
    assert expected | set(FILES) <= packed


def test_a_wheel_names_its_licence_and_authors(built):
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        folder = f"lfvideo_sr-{lfvideo_sr.__version__}.dist-info"
        about = wheel.read(f"{folder}/METADATA").decode()
        assert wheel.read(f"{folder}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
        assert f"{folder}/licenses/THIRD_PARTY_NOTICES.md" in wheel.namelist()
    assert "License-Expression: Apache-2.0" in about and "Author: lfvideo-sr contributors" in about


def test_the_citation_has_the_packages_version_and_licence():
    about = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (about["version"], about["license"]) == (lfvideo_sr.__version__, project["license"])
    assert about["authors"] == project["authors"]


def test_the_list_without_torch_is_the_projects_own():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = (ROOT / "requirements-without-torch.txt").read_text().splitlines()
    listed = [line for line in lines if not line.startswith("#")]
    needed = [line for line in project["dependencies"] if not line.startswith("torch")]
    (runtime,) = [line for line in project["optional-dependencies"]["onnx"] if line.startswith("onnxruntime")]
    assert listed == [*needed, runtime]


@pytest.mark.parametrize("name", shipped())
def test_every_clip_of_a_card_is_in_the_notices(name):
    card = weights_path(name).with_suffix(".md").read_text()
    notices = (ROOT / "THIRD_PARTY_NOTICES.md").read_text()
    sources = re.findall(r"\b[\w-]+/[\w.-]+(?=[,);])", card)
    assert [source for source in sources if "." not in source and source not in notices] == []


def test_a_wheel_holds_it_all_and_runs(built, tmp_path):
    site = tmp_path / "site"
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        tops = {name.split("/")[0] for name in wheel.namelist()}
        wheel.extractall(site)
    assert tops == {"lfvideo_sr", f"lfvideo_sr-{lfvideo_sr.__version__}.dist-info"}
    code = (  # what imports torch or lightning is looked for alone: to import these takes many seconds
        "import lfvideo_sr.engines.numpy_engine as engine\n"
        "from importlib.util import find_spec\n"
        "from lfvideo_sr.weights import shipped\n"
        "from lfvideo_sr.commands.train import config_file\n"
        "trainer = find_spec('lfvideo_sr.trainers.stream_ref').origin\n"
        "with config_file('stream_ref') as config, config_file('rrsr_no_rtrr_small') as ablation:\n"
        "    print(engine.__file__, trainer, config, ablation, *shipped())"
    )
    environment = {**os.environ, "PYTHONPATH": str(site)}
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert ran.returncode == 0, ran.stderr
    engine, trainer, config, ablation, *weights = ran.stdout.split()
    assert all(path.startswith(str(site / "lfvideo_sr")) for path in (engine, trainer, config, ablation))
    assert weights == shipped()


@pytest.fixture(scope="module")
def site(tmp_path_factory, settings) -> Path:
    """A folder with the package as pip installs it."""
    site = tmp_path_factory.mktemp("site")
    for name, folder in settings["package-dir"].items():
        shutil.copytree(ROOT / folder, site / name.replace(".", "/"), ignore=shutil.ignore_patterns("__pycache__"))
    return site


def in_checkout(site: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run Python in the root of this checkout, with the installed package further back on its path. No finder of an
    editable installation helps: with -S Python runs no .pth files."""
    path = os.pathsep.join([str(site), *(entry for entry in sys.path if entry and Path(entry) != ROOT)])
    environment = {**os.environ, "PYTHONPATH": path}
    command = [sys.executable, "-S", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, env=environment)


def test_the_command_runs_in_the_root_of_a_checkout(site, tmp_path):
    arguments = ("examples/in.mp4", "-o", str(tmp_path / "out.mkv"), "--codec", "ffv1")
    done = in_checkout(site, "-m", "lfvideo_sr", "stream", *arguments, "--method", "bicubic", "--frames", "1")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.mkv").is_file()


def test_python_runs_in_the_root_of_a_checkout(site):
    code = (
        "import lfvideo_sr, lfvideo_sr.engines.numpy_engine as engine, lfvideo_sr.configs as configs\n"
        "with lfvideo_sr.open_stream('examples/in.mp4', method='bicubic', frames=1) as stream: print(*stream)\n"
        "for module in (lfvideo_sr, engine, configs): print(module.__file__)"
    )
    done = in_checkout(site, "-c", code)
    assert done.returncode == 0, done.stderr
    frame, *files = done.stdout.splitlines()
    assert "960x544" in frame
    assert [Path(file).parent.parent for file in files] == [ROOT] * 3


def test_outside_a_checkout_the_installed_package_runs(site, tmp_path):
    code = "import lfvideo_sr, lfvideo_sr.configs as configs; print(lfvideo_sr.__file__, configs.__file__)"
    environment = {**os.environ, "PYTHONPATH": str(site)}
    command = [sys.executable, "-S", "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 0, done.stderr
    package, configs = done.stdout.split()
    assert Path(package).parent.parent == site and Path(configs).parent.parent == site / "lfvideo_sr"


def test_the_command_is_installed():
    (command,) = [
        entry_point for entry_point in entry_points(group="console_scripts") if entry_point.name == "lfvideo-sr"
    ]
    assert command.load() is import_module("lfvideo_sr.cli").main


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_shipped_configuration_loads_as_its_trainers(path):
    module, kind = TRAINERS[read_mapping(path)["trainer"]]
    trainer = import_module(f"lfvideo_sr.trainers.{module}")
    config = load_config(path, getattr(trainer, kind))
    assert config.trainer == module
    assert callable(trainer.train)


def test_configurations_are_shipped_and_flat():
    assert {"stream_ref"} <= {path.stem for path in CONFIGS}
    for path in CONFIGS:
        nested = {key: value for key, value in read_mapping(path).items() if isinstance(value, dict)}
        assert set(nested) <= {"size"}  # of a network, as its size class names it
        assert not any(isinstance(value, dict) for size in nested.values() for value in size.values())


ENTRIES = {**METHODS, **BEHIND}


@pytest.mark.parametrize("name", [name for name, entry in METHODS.items() if entry.weights])
def test_a_learned_methods_weights_are_shipped_and_fit(name):
    entry = METHODS[name]
    path = weights_path(entry.weights)
    about = read_about(path)
    assert about["method"] == name
    network = import_module(f"lfvideo_sr.methods.{entry.module}").network(about["size"])
    load_into(network, path)


@pytest.mark.parametrize("name", shipped())
def test_shipped_weights_fit_and_have_a_card_and_a_log(name):
    about = read_about(weights_path(name))
    network = import_module(f"lfvideo_sr.methods.{ENTRIES[about['method']].module}").network(about["size"])
    load_into(network, weights_path(name))
    card, log = (weights_path(name).with_suffix(suffix).read_text() for suffix in (".md", ".csv"))
    assert card.startswith(f"# {name}\n") and f"{name}.csv" in card
    assert log.splitlines()[-1].startswith(str(about["steps"]))


def test_methods_lie_where_the_table_says():
    there = {file.stem for file in (ROOT / "lfvideo_sr" / "methods").glob("*.py")} - {"__init__"}
    assert {entry.module for entry in ENTRIES.values()} == there
