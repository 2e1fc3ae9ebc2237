"""The event loop for asynchronous handlers: woken by the addon through a file descriptor, once for all that waits."""

from __future__ import annotations

import asyncio

from ..worker.event_loop import EventLoop
from ..worker.on_loop import run_on_loop
from ..worker.registry import Registry
from .attempts import Attempts
from .port import Port


class Loop:
    """Begins attempts as they come."""

    def __init__(self, port: Port, registry: Registry, attempts: Attempts) -> None:
        self._port = port
        self._registry = registry
        self._attempts = attempts
        self._loop = EventLoop()

    def start(self) -> None:
        """Before the first attempt."""
        self._loop.start()
        self._loop.call(self._listen)

    def close(self) -> None:
        """What still runs ends with it."""
        self._loop.close()

    def _listen(self) -> None:
        asyncio.get_running_loop().add_reader(self._port.fileno(), self._take)

    def _take(self) -> None:
        messages = self._port.take()
        if messages is None:
            asyncio.get_running_loop().remove_reader(self._port.fileno())
            return
        for message in messages:
            job = self._attempts.begin(message)
            handler = self._registry.find(job.assignment.handler)
            if handler is None:
                job.end(self._registry.unknown(job.assignment.handler))
            else:
                run_on_loop(self._loop, job, handler)
