"""The step as a handler sees it. `results` can be set or changed in place; whether that happened is known without
copying anything for the many handlers that never look at it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .cancellation import Cancellation
from .errors import TreadleError
from .json_text import parse
from .lazy import lazy

if TYPE_CHECKING:
    from ._proto.treadle.v1 import worker_pb2
    from .attempt import Attempt
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
        attempt: Callable[[], Attempt | None],
    ) -> None:
        self._assignment = assignment
        self._current: Any = _UNTOUCHED
        self._on_progress = on_progress
        self._attempt = attempt
        #: True once the attempt should stop: `if step.cancelled`, `while not step.cancelled.wait(1)`.
        self.cancelled = cancelled

    @property
    def workflow_step_id(self) -> int:
        """Its number."""
        return self._assignment.workflow_step_id

    @property
    def name(self) -> str:
        """Its name in the template."""
        return self._assignment.step_name

    @property
    def attempt(self) -> int:
        """1 is the first attempt."""
        return self._assignment.attempt

    @property
    def retry_limit(self) -> int:
        """Attempts that the step has in all."""
        return self._assignment.retry_limit

    @property
    def claim_token(self) -> str:
        """For `select treadle.complete_step(token, results)` on any connection; opaque."""
        return self._assignment.claim_token

    @property
    def timeout(self) -> float | None:
        """Seconds that the attempt may take, None: as long as it likes. The engine keeps the time."""
        milliseconds = self._assignment.timeout_ms
        return milliseconds / 1000 if milliseconds else None

    @lazy
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

    @lazy
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
        attempt = self._attempt()
        if attempt is None:
            raise TreadleError(
                "invalid_argument", "transaction: expected an attempt that runs, this one has ended"
            )
        return attempt.begin_transaction(connection)

    def __repr__(self) -> str:
        return f"Step({self.workflow_step_id}, {self.name}, attempt {self.attempt} of {self.retry_limit})"
