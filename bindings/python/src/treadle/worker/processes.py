"""Processes for handlers that compute, or that may crash: one attempt at a time in each. A process that dies fails its own
attempt with `worker_lost` and is replaced; an attempt that does not listen to its cancellation is ended by force."""

from __future__ import annotations

import logging
import multiprocessing
import threading
from multiprocessing.connection import Connection
from typing import Any

from ..errors import StepCancelled
from ..outcome import Failed, Outcome
from .job import Job
from .logs import settings
from .process_main import Run, Stop, serve
from .registry import Registry

log = logging.getLogger("treadle.worker")

#: Seconds that a cancelled attempt has to end by itself.
PATIENCE_SECONDS = 5.0


class ProcessPool:
    """Each thread that runs jobs gets a process, whichever is free."""

    def __init__(self, registry: Registry, size: int) -> None:
        self._registry = registry
        self._free: list[_Process] = []
        self._all: set[_Process] = set()
        self._lock = threading.Lock()
        self._size = size
        self._closed = False

    def start(self) -> None:
        """Before the first job: a process takes a while to import what it needs."""
        self._free = [self._spawn() for _ in range(self._size)]

    def run(self, job: Job) -> Outcome:
        """What the attempt ended in. Blocks."""
        process = self._take()
        try:
            return process.run(job)
        except (EOFError, OSError):
            return process.lost()
        finally:
            self._give_back(process)

    def close(self) -> None:
        """Ends the processes, whatever they do."""
        with self._lock:
            self._closed = True
            processes = list(self._all)
        for process in processes:
            process.kill()

    def _take(self) -> _Process:
        with self._lock:
            if self._free:
                return self._free.pop()
        return self._spawn()

    def _give_back(self, process: _Process) -> None:
        with self._lock:
            if process.is_alive and not self._closed:
                self._free.append(process)
                return
            self._all.discard(process)
        process.kill()

    def _spawn(self) -> _Process:
        process = _Process(self._registry)
        with self._lock:
            self._all.add(process)
        return process


class _Process:
    """Started anew (spawn): a copy of this process would have its locks and its connection to the engine."""

    def __init__(self, registry: Registry) -> None:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        self._pipe: Connection[Any, Any] = ours
        self._sending = threading.Lock()
        #: Token of the attempt that it makes.
        self._running: str | None = None
        self._process = context.Process(
            target=serve,
            args=(theirs, registry, settings()),
            name="treadle-process",
            daemon=True,
        )
        self._process.start()
        theirs.close()  # ours would keep the pipe open when the process has died

    @property
    def is_alive(self) -> bool:
        return self._process.is_alive() and not self._pipe.closed

    def run(self, job: Job) -> Outcome:
        self._running = job.claim_token
        self._send(Run(job.assignment.SerializeToString(), job.max_result_bytes))
        job.cancelled.when_set(lambda order: self._stop(job.claim_token, order))
        while True:
            answer = self._pipe.recv()
            if isinstance(answer, tuple):
                job.report(*answer)
                continue
            outcome: Outcome = answer
            self._running = None
            return outcome

    def _stop(self, claim_token: str, order: StepCancelled) -> None:
        if self._running != claim_token:
            return
        try:
            self._send(Stop(claim_token, order.reason, str(order)))
        except OSError:
            return  # it has died already
        timer = threading.Timer(PATIENCE_SECONDS, self._end_by_force, (claim_token,))
        timer.daemon = True
        timer.start()

    def _end_by_force(self, claim_token: str) -> None:
        if self._running == claim_token:
            log.warning("an attempt did not stop within %s s: its process is ended", PATIENCE_SECONDS)
            self._process.kill()

    def lost(self) -> Failed:
        """What becomes of the attempt that it was making."""
        self._running = None
        self._process.join(1.0)
        how = f"exit code {self._process.exitcode}"
        return Failed(
            code="worker_lost",
            error=f"the process that ran the handler died ({how})",
            error_class="ProcessDied",
        )

    def kill(self) -> None:
        self._process.kill()
        self._process.join(1.0)
        self._pipe.close()

    def _send(self, message: object) -> None:
        with self._sending:
            self._pipe.send(message)
