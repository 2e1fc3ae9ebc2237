"""The trace context goes from whoever creates a task into the handlers of its steps."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("opentelemetry.sdk")

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from treadle import Completed, Sequence, Step, StepHandler, Task, TaskRequest
from treadle.testing import run_handler

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
CARRIER = {"traceparent": f"00-{TRACE_ID}-b7ad6b7169203331-01"}


def current_trace_id() -> str:
    return f"{trace.get_current_span().get_span_context().trace_id:032x}"


class OnThread(StepHandler):
    def process(self, task: Task, sequence: Sequence, step: Step) -> Any:
        return current_trace_id()


class OnLoop(StepHandler):
    async def process(self, task: Task, sequence: Sequence, step: Step) -> Any:
        await asyncio.sleep(0)
        return current_trace_id()


@pytest.mark.parametrize("handler", [OnThread, OnLoop])
def test_a_handler_runs_inside_the_trace_of_its_task(handler: Any) -> None:
    assert run_handler(handler, trace_context=CARRIER) == Completed(f'"{TRACE_ID}"')


def test_the_trace_ends_with_the_attempt() -> None:
    run_handler(OnThread, trace_context=CARRIER)
    assert current_trace_id() == "0" * 32


def test_a_trace_context_that_is_none_is_ignored() -> None:
    assert run_handler(OnThread, trace_context={"traceparent": "nonsense"}) == Completed(f'"{"0" * 32}"')


def test_a_task_carries_the_trace_of_whoever_creates_it() -> None:
    with TracerProvider().get_tracer("test").start_as_current_span("order"):
        message = TaskRequest("fulfil_order", {"id": 1}).message()
        assert current_trace_id() in message.trace_context["traceparent"]


def test_a_task_that_is_created_outside_of_a_trace_carries_none() -> None:
    assert dict(TaskRequest("fulfil_order", {"id": 1}).message().trace_context) == {}
