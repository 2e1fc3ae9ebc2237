"""One event loop on its thread: whether it still turns, what it is at, and how what blocks it is interrupted."""

from __future__ import annotations

import asyncio
import sys
import time
from asyncio.events import Handle
from collections.abc import Callable
from types import FrameType
from typing import Any

from ..worker.event_loop import EventLoop
from ..worker.job import Job
from ..worker.on_loop import RUNNING
from .interruption import interruption_of
from .lane_selector import event_loop_of
from .port import Port

#: Which task a loop is at, answered by C code alone: nothing else runs meanwhile.
_current_task: Callable[[Any], asyncio.Task[Any] | None] = (
    asyncio.current_task if sys.version_info >= (3, 12) else asyncio.tasks._current_tasks.get  # type: ignore[attr-defined]
)

#: A loop that has not answered for so long is blocked. Threads that compute keep it waiting too, for less.
BLOCKED_AFTER_SECONDS = 0.4
#: How often a loop that was replaced looks whether it has ended all that it began.
_LAST_LOOK_SECONDS = 1.0


class Turn:
    """Its methods are for other threads than its own."""

    def __init__(self, port: Port) -> None:
        self._port = port
        #: Another loop has taken its place: it begins nothing more.
        self.retired = False
        self.loop = EventLoop(event_loop_of(port, lambda: self.retired))
        #: When somebody has asked, and not heard yet.
        self._asked: float | None = None

    def ask(self) -> None:
        """Whether it turns; `is_blocked` has the answer, later."""
        if self._asked is None:
            self._asked = time.monotonic()
            self.loop.call(self._answer)

    def is_blocked(self) -> bool:
        """It was asked, and has not answered."""
        asked = self._asked
        return asked is not None and time.monotonic() - asked >= BLOCKED_AFTER_SECONDS

    def interrupt(self, job: Job) -> bool:
        """Raises StepCancelled where the attempt blocks the loop. False: it does not; what else does so is not hit."""
        task, token = self._at()
        thread = self.loop.thread_id
        if token != job.claim_token or task is None or thread is None:
            return False
        return self._port.interrupt_task(thread, _current_task, self.loop.turning, task, interruption_of(job))

    def at(self) -> str | None:
        """The claim token of the attempt whose code runs now; None: nobody's, as in a callback of a library."""
        return self._at()[1]

    def retire(self, when_back: Callable[[], object]) -> None:
        """It begins nothing more. When it turns again it ends what it has begun, and then itself."""
        self.retired = True
        self.loop.call(when_back)
        self.loop.call(self._end_when_done)

    def _answer(self) -> None:
        self._asked = None

    def _at(self) -> tuple[object, str | None]:
        """The task that runs now, and the attempt that it is of: what a handler begins beside itself inherits its context. Both
        are read from one object, for the loop may go on between two looks."""
        if sys.version_info >= (3, 12):
            task = asyncio.current_task(self.loop.turning)
            if task is not None:
                return task, task.get_context().get(RUNNING)
        handle = self._handle()
        if handle is None:
            return None, None
        return getattr(handle._callback, "__self__", None), handle._context.get(RUNNING)

    def _handle(self) -> Any:
        """What asyncio calls at this moment, the step of a task or a callback."""
        frame: FrameType | None = sys._current_frames().get(self.loop.thread_id or 0)
        while frame is not None and frame.f_code is not Handle._run.__code__:
            frame = frame.f_back
        return frame.f_locals.get("self") if frame is not None else None

    def _end_when_done(self) -> None:
        turning = self.loop.turning
        if asyncio.all_tasks(turning):
            turning.call_later(_LAST_LOOK_SECONDS, self._end_when_done)
        else:
            turning.call_soon(turning.stop)  # after what has just ended has said so
