"""Damages files as disks, networks and attackers do: bytes, numbers, lines, lengths; by a seeded generator."""

import json
import random
import re
from collections.abc import Callable
from typing import Any

Mutation = Callable[[bytes, random.Random], bytes]

_EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_NUMBERS = (
    "0", "-1", "1e999999999", "1e400", "-1e400", "nan", "inf", "1/0", "0x10", "9" * 40, "9" * 5000, "1.5.2", "", "null",
    "2001-99-99", "4294967296", "-9223372036854775809",
)  # fmt: skip
_WORDS = (
    "../../etc/passwd", "/etc/passwd", "\x1b[31m", "\u202e", "\udcff", "\0", '"', ",,,,", "[[[[", "&a [*a]", "{}",
    "%s%n",
    "a" * 4000,
)  # fmt: skip
_VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1.5, 10**30, float("inf"), "", "x", "\x1b[2J", [], [1], {}, {"a": 1}, "9" * 5000, [[[[]]]],
)  # fmt: skip
_NUMBER = re.compile(rb"\d+(\.\d+)?")


def damaged(content: bytes, rng: random.Random, kind: str) -> bytes:
    """A mutated copy of a file. kind: "binary", "text", "json" or "safetensors" (a length, JSON, then bytes)."""
    mutations = {"binary": _BINARY, "text": _TEXT, "json": _JSON, "safetensors": (*_BINARY, _header_of_safetensors)}[
        kind
    ]
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        content = rng.choice(mutations)(content, rng)
    return content


def _place(content: bytes, rng: random.Random) -> int:
    """Headers are as likely as all the rest."""
    return rng.randrange(max(1, len(content) if rng.random() < 0.5 else min(len(content), 512)))


def _bit(content: bytes, rng: random.Random) -> bytes:
    at = _place(content, rng)
    return content[:at] + bytes((content[at] ^ 1 << rng.randrange(8),)) + content[at + 1 :] if content else content


def _byte(content: bytes, rng: random.Random) -> bytes:
    at = _place(content, rng)
    return content[:at] + bytes((rng.randrange(256),)) + content[at + 1 :]


def _number(content: bytes, rng: random.Random) -> bytes:
    at, width, order = _place(content, rng), rng.choice((2, 4, 8)), rng.choice(("little", "big"))
    return content[:at] + rng.choice(_EXTREMES).to_bytes(8, order)[-width:] + content[at + width :]


def _cut(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content) + 1)]


def _without_a_part(content: bytes, rng: random.Random) -> bytes:
    at = _place(content, rng)
    return content[:at] + content[at + rng.choice((1, 4, 16, 256)) :]


def _with_a_part_twice(content: bytes, rng: random.Random) -> bytes:
    at, length = _place(content, rng), rng.choice((1, 4, 16, 256))
    return content[: at + length] + content[at:]


def _noise(content: bytes, rng: random.Random) -> bytes:
    at, length = _place(content, rng), rng.choice((4, 64, 512))
    return content[:at] + rng.randbytes(length) + content[at + length :]


def _zeros(content: bytes, rng: random.Random) -> bytes:
    at, length = _place(content, rng), rng.choice((4, 64, 512))
    return content[:at] + bytes(length) + content[at + length :]


def _written_number(content: bytes, rng: random.Random) -> bytes:
    matches = list(_NUMBER.finditer(content))
    if not matches:
        return _byte(content, rng)
    match = rng.choice(matches)
    return content[: match.start()] + rng.choice(_NUMBERS).encode() + content[match.end() :]


def _word(content: bytes, rng: random.Random) -> bytes:
    at = _place(content, rng)
    return content[:at] + rng.choice(_WORDS).encode("utf-8", "surrogateescape") + content[at:]


def _line(content: bytes, rng: random.Random) -> bytes:
    lines = content.split(b"\n")
    at = rng.randrange(len(lines))
    changed = rng.choice(([], [lines[at]] * 2, [rng.choice(lines)], [lines[at][: len(lines[at]) // 2]]))
    return b"\n".join(lines[:at] + changed + lines[at + 1 :])


def _node(content: bytes, rng: random.Random) -> bytes:
    """A value of JSON, wherever it is, becomes another."""
    try:
        tree = json.loads(content)
    except ValueError:
        return _written_number(content, rng)
    parent, key = _some_place({"": tree}, rng)
    if rng.random() < 0.2 and isinstance(parent, dict) and key:
        del parent[key]
    elif isinstance(parent, dict) and not key:
        return json.dumps(rng.choice(_VALUES)).encode()
    else:
        parent[key] = rng.choice(_VALUES)
    return json.dumps(tree).encode()


def _some_place(tree: Any, rng: random.Random) -> tuple[Any, Any]:
    """A container inside and a key of it."""
    key = rng.choice(list(tree) if isinstance(tree, dict) else range(len(tree)))
    inside = tree[key]
    return (
        _some_place(inside, rng) if isinstance(inside, dict | list) and inside and rng.random() < 0.8 else (tree, key)
    )


def _header_of_safetensors(content: bytes, rng: random.Random) -> bytes:
    """Its JSON is changed and its length put right; so is the JSON in it, in which this program describes weights."""
    length = int.from_bytes(content[:8], "little")
    try:
        header = json.loads(content[8 : 8 + length])
        about = header["__metadata__"]["about"]
    except (ValueError, KeyError, TypeError):
        return _byte(content, rng)
    if rng.random() < 0.7:
        header["__metadata__"]["about"] = _node(about.encode(), rng).decode()
        changed = json.dumps(header).encode()
    else:
        changed = _node(content[8 : 8 + length], rng)
    return len(changed).to_bytes(8, "little") + changed + content[8 + length :]


_BINARY = (_bit, _byte, _number, _number, _cut, _without_a_part, _with_a_part_twice, _noise, _zeros)
_TEXT = (_bit, _byte, _cut, _written_number, _written_number, _word, _word, _line, _without_a_part)
_JSON = (*_TEXT, _node, _node, _node, _node, _node)
