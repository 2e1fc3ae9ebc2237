"""The event loop for asynchronous handlers: woken by the addon through a file descriptor, once for all that waits. One that
is blocked for good is replaced by another one, on another thread."""

from __future__ import annotations

import asyncio
import logging

from ..worker.job import Job
from ..worker.on_loop import run_on_loop
from ..worker.registry import Registry
from .attempts import Attempts
from .deaf import Deaf
from .port import Port
from .turn import Turn

log = logging.getLogger("treadle.native")


class Loop:
    """Begins attempts as they come, on the latest turn."""

    def __init__(self, port: Port, registry: Registry, attempts: Attempts, deaf: Deaf) -> None:
        self._port = port
        self._registry = registry
        self._attempts = attempts
        self._deaf = deaf
        self._turn = Turn(port)
        #: Those that were replaced and have not come back.
        self._blocked: set[Turn] = set()

    def start(self) -> None:
        """Before the first attempt."""
        self._begin(self._turn)

    def close(self) -> None:
        """What still runs ends with it."""
        self._turn.loop.close()

    def ask(self) -> None:
        """Whether it turns: for `interrupt` and `give_up`."""
        self._turn.ask()

    def interrupt(self, job: Job) -> None:
        """Raises StepCancelled in an attempt that blocks the loop. One that awaits, or is behind such a one, is left alone."""
        for turn in [*self._blocked, self._turn]:
            if turn.is_blocked() and turn.interrupt(job):
                return

    def give_up(self, job: Job | None) -> None:
        """An attempt that should have ended has not: the loop is replaced if something blocks it, else the attempt is deaf."""
        if self._turn.is_blocked():
            self._replace(self._turn)
        elif job is not None and not self._blocked:
            self._deaf.add(job, job.assignment.handler)

    def _begin(self, turn: Turn) -> None:
        turn.loop.start()
        turn.loop.call(lambda: self._listen(turn))

    def _replace(self, blocked: Turn) -> None:
        name = self._attempts.handler_of(blocked.at())
        log.error(
            "%s blocks the event loop and does not stop: another loop takes new attempts, and those beside it wait until it "
            "comes back; await what takes long, or use `def`, and restart this process",
            name,
        )
        self._deaf.add(blocked, name)
        self._blocked.add(blocked)
        blocked.retire(lambda: self._back(blocked))
        self._turn = Turn(self._port)
        self._begin(self._turn)

    def _back(self, turn: Turn) -> None:
        asyncio.get_running_loop().remove_reader(self._port.fileno())
        self._blocked.discard(turn)
        self._deaf.discard(turn)

    def _listen(self, turn: Turn) -> None:
        asyncio.get_running_loop().add_reader(self._port.fileno(), self._take, turn)
        self._take(turn)  # what a loop before this one was rung for

    def _take(self, turn: Turn) -> None:
        messages = None if turn.retired else self._port.take()
        if messages is None:
            asyncio.get_running_loop().remove_reader(self._port.fileno())
            return
        for message in messages:
            job = self._attempts.begin(message)
            handler = self._registry.find(job.assignment.handler)
            if handler is None:
                job.end(self._registry.unknown(job.assignment.handler))
            else:
                run_on_loop(turn.loop, job, handler)
