"""The exception that strikes a handler wherever it is in Python code."""

from __future__ import annotations

from ..errors import StepCancelled
from ..worker.job import Job


def interruption_of(job: Job) -> type[StepCancelled]:
    """Python makes the exception itself, from a class, without arguments."""
    reason = job.cancelled.reason or "revoked"

    class Interruption(StepCancelled):
        def __init__(self) -> None:
            super().__init__(reason, f"the attempt was interrupted: {reason}")

    Interruption.__name__ = Interruption.__qualname__ = StepCancelled.__name__
    return Interruption
