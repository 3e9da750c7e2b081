"""Runs a generator in a thread of its own, a few items ahead: decoding and encoding go on while the model works."""

import queue
import threading
from collections.abc import Generator, Iterable
from typing import TypeVar

T = TypeVar("T")

_END = object()


def beside_a_gpu(items: Iterable[T], device: str) -> Generator[T, None, None]:
    """The same items, the next one made in a thread of its own where the model works on a GPU. On a CPU, which is busy
    with either, that takes longer."""
    return (item for item in items) if device == "cpu" else prefetch(items, ahead=1)


def prefetch(items: Iterable[T], ahead: int = 2) -> Generator[T, None, None]:
    """The same items, made up to `ahead` in advance.

    An error of the producer is raised here, at its place in the order. Closing this generator ends the thread.
    """
    ready: queue.Queue = queue.Queue(maxsize=ahead)
    stop = threading.Event()

    def put(item: object) -> bool:
        while not stop.is_set():
            try:
                ready.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def produce() -> None:
        try:
            for item in items:
                if not put((item, None)):
                    return
            put((_END, None))
        except BaseException as error:  # handed to the consumer, who raises it
            put((_END, error))

    thread = threading.Thread(target=produce, daemon=True, name="prefetch")
    thread.start()
    try:
        while True:
            item, error = ready.get()
            if error is not None:
                raise error
            if item is _END:
                return
            yield item
    finally:
        stop.set()
        thread.join()
