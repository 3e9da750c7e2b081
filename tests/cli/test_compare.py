"""`lfvideo-sr compare` and `stream --html`: both videos in step, their scores, and what the run reports."""

import base64
import json
import re
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest
from command_line import FAST
from small_clips import EVERY, FRAMES, rendered, write_clip

from lfvideo_sr.commands.compare_walk import most_differing
from lfvideo_sr.commands.plots import Curve, Plot
from lfvideo_sr.frames import Size
from lfvideo_sr.media.resize import degrade


class Parsed(HTMLParser):
    """The ids, figures, addresses and texts of a page; every element has to be closed."""

    VOID = frozenset({"meta", "img", "input", "br"})

    def __init__(self, text: str):
        super().__init__()
        self.ids, self.addresses, self.open, self.words = set(), [], [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        self.ids.add(named.get("id"))
        self.addresses += [named[name] for name in ("src", "href") if name in named]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words += data


def page_of(path) -> tuple[Parsed, dict]:
    """A page, and the frames in it."""
    text = path.read_text()
    data = json.loads(re.search(r"^const data = (.*);$", text, re.MULTILINE)[1])
    parsed = Parsed(text)
    assert parsed.open == ["html"][: len(parsed.open)]
    assert not re.search(r"https?://|//cdn|@import|url\(", text), "it loads nothing"
    assert all(address.startswith("data:image/jpeg;base64,") for address in parsed.addresses)
    return parsed, data


def picture(address: str) -> np.ndarray:
    """BGR [H,W,3] of a data address."""
    content = np.frombuffer(base64.b64decode(address.partition(",")[2]), np.uint8)
    return cv2.imdecode(content, cv2.IMREAD_COLOR)


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """A sharp clip of six frames, and the same made small; black squares are in the sharp one's copy."""
    folder, sharp = tmp_path_factory.mktemp("clips"), rendered(0, 6, seed=2, size=Size(192, 128))
    marked = [frame.copy() for frame in sharp]
    for frame in marked:
        frame[:, 20:40, 150:170] = 0
    write_clip(folder / "sharp.mkv", sharp)
    write_clip(folder / "marked.mkv", marked)
    write_clip(folder / "small.mkv", [degrade(frame) for frame in sharp])
    return folder


def test_two_videos_in_step_with_their_scores(run, clips, tmp_path):
    page = tmp_path / "page.html"
    outcome = run("compare", clips / "small.mkv", clips / "marked.mkv", "--gt", clips / "sharp.mkv", "-o", page)
    assert outcome.code == 0, outcome.err
    lines = outcome.out.splitlines()
    assert [line.split(":")[0] for line in lines[:2]] == ["page        small.mkv", "page        marked.mkv"]
    assert all("PSNR-Y" in line and "SSIM-Y" in line for line in lines[:2])
    parsed, data = page_of(page)
    assert {"stage", "first", "second", "frame", "cut", "play"} <= parsed.ids
    assert [frame["place"] for frame in data["frames"]] == list(range(6))
    assert (data["rate"], data["count"]) == (25, 6)
    assert all(picture(frame[name]).shape == (128, 192, 3) for frame in data["frames"] for name in ("first", "second"))
    assert "PSNR-Y, dB" in parsed.words and "SSIM-Y" in parsed.words and "Flicker, levels" in parsed.words
    assert "PSNR-Y between the two" not in parsed.words
    crops = [picture(address) for address in parsed.addresses]
    assert len(crops) == 3 and {crop.shape for crop in crops} == {(96, 96, 3)}, "of each video and of the truth"
    assert crops[1].min() < 10, "the crop of the second one shows its black square"


def test_without_a_truth_the_distance_between_the_two_is_shown(run, clips, tmp_path):
    page = tmp_path / "page.html"
    outcome = run("compare", clips / "sharp.mkv", clips / "marked.mkv", "-o", page, "--frames", "3")
    assert outcome.code == 0 and "dB between the two" in outcome.out
    parsed, data = page_of(page)
    assert [frame["place"] for frame in data["frames"]] == [0, 2, 4] and data["rate"] == 12.5
    assert "PSNR-Y between the two, dB" in parsed.words and "SSIM-Y" not in parsed.words


def test_stream_writes_a_page_with_references_relevance_and_stages(run, hybrid_clip, high_clip, tmp_path):
    page = tmp_path / "page.html"
    outcome = run("stream", hybrid_clip, "-o", tmp_path / "out.mkv", *FAST, "--gt", high_clip, "--html", page)
    assert outcome.code == 0, outcome.err
    parsed, data = page_of(page)
    assert data["count"] == FRAMES
    passed = sum("own pixels" in frame["label"] for frame in data["frames"])
    assert 0 < passed <= -(-FRAMES // EVERY)
    for word in ("Relevance of references", "PSNR-Y, dB", "Time of each stage", "restore", "References", "numpy"):
        assert word in parsed.words
    assert "references encoded" in parsed.words and "hit rate" in parsed.words
    assert data["size"] == [192, 128] and {reference["size"][0] for reference in data["references"]} == {192}
    used = [match for frame in data["frames"] for match in frame["matches"]]
    assert passed <= sum("positions" not in match for match in used) < len(used)
    assert {match["reference"] for match in used} == set(range(len(data["references"])))
    marks = page.read_text().count('class="mark"')
    assert marks == 4 * passed, "in each of the four drawings"


def test_a_page_of_a_run_that_went_on_says_what_was_not_recorded(run, hybrid_clip, tmp_path):
    page, output = tmp_path / "page.html", tmp_path / "out.mkv"
    assert run("stream", hybrid_clip, "-o", output, *FAST).code == 0
    assert run("stream", hybrid_clip, "-o", output, *FAST, "--html", page).code == 0, "it was done already"
    _, data = page_of(page)
    assert len(data["frames"]) == FRAMES and data["references"] == []
    assert all("matches" not in frame for frame in data["frames"])


def test_a_page_of_a_part_is_of_that_part(run, low_clip, tmp_path):
    page = tmp_path / "page.html"
    options = ("--from", "4f", "--to", "9f", "--html", page)
    assert run("stream", low_clip, "-o", tmp_path / "out.mkv", *FAST, *options).code == 0
    _, data = page_of(page)
    assert data["count"] == 5
    first, second = (picture(data["frames"][0][name]).astype(float) for name in ("first", "second"))
    assert np.abs(first - second).mean() < 12, "they show the same moment"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["compare", "small.mkv", "sharp.mkv", "-o", "page.pdf"], "end its name in .html"),
        (["compare", "small.mkv", "nowhere.mkv", "-o", "page.html"], "nowhere.mkv does not exist"),
        (["compare", "small.mkv", "sharp.mkv", "-o", "page.html", "--gt", "small.mkv"], "48x32"),
        (["stream", "small.mkv", "-o", "out.mkv", "--method", "bicubic", "--html", "page.txt"], ".html"),
    ],
)
def test_what_cannot_be_compared_is_one_line(words, message, run, clips, tmp_path, monkeypatch):
    monkeypatch.chdir(clips)
    before = set(clips.iterdir())
    outcome = run(*words)
    assert outcome.code == 3 and message in outcome.line and set(clips.iterdir()) == before


def test_a_page_that_exists_is_kept(run, clips, tmp_path):
    page = tmp_path / "page.html"
    page.write_text("precious")
    outcome = run("compare", clips / "small.mkv", clips / "sharp.mkv", "-o", page)
    assert outcome.code == 3 and "--overwrite" in outcome.line and page.read_text() == "precious"
    assert run("compare", clips / "small.mkv", clips / "sharp.mkv", "-o", page, "-y").code == 0


def test_curves_are_broken_where_there_is_no_value_and_scaled_to_those_there_are():
    svg = Plot("a < b", [Curve("x", [1.0, 3.0, None, float("inf"), 2.0])], marks=[0]).svg()
    assert svg.count("<polyline") == 2 and "a &lt; b" in svg and ">1<" in svg and ">3<" in svg
    assert Plot("none", [Curve("x", [None, float("inf")])]).is_empty


def test_the_most_differing_place_is_found_inside_of_the_picture():
    first = np.zeros((3, 200, 300), np.float32)
    second = first.copy()
    second[:, 190:, 290:] = 1
    top, left, difference = most_differing(first, second)
    assert (top, left) == (104, 204) and difference > 0
