"""One attempt as the worker hands it to whoever runs it."""

from __future__ import annotations

import time
from collections.abc import Callable

from .._proto.treadle.v1 import worker_pb2
from ..attempt import Attempt
from ..cancellation import Cancellation
from ..failure import failed
from ..handler import AnyHandler
from ..outcome import Outcome

#: Told, once, what the attempt ended in.
EndListener = Callable[["Job", Outcome], None]
JobProgress = Callable[["Job", "float | None", str], None]


class Job:
    """Ends exactly once."""

    def __init__(
        self,
        assignment: worker_pb2.Assignment,
        max_result_bytes: int,
        on_progress: JobProgress,
        on_end: EndListener,
    ) -> None:
        self.assignment = assignment
        self.claim_token: str = assignment.claim_token
        self.max_result_bytes = max_result_bytes
        self.cancelled = Cancellation()
        self._on_progress = on_progress
        self._on_end = on_end
        self._started = time.perf_counter_ns()

    @property
    def duration_us(self) -> int:
        """Microseconds since it was begun."""
        return (time.perf_counter_ns() - self._started) // 1_000

    def attempt(self, handler: AnyHandler) -> Attempt:
        """The attempt that the handler makes. Its time is counted from here."""
        self._started = time.perf_counter_ns()
        return Attempt(
            handler,
            self.assignment,
            cancelled=self.cancelled,
            on_progress=self.report,
            max_result_bytes=self.max_result_bytes,
        )

    def report(self, fraction: float | None, message: str) -> None:
        """How far it is."""
        self._on_progress(self, fraction, message)

    def end(self, outcome: Outcome) -> None:
        """What it came to."""
        self._on_end(self, outcome)

    def end_broken(self, raised: BaseException) -> None:
        """The lifecycle itself broke: no attempt may go without an answer."""
        self.end(failed(raised))
