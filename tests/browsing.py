"""Pages of one file in a real browser, which asks for nothing else."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


def browser_path() -> str:
    """Of the browser on this machine; the test is skipped where there is none, or no playwright to lead it."""
    pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    path = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    if path is None:
        pytest.skip(f"no browser: none of {', '.join(_BROWSERS)}")
    return path


@contextmanager
def opened_page(path: Path, height: int) -> Iterator[Any]:
    """The page in a window 800 pixels wide; `asked` of it are the addresses that it loaded, `wrong` its errors."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=["--no-sandbox"])
        page: Any = browser.new_page(viewport={"width": 800, "height": height})
        page.asked, page.wrong = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("pageerror", lambda error: page.wrong.append(str(error)))
        page.goto(path.as_uri())
        yield page
        browser.close()


def seen(page: Any) -> np.ndarray:
    """What the picture on the page shows, RGB int [H,W,3]."""
    page.evaluate("() => Promise.all([...document.images].map(image => image.decode()))")
    shot = cv2.imdecode(np.frombuffer(page.locator("#stage").screenshot(), np.uint8), cv2.IMREAD_COLOR)
    assert shot is not None
    return shot[..., ::-1].astype(int)
