"""Threads for handlers that are plain functions. Each takes its attempts from the lane itself, so that an attempt costs one
wake-up. A handler that does not listen is interrupted by an exception; one that is deaf to that too loses its thread."""

from __future__ import annotations

import logging
import threading
import time

from ..failure import failed
from ..handler import AnyHandler
from ..outcome import Outcome
from ..worker.job import Job
from ..worker.on_thread import run_on_thread
from ..worker.registry import Registry
from .attempts import Attempts
from .interruption import interruption_of
from .port import JOBS, Port

log = logging.getLogger("treadle.native")


class Threads:
    """As many as attempts may run at once."""

    def __init__(self, port: Port, registry: Registry, attempts: Attempts, size: int) -> None:
        self._port = port
        self._registry = registry
        self._attempts = attempts
        self._started = 0
        self._threads: set[_Thread] = set()
        for _ in range(size):
            self._add()

    def interrupt(self, job: Job) -> bool:
        """Raises StepCancelled where the attempt runs. False: on none of these threads."""
        return any(each.interrupt(job) for each in list(self._threads))

    def replace(self, job: Job) -> bool:
        """Its thread is left to itself until the handler returns, if it ever does; another one takes its place. False: it runs
        on none of these threads."""
        for each in list(self._threads):
            if each.abandon(job):
                self._threads.discard(each)
                self._add()
                return True
        return False

    def join(self, seconds: float) -> None:
        """Gives those that are about to end the time to do so, all together."""
        give_up = time.monotonic() + seconds
        for each in list(self._threads):
            each.thread.join(max(0.0, give_up - time.monotonic()))

    def _add(self) -> None:
        self._started += 1
        each = _Thread(self._port, self._registry, self._attempts, f"treadle-handler-{self._started}")
        self._threads.add(each)
        each.thread.start()


class _Thread:
    def __init__(self, port: Port, registry: Registry, attempts: Attempts, name: str) -> None:
        self._port = port
        self._registry = registry
        self._attempts = attempts
        self._lock = threading.Lock()
        self._job: Job | None = None
        self._was_interrupted = False
        self._abandoned = False
        self.thread = threading.Thread(target=self._work, name=name, daemon=True)

    def _work(self) -> None:
        while not self._abandoned and self._serve_next():
            pass

    def _serve_next(self) -> bool:
        """False when nothing comes any more. While it waits it holds nothing of the attempt before: that may be megabytes."""
        message = self._port.next(JOBS)
        if message is None:
            return False
        job = self._attempts.begin(message)
        name = job.assignment.handler
        handler = self._registry.find(name)
        outcome = self._registry.unknown(name) if handler is None else self._run(job, handler)
        self._attempts.end(job, outcome)
        return True

    def _run(self, job: Job, handler: AnyHandler) -> Outcome:
        """An interrupt strikes once, and wherever the thread is: after this it can strike no more."""
        try:
            self._job = job
            outcome: Outcome = run_on_thread(job, handler)
            self._disarm()
        except BaseException as raised:  # the lifecycle itself never raises
            self._disarm()
            return failed(raised)
        return outcome

    def _disarm(self) -> None:
        with self._lock:
            self._job = None
            if self._was_interrupted:
                self._was_interrupted = False
                self._port.interrupt(threading.get_ident(), None)

    def interrupt(self, job: Job) -> bool:
        with self._lock:
            ident = self.thread.ident
            if self._job is not job or ident is None:
                return False
            self._was_interrupted = True
            return self._port.interrupt(ident, interruption_of(job))

    def abandon(self, job: Job) -> bool:
        with self._lock:
            if self._job is not job:
                return False
            self._abandoned = True
            return True
