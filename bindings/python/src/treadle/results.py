"""From what a handler returned to what Postgres can store: JSON by the rules of RFC 7493, the same in all languages.

What jsonb cannot hold, what JavaScript would read as another number, and what nobody should carry to every child is
refused here, where it harms only its own step. Serialised once: the text made here is what Postgres gets.
"""

from __future__ import annotations

import json
import re
from datetime import date, datetime, time, timezone
from typing import Any

from .errors import DeclarationError
from .json_scan import is_deeper_than, may_hold_long_integer
from .json_text import deeply

#: Bytes of JSON text that the results of a step may have unless the engine says otherwise.
DEFAULT_MAX_RESULT_BYTES = 4 * 1024 * 1024

#: Levels of nesting that stay far below what the JSON parser of Postgres takes.
MAX_DEPTH = 1_000

_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def as_results(value: Any, max_bytes: int = DEFAULT_MAX_RESULT_BYTES) -> str:
    """The value as JSON text. Raises DeclarationError `invalid_output`, or `results_too_large` over `max_bytes`."""
    text = _stringify(value)
    stored = _storable(text, max_bytes)
    if may_hold_long_integer(text):
        text = deeply(lambda: _write(json.loads(text, parse_int=_exact)))
    if "-" in text and "-0.0" in text:  # a single character is found many times faster
        text = _without_negative_zero(text)
    if is_deeper_than(stored, MAX_DEPTH):
        raise _too_deep()
    return text


def _stringify(value: Any) -> str:
    try:
        try:
            return _ENCODER.encode(value)
        except RecursionError:
            return deeply(lambda: _write(value))
    except RecursionError:
        raise _too_deep() from None
    except DeclarationError:
        raise
    except Exception as error:  # also what a model of the handler raises
        raise _refusal(f"{error}" or type(error).__name__) from error


def _write(value: Any) -> str:
    return _ENCODER.encode(value)


def _as_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return _instant(value)
    if isinstance(value, date | time):
        return value.isoformat()
    dump = getattr(value, "model_dump", None)
    if dump is not None and not isinstance(value, type):
        return dump(mode="json", by_alias=True)
    raise TypeError(f"got a {type(value).__name__}")


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_as_json)


def _instant(value: datetime) -> str:
    """As a Date of JavaScript, in UTC; with microseconds where it has them. Without a zone it stays without one."""
    precision = "microseconds" if value.microsecond % 1_000 else "milliseconds"
    if value.tzinfo is None:
        return value.isoformat(timespec=precision)
    return value.astimezone(timezone.utc).isoformat(timespec=precision).replace("+00:00", "Z")


def _storable(text: str, max_bytes: int) -> bytes:
    """As it is stored."""
    try:
        stored = text.encode()
    except UnicodeEncodeError:
        raise _unstorable_text() from None
    if len(stored) > max_bytes:
        raise _too_large(max_bytes, len(stored))
    if "\\" in text and "\\u0000" in text and _NUL.search(text):
        raise _unstorable_text()
    return stored


def _exact(digits: str) -> int | float:
    """Refuses an integer that no IEEE double holds: half of the world would read another one. Beyond 2^53 it is written
    in the digits of the double, as JavaScript does, so that the same value is the same row in all languages."""
    number = int(digits)
    if abs(number) <= 2**53:
        return number
    try:
        fits = int(float(number)) == number
    except OverflowError:
        fits = False
    if not fits:
        shown = digits if len(digits) <= 40 else f"{digits[:40]}..."
        raise _refusal(f"the integer {shown} is not exact as a double (say it as a text)")
    return float(number)


def _without_negative_zero(text: str) -> str:
    def number(digits: str) -> float:
        return float(digits) or 0

    return deeply(lambda: _write(json.loads(text, parse_float=number)))


def _unstorable_text() -> DeclarationError:
    return _refusal("a text holds U+0000 or half of a surrogate pair")


def _too_deep() -> DeclarationError:
    return _refusal(f"it is nested deeper than {MAX_DEPTH} levels")


def _too_large(most: int, got: int) -> DeclarationError:
    expected = f"expected results of at most {most} bytes of JSON, got {got}"
    return DeclarationError(
        "results_too_large", f"{expected}: keep large data elsewhere and return where it is"
    )


def _refusal(why: str) -> DeclarationError:
    return DeclarationError("invalid_output", f"expected results that can be stored as JSON: {why}")
