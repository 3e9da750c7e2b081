"""The house keeps its order: who may import whom, and what stays unloaded until it is needed."""

import ast
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from command_line import TORCH, report_of, run_without

from lfvideo_sr.media.images import write_png
from lfvideo_sr.media.resize import degrade

ROOT = Path(__file__).parent.parent
PACKAGE = "lfvideo_sr"
FOLDERS = {"lfvideo_sr": "", "engines": "engines.", "trainers": "trainers."}  # folder -> place under the import root

# A file imports from rows above its own, from its own folder, and from names that stand before its own in its row.
ROWS = """
errors checks
frames correspondence pixels prefetch textures tensor_files
media nn camera matching registration references metrics perceptual steadiness lightfields synthetic
method engine strips config weights
picture datasets protocols published evaluate
methods stream training
engines trainers
torch_loading choose describe report bench commands api cli __init__ __main__
"""
ORDER = {name: (row, place) for row, line in enumerate(ROWS.split("\n")) for place, name in enumerate(line.split())}


def modules() -> Iterator[tuple[str, Path]]:
    """Every module's name below the import root, and its file."""
    for folder, prefix in FOLDERS.items():
        for file in sorted((ROOT / folder).rglob("*.py")):
            parts = file.relative_to(ROOT / folder).with_suffix("").parts
            yield prefix + ".".join(parts), file


def imported(name: str, file: Path) -> Iterator[str]:
    """The modules of this project that a file imports, anywhere in it, as names below the import root."""
    package = [PACKAGE, *name.split(".")][:-1]
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            full = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            start = ".".join([*base, *([node.module] if node.module else [])])
            full = [f"{start}.{alias.name}" for alias in node.names]
        else:
            continue
        for one in full:
            if one.startswith(f"{PACKAGE}.") and one != f"{PACKAGE}.__version__":
                yield one.removeprefix(f"{PACKAGE}.")


def violations(name: str, file: Path) -> list[str]:
    own = name.split(".")[0]
    found = []
    for target in imported(name, file):
        other = target.split(".")[0]
        if other == own:
            continue
        (row, place), (other_row, other_place) = ORDER[own], ORDER[other]
        if (other_row, other_place) > (row, place) or other not in ORDER:
            found.append(f"{file.relative_to(ROOT)} imports {target}")
    return found


def test_every_module_has_a_row():
    tops = {name.split(".")[0] for name, _ in modules()}
    assert tops == set(ORDER)


@pytest.mark.parametrize(("name", "file"), [pytest.param(*module, id=module[0]) for module in modules()])
def test_a_file_imports_only_from_above(name, file):
    assert violations(name, file) == []


def test_the_check_sees_an_import_from_below(tmp_path):
    bad = ROOT / "lfvideo_sr" / "frames.py"
    file = tmp_path / "frames.py"
    late = "\ndef late():\n    from .stream.job import StreamJob\n    import lfvideo_sr.cli\n"
    file.write_text(bad.read_text() + late)
    assert sorted(imported("frames", file)) == ["cli", "errors.ShapeError", "stream.job.StreamJob"]


def circles(imports: dict[str, set[str]]) -> list[set[str]]:
    """The groups of modules that import each other, by whatever way round."""
    reached = {name: set(targets) for name, targets in imports.items()}
    for through in imports:
        for targets in reached.values():
            if through in targets:
                targets |= reached[through]
    members = {frozenset(other for other in reached[name] if name in reached[other]) for name in reached}
    return sorted((set(group) for group in members if len(group) > 1), key=sorted)


def imports_of_modules() -> dict[str, set[str]]:
    """Which modules each module imports, anywhere in it; a package stands for its __init__."""
    files = {name.removesuffix(".__init__"): (name, file) for name, file in modules()}
    imports: dict[str, set[str]] = {}
    for module, (name, file) in files.items():
        imports[module] = set()
        for target in imported(name, file):
            while target and target not in files:
                target = target.rpartition(".")[0]
            imports[module] |= {target} - {"", module}
    return imports


def test_no_modules_import_each_other():
    assert circles(imports_of_modules()) == []


def test_the_check_sees_a_circle():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [{"a", "b", "c"}]


def others_imported(file: Path) -> set[str]:
    """The top names of what a file imports from outside the project."""
    nodes = list(ast.walk(ast.parse(file.read_text())))
    told = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    told |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    return {one.split(".")[0] for one in told}


FREE_OF_TORCH = (
    "frames", "textures", "media", "camera", "registration", "references", "lightfields", "metrics", "steadiness",
    "synthetic", "stream",
    "strips", "picture", "report", "datasets", "protocols", "published", "evaluate",
)  # fmt: skip


@pytest.mark.parametrize("part", FREE_OF_TORCH)
def test_no_torch_where_a_runtime_without_it_is_served(part):
    files = [file for name, file in modules() if name.split(".")[0] == part]
    assert files
    for file in files:
        assert not others_imported(file) & {"torch", "torchvision", "lightning"}, file


LOADED = "import json, sys; print(json.dumps([one for one in sys.argv[1].split() if one in sys.modules]))"


def loaded(code: str, *names: str) -> list[str]:
    """Which of `names` are in sys.modules after `code`, in a fresh interpreter that finds the installed package."""
    command = [sys.executable, "-c", f"{code}\n{LOADED}", " ".join(names)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tempfile.gettempdir())
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_importing_the_package_loads_nothing_heavy():
    assert loaded("import lfvideo_sr", "torch", "cv2", "tensorrt", "av", "lightning", "numpy") == []


def test_help_loads_nothing_heavy():
    code = "import sys; given = sys.argv; sys.argv = ['lfvideo-sr', 'stream', '--help']\n"
    code += "from lfvideo_sr.cli import main; main(); sys.argv = given"
    assert loaded(code, "torch", "cv2", "tensorrt", "av", "lightning", "numpy") == []


def test_the_table_of_methods_loads_no_torch():
    assert loaded("from lfvideo_sr.methods import METHODS; import lfvideo_sr.choose", "torch", "cv2") == []


def without_torch(*arguments: object) -> str:
    """What a command line says that has to succeed without torch."""
    done = run_without(TORCH, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("method", ["bicubic", "flow_transfer"])
def test_a_stream_runs_end_to_end_without_torch(method, hybrid_clip, tmp_path):
    output = tmp_path / "out.mkv"
    without_torch("stream", hybrid_clip, "-o", output, "--method", method, "--codec", "ffv1", "--frames", "6")
    assert output.is_file()
    assert report_of(output)["frames"] == 6


def test_a_picture_is_restored_without_torch(pictures, tmp_path):
    write_png(tmp_path / "in.png", degrade(pictures[0]))
    write_png(tmp_path / "a.png", pictures[1])
    said = without_torch("image", tmp_path / "in.png", "--ref", tmp_path / "a.png", "--method", "flow_transfer")
    assert "1 of 1 used" in said and (tmp_path / "in_x4.png").is_file()
    assert "up to 2 references" in without_torch("info", "flow_transfer")


def test_info_and_simulate_run_without_torch(high_clip, tmp_path):
    assert json.loads(without_torch("info", "--json"))["devices"]["cpu"]["dtypes"] == ["fp32"]
    without_torch("simulate", high_clip, "-o", tmp_path / "hybrid.mkv", "--frames", "2")


def test_an_evaluation_runs_without_torch(tmp_path):
    write_png(tmp_path / "one.png", np.random.default_rng(0).random((3, 32, 40)))
    words = ("evaluate", "--dataset", tmp_path, "--method", "all", "--dtype", "fp16")  # in fp32 its graphs are shipped
    results = json.loads(without_torch(*words, "--json"))["results"]
    methods = ("bicubic", "stream_ref")
    assert {result["method"]: result["status"] for result in results if result["method"] in methods} == {
        "bicubic": "done", "stream_ref": "not run: torch absent",
    }  # fmt: skip


def test_a_learned_method_without_torch_says_what_is_missing(hybrid_clip, tmp_path):
    words = ("--method", "stream_ref", "--dtype", "fp16")  # in fp32 its graphs are shipped
    done = run_without(TORCH, "stream", hybrid_clip, "-o", tmp_path / "out.mkv", *words)
    assert done.returncode == 4
    assert len(done.stderr.splitlines()) == 1 and "torch" in done.stderr
    assert list(tmp_path.iterdir()) == []
