"""What tests of command lines share."""

import signal
from collections.abc import Iterator

import pytest


@pytest.fixture
def heeds_interrupts() -> Iterator[None]:
    """SIGINT interrupts this process, also where the tests run in the background of a shell, which ignores it there."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
