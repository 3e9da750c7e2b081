"""Warnings of one kind are one line with a count, so that a file with a fault in every packet stays readable."""

import re

_NUMBERS = re.compile(r"-?\d+(?:\.\d+)?")

_COUNT = re.compile(r" \(and \d+ more like it\)$")


class Warnings(list[str]):
    """A list of lines. Of those that `add` is given and that differ in numbers only, the first one is kept, and behind
    it how many more there were."""

    def __init__(self) -> None:
        super().__init__()
        self._counted: dict[str, tuple[int, str, int]] = {}  # by kind: place in the list, first line, lines in all

    def add(self, text: str) -> None:
        """Append a line, or count it."""
        kind = _NUMBERS.sub("#", text)
        place, first, count = self._counted.get(kind, (len(self), text, 0))
        self._counted[kind] = place, first, count + 1
        if count:
            self[place] = f"{first} (and {count} more like it)"
        else:
            self.append(text)


def uncounted(line: str) -> str:
    """A line of `Warnings` without its count."""
    return _COUNT.sub("", line)
