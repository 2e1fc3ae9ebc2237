"""Connections of the drivers that Python teams use, with the five verbs that completing a step in them takes.

None of them is imported here: whoever brings a connection has imported its driver. What was done on the connection
before, in a transaction that the driver had begun by itself, belongs to the transaction and commits with it.
"""

from __future__ import annotations

import inspect
import sys
from abc import ABC, abstractmethod
from typing import Any

from .errors import TreadleError

COMPLETE_STEP = "select * from treadle.complete_step(%s, %s::jsonb)"
_COMPLETE_STEP_NAMED = "select * from treadle.complete_step(:token, cast(:results as jsonb))"


class Connection(ABC):
    """A database connection of the handler."""

    is_async = False

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def begin(self) -> None:
        """Makes sure that a transaction is open, or will be with the first statement."""

    async def complete(self, claim_token: str, results: str) -> None:
        """Completes the step in the transaction. Without a token (run_handler without an engine) there is no step."""
        if claim_token:
            await self._complete(claim_token, results)

    @abstractmethod
    async def _complete(self, claim_token: str, results: str) -> None: ...

    async def commit(self) -> None:
        """Ends the transaction."""
        await _settled(self._connection.commit())

    async def roll_back(self, why: BaseException) -> None:
        """Undoes the transaction."""
        await _settled(self._connection.rollback())


class Driver(Connection):
    """psycopg (3), also asynchronous, and psycopg2."""

    def __init__(self, connection: Any) -> None:
        super().__init__(connection)
        self.is_async = inspect.iscoroutinefunction(connection.commit)
        #: Commit and rollback of psycopg2 do nothing then, even when a transaction is open.
        self._by_hand = bool(connection.autocommit)

    async def begin(self) -> None:
        if self._by_hand:
            await self._execute("begin")

    async def _complete(self, claim_token: str, results: str) -> None:
        await self._execute(COMPLETE_STEP, (claim_token, results))

    async def commit(self) -> None:
        await (self._execute("commit") if self._by_hand else super().commit())

    async def roll_back(self, why: BaseException) -> None:
        await (self._execute("rollback") if self._by_hand else super().roll_back(why))

    async def _execute(self, statement: str, values: tuple[str, ...] | None = None) -> None:
        cursor = self._connection.cursor()
        try:
            await _settled(cursor.execute(statement, values))
        finally:
            await _settled(cursor.close())


class SqlAlchemy(Connection):
    """Connection and Session, also asynchronous ones."""

    def __init__(self, connection: Any) -> None:
        super().__init__(connection)
        self.is_async = inspect.iscoroutinefunction(connection.commit)

    async def begin(self) -> None:
        if not self._connection.in_transaction():
            await _settled(self._connection.begin())

    async def _complete(self, claim_token: str, results: str) -> None:
        from sqlalchemy import text

        if hasattr(self._connection, "flush"):  # a session: its objects are written before the task is locked
            await _settled(self._connection.flush())
        values = {"token": claim_token, "results": results}
        await _settled(self._connection.execute(text(_COMPLETE_STEP_NAMED), values))


class Django(Connection):
    """A connection of django.db, by an atomic block: what is to run `on_commit` runs."""

    def __init__(self, connection: Any) -> None:
        super().__init__(connection)
        from django.db import transaction

        # Durable: within another atomic block the commit would not be ours, and the step not complete when we say so.
        self._atomic = transaction.atomic(using=connection.alias, durable=True)

    async def begin(self) -> None:
        self._atomic.__enter__()

    async def _complete(self, claim_token: str, results: str) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(COMPLETE_STEP, [claim_token, results])

    async def commit(self) -> None:
        self._atomic.__exit__(None, None, None)

    async def roll_back(self, why: BaseException) -> None:
        if self._connection.in_atomic_block:  # a commit that failed has left it already
            self._atomic.__exit__(type(why), why, why.__traceback__)


def connection_of(given: Any) -> Connection:
    """The connection by what it is. Raises TreadleError `invalid_argument` for anything else."""
    modules = {each.__module__.partition(".")[0] for each in type(given).__mro__}
    if modules & {"psycopg", "psycopg2"}:
        return Driver(given)
    if "sqlalchemy" in modules:
        return SqlAlchemy(given)
    if "django" in sys.modules:
        django = _django_connection(given)
        if django is not None:
            return Django(django)
    expected = "a connection of psycopg, psycopg2, SQLAlchemy or Django"
    raise TreadleError(
        "invalid_argument", f"transaction: expected {expected}, came {type(given).__qualname__}"
    )


def _django_connection(given: Any) -> Any:
    """`django.db.connection`, `connections["other"]`, or what `transaction.atomic()` answers with."""
    if hasattr(given, "in_atomic_block"):
        return given
    if type(given).__name__ != "Atomic":
        return None
    from django.db import transaction

    return transaction.get_connection(given.using)


async def _settled(answer: Any) -> None:
    if inspect.isawaitable(answer):
        await answer
