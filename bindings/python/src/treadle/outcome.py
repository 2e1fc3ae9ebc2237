"""What one attempt of a step ends in. Exactly one of these; the engine decides what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias

from .json_text import parse

#: Why an attempt failed, in the words of the engine (core/outcome.ts), as far as a worker can say it.
FailureCode = Literal[
    "handler_error",
    "retryable",
    "permanent",
    "timed_out",
    "invalid_input",
    "invalid_output",
    "results_too_large",
    "invalid_config",
    "unknown_handler",
    "worker_lost",
]

#: After these no attempt is left.
PERMANENT_CODES = frozenset(
    {
        "permanent",
        "invalid_input",
        "invalid_output",
        "results_too_large",
        "invalid_config",
        "unknown_handler",
    }
)


@dataclass(frozen=True)
class Completed:
    """The attempt succeeded."""

    kind: ClassVar[Literal["complete"]] = "complete"
    #: The JSON text that children will read.
    results_json: str

    @property
    def results(self) -> Any:
        """What children will read."""
        return parse(self.results_json)


@dataclass(frozen=True)
class CompletedInTransaction(Completed):
    """The handler has completed the step in its own database transaction."""


@dataclass(frozen=True)
class Failed:
    """The attempt failed."""

    kind: ClassVar[Literal["error"]] = "error"
    code: FailureCode
    error: str
    error_class: str
    backtrace: str = ""
    #: Seconds to wait before the next attempt, at least. None: the step's own backoff.
    retry_after_seconds: float | None = None
    #: What a PermanentError carries.
    error_code: str | None = None
    #: What the handler had put into step.results before it failed: JSON text of an object.
    results_json: str | None = None

    @property
    def permanent(self) -> bool:
        """Whether no attempt is left."""
        return self.code in PERMANENT_CODES

    @property
    def results(self) -> dict[str, Any] | None:
        """What the handler had put into step.results before it failed; kept beside the error."""
        return None if self.results_json is None else dict(parse(self.results_json))


@dataclass(frozen=True)
class Released:
    """The step goes back unharmed, and no attempt is counted."""

    kind: ClassVar[Literal["released"]] = "released"


Outcome: TypeAlias = Completed | CompletedInTransaction | Failed | Released
