"""The page of a comparison in a real browser: the line that is dragged, the frames in step, a phone's width."""

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest
from browsing import browser_path, opened_page, seen

from lfvideo_sr.commands.compare_page import Page
from lfvideo_sr.commands.compare_walk import Walk
from lfvideo_sr.commands.plots import Curve, Plot
from lfvideo_sr.frames import Frame, TimeStamp

COUNT = 4

pytestmark = pytest.mark.browser


def plain(red: float, number: int) -> Frame:
    colour = np.array([red, number / COUNT, 0.0], np.float32)
    return Frame(
        np.broadcast_to(colour[:, None, None], (3, 90, 160)).copy(), number, TimeStamp(number, Fraction(1, 25))
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Iterator:
    """The page, opened; `asked` of it are the addresses that it loaded."""
    browser_path()  # before anything is made
    walk = Walk(("before <b>", "after"), 1, {})
    for number in range(COUNT):
        walk.add(plain(0.0, number), plain(1.0, number), None)
    path = tmp_path_factory.mktemp("page") / "page.html"
    plots = [Plot("curve", [Curve("x", [1.0, 2.0, 3.0, 4.0])], [2])]
    Page("before <b> and after", "before <b>", "after", walk.shown, COUNT, 25.0, plots).write(path)
    with opened_page(path, 700) as opened:
        yield opened


def line_at(shown: np.ndarray) -> float:
    """The share of the picture, from the left, that shows the first video, which has no red."""
    return float((shown[..., 0].mean(0) < 128).mean())


def test_it_opens_with_the_line_in_the_middle_and_loads_nothing(page):
    assert page.title() == page.locator("h1").inner_text() == "before <b> and after"
    assert line_at(seen(page)) == pytest.approx(0.5, abs=0.02)
    assert {address.split(":")[0] for address in page.asked} <= {"file", "data"} and page.wrong == []


def test_the_line_is_dragged(page):
    box = page.locator("#stage").bounding_box()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 20)
    page.mouse.up()
    assert line_at(seen(page)) == pytest.approx(0.8, abs=0.02)
    page.locator("#cut").fill("50")
    assert line_at(seen(page)) == pytest.approx(0.5, abs=0.02) and page.wrong == []


def test_both_videos_and_the_curves_go_on_together(page):
    heads = []
    for number in range(COUNT):
        page.locator("#frame").fill(str(number))
        shown = seen(page)
        half = shown.shape[1] // 2
        for part in (shown[:, : half - 4], shown[:, half + 4 :]):
            assert part[..., 1].mean() == pytest.approx(255 * number / COUNT, abs=5)
        heads.append(float(page.locator(".head").get_attribute("x1")))
        assert page.locator("#label").inner_text().startswith(f"frame {number},")
    assert heads == sorted(heads) and len(set(heads)) == COUNT


def test_it_plays_and_stops(page):
    page.locator("#frame").fill("0")
    page.locator("#play").click()
    page.wait_for_function("() => document.getElementById('frame').value !== '0'")
    page.locator("#play").click()
    stopped = page.locator("#frame").input_value()
    page.wait_for_timeout(150)
    assert page.locator("#frame").input_value() == stopped and page.wrong == []


def test_it_fits_a_phone(page):
    page.set_viewport_size({"width": 360, "height": 640})
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 360
    first, stage = (page.locator(name).bounding_box() for name in ("#first", "#stage"))
    assert first["width"] == pytest.approx(stage["width"], abs=1)
    page.set_viewport_size({"width": 800, "height": 700})
