"""What tests of converted weights share."""

import pytest
import torch
from published_networks import Checkpoint


@pytest.fixture
def convert(run, tmp_path, monkeypatch):
    """Writes files, runs `weights convert` on them in their folder -> what it said, and its target."""
    monkeypatch.chdir(tmp_path)

    def convert(files: dict[str, object], *options, method="c2_matching"):
        for name, content in files.items():
            torch.save(dict(content) if isinstance(content, Checkpoint) else content, tmp_path / name)
        output = tmp_path / "out.safetensors"
        paths = [tmp_path / name for name in files]
        return run("weights", "convert", *paths, "-o", output, "--method", method, *options), output

    return convert
