"""What becomes of attempts that were told to stop and go on: after a while they are interrupted, and then given up."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable

from ..outcome import Released
from ..worker.job import Job
from .attempts import Attempts
from .deaf import Deaf
from .loop import Loop
from .settings import Settings
from .threads import Threads
from .turn import BLOCKED_AFTER_SECONDS

log = logging.getLogger("treadle.native")


class Patience:
    """Looked at by one thread only, between the messages that it waits for."""

    def __init__(
        self, attempts: Attempts, threads: Threads, loop: Loop | None, deaf: Deaf, settings: Settings
    ) -> None:
        self._attempts = attempts
        self._threads = threads
        self._loop = loop
        self._deaf = deaf
        last = max(settings.give_up_after - BLOCKED_AFTER_SECONDS, 0.0)
        self._stages = [
            _Stage(settings.interrupt_after, self._interrupt),
            _Stage(BLOCKED_AFTER_SECONDS, self._interrupt_on_loop),
            _Stage(last, self._give_up),
        ]

    def begin(self, job: Job | None) -> None:
        """It has just been told to stop. None: an attempt that has not begun, perhaps because the event loop is blocked."""
        if job is not None or self._loop is not None:
            self._stages[0].enter(job)

    def seconds(self) -> float | None:
        """Until somebody's patience ends; None while nobody is waited for."""
        due = [stage.waiting[0][0] for stage in self._stages if stage.waiting]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def look(self) -> None:
        """Does what is due."""
        for stage, following in zip(self._stages, [*self._stages[1:], None], strict=True):
            for job in stage.due():
                if job is not None and not self._attempts.is_running(job):
                    continue
                stage.act(job)
                if following is not None:
                    following.enter(job)

    def _interrupt(self, job: Job | None) -> None:
        if (job is None or not self._threads.interrupt(job)) and self._loop is not None:
            self._loop.ask()

    def _interrupt_on_loop(self, job: Job | None) -> None:
        if job is not None and self._loop is not None:
            self._loop.interrupt(job)

    def _give_up(self, job: Job | None) -> None:
        if job is not None and self._threads.replace(job):
            self._deaf.add(job, job.assignment.handler)
        elif self._loop is not None:
            self._loop.give_up(job)
        if job is None:
            return
        log.error(
            "%s does not stop, nor heed an exception: its slot is free again, and what it does goes on (task_id=%s, "
            "workflow_step_id=%s); blocking calls need time-outs of their own, as sockets have",
            job.assignment.handler,
            job.assignment.task.task_id,
            job.assignment.workflow_step_id,
        )
        self._attempts.end(job, Released())


class _Stage:
    """All wait as long in it, so that they are due in the order in which they have entered."""

    def __init__(self, seconds: float, act: Callable[[Job | None], None]) -> None:
        self._seconds = seconds
        self.act = act
        self.waiting: deque[tuple[float, Job | None]] = deque()

    def enter(self, job: Job | None) -> None:
        self.waiting.append((time.monotonic() + self._seconds, job))

    def due(self) -> list[Job | None]:
        now = time.monotonic()
        jobs = []
        while self.waiting and self.waiting[0][0] <= now:
            jobs.append(self.waiting.popleft()[1])
        return jobs
