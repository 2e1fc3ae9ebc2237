"""The step as a handler sees it. `results` can be set or changed in place; whether that happened is known without
copying anything for the many handlers that never look at it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .cancellation import Cancellation
from .json_text import parse

if TYPE_CHECKING:
    from ._proto.treadle.v1 import worker_pb2
    from .transaction import StepTransaction

#: Told how far an attempt is: a fraction from 0 to 1 or None, and words for people.
ProgressListener = Callable[["float | None", str], None]

_UNTOUCHED: Any = object()


class Step:
    """One attempt of a step, in the hands of its handler."""

    def __init__(
        self,
        assignment: worker_pb2.Assignment,
        cancelled: Cancellation,
        on_progress: ProgressListener,
        transaction: Callable[[Any], StepTransaction],
    ) -> None:
        self._assignment = assignment
        self._current: Any = _UNTOUCHED
        self._on_progress = on_progress
        self._transaction = transaction
        self.workflow_step_id: int = assignment.workflow_step_id
        self.name: str = assignment.step_name
        #: 1 is the first attempt.
        self.attempt: int = assignment.attempt
        #: Attempts that the step has in all.
        self.retry_limit: int = assignment.retry_limit
        #: For `select treadle.complete_step(token, results)` on any connection; opaque.
        self.claim_token: str = assignment.claim_token
        #: Seconds that the attempt may take, None: as long as it likes. The engine keeps the time.
        self.timeout: float | None = assignment.timeout_ms / 1000 if assignment.timeout_ms else None
        #: True once the attempt should stop: `if step.cancelled`, `while not step.cancelled.wait(1)`.
        self.cancelled = cancelled

    @cached_property
    def inputs(self) -> Any:
        """Inputs of the step: the context of the task unless somebody has set others."""
        return parse(self._assignment.inputs_json or self._assignment.task.context_json)

    @property
    def results(self) -> Any:
        """What children will read. Anything that JSON can hold may be set."""
        if self._current is _UNTOUCHED:
            self._current = parse(
                self._assignment.results_json
            )  # its own copy: the reader may change it in place
        return self._current

    @results.setter
    def results(self, value: Any) -> None:
        self._current = value

    @cached_property
    def initial_results(self) -> Any:
        """What an earlier attempt left behind, as it was when this attempt began."""
        return parse(self._assignment.results_json)

    @property
    def results_changed(self) -> bool:
        """Whether the handler made `results` something else than what an earlier attempt had left."""
        if self._current is _UNTOUCHED:
            return False
        return bool(self._current != self.initial_results)

    def raise_if_cancelled(self) -> None:
        """Raises StepCancelled when the attempt should stop."""
        self.cancelled.raise_if_set()

    def progress(self, fraction: float | None = None, message: str = "") -> None:
        """Says how far the attempt is, from 0 to 1, to whoever watches the task. Nothing is stored."""
        self._on_progress(None if fraction is None else min(max(float(fraction), 0.0), 1.0), message[:1024])

    def transaction(self, connection: Any) -> StepTransaction:
        """Completes the step in a database transaction of the handler: its writes and the completion commit together.

        `connection`, on the engine's own Postgres: of psycopg, psycopg2, SQLAlchemy (Connection or Session) or Django,
        or one of their asynchronous ones with `async with`.

            with step.transaction(conn) as tx:
                conn.execute("insert into payments (order_id) values (%s)", [task.context["order_id"]])
                tx.complete({"paid": True})

        The results are those given to `tx.complete`, else what was put into `step.results`, else {}; they go through
        `process_results` and the output model. What the block raises rolls everything back and fails the attempt as
        always. When the step was taken away meanwhile everything is rolled back too, with FencedError. Once it has
        committed the step is complete, whatever `process` does after it. One at a time, and none after one that committed.
        """
        return self._transaction(connection)

    def __repr__(self) -> str:
        return f"Step({self.workflow_step_id}, {self.name}, attempt {self.attempt} of {self.retry_limit})"
