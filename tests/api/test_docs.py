"""The examples of docs/api.md give what the page shows."""

import doctest
import re
import shutil
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "api.md"


def examples() -> str:
    """All Python of the page, as one session."""
    return "\n".join(re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL))


def test_the_examples_of_the_page_run(hybrid_clip, tmp_path, monkeypatch):
    shutil.copy(hybrid_clip, tmp_path / "in.mp4")
    monkeypatch.chdir(tmp_path)
    session = doctest.DocTestParser().get_doctest(examples(), {}, PAGE.name, str(PAGE), 0)
    failures: list[str] = []
    results = doctest.DocTestRunner().run(session, out=failures.append)
    assert results.attempted > 20
    assert results.failed == 0, "".join(failures)
