"""Outcomes as the messages of worker.proto. The only place of the worker that knows both."""

from __future__ import annotations

from .._proto.treadle.v1 import worker_pb2
from ..errors import StopReason
from ..outcome import Completed, CompletedInTransaction, Failed, Outcome, Released

_STOP_REASONS: dict[int, StopReason] = {
    worker_pb2.CANCEL_REASON_TIMED_OUT: "timed_out",
    worker_pb2.CANCEL_REASON_REVOKED: "revoked",
    worker_pb2.CANCEL_REASON_ENGINE_STOPPING: "engine_stopping",
}


def outcome_message(claim_token: str, outcome: Outcome, duration_us: int = 0) -> worker_pb2.Outcome:
    """What is sent to the engine."""
    message = worker_pb2.Outcome(claim_token=claim_token, duration_us=duration_us)
    if isinstance(outcome, CompletedInTransaction):
        message.completed_in_transaction.SetInParent()
    elif isinstance(outcome, Completed):
        message.completed.results_json = outcome.results_json
    elif isinstance(outcome, Released):
        message.released.SetInParent()
    else:
        message.failed.CopyFrom(_failed(outcome))
    return message


def _failed(outcome: Failed) -> worker_pb2.Failed:
    message = worker_pb2.Failed(
        code=f"FAILURE_CODE_{outcome.code.upper()}",  # protobuf takes the name for the number
        error=outcome.error,
        error_class=outcome.error_class,
        backtrace=outcome.backtrace,
        error_code=outcome.error_code or "",
        results_json=outcome.results_json or "",
    )
    if outcome.retry_after_seconds is not None:
        message.retry_after_seconds = outcome.retry_after_seconds
    return message


def stop_reason(reason: int) -> StopReason:
    """Why the engine wants an attempt to stop."""
    return _STOP_REASONS.get(reason, "revoked")
