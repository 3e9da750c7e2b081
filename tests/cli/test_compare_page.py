"""The page of a comparison in a real browser: the line that is dragged, the frames in step, which reference pixel went
where, and all of it on a phone."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from browsing import opened_browser, opened_page, place_in, seen, shown_in, swipe

from lfvideo_sr.commands.compare_matches import PageMatches
from lfvideo_sr.commands.compare_page import Page
from lfvideo_sr.commands.compare_walk import Walk
from lfvideo_sr.commands.plots import Curve, Plot
from lfvideo_sr.correspondence import Correspondence
from lfvideo_sr.frames import Frame, Size, TimeStamp
from lfvideo_sr.stream.match_record import FrameMatches, MatchRecord, SmallReference, coarse_match

COUNT, SIZE = 4, Size(160, 90)
MOVED = 32  # pixels to the right, from the result to the reference
PASSED, MATCHED, ALONE = range(3)  # frames: a reference's own pixels, matched, without a reference; the last: not known
PHONE = (390, 844)

pytestmark = pytest.mark.browser


def plain(red: float, number: int) -> Frame:
    colour = np.array([red, number / COUNT, 0.0], np.float32)
    pixels = np.broadcast_to(colour[:, None, None], (3, SIZE.height, SIZE.width)).copy()
    return Frame(pixels, number, TimeStamp(number, Fraction(1, 25)))


def moved_match() -> Correspondence:
    """Everything is found MOVED pixels further right; the lower half is not trusted."""
    x, y = np.meshgrid(np.arange(SIZE.width, dtype=np.float32), np.arange(SIZE.height, dtype=np.float32))
    relevance = np.ones((1, SIZE.height, SIZE.width), np.float32)
    relevance[:, SIZE.height // 2 :] = 0
    return Correspondence(np.stack([x + MOVED, y], -1)[None], relevance, 1, SIZE)


def recorded() -> MatchRecord:
    blue = np.zeros((SIZE.height, SIZE.width, 3), np.uint8)
    blue[..., 0] = 255
    picture = cv2.imencode(".jpg", blue)[1].tobytes()
    record = MatchRecord()
    record.references["key",] = SmallReference("stills/t1.5.png", 1.5, SIZE, picture)
    record.frames[PASSED] = FrameMatches((("key",),), ())
    record.frames[MATCHED] = FrameMatches((("key",),), (coarse_match(moved_match(), SIZE),))
    record.frames[ALONE] = FrameMatches((), ())
    return record


@pytest.fixture(scope="module")
def browser() -> Iterator:
    with opened_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def written(browser, tmp_path_factory) -> Path:
    walk = Walk(("before <b>", "after"), 1, {})
    for number in range(COUNT):
        walk.add(plain(0.0, number), plain(1.0, number), None)
    path = tmp_path_factory.mktemp("page") / "page.html"
    plots = [Plot("curve", [Curve("x", [1.0, 2.0, 3.0, 4.0])], [2])]
    tables = {"References": [["a long path/" * 12 + "t1.5.png", "1.50 s"]]}
    Page(
        "before <b> and after", "before <b>", "after", walk.shown, COUNT, 25.0, plots, walk.crops(), tables,
        PageMatches(recorded(), SIZE),
    ).write(path)  # fmt: skip
    return path


@pytest.fixture(scope="module")
def page(browser, written):
    """The page, opened; `asked` of it are the addresses that it loaded."""
    return opened_page(browser, written, 700)


@pytest.fixture(scope="module")
def phone(browser, written):
    """The page on a phone's screen, with fingers."""
    return opened_page(browser, written, PHONE[1], PHONE[0], touch=True)


def go_to(page, number: int) -> None:
    page.locator("#frame").fill(str(number))
    wait_for(page, number)


def wait_for(page, number: int) -> None:
    page.wait_for_function(f"() => document.getElementById('stage').dataset.frame === '{number}'")


def line_at(shown: np.ndarray) -> float:
    """The share of the picture, from the left, that shows the first video, which has no red."""
    return float((shown[..., 0].mean(0) < 128).mean())


def ring_at(page, selector: str) -> tuple[float, float]:
    """Where the ring is in a picture, as shares of its width and height."""
    ring, box = page.locator(f"{selector} .cross").bounding_box(), page.locator(selector).bounding_box()
    return (
        (ring["x"] + ring["width"] / 2 - box["x"]) / box["width"],
        (ring["y"] + ring["height"] / 2 - box["y"]) / box["height"],
    )


def test_it_opens_with_the_line_in_the_middle_and_loads_nothing(page):
    wait_for(page, 0)
    assert page.title() == page.locator("h1").inner_text() == "before <b> and after"
    assert line_at(seen(page)) == pytest.approx(0.5, abs=0.02)
    assert {address.split(":")[0] for address in page.asked} <= {"file", "data"} and page.wrong == []


def test_the_line_is_dragged(page):
    page.mouse.move(*place_in(page, "#stage", 0.3, 0.1))
    page.mouse.down()
    page.mouse.move(*place_in(page, "#stage", 0.8, 0.1))
    page.mouse.up()
    assert line_at(seen(page)) == pytest.approx(0.8, abs=0.02)
    page.locator("#cut").fill("50")
    assert line_at(seen(page)) == pytest.approx(0.5, abs=0.02) and page.wrong == []


def test_both_videos_and_the_curves_go_on_together(page):
    heads = []
    for number in range(COUNT):
        go_to(page, number)
        shown = seen(page)
        half = shown.shape[1] // 2
        for part in (shown[:, : half - 20], shown[:, half + 20 :]):
            assert part[..., 1].mean() == pytest.approx(255 * number / COUNT, abs=5)
        heads.append(float(page.locator(".head").get_attribute("x1")))
        assert page.locator("#label").inner_text().startswith(f"frame {number},")
    assert heads == sorted(heads) and len(set(heads)) == COUNT


def test_both_pictures_change_at_once(page):
    """Whatever a program sees of the page, the two pictures are of one frame."""
    go_to(page, 0)
    page.evaluate("""() => {
        window.apart = 0;
        const of = id => data.frames.findIndex(frame => frame[id] === document.getElementById(id).src);
        new MutationObserver(() => { if (of("first") !== of("second")) window.apart += 1; })
            .observe(document.getElementById("stage"), { childList: true, subtree: true });
    }""")
    for number in (1, 3, 2, 0):
        page.locator("#frame").fill(str(number))
    wait_for(page, 0)
    assert page.evaluate("window.apart") == 0


def test_it_plays_and_stops(page):
    go_to(page, 0)
    page.locator("#play").click()
    page.wait_for_function("() => document.getElementById('frame').value !== '0'")
    page.locator("#play").click()
    page.wait_for_timeout(150)
    stopped = page.locator("#frame").input_value()
    page.wait_for_timeout(150)
    assert page.locator("#frame").input_value() == stopped and page.wrong == []


def test_a_click_on_a_curve_goes_to_that_frame(page):
    go_to(page, 0)
    page.locator(".plot svg").scroll_into_view_if_needed()
    page.mouse.click(*place_in(page, ".plot svg", 0.66, 0.5))
    wait_for(page, 2)


def test_keys_go_from_frame_to_frame(page):
    go_to(page, 1)
    page.locator("h1").click()
    for key, number in (("ArrowRight", 2), ("ArrowLeft", 1)):
        page.keyboard.press(key)
        wait_for(page, number)


def test_a_place_of_the_result_has_its_pixel_in_the_reference(page):
    go_to(page, MATCHED)
    page.mouse.move(*place_in(page, "#where", 0.25, 0.25))
    assert ring_at(page, "#where") == pytest.approx((0.25, 0.25), abs=0.01)
    assert ring_at(page, ".reference .spot") == pytest.approx((0.25 + MOVED / SIZE.width, 0.25), abs=0.02)
    text = page.locator("#spot-text").inner_text()
    assert text.endswith("of t1.5.png (1.50 s), relevance 1.00") and "x 40, y 22 of the result" in text
    assert shown_in(page, ".reference .spot")[5, 5] == pytest.approx((0, 0, 255), abs=4)
    page.mouse.move(*place_in(page, "#where", 0.25, 0.75))
    assert page.locator("#spot-text").inner_text().endswith("relevance 0.00") and page.wrong == []


def test_the_picture_of_a_match_is_coloured_by_direction_and_dark_where_it_is_not_trusted(page):
    go_to(page, MATCHED)
    shown = shown_in(page, ".reference canvas")
    height, width = shown.shape[:2]
    right = shown[height // 4, width // 4]
    assert right[0] > 200 and right[1] < 60 and right[2] < 60, "red is to the right"
    assert shown[3 * height // 4, width // 4].max() < 10
    assert "32.0 pixels" in page.locator(".reference").inner_text()


@pytest.mark.parametrize(
    ("frame", "panels", "words"),
    [
        (PASSED, 1, "of t1.5.png (1.50 s), its own pixel"),
        (ALONE, 0, "no reference was used"),
        (COUNT - 1, 0, "the matches of this frame were not recorded"),
    ],
)
def test_a_frame_without_a_match_says_so(page, frame, panels, words):
    go_to(page, frame)
    assert page.locator(".reference").count() == panels
    assert page.locator("#spot-text").inner_text().endswith(words) and page.wrong == []


def test_it_fits_a_phone(phone):
    wait_for(phone, 0)
    assert phone.evaluate("() => document.documentElement.scrollWidth") <= PHONE[0]
    first, stage = (phone.locator(name).bounding_box() for name in ("#first", "#stage"))
    assert first["width"] == pytest.approx(stage["width"], abs=1) and stage["width"] > 0.9 * PHONE[0]
    for name in ("#play", "#frame", "#cut"):
        assert phone.locator(name).bounding_box()["height"] >= 28, "a finger hits it"
    assert phone.locator(".plot div").first.evaluate("node => parseFloat(getComputedStyle(node).fontSize)") >= 12
    assert phone.wrong == []


def test_a_finger_drags_the_line_and_taps_buttons(phone):
    swipe(phone, place_in(phone, "#stage", 0.5, 0.5), place_in(phone, "#stage", 0.2, 0.5))
    assert line_at(seen(phone)) == pytest.approx(0.2, abs=0.03)
    phone.locator("#play").tap()
    phone.wait_for_function("() => document.getElementById('stage').dataset.frame !== '0'")
    phone.locator("#play").tap()
    assert phone.locator("#play").inner_text() == "Play" and phone.wrong == []


def test_a_finger_points_at_a_place_of_the_result(phone):
    go_to(phone, MATCHED)
    swipe(phone, place_in(phone, "#where", 0.5, 0.5), place_in(phone, "#where", 0.25, 0.25))
    assert ring_at(phone, ".reference .spot") == pytest.approx((0.25 + MOVED / SIZE.width, 0.25), abs=0.03)


def test_a_finger_that_goes_up_scrolls_the_page(phone):
    phone.evaluate("() => window.scrollTo(0, 0)")
    x, y = place_in(phone, "#stage", 0.6, 0.9)
    swipe(phone, (x, y), (x, y - 150))
    phone.wait_for_function("() => window.scrollY > 50")
    assert phone.wrong == []
