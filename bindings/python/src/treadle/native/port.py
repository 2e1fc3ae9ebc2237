"""The way to the JavaScript thread, as the addon gives it (bindings/native/src/python/port.rs). Waiting holds no GIL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

#: Lanes: attempts for threads, and words about attempts. Those for the event loop are taken when `fileno` is readable.
JOBS: Final = 0
CONTROL: Final = 2

#: Kinds of answers.
READY: Final = 0
OUTCOME: Final = 1
PROGRESS: Final = 2
DEAF: Final = 5


class Port(Protocol):
    """Safe to use from any thread."""

    def next(self, lane: int, seconds: float | None = None) -> bytes | None:
        """The next message of a lane; b"" when the time is up, None when nothing comes any more."""

    def fileno(self) -> int:
        """Readable while something waits for `take`, and at the end."""

    def take(self) -> Sequence[bytes] | None:
        """The attempts that wait for the event loop; None when nothing comes any more."""

    def look(self, seconds: float) -> bool:
        """Whether `take` has something to say; looks for it so long. From then on `fileno` is not readable for it any more."""

    def arm(self) -> bool:
        """`fileno` is readable again for what comes next. False: something has come already, and it is as after `look`."""

    def answer(self, kind: int, message: bytes) -> None:
        """Sends one answer."""

    def interrupt(self, thread: int, exception: type[BaseException] | None) -> bool:
        """Raises the exception in a thread as soon as it runs Python; None takes it back."""

    def interrupt_task(
        self,
        thread: int,
        current: Callable[[Any], object],
        event_loop: object,
        task: object,
        exception: type[BaseException],
    ) -> bool:
        """The same in the thread of an event loop, if `current(event_loop)` is this task; with nothing between the two."""
