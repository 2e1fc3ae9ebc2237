"""The attempts that run here. Each is answered exactly once, by whoever comes first: its handler, or who has given it up."""

from __future__ import annotations

import threading
from collections import OrderedDict

from .._proto.treadle.v1 import worker_pb2
from ..errors import StopReason
from ..outcome import Outcome, Released
from ..worker.job import Job
from ..worker.stopping import was_stopped
from ..worker.wire import outcome_message, stop_reason
from .deaf import Deaf
from .port import OUTCOME, PROGRESS, Port

#: Orders for attempts that had ended already are never asked for: of those only the latest are kept.
_MOST_EARLY = 1_000


class Attempts:
    """By their claim tokens. Safe to use from any thread."""

    def __init__(self, port: Port, deaf: Deaf, max_result_bytes: int) -> None:
        self._port = port
        self._deaf = deaf
        self._max_result_bytes = max_result_bytes
        self._lock = threading.Lock()
        self._running: dict[str, Job] = {}
        #: Orders that have overtaken their assignments.
        self._early: OrderedDict[str, tuple[StopReason, str]] = OrderedDict()

    def begin(self, message: bytes) -> Job:
        """The attempt of a serialised Assignment."""
        assignment = worker_pb2.Assignment.FromString(message)
        job = Job(assignment, self._max_result_bytes, self._report, self.end)
        with self._lock:
            self._running[job.claim_token] = job
            order = self._early.pop(job.claim_token, None) if self._early else None
        if order is not None:
            job.cancelled.set(*order)
        return job

    def is_running(self, job: Job) -> bool:
        """Whether nobody has answered for it."""
        return job.claim_token in self._running

    def handler_of(self, claim_token: str | None) -> str:
        """The name of its handler, for people."""
        job = self._running.get(claim_token) if claim_token is not None else None
        return "something that no running attempt began" if job is None else job.assignment.handler

    def end(self, job: Job, outcome: Outcome) -> None:
        """Answers, unless it has been answered: then it was given up, and has come back."""
        with self._lock:
            running = self._running.pop(job.claim_token, None)
        if running is None:
            self._deaf.discard(job)
            return
        if was_stopped(job, outcome):
            outcome = Released()
        message = outcome_message(job.claim_token, outcome, job.duration_us)
        self._port.answer(OUTCOME, message.SerializeToString())

    def cancel(self, message: bytes) -> Job | None:
        """Tells the attempt of a serialised Cancel to stop; None when it does not run (yet)."""
        cancel = worker_pb2.Cancel.FromString(message)
        reason = stop_reason(cancel.reason)
        order = (reason, cancel.message or f"the attempt should stop: {reason}")
        with self._lock:
            job = self._running.get(cancel.claim_token)
            if job is None:
                self._early[cancel.claim_token] = order
                if len(self._early) > _MOST_EARLY:
                    self._early.popitem(last=False)
                return None
        job.cancelled.set(*order)
        return job

    def _report(self, job: Job, fraction: float | None, message: str) -> None:
        if self.is_running(job):
            progress = worker_pb2.Progress(claim_token=job.claim_token, fraction=fraction, message=message)
            self._port.answer(PROGRESS, progress.SerializeToString())
