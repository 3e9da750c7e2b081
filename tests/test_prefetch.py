"""Working ahead in a thread: order, errors in their place, and threads that end."""

import gc
import threading
import time
from collections.abc import Iterator

import pytest

from lfvideo_sr.prefetch import prefetch


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "prefetch"]


@pytest.fixture(autouse=True)
def no_thread_is_left():
    assert threads() == []
    yield
    assert threads() == []


def wait_until(condition, seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


@pytest.mark.parametrize("ahead", [1, 2, 7])
@pytest.mark.parametrize("count", [0, 1, 100])
def test_the_same_items_in_the_same_order(count, ahead):
    assert list(prefetch(range(count), ahead)) == list(range(count))


def test_none_and_exceptions_are_items_like_others():
    items = [None, ValueError("only an item"), (1, 2), StopIteration]
    assert list(prefetch(items)) == items


def test_it_works_ahead_and_no_further_than_asked():
    made: list[int] = []

    def source() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number

    ahead = prefetch(source(), ahead=3)
    assert next(ahead) == 0
    wait_until(lambda: len(made) == 5)  # one given out, three ready, one waiting for room
    time.sleep(0.05)
    assert len(made) == 5
    ahead.close()


def test_making_an_item_overlaps_with_using_one():
    made = threading.Event()

    def source() -> Iterator[int]:
        yield 0
        made.set()
        yield 1

    items = prefetch(source())
    assert next(items) == 0
    assert made.wait(5)  # nobody has asked for the second item yet
    assert list(items) == [1]


def test_an_error_is_raised_at_its_place():
    def source() -> Iterator[int]:
        yield 1
        yield 2
        raise OSError("the disk is gone")

    taken = []
    with pytest.raises(OSError, match="the disk is gone"):
        for item in prefetch(source(), ahead=5):
            taken.append(item)
    assert taken == [1, 2]


def test_an_interrupt_in_the_thread_reaches_the_caller():
    def source() -> Iterator[int]:
        yield 1
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(prefetch(source()))


def test_closing_ends_the_thread_though_the_source_is_endless():
    ended = threading.Event()

    def endless() -> Iterator[int]:
        try:
            while True:
                yield 0
        finally:
            ended.set()

    items = prefetch(endless())
    next(items)
    assert len(threads()) == 1
    items.close()
    assert threads() == []
    gc.collect()
    assert ended.is_set()  # what the source holds open is let go of


def test_an_error_of_the_caller_ends_the_thread():
    with pytest.raises(ZeroDivisionError):
        for item in prefetch(iter(int, 1)):
            1 / item
    gc.collect()
    assert threads() == []


def test_nothing_runs_before_the_first_item_is_asked_for():
    prefetch(iter(lambda: pytest.fail("nobody asked"), 1))
    assert threads() == []
