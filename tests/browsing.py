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
def opened_browser() -> Iterator[Any]:
    """The browser, for all pages that a test module opens."""
    path = browser_path()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


def opened_page(browser: Any, path: Path, height: int, width: int = 800, touch: bool = False) -> Any:
    """A page in a window, or on a phone's screen; `asked` of it are the addresses that it loaded, `wrong` its errors
    and what it prints."""
    viewport = {"width": width, "height": height}
    page = browser.new_context(viewport=viewport, has_touch=touch, is_mobile=touch).new_page()
    page.asked, page.wrong = [], []
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("pageerror", lambda error: page.wrong.append(str(error)))
    page.on("console", lambda message: page.wrong.append(message.text))
    page.goto(path.as_uri())
    return page


def seen(page: Any) -> np.ndarray:
    """What the picture on the page shows, RGB int [H,W,3]."""
    page.evaluate("() => Promise.all([...document.images].map(image => image.decode()))")
    return shown_in(page, "#stage")


def shown_in(page: Any, selector: str) -> np.ndarray:
    """A part of the page, RGB int [H,W,3]."""
    shot = cv2.imdecode(np.frombuffer(page.locator(selector).screenshot(), np.uint8), cv2.IMREAD_COLOR)
    assert shot is not None
    return shot[..., ::-1].astype(int)


def place_in(page: Any, selector: str, across: float, down: float) -> tuple[float, float]:
    """Where in the window a place of an element is, given as shares of its width and height."""
    page.locator(selector).scroll_into_view_if_needed()
    box = page.locator(selector).bounding_box()
    return box["x"] + across * box["width"], box["y"] + down * box["height"]


def swipe(page: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    """A finger that goes from a place of the window to another, in five steps."""
    session = page.context.new_cdp_session(page)

    def touch(kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": x, "y": y} for x, y in places]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", start)
    for step in range(1, 6):
        touch("touchMove", tuple(a + (b - a) * step / 5 for a, b in zip(start, end)))  # type: ignore[arg-type]
    touch("touchEnd")
    page.wait_for_timeout(400)  # a tap that comes sooner only stops the swing of the swipe
