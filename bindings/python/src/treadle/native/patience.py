"""What becomes of attempts that were told to stop and go on: after a while they are interrupted, and then given up."""

from __future__ import annotations

import logging
import time
from collections import deque

from ..outcome import Released
from ..worker.job import Job
from .attempts import Attempts
from .threads import Threads

log = logging.getLogger("treadle.native")


class Patience:
    """Looked at by one thread only, between the messages that it waits for."""

    def __init__(
        self, attempts: Attempts, threads: Threads, interrupt_after: float, give_up_after: float
    ) -> None:
        self._attempts = attempts
        self._threads = threads
        self._interrupt_after = interrupt_after
        self._give_up_after = give_up_after
        #: Each in the order in which it is due, for all wait as long.
        self._told: deque[tuple[float, Job]] = deque()
        self._interrupted: deque[tuple[float, Job]] = deque()

    def begin(self, job: Job) -> None:
        """It has just been told to stop."""
        self._told.append((time.monotonic() + self._interrupt_after, job))

    def seconds(self) -> float | None:
        """Until somebody's patience ends; None while nobody is waited for."""
        due = [waiting[0][0] for waiting in (self._told, self._interrupted) if waiting]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def look(self) -> None:
        """Does what is due."""
        now = time.monotonic()
        for job in self._due(self._told, now):
            self._threads.interrupt(job)
            self._interrupted.append((now + self._give_up_after, job))
        for job in self._due(self._interrupted, now):
            self._give_up(job)

    def _due(self, waiting: deque[tuple[float, Job]], now: float) -> list[Job]:
        jobs = []
        while waiting and waiting[0][0] <= now:
            jobs.append(waiting.popleft()[1])
        return [job for job in jobs if self._attempts.is_running(job)]

    def _give_up(self, job: Job) -> None:
        log.error(
            "%s does not stop, nor heed an exception: its slot is free again, and what it does goes on (task_id=%s, "
            "workflow_step_id=%s); blocking calls need time-outs of their own, as sockets have",
            job.assignment.handler,
            job.assignment.task.task_id,
            job.assignment.workflow_step_id,
        )
        self._threads.replace(job)
        self._attempts.end(job, Released())
