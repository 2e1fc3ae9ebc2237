"""The errors of the package: what authors of handlers raise, what stops an attempt, and the one error of the system.

Compare classes and codes, never messages: a message says what was expected and what came.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

#: The closed list of the engine, as in core/errors.ts.
ERROR_CODES = (
    "invalid_argument",
    "invalid_template",
    "invalid_context",
    "invalid_config",
    "unknown_task",
    "unknown_template",
    "unknown_handler",
    "unknown_step",
    "unlawful_transition",
    "stale_state",
    "fenced",
    "schema_mismatch",
    "not_migrated",
    "no_database",
    "database_unavailable",
    "queue_unavailable",
    "database_error",
)

#: What the connection to an engine can come to before the engine has a word: names of gRPC statuses.
CONNECTION_CODES = (
    "unavailable",
    "unauthenticated",
    "permission_denied",
    "deadline_exceeded",
    "resource_exhausted",
    "cancelled",
    "internal",
    "unimplemented",
    "unknown",
)

#: Why an attempt should stop.
StopReason = Literal["timed_out", "revoked", "engine_stopping", "worker_stopping", "disconnected"]


class TreadleError(Exception):
    """An error of the system. `code` is one of ERROR_CODES or CONNECTION_CODES; `details` says the same as data."""

    def __init__(self, code: str, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details: dict[str, Any] = dict(details or {})


class FencedError(TreadleError):
    """The step was taken away from this attempt: nothing that the attempt does counts any more."""

    def __init__(self, message: str) -> None:
        super().__init__("fenced", message)


class PermanentError(Exception):
    """Raised by a handler: trying again cannot help. The step keeps no attempts.

    `error_code` is the handler's own word for it, as "card_declined"; it is kept in the step's results.
    """

    def __init__(self, message: str = "", *, error_code: str | None = None) -> None:
        super().__init__(message)
        self.error_code = error_code


class RetryableError(Exception):
    """Raised by a handler: try again, at the earliest `retry_after` seconds from now (else the step's own backoff)."""

    def __init__(self, message: str = "", *, retry_after: float | timedelta | None = None) -> None:
        super().__init__(message)
        seconds = retry_after.total_seconds() if isinstance(retry_after, timedelta) else retry_after
        self.retry_after = seconds


class StepCancelled(BaseException):
    """Raised by `raise_if_cancelled`: nobody waits for this attempt any more.

    Not an Exception, as asyncio.CancelledError is none: `except Exception` in a handler must not swallow it.
    """

    def __init__(self, reason: StopReason, message: str) -> None:
        super().__init__(message)
        self.reason: StopReason = reason


class DeclarationError(Exception):
    """A value does not fit what the handler declared, or cannot be stored. No attempt is left."""

    def __init__(self, failure_code: str, message: str) -> None:
        super().__init__(message)
        self.failure_code = failure_code
