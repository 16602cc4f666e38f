"""Damage to texts, bytes and plain values: each function takes a `random.Random` and returns something wrong.

Everything follows from the generator handed in, so that the number of a case is enough to see it again.
"""

import copy
import json
import math
from random import Random
from typing import Any

from tests.fuzz.pieces import FACTORS, HOSTILE, NUMBERS, UNITS, WORDS


def damaged_text(random: Random, text: str, pieces: list[str]) -> str:
    """Return the text with one to four places cut, doubled, exchanged or interspersed with pieces."""
    for _ in range(random.randint(1, 4)):
        text = random.choice((_cut, _insert, _insert, _line, _line, _character))(random, text, pieces)
    return text


def _cut(random: Random, text: str, pieces: list[str]) -> str:
    start = random.randrange(len(text) + 1)
    if random.random() < 0.1:
        return text[:start]
    return text[:start] + text[start + random.choice((1, 1, 3, 20, 200)) :]


def _insert(random: Random, text: str, pieces: list[str]) -> str:
    start = random.randrange(len(text) + 1)
    return text[:start] + random.choice(pieces) + text[start + random.choice((0, 0, 1, 3, 20)) :]


def _line(random: Random, text: str, pieces: list[str]) -> str:
    """Double, drop, move or indent a line."""
    lines = text.splitlines(keepends=True) or [""]
    at = random.randrange(len(lines))
    match random.randrange(4):
        case 0:
            lines.insert(random.randrange(len(lines) + 1), lines[at])
        case 1:
            del lines[at]
        case 2:
            lines.insert(random.randrange(len(lines)), lines.pop(at))
        case _:
            lines[at] = random.choice(("  ", "\t", " ", "- ")) + lines[at]
    return "".join(lines)


def _character(random: Random, text: str, pieces: list[str]) -> str:
    """Misspell: exchange, double or replace a character."""
    if len(text) < 3:
        return text
    at = random.randrange(len(text) - 2)
    one, two = text[at], text[at + 1]
    new = random.choice((two + one, one + one + two, chr(random.choice((48, 57, 97, 122, 0x3BC, 0x200B))) + two))
    return text[:at] + new + text[at + 2 :]


def damaged_bytes(random: Random, data: bytes, first: int | None = None) -> bytes:
    """Return bytes with flipped bits, or truncated, blanked, doubled or shuffled in part; `first` bytes at most."""
    changed = bytearray(data)
    limit = min(first or len(data), len(data))
    for _ in range(random.choice((1, 1, 2, 5, 20))):
        at, size = random.randrange(max(1, limit)), random.choice((1, 4, 8, 64, 512))
        match random.randrange(8):
            case 0:
                del changed[at + random.randrange(len(data)) :]
            case 1:
                changed[at : at + size] = bytes(size)
            case 2:
                changed[at : at + size] = b"\xff" * size
            case 3:
                changed[at : at + size] = random.randbytes(size)
            case 4:
                changed[at:at] = changed[at : at + size]
            case _ if at < len(changed):
                changed[at] ^= 1 << random.randrange(8)
    return bytes(changed)


def encoded(random: Random, text: str) -> bytes:
    """Return the text in an encoding that was not asked for, or as bytes that are no text."""
    encoding = random.choice(("utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252", "utf-8-sig", "utf-7"))
    data = ("é µ " + text if random.random() < 0.5 else text).encode(encoding, "replace")
    match random.randrange(6):
        case 0:
            return random.randbytes(random.randrange(3000))
        case 1:
            return b"\x1f\x8b\x08" + data
        case 2:
            return data[: random.randrange(len(data) + 1)]
    return data


def bomb(random: Random, text: str) -> str:
    """Return a YAML text that would grow, nest or repeat without bound."""
    size = random.choice((40, 2_000, 100_000))
    level = "".join(f"a{n + 1}: &b{n + 1} [*b{n}, *b{n}, *b{n}, *b{n}, *b{n}, *b{n}, *b{n}, *b{n}]\n" for n in range(9))
    return random.choice((
        lambda: "a0: &b0 [x, x]\n" + level + text,
        lambda: text + "more: &r\n  again: *r\n",
        lambda: text + "deep: " + "[" * size + "]" * random.choice((0, size)) + "\n",
        lambda: text + "deep: " + "{a: " * size + "\n",
        lambda: text + "".join(" " * n + "a:\n" for n in range(min(size, 500))),
        lambda: text + "- " * size + "\n",
        lambda: text + "? " * size + "\n",
        lambda: text + f"wide: [{'1, ' * min(size, 60_000)}]\n",
        lambda: text + "".join(f"k{n}: 1\n" for n in range(min(size, 60_000))),
        lambda: text + "name: " + "x" * size * 9 + "\n",
        lambda: text + f"name: {'9' * size}\n",
        lambda: text + "name: \"" + "\\\n" * size,
        lambda: text + "#" * size + "\n" * size,
        lambda: text + " " * 10 * size + "x: 1",
        lambda: text + "key " * size + ": 1\n",
    ))()  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value below the root."""
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found += places(item, (*path, key))
    return found


def quantity(random: Random) -> Any:
    """Return a number with or without a unit, seldom a right one."""
    number, unit = random.choice(NUMBERS), random.choice(UNITS)
    return random.choice((f"{number} {unit}", f"{number}{unit}", f"{number} {unit} {unit}", number, f"{unit} {number}"))


def scaled(random: Random, value: Any) -> Any:
    """Return a quantity with its unit kept and its number made extreme; another value as it is."""
    if value is None or isinstance(value, bool | dict | list):
        return value
    number, _, unit = str(value).partition(" ")
    try:
        found = float(number) * random.choice(FACTORS)
    except ValueError:
        return random.choice(WORDS)
    if isinstance(value, str):
        return f"{found!r} {unit}"
    return round(found) if isinstance(value, int) and abs(found) < 1e18 else found


def damaged_values(random: Random, data: dict[str, Any]) -> dict[str, Any]:
    """Return plain data with one to three values replaced, scaled, removed, renamed, moved or added."""
    data = copy.deepcopy(data)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        found = places(data)
        if found:
            _damage_value(random, data, random.choice(found), found)
    return data


def _damage_value(random: Random, data: Any, path: tuple[Any, ...], found: list[tuple[Any, ...]]) -> None:
    container, key = at(data, path[:-1]), path[-1]
    match random.randrange(14):
        case 0:
            container[key] = copy.deepcopy(random.choice(HOSTILE))
        case 1:
            container[key] = quantity(random)
        case 2 | 9:
            del container[key]
        case 3:
            container[key] = copy.deepcopy(at(data, random.choice(found)))
        case 4 if isinstance(container, dict):
            container[_character(random, f"{key}", [])] = container.pop(key)
        case 5 if isinstance(container, dict):
            container[random.choice(("x", "", "a.b", "source", "é", "status", "of"))] = random.choice(HOSTILE)
        case 5:
            container += container[: random.choice((1, 3, 200))] * random.choice((1, 1, 50))
        case 6:
            container[key] = random.choice(WORDS)
        case _:
            container[key] = scaled(random, container[key])


def at(data: Any, path: tuple[Any, ...]) -> Any:
    """Return the value at a path."""
    for key in path:
        data = data[key]
    return data


def as_yaml(value: Any) -> str:
    """Return plain data as YAML on one line, which is JSON but for numbers that JSON has not."""
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else ("-" if value < 0 else "") + ".inf"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(str(key))}: {as_yaml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_yaml, value)) + "]"
    return json.dumps(value)
