"""What runs in a process of the pool: one attempt after the other, on its main thread; another thread listens for
cancellations, and ends the process with the worker that it belongs to."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import dataclass
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from .._proto.treadle.v1 import worker_pb2
from ..errors import StopReason
from ..outcome import Outcome
from .logs import LogSettings, configure

if TYPE_CHECKING:
    from .job import Job
    from .registry import Registry


@dataclass(frozen=True)
class Run:
    """An attempt is to be made."""

    #: A serialised Assignment.
    assignment: bytes
    max_result_bytes: int


@dataclass(frozen=True)
class Stop:
    """The attempt should stop."""

    claim_token: str
    reason: StopReason
    message: str


class _Server:
    def __init__(self, pipe: Connection[Any, Any], registry: Registry) -> None:
        self._pipe = pipe
        self._registry = registry
        self._jobs: SimpleQueue[Job] = SimpleQueue()
        self._running: Job | None = None
        self._sending = threading.Lock()

    def listen(self) -> None:
        from .job import Job

        try:
            while True:
                message = self._pipe.recv()
                if isinstance(message, Run):
                    assignment = worker_pb2.Assignment.FromString(message.assignment)
                    job = Job(assignment, message.max_result_bytes, self._report, self._end)
                    self._running = job
                    self._jobs.put(job)
                elif self._running is not None and self._running.claim_token == message.claim_token:
                    self._running.cancelled.set(message.reason, message.message)
        except (EOFError, OSError):
            os._exit(0)  # the worker is gone, and nobody waits for what runs here

    def work(self) -> None:
        from .on_thread import run_on_thread

        while True:
            job = self._jobs.get()
            handler = self._registry.find(job.assignment.handler)
            if handler is None:
                raise RuntimeError(f"no handler {job.assignment.handler} in this process")
            try:
                outcome = run_on_thread(job, handler)
            except BaseException as raised:
                job.end_broken(raised)
            else:
                job.end(outcome)

    def _report(self, job: Job, fraction: float | None, message: str) -> None:
        self._send((fraction, message))

    def _end(self, job: Job, outcome: Outcome) -> None:
        self._running = None
        self._send(outcome)

    def _send(self, message: object) -> None:
        with self._sending:
            self._pipe.send(message)


def serve(pipe: Connection[Any, Any], registry: Registry, logs: LogSettings) -> None:
    """Until the pipe breaks."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: it is the worker that decides
    configure(logs.level, logs.as_json)
    server = _Server(pipe, registry)
    threading.Thread(target=server.listen, name="treadle-pipe", daemon=True).start()
    server.work()
