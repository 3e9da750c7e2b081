"""The viewer's page in a real browser: what people see when they move the pointer and the slider."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from browsing import opened_browser, opened_page, place_in, seen, swipe

from lfvideo_sr.frames import Size, View
from lfvideo_sr.lightfields.field import FieldInfo
from lfvideo_sr.lightfields.grid import Grid
from lfvideo_sr.lightfields.viewer import write_viewer

GRID = Grid((3, 4, 5), (0, 1, 2, 3))
HIGH, LOW = Size(240, 180), Size(60, 45)

pytestmark = pytest.mark.browser


@dataclass
class Plain:
    """A light field of one colour a view: red says the row, green the column, blue whether it is the output."""

    size: Size
    blue: int

    @property
    def info(self) -> FieldInfo:
        return FieldInfo("plain", "folder", "made here", GRID, self.size, "uint8 RGB")

    def read(self, view: View, frame: int = 0) -> np.ndarray:
        colour = np.array(self.colour(view), np.float32) / 255
        return np.broadcast_to(colour[:, None, None], (3, self.size.height, self.size.width))

    def colour(self, view: View) -> tuple[int, int, int]:
        row, column = GRID.place(view)
        return 60 + 60 * row, 40 + 50 * column, self.blue


BEFORE, AFTER = Plain(LOW, 20), Plain(HIGH, 220)


@pytest.fixture(scope="module")
def browser() -> Iterator:
    with opened_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def written(browser, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("viewer") / "look.html"
    write_viewer(path, AFTER, BEFORE, "plain <views> & more")  # type: ignore[arg-type]
    return path


@pytest.fixture(scope="module")
def page(browser, written):
    """The page, opened; `asked` of it are the addresses that it loaded."""
    return opened_page(browser, written, 600)


@pytest.fixture(scope="module")
def phone(browser, written):
    """The page on a phone's screen, with fingers."""
    return opened_page(browser, written, 844, 390, touch=True)


def point(page, across: float, down: float) -> None:
    """Move the pointer to a part of the picture's width and height."""
    box = page.locator("#stage").bounding_box()
    page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])


def slide(page, part: int) -> None:
    page.locator("#cut").fill(str(part))


def assert_shows(shown: np.ndarray, colour: tuple[int, int, int]) -> None:
    np.testing.assert_allclose(shown.reshape(-1, 3).mean(0), colour, atol=4)  # JPEG


def test_it_opens_on_the_centre_and_loads_nothing_from_elsewhere(page):
    assert page.title() == page.locator("h1").inner_text() == "plain <views> & more"
    assert page.locator("#name").inner_text() == "4,2"
    assert_shows(seen(page), AFTER.colour(View(4, 2)))
    assert {address.split(":")[0] for address in page.asked} <= {"file", "data"} and page.wrong == []


@pytest.mark.parametrize(("across", "down", "view"), [(0.02, 0.02, (3, 0)), (0.98, 0.5, (4, 3)), (0.4, 0.98, (5, 1))])
def test_the_pointer_changes_the_view(page, across, down, view):
    slide(page, 0)
    point(page, across, down)
    assert page.locator("#name").inner_text() == f"{view[0]},{view[1]}"
    assert_shows(seen(page), AFTER.colour(View(*view)))


def test_the_slider_lays_the_input_over_the_output(page):
    point(page, 0.02, 0.98)
    slide(page, 50)
    shown, view = seen(page), View(5, 0)
    half = shown.shape[1] // 2
    assert_shows(shown[:, : half - 4], BEFORE.colour(view))
    assert_shows(shown[:, half + 4 :], AFTER.colour(view))
    slide(page, 100)
    assert_shows(seen(page)[:, :-4], BEFORE.colour(view))
    slide(page, 0)
    assert_shows(seen(page)[:, 4:], AFTER.colour(view))
    assert page.wrong == []


def test_a_click_holds_a_view_and_another_one_lets_it_go(page):
    slide(page, 0)
    point(page, 0.02, 0.02)
    page.mouse.down()
    page.mouse.up()
    point(page, 0.98, 0.98)
    assert page.locator("#name").inner_text() == "3,0"
    page.mouse.down()
    page.mouse.up()
    assert page.locator("#name").inner_text() == "5,3"
    point(page, 0.02, 0.98)
    assert page.locator("#name").inner_text() == "5,0"


def test_arrow_keys_go_from_view_to_view_and_stop_at_the_edge(page):
    point(page, 0.02, 0.02)
    for key, name in (("ArrowRight", "3,1"), ("ArrowDown", "4,1"), ("ArrowLeft", "4,0"), ("ArrowLeft", "4,0")):
        page.keyboard.press(key)
        assert page.locator("#name").inner_text() == name
    point(page, 0.98, 0.98)  # what keys have chosen is held
    assert page.locator("#name").inner_text() == "4,0"
    page.keyboard.press("Escape")
    point(page, 0.98, 0.5)
    assert page.locator("#name").inner_text() == "4,3" and page.wrong == []


def test_the_input_covers_the_output_after_a_resize(page):
    slide(page, 100)
    page.set_viewport_size({"width": 200, "height": 300})
    stage, low = (page.locator(name).bounding_box() for name in ("#stage", "#low"))
    assert low["width"] == pytest.approx(stage["width"], abs=1)
    page.set_viewport_size({"width": 800, "height": 600})
    slide(page, 0)


def test_a_finger_goes_from_view_to_view(phone):
    assert phone.evaluate("() => document.documentElement.scrollWidth") <= 390
    assert phone.locator("#stage").bounding_box()["width"] > 200
    assert phone.locator("#cut").bounding_box()["height"] >= 28, "a finger hits it"
    phone.touchscreen.tap(*place_in(phone, "#stage", 0.02, 0.02))
    assert phone.locator("#name").inner_text() == "3,0"
    assert_shows(seen(phone)[4:, 4:-4], AFTER.colour(View(3, 0)))
    swipe(phone, place_in(phone, "#stage", 0.1, 0.1), place_in(phone, "#stage", 0.98, 0.98))
    assert phone.locator("#name").inner_text() == "5,3", "also after a tap"
    slide(phone, 100)
    assert_shows(seen(phone)[:, :-6], BEFORE.colour(View(5, 3)))
    assert phone.wrong == []
