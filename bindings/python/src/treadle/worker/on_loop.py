"""How an attempt of an asynchronous handler runs: as a task of the event loop, cancelled when the attempt should stop."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import Any

from ..errors import StepCancelled
from ..handler import AnyHandler
from ..lifecycle import run_attempt
from .event_loop import EventLoop
from .job import Job

#: The claim token of the attempt whose code runs; what a handler begins beside itself inherits it.
RUNNING: ContextVar[str | None] = ContextVar("treadle_running", default=None)


def run_on_loop(loop: EventLoop, job: Job, handler: AnyHandler) -> None:
    """On the loop only. The job says itself when it has ended."""
    task = loop.spawn(_run(job, handler), lambda ended: _report(job, ended))
    if not task.done():
        job.cancelled.when_set(lambda order: loop.call(task.cancel))


async def _run(job: Job, handler: AnyHandler) -> Any:
    RUNNING.set(job.claim_token)
    return await run_attempt(job.attempt(handler))


def _report(job: Job, task: asyncio.Task[Any]) -> None:
    if task.cancelled():  # before its first instruction
        job.end_broken(StepCancelled(job.cancelled.reason or "worker_stopping", "the attempt was cancelled"))
        return
    raised = task.exception()
    if raised is None:
        job.end(task.result())
    else:
        job.end_broken(raised)
