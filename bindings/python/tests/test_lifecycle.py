"""The lifecycle of an attempt: its order, and the one outcome it ends in, whatever a handler does."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import pytest
from pydantic import BaseModel

from treadle import (
    Cancellation,
    Completed,
    Failed,
    Outcome,
    PermanentError,
    RetryableError,
    Sequence,
    Step,
    StepCancelled,
    StepHandler,
    Task,
    TreadleError,
)
from treadle.testing import run_handler


def handler_of(process: Any, **attributes: Any) -> type[StepHandler]:
    """A handler with this process: a function of (task, sequence, step)."""
    return type("Made", (StepHandler,), {"process": lambda self, *given: process(*given), **attributes})


def raising(error: BaseException) -> type[StepHandler]:
    def process(task: Task, sequence: Sequence, step: Step) -> None:
        raise error

    return handler_of(process)


def failure(outcome: Outcome) -> Failed:
    assert isinstance(outcome, Failed), outcome
    return outcome


def results(outcome: Outcome) -> Any:
    assert isinstance(outcome, Completed), outcome
    return outcome.results


def test_what_process_returns_becomes_the_results() -> None:
    assert results(run_handler(handler_of(lambda *_: {"paid": True}))) == {"paid": True}


def test_nothing_returned_becomes_an_empty_object() -> None:
    assert results(run_handler(handler_of(lambda *_: None))) == {}


def test_an_async_handler_runs_where_no_event_loop_is() -> None:
    class Slow(StepHandler):
        async def process(self, task: Task, sequence: Sequence, step: Step) -> Any:
            await asyncio.sleep(0)
            return {"by": "loop"}

    assert results(run_handler(Slow)) == {"by": "loop"}


async def _inside_a_loop() -> Any:
    class Slow(StepHandler):
        async def process(self, task: Task, sequence: Sequence, step: Step) -> Any:
            return {"by": "loop"}

    return results(run_handler(Slow))


def test_an_async_handler_runs_beside_a_running_event_loop() -> None:
    assert asyncio.run(_inside_a_loop()) == {"by": "loop"}


def test_a_function_that_answers_with_an_awaitable_is_awaited() -> None:
    async def work(*_: Any) -> Any:
        return 7

    assert results(run_handler(handler_of(functools.partial(work)))) == 7


def test_a_handler_sees_its_task_parents_inputs_and_config() -> None:
    class Looks(StepHandler):
        def process(self, task: Task, sequence: Sequence, step: Step) -> Any:
            parent = sequence.find_step_by_name("a")
            return [task.context, sequence["a"], parent.results, step.inputs, self.config, sequence.names()]

    outcome = run_handler(Looks, context={"id": 1}, parents={"a": 2}, config={"url": "x"})
    assert results(outcome) == [{"id": 1}, 2, 2, {"id": 1}, {"url": "x"}, ["a"]]


def test_asking_for_a_step_that_is_no_parent_names_those_that_are() -> None:
    outcome = run_handler(handler_of(lambda task, sequence, step: sequence["x"]), parents={"a": 1, "b": 2})
    assert failure(outcome).code == "handler_error"
    assert failure(outcome).error == 'expected the name of a direct parent, got "x": the parents are a, b'


def test_results_that_the_handler_has_set_itself_are_kept() -> None:
    def process(task: Task, sequence: Sequence, step: Step) -> Any:
        step.results = {"set": True}
        return {"returned": True}

    assert results(run_handler(handler_of(process))) == {"set": True}


def test_results_changed_in_place_are_kept() -> None:
    def process(task: Task, sequence: Sequence, step: Step) -> None:
        step.results["more"] = 2

    assert results(run_handler(handler_of(process), results={"some": 1})) == {"some": 1, "more": 2}


def test_process_results_makes_the_results_of_what_process_returned() -> None:
    def process_results(self: StepHandler, step: Step, output: Any, initial_results: Any) -> None:
        step.results = {"output": output, "initial": initial_results}

    outcome = run_handler(handler_of(lambda *_: 1, process_results=process_results), results={"old": 1})
    assert results(outcome) == {"output": 1, "initial": {"old": 1}}


def test_the_hooks_run_in_their_order() -> None:
    calls: list[str] = []
    made = handler_of(
        lambda *_: calls.append("process"),
        before=lambda self, *_: calls.append("before"),
        process_results=lambda self, *_: calls.append("process_results"),
        after=lambda self, *given: calls.append(f"after {given[-1].kind}"),
    )
    run_handler(made)
    assert calls == ["before", "process", "process_results", "after complete"]


@pytest.mark.parametrize(
    ("error", "code", "permanent"),
    [
        (PermanentError("no"), "permanent", True),
        (RetryableError("later"), "retryable", False),
        (ValueError("odd"), "handler_error", False),
        (SystemExit("bye"), "handler_error", False),
        (KeyboardInterrupt("stop"), "handler_error", False),
        (asyncio.CancelledError("by itself"), "handler_error", False),
        (StepCancelled("timed_out", "too late"), "timed_out", False),
    ],
)
def test_what_is_raised_says_how_the_attempt_failed(error: BaseException, code: str, permanent: bool) -> None:
    failed = failure(run_handler(raising(error)))
    assert (failed.code, failed.permanent) == (code, permanent)
    assert (failed.error, failed.error_class) == (str(error), type(error).__name__)


def test_errors_are_known_by_their_names_too() -> None:
    own = type("PermanentError", (Exception,), {"error_code": "card_declined"})
    failed = failure(run_handler(raising(own("no"))))
    assert (failed.code, failed.error_code) == ("permanent", "card_declined")


@pytest.mark.parametrize(
    ("given", "kept"), [(5, 5.0), (-1, 0.0), (10**9, 86_400.0), (float("nan"), None), (None, None)]
)
def test_retry_after_is_kept_within_its_bounds(given: Any, kept: Any) -> None:
    assert (
        failure(run_handler(raising(RetryableError("later", retry_after=given)))).retry_after_seconds == kept
    )


def test_the_backtrace_begins_in_the_handler_and_has_the_causes() -> None:
    def process(*_: Any) -> None:
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise ValueError("outer") from error

    backtrace = failure(run_handler(handler_of(process))).backtrace
    assert "KeyError: 'inner'" in backtrace and backtrace.rstrip().endswith("ValueError: outer")
    assert "run_attempt" not in backtrace


def test_texts_that_postgres_cannot_hold_are_made_storable() -> None:
    failed = failure(run_handler(raising(ValueError("a\0b\ud800" + "x" * 10_000))))
    assert failed.error.startswith("a\ufffdb\ufffd") and len(failed.error) == 8_192
    assert len(failed.backtrace) <= 16_384


def test_an_error_that_cannot_be_read_still_ends_the_attempt() -> None:
    class Hostile(Exception):
        def __str__(self) -> str:
            raise RuntimeError("never")

    assert failure(run_handler(raising(Hostile()))).error == "Hostile"


def test_what_a_failed_handler_had_put_into_the_results_is_kept() -> None:
    def process(task: Task, sequence: Sequence, step: Step) -> None:
        step.results = {"page": 3}
        raise RetryableError("later")

    assert failure(run_handler(handler_of(process))).results == {"page": 3}


def test_results_that_cannot_be_stored_are_not_kept_beside_the_error() -> None:
    def process(task: Task, sequence: Sequence, step: Step) -> None:
        step.results = {"page": {1, 2}}
        raise RetryableError("later")

    assert failure(run_handler(handler_of(process))).results is None


def test_an_error_in_before_fails_the_attempt_without_process() -> None:
    def before(self: StepHandler, *_: Any) -> None:
        raise PermanentError("not today")

    calls: list[str] = []
    outcome = run_handler(handler_of(lambda *_: calls.append("process"), before=before))
    assert (failure(outcome).code, calls) == ("permanent", [])


def test_an_error_in_after_changes_nothing() -> None:
    def after(self: StepHandler, *_: Any) -> None:
        raise ValueError("too late")

    assert results(run_handler(handler_of(lambda *_: 1, after=after))) == 1


def test_a_handler_that_cannot_be_made_fails_its_attempt() -> None:
    def init(self: StepHandler) -> None:
        raise OSError("no such file")

    assert failure(run_handler(handler_of(lambda *_: 1, __init__=init))).error_class == "OSError"


def test_a_cancelled_attempt_does_not_begin_to_process() -> None:
    cancelled = Cancellation()
    cancelled.set("revoked", "somebody cancelled it")
    calls: list[str] = []
    outcome = run_handler(handler_of(lambda *_: calls.append("process")), cancelled=cancelled)
    assert (failure(outcome).error, calls) == ("somebody cancelled it", [])


def test_a_handler_sees_its_cancellation() -> None:
    cancelled = Cancellation()

    def process(task: Task, sequence: Sequence, step: Step) -> Any:
        before = bool(step.cancelled)
        cancelled.set("timed_out", "too late")
        return [before, bool(step.cancelled), step.cancelled.wait(0), step.cancelled.reason]

    assert results(run_handler(handler_of(process), cancelled=cancelled)) == [False, True, True, "timed_out"]


def test_progress_is_reported_within_its_bounds() -> None:
    told: list[Any] = []

    def process(task: Task, sequence: Sequence, step: Step) -> None:
        step.progress(0.5, "half")
        step.progress(7)
        step.progress(message="x" * 2_000)

    run_handler(handler_of(process), on_progress=lambda *given: told.append(given))
    assert told == [(0.5, "half"), (1.0, ""), (None, "x" * 1_024)]


def test_the_log_says_whose_attempt_it_is(caplog: pytest.LogCaptureFixture) -> None:
    class Logs(StepHandler):
        def process(self, task: Task, sequence: Sequence, step: Step) -> None:
            self.log.warning("careful")

    run_handler(Logs, attempt=2, task={"task_id": 5})
    record = caplog.records[0].__dict__
    assert (record["task_id"], record["workflow_step_id"], record["handler"], record["attempt"]) == (
        5,
        1,
        "Logs",
        2,
    )


class Order(BaseModel):
    order_id: int


class Needs(BaseModel):
    validate_order: Order


class Config(BaseModel):
    limit: int = 3


class Reservation(BaseModel):
    reserved: int


class Declared(StepHandler[Order, Needs, Config, Reservation]):
    def process(self, task: Task[Order], sequence: Sequence[Needs], step: Step) -> Reservation:
        assert sequence["validate_order"] is sequence.needs.validate_order
        return Reservation(
            reserved=task.context.order_id + sequence.needs.validate_order.order_id + self.config.limit
        )


GOOD: dict[str, Any] = {"context": {"order_id": 1}, "parents": {"validate_order": {"order_id": "2"}}}


def test_models_in_the_brackets_are_what_a_handler_gets() -> None:
    assert results(run_handler(Declared, **GOOD)) == {"reserved": 6}


@pytest.mark.parametrize(
    ("wrong", "code", "place"),
    [
        ({"context": {}}, "invalid_input", "context.order_id"),
        ({"parents": {"validate_order": {}}}, "invalid_input", "results.validate_order.order_id"),
        ({"parents": {}}, "invalid_input", "results.validate_order"),
        ({"config": {"limit": "many"}}, "invalid_config", "handler_config.limit"),
    ],
)
def test_input_that_does_not_fit_fails_for_good(wrong: Any, code: str, place: str) -> None:
    failed = failure(run_handler(Declared, **{**GOOD, **wrong}))
    assert (failed.code, failed.permanent) == (code, True)
    assert failed.error.startswith(f"{place}: ")


def test_output_that_does_not_fit_fails_for_good() -> None:
    outcome = run_handler(handler_of(lambda *_: {"reserved": "x"}, output_model=Reservation))
    assert failure(outcome).code == "invalid_output"
    assert failure(outcome).error.startswith("output.reserved: ")


def test_after_is_not_called_when_the_input_was_unfit() -> None:
    calls: list[str] = []
    made = handler_of(lambda *_: 1, context_model=Order, after=lambda self, *_: calls.append("after"))
    run_handler(made, context={})
    assert calls == []


def test_transaction_refuses_what_is_no_connection() -> None:
    outcome = run_handler(handler_of(lambda task, sequence, step: step.transaction(object())))
    assert failure(outcome).error == (
        "transaction: expected a connection of psycopg, psycopg2, SQLAlchemy or Django, came object"
    )


def test_a_system_error_has_a_code() -> None:
    error = TreadleError("unknown_task", "no task 7", {"task_id": "7"})
    assert (error.code, error.message, error.details) == ("unknown_task", "no task 7", {"task_id": "7"})
