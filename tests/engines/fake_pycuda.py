"""A small stand-in for pycuda's driver module, as strict as the real one: every thread has a stack of contexts of its
own, memory is got and given back under a context only, and a stream does nothing before somebody waits for it."""

import threading
import weakref
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np


class Error(Exception):
    pass


class OutOfMemory(Error):
    pass


class Driver:
    """allocated: pieces of memory not yet given back. lost: those dropped where no context was the present one."""

    Error = Error

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []  # in the stream
        self.allocated = self.lost = 0
        self.room = 1 << 20  # bytes
        self._memory: dict[int, np.ndarray] = {}
        self._threads = threading.local()

    @property
    def stack(self) -> list:
        if not hasattr(self._threads, "stack"):
            self._threads.stack = []
        return self._threads.stack

    def check(self) -> None:
        if not self.stack:
            raise Error("explicit_context_dependent failed: invalid device context - no currently active context?")

    def init(self) -> None:
        pass

    def Device(self, number: int) -> SimpleNamespace:
        if number:
            raise Error("cuDeviceGet failed: invalid device ordinal")
        context = SimpleNamespace(push=lambda: self.stack.append(context), pop=lambda: self.stack.pop())
        return SimpleNamespace(name=lambda: "Fake GPU", retain_primary_context=lambda: context)

    def Stream(self) -> SimpleNamespace:
        self.check()
        return SimpleNamespace(handle=7, synchronize=self._wait, give=self.waiting.append)

    def Event(self) -> "Event":
        self.check()
        return Event(self)

    def mem_alloc(self, count: int) -> "Memory":
        self.check()
        if count > self.room:
            raise OutOfMemory("cuMemAlloc failed: out of memory")
        return Memory(self, count)

    def pagelocked_empty(self, shape: tuple, dtype: type) -> np.ndarray:
        self.check()
        array = np.empty(shape, dtype)
        self.allocated += 1
        weakref.finalize(array, self.gone)
        return array

    def memcpy_htod_async(self, target: int, source: np.ndarray, stream: SimpleNamespace) -> None:
        self.check()
        stream.give(lambda: np.copyto(self.read(target, source), source))

    def memcpy_dtoh(self, target: np.ndarray, source: "Memory") -> None:
        """On another stream: at once."""
        self.check()
        np.copyto(target, self.read(int(source), target))

    def read(self, address: int, like: np.ndarray) -> np.ndarray:
        return self._memory[address][: like.nbytes].view(like.dtype).reshape(like.shape)

    def gone(self) -> None:
        self.allocated -= 1
        self.lost += not self.stack

    def _wait(self) -> None:
        self.check()
        while self.waiting:
            self.waiting.pop(0)()


class Memory:
    def __init__(self, driver: Driver, count: int):
        self._driver, array = driver, np.zeros(count, np.uint8)
        self._address = array.ctypes.data
        driver._memory[self._address] = array
        driver.allocated += 1

    def __int__(self) -> int:
        return self._address

    def free(self) -> None:
        """Waits, as the real one does, for what uses it."""
        self._driver._wait()
        del self._driver._memory[self._address]
        self._driver.gone()


class Event:
    def __init__(self, driver: Driver):
        self._driver, self._passed = driver, True

    def record(self, stream: SimpleNamespace) -> None:
        self._passed = False
        stream.give(lambda: setattr(self, "_passed", True))

    def synchronize(self) -> None:
        self._driver.check()
        while not self._passed:
            self._driver.waiting.pop(0)()
