"""Says what a raised error means: the Failed outcome of an attempt. Total: whatever was raised, it answers.

PermanentError and RetryableError are recognised by name as well as by class, so that an application may have its own.
"""

from __future__ import annotations

import math
import re
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from .errors import DeclarationError, StepCancelled
from .outcome import Failed, FailureCode

Value = TypeVar("Value")

MAX_ERROR_CHARS = 8_192
MAX_BACKTRACE_CHARS = 16_384
MAX_RETRY_AFTER_SECONDS = 86_400.0

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_HERE = str(Path(__file__).parent)


def failed(raised: BaseException, results_json: str | None = None) -> Failed:
    """The outcome of an attempt that ended in `raised`. `results_json`: what it had put into step.results."""
    code = _code_of(raised)
    error_class = storable(type(raised).__qualname__.rpartition("<locals>.")[2], MAX_ERROR_CHARS)
    message = storable(_safely("", lambda: str(raised)), MAX_ERROR_CHARS)
    return Failed(
        code=code,
        error=message or error_class,
        error_class=error_class,
        backtrace=_safely("", lambda: backtrace_of(raised)),
        retry_after_seconds=_retry_after(raised) if code == "retryable" else None,
        error_code=_error_code(raised) if code == "permanent" else None,
        results_json=results_json,
    )


def _code_of(raised: BaseException) -> FailureCode:
    if isinstance(raised, DeclarationError):
        return raised.failure_code  # type: ignore[return-value]
    if isinstance(raised, StepCancelled) and raised.reason == "timed_out":
        return "timed_out"
    names = {each.__name__ for each in type(raised).__mro__}
    if "PermanentError" in names:
        return "permanent"
    return "retryable" if "RetryableError" in names else "handler_error"


def _retry_after(raised: BaseException) -> float | None:
    value = _safely(None, lambda: getattr(raised, "retry_after", None))
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return min(max(0.0, float(value)), MAX_RETRY_AFTER_SECONDS)


def _error_code(raised: BaseException) -> str | None:
    value: Any = _safely(None, lambda: getattr(raised, "error_code", None))
    return storable(value, MAX_ERROR_CHARS) if isinstance(value, str) else None


def backtrace_of(raised: BaseException) -> str:
    """The traceback as Python prints it, causes included, without the frames of this package.

    The end is kept when it is too long: there Python prints where it happened.
    """
    if isinstance(raised, DeclarationError):  # where we found it says nothing: the message says what is wrong
        lines = traceback.format_exception_only(type(raised), raised)
    else:
        lines = traceback.format_exception(type(raised), raised, _from_handler(raised.__traceback__))
    return _UNSTORABLE.sub("\ufffd", "".join(lines))[-MAX_BACKTRACE_CHARS:]


def _from_handler(frames: TracebackType | None) -> TracebackType | None:
    at = frames
    while at is not None and at.tb_frame.f_code.co_filename.startswith(_HERE):
        at = at.tb_next
    return at or frames


def storable(text: str, limit: int) -> str:
    """The text at most `limit` characters long, without what Postgres cannot hold."""
    return _UNSTORABLE.sub("\ufffd", text[:limit])


def _safely(otherwise: Value, read: Callable[[], Value]) -> Value:
    """A raised object can be hostile: a __str__ that raises must not cost the outcome."""
    try:
        return read()
    except BaseException:
        return otherwise
