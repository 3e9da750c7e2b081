"""The notebook of examples/ runs from its first cell to its last, and is kept without outputs."""

import json
import shutil
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
NOTEBOOK = EXAMPLES / "first_steps.ipynb"


def test_outputs_are_not_kept():
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    assert len(cells) > 10
    assert [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")] == []


@pytest.mark.slow
def test_the_notebook_runs(tmp_path):
    nbformat = pytest.importorskip("nbformat", reason="running a notebook needs pip install nbclient ipykernel")
    nbclient = pytest.importorskip("nbclient", reason="running a notebook needs pip install nbclient ipykernel")
    pytest.importorskip("ipykernel", reason="running a notebook needs pip install nbclient ipykernel")
    shutil.copy(EXAMPLES / "in.mp4", tmp_path)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": tmp_path}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    printed = "".join(output["text"] for output in outputs if output["output_type"] == "stream")
    assert "240x136 -> 960x544" in printed and "reference at 0.333 s" in printed
    assert "passed on as it is: True" in printed
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 2
