#!/usr/bin/env python3
"""Makes the pictures of docs/pictures: what the pages of `stream --html` and `lightfield --viewer` look like.

usage: [LFVIDEO_DATA=FOLDER] benchmarks/screenshots.py [example] [sintel] [lightfield]

Needs `pip install playwright` and a Chromium or Chrome. The example and the light field are rendered; sintel is six
frames of the shot alley_1 of MPI Sintel, which no training has seen, from the folder that LFVIDEO_DATA names.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from data_folder import data_folder
from PIL import Image

from lfvideo_sr.media.images import write_png
from lfvideo_sr.synthetic import render

ROOT = Path(__file__).parent.parent
PICTURES = ROOT / "docs" / "pictures"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
LARGEST = 150_000  # bytes
PHONE = (390, 844)
VIEWS = 3  # of the light field, along rows and along columns


def run(*words: object) -> None:
    subprocess.run([sys.executable, "-m", "lfvideo_sr", *map(str, words), "--progress", "none"], check=True)


@contextmanager
def opened(path: Path, width: int, height: int, touch: bool = False) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    browser_path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser_path is None:
        raise SystemExit(f"no browser: none of {', '.join(BROWSERS)}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        viewport = {"width": width, "height": height}
        page = browser.new_context(viewport=viewport, has_touch=touch, is_mobile=touch).new_page()
        page.goto(path.as_uri())
        yield page
        browser.close()


def go_to(page: Any, frame: int) -> None:
    page.locator("#frame").fill(str(frame))
    page.wait_for_function(f"() => document.getElementById('stage').dataset.frame === '{frame}'")


def save(shot: bytes, name: str) -> None:
    """A screenshot as WebP of at most LARGEST bytes."""
    picture = Image.open(BytesIO(shot)).convert("RGB")
    for quality in range(90, 20, -10):
        content = BytesIO()
        picture.save(content, "WEBP", quality=quality, method=6)
        if content.tell() <= LARGEST:
            break
    path = PICTURES / f"{name}.webp"
    path.write_bytes(content.getvalue())
    print(f"{path.relative_to(ROOT)}  {picture.width}x{picture.height}  {content.tell() / 1e3:.0f} kB")


def shot_of_comparison(page_path: Path, name: str, frame: int, spot: tuple[float, float], phone: bool = False) -> None:
    """The page at a frame: its top, and its matches where a place is pointed at; and the first screen of a phone."""
    with opened(page_path, 960, 1180) as page:
        go_to(page, frame)
        page.evaluate("() => document.activeElement.blur()")
        save(page.screenshot(), name)
        page.locator("#where").scroll_into_view_if_needed()
        box = page.locator("#where").bounding_box()
        page.mouse.move(box["x"] + spot[0] * box["width"], box["y"] + spot[1] * box["height"])
        save(page.locator("#matches").screenshot(), f"{name}_matches")
    if phone:
        with opened(page_path, *PHONE, touch=True) as page:
            go_to(page, frame)
            page.evaluate("() => { document.activeElement.blur(); window.scrollTo(0, 0); }")
            save(page.screenshot(), f"{name}_phone")


def example(folder: Path) -> None:
    truth = folder / "truth.mkv"
    make = [
        sys.executable,
        ROOT / "examples" / "make_example.py",
        "--output",
        folder / "in.mp4",
        "--ground-truth",
        truth,
    ]
    subprocess.run(list(map(str, make)), check=True)
    page = folder / "example.html"
    run("stream", ROOT / "examples" / "in.mp4", "-o", folder / "in_x4.mkv", "--gt", truth, "--html", page)
    shot_of_comparison(page, "compare_example", 20, (0.4, 0.4), phone=True)


def sintel(folder: Path) -> None:
    for number in range(16, 22):
        shutil.copy(data_folder() / "sintel" / "alley_1" / "clean" / f"frame_{number:04}.png", folder)
    page = folder / "sintel.html"
    options = ("--simulate", "--ref-every", 5, "--fps", 24, "--quality", "best", "--html", page)
    run("stream", folder / "frame_%04d.png", "-o", folder / "alley_1_x4.mkv", *options)
    shot_of_comparison(page, "compare_sintel", 2, (0.88, 0.57))


def lightfield(folder: Path) -> None:
    sys.path.insert(0, str(ROOT / "examples"))
    from drawing import SIZE  # type: ignore[import-not-found]
    from street import street  # type: ignore[import-not-found]

    scene, views, middle = street(np.random.default_rng(7)), folder / "views", VIEWS // 2
    views.mkdir()
    for row in range(VIEWS):
        for column in range(VIEWS):
            pixels = render(scene, 8.0, SIZE, view=(row - middle, column - middle))
            write_png(views / f"view_{row}_{column}.png", pixels)
    page = folder / "look.html"
    run("lightfield", views, "--simulate", "-o", folder / "sr", "--viewer", page)
    with opened(page, 960, 660) as viewer:
        viewer.locator("#cut").fill("50")
        viewer.mouse.move(*[viewer.locator("#stage").bounding_box()[side] + 5 for side in ("x", "y")])
        viewer.evaluate("() => document.activeElement.blur()")
        save(viewer.screenshot(), "lightfield_viewer")


SHOTS: dict[str, Callable[[Path], None]] = {"example": example, "sintel": sintel, "lightfield": lightfield}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shots", nargs="*", default=list(SHOTS), choices=list(SHOTS), metavar="SHOT")
    PICTURES.mkdir(exist_ok=True)
    for name in parser.parse_args().shots:
        with tempfile.TemporaryDirectory() as folder:
            SHOTS[name](Path(folder))


if __name__ == "__main__":
    main()
