"""The lifecycle of one attempt, the same in all languages (handlers/step-handler.ts is the reference): check the input,
`before`, `process`, `process_results`, check the results, say what it came to, `after`. It never raises."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Coroutine
from typing import Any

from .attempt import Attempt
from .failure import failed
from .outcome import Completed, CompletedInTransaction, Outcome
from .tracing import HAS_OPENTELEMETRY, traced_by

#: Nothing of these classes can be awaited: asking takes longer than all the rest around a handler.
_SETTLED = frozenset({dict, list, tuple, str, int, float, bool, type(None)})


async def run_attempt(attempt: Attempt) -> Outcome:
    """Runs one attempt on the running event loop, or (see run_attempt_here) on the calling thread."""
    if not HAS_OPENTELEMETRY:
        return await _run(attempt)
    with traced_by(attempt.assignment.trace_context):
        return await _run(attempt)


def run_attempt_here(attempt: Attempt) -> Outcome:
    """Runs one attempt on the calling thread, which blocks until it has ended. Needs no event loop."""
    attempt.settle = _settle_here
    try:
        run_attempt(attempt).send(None)
    except StopIteration as end:
        outcome: Outcome = end.value
        return outcome
    raise RuntimeError("the lifecycle waited for something on a thread of its own")


async def _run(attempt: Attempt) -> Outcome:
    outcome: Outcome
    try:
        outcome = await _work(attempt)
    except GeneratorExit:  # nobody is there any more to hear of an outcome
        raise
    except BaseException as raised:
        # SystemExit, KeyboardInterrupt and CancelledError end the attempt, not the worker
        outcome = _ended(raised, attempt)
    await _afterwards(attempt, outcome)
    return outcome


async def _work(attempt: Attempt) -> Outcome:
    handler = attempt.open()
    task, sequence, step = attempt.task, attempt.sequence, attempt.step
    answer = handler.before(task, sequence, step)
    if answer is not None:
        await attempt.settle(answer)
    attempt.cancelled.raise_if_set()
    output = handler.process(task, sequence, step)
    if type(output) not in _SETTLED:
        output = await attempt.settle(output)
    committed = attempt.committed
    if committed is None:
        return Completed(await attempt.results_of(output))
    if output is not None and output != attempt.transaction.output:
        attempt.log.warning(
            "process returned something else than its transaction; the step has the results of the latter"
        )
    return CompletedInTransaction(committed.results_json)


def _ended(raised: BaseException, attempt: Attempt) -> Outcome:
    """What is committed stands: an error after the step's own transaction comes too late to change the outcome."""
    committed = attempt.committed
    if committed is None:
        return failed(raised, attempt.kept_results())
    attempt.log.warning("process failed after its transaction had completed the step", exc_info=raised)
    return CompletedInTransaction(committed.results_json)


async def _afterwards(attempt: Attempt, outcome: Outcome) -> None:
    handler = attempt.handler
    if handler is None:
        return
    try:
        answer = handler.after(attempt.task, attempt.sequence, attempt.step, outcome)
        if answer is not None:
            await attempt.settle(answer)
    except GeneratorExit:
        raise
    except BaseException as raised:
        attempt.log.error("the after-hook failed; the outcome stands", exc_info=raised)


async def _settle_here(answer: Any) -> Any:
    """A plain function may still answer with an awaitable, as one behind a decorator does: it gets a loop of its own."""
    if not inspect.isawaitable(answer):
        return answer
    return asyncio.run(_as_coroutine(answer))


async def _as_coroutine(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


def run_anywhere(work: Coroutine[Any, Any, Outcome]) -> Outcome:
    """Runs a coroutine to its end, also on a thread whose event loop is running."""
    answers: list[Outcome] = []
    thread = threading.Thread(target=lambda: answers.append(asyncio.run(work)), name="treadle-attempt")
    thread.start()
    thread.join()
    if not answers:
        raise RuntimeError("the attempt ended without an outcome")
    return answers[0]
