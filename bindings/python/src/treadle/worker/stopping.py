"""What becomes of attempts that end because somebody shuts down: that is nobody's failure."""

from __future__ import annotations

from ..errors import StopReason
from ..outcome import Failed, Outcome
from .job import Job

#: After these the engine still counts an answer, and an attempt that has stopped for them goes back unharmed.
STILL_COUNTS: frozenset[StopReason | None] = frozenset({"engine_stopping", "worker_stopping"})


def was_stopped(job: Job, outcome: Outcome) -> bool:
    """Whether it ended because it was told to, by a shutdown."""
    if not isinstance(outcome, Failed) or job.cancelled.reason not in STILL_COUNTS:
        return False
    return outcome.error_class in {"StepCancelled", "CancelledError"}
