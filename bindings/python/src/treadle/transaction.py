"""A step that works on the engine's own Postgres can end in the transaction of its writes: both happen, or neither.

`treadle.complete_step` comes last, as it takes the lock of the task. Whose connection it is, connections.py knows.
"""

from __future__ import annotations

from collections.abc import Coroutine
from logging import LoggerAdapter
from types import TracebackType
from typing import Any, Protocol

from .cancellation import Cancellation
from .connections import Connection, connection_of
from .errors import FencedError, TreadleError
from .outcome import Completed

_NOT_GIVEN: Any = object()


class AttemptTransaction:
    """What became of the transactions of an attempt."""

    def __init__(self) -> None:
        self.is_open = False
        self.committed: Completed | None = None
        #: What the block completed the step with, before `process_results`.
        self.output: Any = None

    def begin(self) -> None:
        """One at a time, and none after one has committed. After one that was rolled back another may be tried."""
        if self.committed is not None:
            raise _refusal("one transaction for an attempt: this step is complete already")
        if self.is_open:
            raise _refusal("one transaction at a time")
        self.is_open = True


class _Step(Protocol):
    results: Any

    @property
    def claim_token(self) -> str: ...
    @property
    def results_changed(self) -> bool: ...


class _Attempt(Protocol):
    @property
    def step(self) -> _Step: ...
    @property
    def cancelled(self) -> Cancellation: ...
    @property
    def transaction(self) -> AttemptTransaction: ...
    @property
    def log(self) -> LoggerAdapter[Any]: ...
    async def results_of(self, output: Any) -> str: ...


class StepTransaction:
    """What `step.transaction(connection)` answers with: `with`, or `async with` for an asynchronous connection."""

    def __init__(self, attempt: _Attempt, connection: Any) -> None:
        self._attempt = attempt
        self._state = attempt.transaction
        self._database: Connection = connection_of(connection)
        self._output: Any = _NOT_GIVEN
        #: The connection that was given.
        self.connection = connection

    def complete(self, results: Any) -> None:
        """Says what children will read. The block goes on; the step is complete when it has been left."""
        self._output = results

    def __enter__(self) -> StepTransaction:
        if self._database.is_async:
            raise _refusal("async with, as the connection is asynchronous")
        _at_once(self._begin())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, frames: TracebackType | None
    ) -> None:
        _at_once(self._end(raised))

    async def __aenter__(self) -> StepTransaction:
        if not self._database.is_async:
            raise _refusal("with, as the connection is synchronous")
        await self._begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, frames: TracebackType | None
    ) -> None:
        await self._end(raised)

    async def _begin(self) -> None:
        self._attempt.cancelled.raise_if_set()
        self._state.begin()
        try:
            await self._database.begin()
        except BaseException:
            self._state.is_open = False
            raise

    async def _end(self, raised: BaseException | None) -> None:
        try:
            if raised is None:
                await self._complete_and_commit()
            else:
                await self._roll_back(raised)
        finally:
            self._state.is_open = False
        if raised is not None:
            refusal = _refusal_of(raised)
            if refusal is not None:
                raise refusal from raised

    async def _complete_and_commit(self) -> None:
        attempt = self._attempt
        try:
            output, results = await self._results()
            attempt.cancelled.raise_if_set()
            await self._database.complete(attempt.step.claim_token, results)
            attempt.cancelled.raise_if_set()
            await self._database.commit()
        except BaseException as error:
            await self._roll_back(error)
            raise _refusal_of(error) or error from error.__cause__
        self._state.output = output
        self._state.committed = Completed(results)

    async def _results(self) -> tuple[Any, str]:
        step = self._attempt.step
        output = self._output
        if output is _NOT_GIVEN:
            output = step.results if step.results_changed else None
        return output, await self._attempt.results_of(output)

    async def _roll_back(self, why: BaseException) -> None:
        try:
            await self._database.roll_back(why)
        except Exception:  # the connection is gone, and the transaction with it; `why` says more
            self._attempt.log.debug("the rollback failed", exc_info=True)


def _at_once(work: Coroutine[Any, Any, None]) -> None:
    """Runs what a synchronous connection does: nothing in it waits on an event loop."""
    try:
        work.send(None)
    except StopIteration:
        return
    work.close()
    raise _refusal("async with an asynchronous connection, as process_results is asynchronous")


def _refusal_of(error: BaseException) -> TreadleError | None:
    """What complete_step raised, in whatever the driver and the framework have wrapped it."""
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        state = getattr(at, "sqlstate", None) or getattr(at, "pgcode", None)
        if state == "TR003":
            return FencedError(_first_line(at))
        if state == "TR007":
            return TreadleError("invalid_argument", _first_line(at))
        at = getattr(at, "orig", None) or at.__cause__
    return None


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]


def _refusal(expected: str) -> TreadleError:
    return TreadleError("invalid_argument", f"transaction: expected {expected}")
