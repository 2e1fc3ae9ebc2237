"""The law for JSON: what may be stored, and what is refused because somebody would read something else."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel

from treadle.errors import DeclarationError
from treadle.json_text import parse
from treadle.results import as_results


def nested(levels: int) -> Any:
    value: Any = []
    for _ in range(levels - 1):
        value = [value]
    return value


class Money(BaseModel):
    amount: Decimal
    at: date


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (2**53, "9007199254740992"),
        (-(2**53), "-9007199254740992"),
        (2**60, "1.152921504606847e+18"),
        (["9007199254740993", 0.1234567890123456], '["9007199254740993",0.1234567890123456]'),
        (0.1, "0.1"),
        (1e308, "1e+308"),
        (-0.0, "0"),
        ({"a": [-0.0, 1.5]}, '{"a":[0,1.5]}'),
        ("\U0001f600 שלום \u2028", '"\U0001f600 שלום \u2028"'),
        ("\\u0000", '"\\\\u0000"'),
        ((1, 2), "[1,2]"),
        ({1: 2}, '{"1":2}'),
        (date(2026, 1, 31), '"2026-01-31"'),
        (datetime(2026, 1, 31, 12, tzinfo=timezone.utc), '"2026-01-31T12:00:00.000Z"'),
        (datetime(2026, 1, 31, 12, tzinfo=timezone(timedelta(hours=2))), '"2026-01-31T10:00:00.000Z"'),
        (datetime(2026, 1, 31, 12, 0, 0, 1), '"2026-01-31T12:00:00.000001"'),
        (Money(amount=Decimal("1.50"), at=date(2026, 1, 31)), '{"amount":"1.50","at":"2026-01-31"}'),
    ],
)
def test_is_stored(value: Any, text: str) -> None:
    assert as_results(value) == text


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (2**53 + 1, "the integer 9007199254740993 is not exact as a double"),
        ({"a": [-(2**53) - 1]}, "the integer -9007199254740993"),
        (10**400, "is not exact as a double"),
        (float("nan"), "not JSON compliant"),
        ([float("inf")], "not JSON compliant"),
        ("a\0b", "U+0000"),
        ({"\ud800": 1}, "half of a surrogate pair"),
        (Decimal("12.50"), "got a Decimal"),
        (b"bytes", "got a bytes"),
        ({1, 2}, "got a set"),
        (object(), "got a object"),
        ({(1, 2): 3}, "keys must be"),
        (nested(1_001), "nested deeper than 1000 levels"),
        (nested(100_000), "nested deeper than 1000 levels"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_is_refused(value: Any, words: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        as_results(value)
    assert refused.value.failure_code == "invalid_output"
    assert words in str(refused.value)


def test_a_circle_is_refused() -> None:
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(DeclarationError, match="Circular"):
        as_results(circle)


def test_a_thousand_levels_are_stored() -> None:
    assert as_results(nested(1_000)) == "[" * 1_000 + "]" * 1_000


def test_brackets_in_texts_are_no_levels() -> None:
    assert as_results({"a": "[" * 2_000 + '"\\'}) == json.dumps(
        {"a": "[" * 2_000 + '"\\'}, separators=(",", ":")
    )


def test_the_limit_counts_bytes_of_text() -> None:
    assert as_results("é" * 9, 20) == '"' + "é" * 9 + '"'
    with pytest.raises(DeclarationError) as refused:
        as_results("é" * 10, 20)
    assert refused.value.failure_code == "results_too_large"
    assert "at most 20 bytes of JSON, got 22" in str(refused.value)


def test_a_large_integer_is_read_as_the_nearest_double_and_stored_as_the_same() -> None:
    value = parse('{"big":1152921504606847000,"small":9007199254740991,"text":"1152921504606847001"}')
    assert value == {"big": 2**60, "small": 2**53 - 1, "text": "1152921504606847001"}
    assert parse(as_results(value)) == value


def test_what_is_nested_deeper_than_python_reads_is_read_all_the_same() -> None:
    value = parse("[" * 2_000 + "]" * 2_000)
    levels = 1
    while value:
        value, levels = value[0], levels + 1
    assert levels == 2_000
