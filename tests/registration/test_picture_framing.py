"""In which form a sharp picture serves a frame: as it is where a search follows, else brought to the frame."""

import numpy as np
import pytest
from small_clips import rendered

from lfvideo_sr.frames import Size, size_of
from lfvideo_sr.media.resize import bicubic, degrade
from lfvideo_sr.registration.beside import form_beside

WHOLE = Size(320, 240)
SCENE = rendered(0, 1, seed=3, size=WHOLE)[0]
OUTPUT = Size(192, 144)
TRUTH = np.ascontiguousarray(SCENE[:, 48:192, 64:256])
FRAME = degrade(TRUTH)


def cut(left: int, top: int, right: int, bottom: int, factor: float = 1.0) -> np.ndarray:
    part = np.ascontiguousarray(SCENE[:, top:bottom, left:right])
    return bicubic(part, Size(round(part.shape[2] * factor), round(part.shape[1] * factor))).clip(0, 1)


FRAMED_ELSEWHERE = {
    "a little wider": cut(61, 48, 258, 192),
    "denser and wider": cut(60, 48, 260, 192, 2.5),
    "much wider": cut(30, 30, 300, 210, 1.5),
    "the same aspect, farther off": cut(32, 24, 288, 216, 0.75),
}


@pytest.mark.parametrize("picture", FRAMED_ELSEWHERE.values(), ids=FRAMED_ELSEWHERE)
def test_what_is_framed_elsewhere_is_brought_to_the_frame(picture):
    form = form_beside(FRAME, picture)
    assert size_of(form.pixels) == OUTPUT and form.changes and form.useful
    off = (form.pixels - TRUTH)[:, 8:-8, 8:-8]
    plain = (bicubic(FRAME, OUTPUT) - TRUTH)[:, 8:-8, 8:-8]
    assert (off**2).mean() < 0.5 * (plain**2).mean()
    assert form.valid is None


def test_what_shows_a_part_of_the_frame_says_where():
    whole = rendered(0, 1, seed=3, size=Size(512, 384))[0]
    part = bicubic(np.ascontiguousarray(whole[:, 120:384, 160:512]), Size(704, 528)).clip(0, 1)
    form = form_beside(degrade(whole), part)
    assert 0.4 < form.valid.mean() < 0.5 and not form.valid[:110].any() and form.valid[-250:-8, -340:-8].all()


@pytest.mark.parametrize("picture", [TRUTH, cut(60, 50, 252, 194), rendered(0, 1, seed=11, size=Size(200, 90))[0]])
def test_what_a_search_follows_or_nothing_fits_is_left_as_it_is(picture):
    form = form_beside(FRAME, picture)
    assert form.pixels is picture and form.valid is None and not form.changes and form.useful


def test_an_enlargement_framed_elsewhere_is_useless():
    wider = cut(30, 30, 300, 210)
    low = bicubic(wider, Size(68, 45)).clip(0, 1)
    assert not form_beside(FRAME, bicubic(low, size_of(wider)).clip(0, 1)).useful


def test_a_tiny_frame_is_not_compared():
    assert form_beside(FRAME[:, :5, :9], TRUTH).pixels is TRUTH
