"""Runs a handler without an engine, through the same lifecycle that a worker gives it.

outcome = run_handler(Reserve, context={"sku": "A-1"}, parents={"validate_order": {"quantity": 2}})
assert outcome.kind == "complete" and outcome.results == {"reserved": 2}
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from ._proto.treadle.v1 import worker_pb2
from .attempt import Attempt, ignore_progress
from .cancellation import Cancellation
from .handler import AnyHandler, is_async, name_of
from .lifecycle import run_anywhere, run_attempt, run_attempt_here
from .outcome import Outcome
from .results import DEFAULT_MAX_RESULT_BYTES, as_results
from .step import ProgressListener

#: Input is held to the law for JSON as results are, save for their size.
_ANY_SIZE = 2**31 - 1


def run_handler(
    handler: AnyHandler,
    *,
    context: Any = None,
    parents: Mapping[str, Any] | None = None,
    config: Any = None,
    inputs: Any = None,
    results: Any = None,
    attempt: int = 1,
    retry_limit: int = 3,
    step_name: str = "step",
    task: Mapping[str, Any] | None = None,
    claim_token: str = "",
    trace_context: Mapping[str, str] | None = None,
    max_result_bytes: int = DEFAULT_MAX_RESULT_BYTES,
    cancelled: Cancellation | None = None,
    on_progress: ProgressListener = ignore_progress,
) -> Outcome:
    """What one attempt ends in. Works for `def` and `async def` handlers, also where an event loop is running.

    `results`: what an earlier attempt left behind. `task`: fields of the task, as `task_id` or `name`. Without a
    `claim_token` a block of `step.transaction` commits its writes and completes no step.
    """
    assignment = worker_pb2.Assignment(
        claim_token=claim_token,
        handler=name_of(handler),
        task=worker_pb2.Task(**{**_TASK, **(task or {}), "context_json": _json(context)}),
        workflow_step_id=1,
        step_name=step_name,
        attempt=attempt,
        retry_limit=retry_limit,
        inputs_json="" if inputs is None else _json(inputs),
        results_json=_json(results),
        handler_config_json=_json(config),
        parents=[_parent(name, each) for name, each in (parents or {}).items()],
        trace_context=dict(trace_context or {}),
    )
    running = Attempt(
        handler, assignment, cancelled=cancelled, on_progress=on_progress, max_result_bytes=max_result_bytes
    )
    return run_anywhere(run_attempt(running)) if is_async(handler) else run_attempt_here(running)


_TASK: dict[str, Any] = {
    "task_id": 1,
    "namespace_name": "default",
    "name": "test",
    "version": "0.1.0",
    "initiator": "test",
    "source_system": "test",
    "reason": "test",
    "tags_json": "[]",
    "requested_at": datetime(2026, 1, 1, tzinfo=timezone.utc).isoformat().replace("+00:00", "Z"),
}


def _parent(name: str, results: Any) -> worker_pb2.ParentResult:
    return worker_pb2.ParentResult(step_name=name, results_json=as_results(results, _ANY_SIZE))


def _json(value: Any) -> str:
    return "{}" if value is None else as_results(value, _ANY_SIZE)
