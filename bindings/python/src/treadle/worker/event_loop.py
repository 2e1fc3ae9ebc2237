"""The event loop of the worker, on a thread of its own: asynchronous handlers and the heartbeat live on it. An application
that has a loop keeps it for itself."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

log = logging.getLogger("treadle.worker")


class EventLoop:
    """Runs until it is closed."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._loop = asyncio.new_event_loop() if loop is None else loop
        self._thread = threading.Thread(target=self._run, name="treadle-loop", daemon=True)
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def turning(self) -> asyncio.AbstractEventLoop:
        """As asyncio knows it."""
        return self._loop

    @property
    def thread_id(self) -> int | None:
        """Of its thread, once that has started."""
        return self._thread.ident

    def start(self) -> None:
        """Begins to turn."""
        self._thread.start()

    def close(self) -> None:
        """Ends with what it is doing; a loop that a handler blocks is left to itself."""
        self.call(self._loop.stop)
        if self._thread.is_alive():
            self._thread.join(1.0)

    def call(self, work: Callable[[], object]) -> None:
        """Runs it on the loop, soon. Nothing once the loop is closed."""
        try:
            self._loop.call_soon_threadsafe(work)
        except RuntimeError:
            log.debug("the event loop is closed already")

    def spawn(
        self, work: Coroutine[Any, Any, Any], when_done: Callable[[asyncio.Task[Any]], object]
    ) -> asyncio.Task[Any]:
        """On the loop only: a task that is not collected while it runs."""

        def ended(task: asyncio.Task[Any]) -> None:
            self._tasks.discard(task)
            when_done(task)

        task = _begun(self._loop, work)
        if task.done():  # in its first step
            when_done(task)
        else:
            self._tasks.add(task)
            task.add_done_callback(ended)
        return task

    def every(self, seconds: float, work: Callable[[], object]) -> Callable[[], None]:
        """Runs it again and again, until what this answers with is called. Says so when the loop was blocked."""
        beat = _Beat(self._loop, seconds, work)
        self.call(beat.wait)
        return beat.stop

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()


def _begun(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """Its first step runs at once where Python can do that, and not a turn of the loop later."""
    if sys.version_info >= (3, 12) and loop.is_running() and loop.get_task_factory() is None:
        return asyncio.Task(work, loop=loop, eager_start=True)
    return loop.create_task(work)


class _Beat:
    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float, work: Callable[[], object]) -> None:
        self._loop = loop
        self._seconds = seconds
        self._work = work
        self._stopped = False
        self._due = 0.0

    def wait(self) -> None:
        self._due = time.monotonic() + self._seconds
        self._loop.call_later(self._seconds, self._beat)

    def stop(self) -> None:
        self._stopped = True

    def _beat(self) -> None:
        late = time.monotonic() - self._due
        if late > self._seconds:  # also when the stream has been given up for it meanwhile
            log.warning(
                "a handler blocked the event loop for at least %.1f s: no heartbeat was sent, and the engine cuts off who is "
                "silent for too long (use `def` instead of `async def`, or await)",
                late,
            )
        if not self._stopped:
            self._work()
            self.wait()
