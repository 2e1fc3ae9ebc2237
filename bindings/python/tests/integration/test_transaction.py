"""Steps that complete in the handler's own transaction, with every driver: what it wrote and the step, or neither."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from integration import engine

engine.require()

import psycopg  # noqa: E402
import psycopg2  # noqa: E402
import sqlalchemy  # noqa: E402
from sqlalchemy.orm import Session  # noqa: E402

from treadle import FencedError, PermanentError, Sequence, Step, StepCancelled, StepHandler, Task  # noqa: E402
from treadle.client import TaskDetails  # noqa: E402

Write = Callable[[str], object]


@pytest.fixture(scope="module", autouse=True)
def table() -> None:
    engine.ask("create table if not exists py_written (task_id bigint)")


def written(task: TaskDetails) -> int:
    return int(engine.ask("select count(*) from py_written where task_id = %s", task.task_id)[0][0])


def alchemy() -> sqlalchemy.URL:
    return sqlalchemy.make_url(engine.database_url()).set(drivername="postgresql+psycopg")


@contextmanager
def driver(module: Any, autocommit: bool) -> Iterator[tuple[Any, Write]]:
    connection = module.connect(engine.database_url())
    connection.autocommit = autocommit
    try:
        yield connection, connection.cursor().execute
    finally:
        connection.close()


@contextmanager
def of_alchemy(kind: str) -> Iterator[tuple[Any, Write]]:
    made = sqlalchemy.create_engine(alchemy())
    with Session(made) if kind == "session" else made.connect() as connection:
        yield connection, lambda text: connection.execute(sqlalchemy.text(text))
    made.dispose()


@contextmanager
def of_django() -> Iterator[tuple[Any, Write]]:
    from integration.django_settings import connection

    yield connection, lambda text: connection.cursor().execute(text)


Opened = Callable[[], AbstractContextManager[tuple[Any, Write]]]
DRIVERS: dict[str, Opened] = {
    "psycopg": lambda: driver(psycopg, False),
    "psycopg, autocommit": lambda: driver(psycopg, True),
    "psycopg2": lambda: driver(psycopg2, False),
    "psycopg2, autocommit": lambda: driver(psycopg2, True),
    "sqlalchemy connection": lambda: of_alchemy("connection"),
    "sqlalchemy session": lambda: of_alchemy("session"),
    "django": of_django,
}
each_driver = pytest.mark.parametrize("opened", DRIVERS.values(), ids=DRIVERS.keys())


def handler_of(process: Any) -> Any:
    return type("Made", (StepHandler,), {"process": lambda self, *given: process(*given)})


@each_driver
def test_the_writes_and_the_step_commit_together(opened: Opened) -> None:
    def process(task: Task, sequence: Sequence, step: Step) -> None:
        with opened() as (connection, write), step.transaction(connection) as tx:
            write(f"insert into py_written values ({task.task_id})")
            tx.complete({"paid": True})

    task = engine.run(
        {"pay": handler_of(process), "child": handler_of(lambda t, sequence, s: sequence["pay"])}
    )
    assert (task.state, task.step("child").results, written(task)) == ("complete", {"paid": True}, 1)
    assert task.step("pay").attempts == 1


@each_driver
def test_what_the_block_raises_rolls_back_and_fails_the_attempt(opened: Opened) -> None:
    def process(task: Task, sequence: Sequence, step: Step) -> None:
        with opened() as (connection, write), step.transaction(connection):
            write(f"insert into py_written values ({task.task_id})")
            raise PermanentError("declined", error_code="card_declined")

    task = engine.run({"pay": handler_of(process)})
    assert (task.state, written(task)) == ("error", 0)
    assert task.step("pay").results["error"] == "declined"


@each_driver
def test_nothing_stays_of_a_step_that_was_taken_away(opened: Opened) -> None:
    raised: list[BaseException] = []

    def process(task: Task, sequence: Sequence, step: Step) -> None:
        try:
            with opened() as (connection, write), step.transaction(connection):
                write(f"insert into py_written values ({task.task_id})")
                engine.ask(
                    "select from treadle.cancel_tasks(array[%s]::bigint[], 'test', 'test')", task.task_id
                )
        except BaseException as error:
            raised.append(error)
            raise

    task = engine.run({"pay": handler_of(process)})
    assert (task.state, written(task)) == ("cancelled", 0)
    assert isinstance(
        raised[0], FencedError | StepCancelled
    )  # as it learns of it by Postgres or by the engine first


def test_results_that_the_step_has_are_those_of_the_transaction() -> None:
    def process(task: Task, sequence: Sequence, step: Step) -> None:
        with psycopg.connect(engine.database_url()) as connection, step.transaction(connection):
            step.results = {"set": True}

    assert engine.run({"pay": handler_of(process)}).step("pay").results == {"set": True}


def test_an_error_after_the_commit_changes_nothing() -> None:
    def process(task: Task, sequence: Sequence, step: Step) -> None:
        with psycopg.connect(engine.database_url()) as connection, step.transaction(connection) as tx:
            tx.complete({"paid": True})
        raise PermanentError("too late")

    task = engine.run({"pay": handler_of(process)})
    assert (task.state, task.step("pay").results) == ("complete", {"paid": True})


def test_after_a_rollback_another_transaction_may_be_tried() -> None:
    def process(task: Task, sequence: Sequence, step: Step) -> None:
        with psycopg.connect(engine.database_url()) as connection:
            with pytest.raises(ValueError), step.transaction(connection):
                raise ValueError("not yet")
            with step.transaction(connection) as tx:
                tx.complete({"tries": 2})

    assert engine.run({"pay": handler_of(process)}).step("pay").results == {"tries": 2}


def test_a_second_transaction_after_a_commit_is_refused() -> None:
    refused: list[str] = []

    def process(task: Task, sequence: Sequence, step: Step) -> None:
        with psycopg.connect(engine.database_url()) as connection:
            with step.transaction(connection):
                pass
            try:
                with step.transaction(connection):
                    pass
            except Exception as error:
                refused.append(str(error))

    assert engine.run({"pay": handler_of(process)}).state == "complete"
    assert refused == ["transaction: expected one transaction for an attempt: this step is complete already"]


def test_an_asynchronous_connection_of_psycopg() -> None:
    class Pay(StepHandler):
        async def process(self, task: Task, sequence: Sequence, step: Step) -> None:
            async with (
                await psycopg.AsyncConnection.connect(engine.database_url()) as connection,
                step.transaction(connection) as tx,
            ):
                await connection.execute("insert into py_written values (%s)", [task.task_id])
                tx.complete({"by": "loop"})

    task = engine.run({"pay": Pay})
    assert (task.step("pay").results, written(task)) == ({"by": "loop"}, 1)


def test_an_asynchronous_session_of_sqlalchemy() -> None:
    from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

    class Pay(StepHandler):
        async def process(self, task: Task, sequence: Sequence, step: Step) -> None:
            made = create_async_engine(alchemy())
            async with AsyncSession(made) as session, step.transaction(session):
                await session.execute(
                    sqlalchemy.text("insert into py_written values (:id)"), {"id": task.task_id}
                )
                step.results = {"by": "session"}
            await made.dispose()

    task = engine.run({"pay": Pay})
    assert (task.step("pay").results, written(task)) == ({"by": "session"}, 1)


def test_another_isolation_level_is_refused() -> None:
    def process(task: Task, sequence: Sequence, step: Step) -> None:
        with psycopg.connect(engine.database_url()) as connection:
            connection.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
            with step.transaction(connection):
                connection.execute("select 1")

    task = engine.run({"pay": handler_of(process)}, default_retry_limit=1)
    assert "read committed" in task.step("pay").results["error"]
