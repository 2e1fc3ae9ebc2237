"""Attempts on the event loop, as tasks: also those that end in their first step, which newer Pythons take at once."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from queue import SimpleQueue
from typing import Any

import pytest

from treadle import Completed, Failed, Outcome, Sequence, Step, StepHandler, Task
from treadle._proto.treadle.v1 import worker_pb2
from treadle.handler import AnyHandler
from treadle.worker.event_loop import EventLoop
from treadle.worker.job import Job
from treadle.worker.on_loop import run_on_loop

SEEN: ContextVar[str] = ContextVar("seen", default="nothing")


class Immediate(StepHandler):
    async def process(self, task: Task, sequence: Sequence, step: Step) -> Any:
        return [type(asyncio.current_task()).__name__, step.name]


class Awaits(StepHandler):
    async def process(self, task: Task, sequence: Sequence, step: Step) -> Any:
        async with asyncio.timeout(5):  # belongs to the task that runs when it begins
            await asyncio.sleep(0.001)
        return step.name


class Waits(StepHandler):
    async def process(self, task: Task, sequence: Sequence, step: Step) -> Any:
        await asyncio.Event().wait()


class SetsVariable(StepHandler):
    async def process(self, task: Task, sequence: Sequence, step: Step) -> Any:
        before = SEEN.get()
        SEEN.set(step.name)
        return before


class Ended:
    """Outcomes as they come."""

    def __init__(self, loop: EventLoop) -> None:
        self._loop = loop
        self._outcomes: SimpleQueue[tuple[str, Outcome]] = SimpleQueue()

    def begin(self, handler: AnyHandler, name: str = "one") -> Job:
        assignment = worker_pb2.Assignment(claim_token=name, step_name=name, handler=handler.__name__)
        job = Job(
            assignment, 1_000, lambda *_: None, lambda job, it: self._outcomes.put((job.claim_token, it))
        )
        self._loop.call(lambda: run_on_loop(self._loop, job, handler))
        return job

    def next(self) -> tuple[str, Outcome]:
        return self._outcomes.get(timeout=10)

    def result(self) -> Any:
        _, outcome = self.next()
        assert isinstance(outcome, Completed), outcome
        return outcome.results


@pytest.fixture
def ended() -> Iterator[Ended]:
    loop = EventLoop()
    loop.start()
    yield Ended(loop)
    loop.close()


def test_an_attempt_that_never_awaits_is_a_task_all_the_same(ended: Ended) -> None:
    ended.begin(Immediate)
    assert ended.result() == ["Task", "one"]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="asyncio.timeout came with Python 3.11")
def test_an_attempt_that_awaits_goes_on_as_the_task_that_it_began_as(ended: Ended) -> None:
    ended.begin(Awaits)
    assert ended.result() == "one"


def test_attempts_share_no_context(ended: Ended) -> None:
    for name in ("one", "two"):
        ended.begin(SetsVariable, name)
        assert ended.result() == "nothing"


def test_each_is_told_once_in_whatever_order_they_end(ended: Ended) -> None:
    for number in range(50):
        ended.begin(Immediate if number % 2 else SetsVariable, str(number))
    assert {ended.next()[0] for _ in range(50)} == {str(number) for number in range(50)}


def test_an_attempt_that_waits_is_cancelled(ended: Ended) -> None:
    job = ended.begin(Waits)
    ended.begin(Immediate, "meanwhile")
    assert ended.next()[0] == "meanwhile"
    job.cancelled.set("timed_out", "too late")
    _, outcome = ended.next()
    assert isinstance(outcome, Failed) and outcome.error_class == "CancelledError"


def test_an_order_that_comes_before_the_attempt_is_heeded(ended: Ended) -> None:
    hold = ended.begin(Waits, "hold")
    hold.cancelled.set("revoked", "at once")
    _, outcome = ended.next()
    assert isinstance(outcome, Failed) and outcome.error_class in {"StepCancelled", "CancelledError"}
