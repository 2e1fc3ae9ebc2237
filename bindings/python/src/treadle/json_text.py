"""Reads JSON text as all languages of the engine do: its numbers are IEEE doubles, so that an integer beyond 2^53 is the
nearest one that a double holds; and it may be nested deeper than the thousand levels at which Python stops."""

from __future__ import annotations

import json
import math
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from .json_scan import may_hold_long_integer

Value = TypeVar("Value")

#: Levels that are read and written beyond what the program's own recursion limit leaves.
_EXTRA_LEVELS = 2_500

_DECODER = json.JSONDecoder()
_lock = threading.Lock()


def parse(text: str, otherwise: str = "{}") -> Any:
    """The value of a JSON text; of `otherwise` when there is no text."""
    text = text or otherwise
    if text == "{}":  # what most steps have in most places
        return {}
    if may_hold_long_integer(text):
        return deeply(lambda: json.loads(text, parse_int=_nearest))
    try:
        return _DECODER.decode(text)
    except RecursionError:
        return deeply(lambda: _DECODER.decode(text))


def with_doubles(text: str) -> str:
    """The text with the numbers that `parse` would see, for readers that have other ones."""
    return json.dumps(parse(text), ensure_ascii=False) if may_hold_long_integer(text) else text


def _nearest(digits: str) -> int | float:
    """What a double holds of it, and as an integer, since Python tells them apart; infinite where a double is."""
    double = float(digits)
    if math.isinf(double):
        return double
    return int(digits) if abs(double) < 2**53 else int(double)


def deeply(work: Callable[[], Value]) -> Value:
    """What `work` answers; a second time with more room when it was nested too deeply for the first."""
    try:
        return work()
    except RecursionError:
        with _more_room():
            return work()


@contextmanager
def _more_room() -> Iterator[None]:
    with _lock:  # the limit belongs to the interpreter: two threads must not restore it in the wrong order
        before = sys.getrecursionlimit()
        sys.setrecursionlimit(before + _EXTRA_LEVELS)
        try:
            yield
        finally:
            sys.setrecursionlimit(before)
