"""The site that Sphinx makes of docs/: it is built without a warning and without torch, nothing on it comes from
elsewhere, and every link leads to something."""

import re
import subprocess
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import lfvideo_sr

ROOT = Path(__file__).parents[1]
BUILD = """
import sys
from sphinx.cmd.build import main
code = main(sys.argv[1:])
assert "torch" not in sys.modules, "the site loads torch"
sys.exit(code)
"""


class Links(HTMLParser):
    """What a page of HTML links to and loads, and the places in it that may be linked to."""

    def __init__(self, text: str):
        super().__init__()
        self.to: list[str] = []
        self.loaded: list[str] = []
        self.places: set[str] = {""}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.places.add(values.get("id", ""))
        if tag == "a" and "href" in values:
            self.to.append(values["href"])
        elif tag == "link" and values.get("rel") in ("stylesheet", "icon", "preload"):
            self.loaded.append(values["href"])
        elif "src" in values:
            self.loaded.append(values["src"])


@cache
def links_of(page: Path) -> Links:
    return Links(page.read_text())


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    for module in ("sphinx", "myst_parser", "furo"):
        pytest.importorskip(module, reason="building the site needs pip install '.[docs]'")
    folder = tmp_path_factory.mktemp("site")
    words = ["-W", "--keep-going", "-q", "-c", "docs", "-d", str(folder / "doctrees"), ".", str(folder / "html")]
    done = subprocess.run([sys.executable, "-c", BUILD, *words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "html"


def missing_in(site: Path, page: Path) -> list[str]:
    """Links of a page within the site that lead nowhere."""
    missing = []
    for link in links_of(page).to:
        parts = urlsplit(link)
        if parts.scheme:
            continue
        target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
        if target.is_dir():
            target /= "index.html"
        is_page = target.suffix == ".html"
        if not target.is_file() or (is_page and unquote(parts.fragment) not in links_of(target).places):
            missing.append(link)
    return missing


def test_every_link_leads_to_something(site):
    pages = [page for page in site.rglob("*.html") if page.name not in ("search.html", "genindex.html")]
    assert len(pages) > 25
    assert {page.name: missing for page in pages if (missing := missing_in(site, page))} == {}


def test_nothing_is_loaded_from_elsewhere(site):
    loaded = {link for page in site.rglob("*.html") for link in links_of(page).loaded}
    assert loaded and [link for link in loaded if urlsplit(link).netloc] == []


def test_every_page_is_reached_from_the_home_page(site):
    home = links_of(site / "docs" / "index.html")
    pages = {page.stem for page in (ROOT / "docs").glob("*.md")} - {"index"}
    assert pages == {Path(urlsplit(link).path).stem for link in home.to} & pages


def test_every_public_name_is_documented(site):
    places = links_of(site / "docs" / "api_reference.html").places
    assert {f"lfvideo_sr.{name}" for name in lfvideo_sr.__all__} <= places


def test_the_page_of_public_names_lists_all_of_them():
    page = (ROOT / "docs" / "api_reference.md").read_text()
    assert sorted(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == sorted(lfvideo_sr.__all__)
