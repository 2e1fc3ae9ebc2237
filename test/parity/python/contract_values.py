"""What the contract says in JSON about values that JSON cannot hold; the twin of contract-values.ts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any


def _text(spec: dict[str, Any]) -> str:
    of = spec.get("of", "x")
    return str(of * ((spec["bytes"] - 2) // len(of.encode())))


def _nested(spec: dict[str, Any]) -> list[Any]:
    inner: list[Any] = []
    for _ in range(spec["levels"] - 1):
        inner = [inner]
    return inner


def _circular(_spec: dict[str, Any]) -> dict[str, Any]:
    circle: dict[str, Any] = {}
    circle["itself"] = circle
    return circle


_MAKERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "nothing": lambda _: None,
    "nan": lambda _: float("nan"),
    "infinity": lambda _: float("inf"),
    "minus_zero": lambda _: -0.0,
    "unsafe_integer": lambda _: 2**53 + 1,
    "nul": lambda _: "a\0b",
    "lone_surrogate": lambda _: "a\ud800b",
    "not_json": lambda _: object(),
    "decimal": lambda _: Decimal("12.50"),
    "date": lambda _: datetime(2026, 1, 31, 12, tzinfo=timezone.utc),
    "proto_key": lambda _: {"__proto__": 3},
    "circular": _circular,
    "text": _text,
    "nested": _nested,
}


def value_of(spec: Any) -> Any:
    """The value that a file means."""
    if isinstance(spec, list):
        return [value_of(each) for each in spec]
    if not isinstance(spec, dict):
        return spec
    if "$make" in spec:
        return _MAKERS[spec["$make"]](spec)
    if "$by_language" in spec:
        return value_of(spec["$by_language"]["python"])
    return {key: value_of(part) for key, part in spec.items()}
