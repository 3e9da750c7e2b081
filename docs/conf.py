"""Settings of the site: `sphinx-build -W -c docs . build/site`, from the root of the repository.

The source folder is the repository itself, so that a link between two pages is the same in the repository and on the
site. What is changed on the way is in site_pages.py (pages) and docstrings.py (docstrings).
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from docstrings import add_docstring_events
from site_pages import add_page_events

import lfvideo_sr

project = "lfvideo-sr"
author = copyright = "lfvideo-sr contributors"
version = release = lfvideo_sr.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.viewcode"]

root_doc = "docs/index"
include_patterns = ["*.md", "docs/*.md", "benchmarks/*.md", "tests/*.md", "lfvideo_sr/weights/*.md"]
exclude_patterns = [".*", "build", "dist", "runs", "engines", "trainers", "configs", "**/__pycache__"]
source_suffix = {".md": "markdown"}
highlight_language = "bash"
smartquotes = False
myst_heading_anchors = 4  # levels of headings that have the anchors that a repository view gives them

autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 90

html_theme = "furo"
html_title = f"lfvideo-sr {release}"
html_extra_path = ["site_root"]  # index.html of the site, which leads to docs/index.html
html_copy_source = False
html_show_copyright = False


def setup(app) -> None:
    """Called by Sphinx."""
    add_page_events(app)
    add_docstring_events(app)
