"""The quick looks at JSON text say the same as slow ones that are plainly right, for values made at random."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from typing import Any

import pytest

from treadle.json_scan import is_deeper_than, may_hold_long_integer
from treadle.json_text import parse
from treadle.results import as_results

#: What is hard to tell from structure and from numbers.
_PIECES = [
    "a",
    "é",
    "\U0001f600",
    '"',
    "\\",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "-",
    ".",
    "e",
    " ",
    "0",
    "12345678",
    "9" * 16,
]
_NUMBERS: list[Callable[[random.Random], Any]] = [
    lambda chance: chance.randint(-9, 9),
    lambda chance: chance.randint(-(10**19), 10**19),
    lambda chance: chance.choice([2**53, 2**53 + 1, 10**15, 10**15 - 1, -(2**53) - 1]),
    lambda chance: chance.random() * 10.0 ** chance.randint(-20, 20),
    lambda chance: -0.0,
]


def text_of(chance: random.Random) -> str:
    return "".join(chance.choices(_PIECES, k=chance.randint(0, 12)))


def value_of(chance: random.Random, levels: int) -> Any:
    kind = chance.random()
    if levels == 0 or kind < 0.4:
        return text_of(chance) if kind < 0.2 else chance.choice(_NUMBERS)(chance)
    parts = [value_of(chance, levels - 1) for _ in range(chance.randint(0, 3))]
    return parts if kind < 0.7 else {text_of(chance): part for part in parts}


def long_integers(text: str) -> list[str]:
    found: list[str] = []
    json.loads(text, parse_int=lambda digits: found.append(digits) or 0)
    return [digits for digits in found if len(digits.lstrip("-")) >= 16]


def depth(value: Any) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


@pytest.fixture(params=range(8))
def chance(request: pytest.FixtureRequest) -> random.Random:
    return random.Random(request.param)


def test_no_long_integer_is_missed_and_none_is_imagined_where_no_digits_are(chance: random.Random) -> None:
    for _ in range(500):
        separators = chance.choice([(",", ":"), (", ", ": "), (",\n\t", " :")])
        text = json.dumps(value_of(chance, 4), ensure_ascii=chance.random() < 0.5, separators=separators)
        if long_integers(text):
            assert may_hold_long_integer(text), text
        if not re.search("[0-9]{16}", text):
            assert not may_hold_long_integer(text), text


@pytest.mark.parametrize("before", range(40))
def test_a_long_integer_is_seen_at_every_place(before: int) -> None:
    for number, found in [
        ("1234567890123456", True),
        ("-1234567890123456", True),
        ("123456789012345", False),
    ]:
        assert may_hold_long_integer(" " * before + number + ",") is found


def test_numbers_with_a_point_or_an_exponent_are_no_integers() -> None:
    for number in [
        "1234567890123456.5",
        "1234567890123456e3",
        "0.1234567890123456",
        "1.2345678901234567E+30",
    ]:
        assert not may_hold_long_integer(f"[{number}]")


def test_depth_is_that_of_the_value(chance: random.Random) -> None:
    for _ in range(500):
        value = value_of(chance, 8)
        text = json.dumps(value, ensure_ascii=False).encode()
        levels = depth(value)
        assert not is_deeper_than(text, levels), text
        assert levels == 0 or is_deeper_than(text + b" " * 20, levels - 1), text


def test_results_are_what_was_returned_or_refused(chance: random.Random) -> None:
    for _ in range(500):
        value = value_of(chance, 4)
        digits = long_integers(json.dumps(value))
        if all(int(float(each)) == int(each) for each in digits):
            assert parse(as_results(value)) == value
        else:
            with pytest.raises(Exception, match="not exact as a double"):
                as_results(value)
