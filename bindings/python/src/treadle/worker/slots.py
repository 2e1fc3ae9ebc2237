"""How many attempts run, over all streams of a worker. A slot is free when its attempt has ended, and not when somebody
stopped waiting for it: a thread that does not listen is still busy, and its credit is granted when it is not."""

from __future__ import annotations

import threading
from typing import Protocol


class Granted(Protocol):
    """A stream that can be told of free slots."""

    def grant(self, additional_credits: int) -> None:
        """The worker can take so many steps more."""


class Slots:
    """Safe to use from any thread."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._changed = threading.Condition(threading.Lock())
        self._busy = 0
        self._stream: Granted | None = None

    @property
    def busy(self) -> int:
        """Attempts that run now."""
        return self._busy

    def attach(self, stream: Granted) -> None:
        """Grants all that is free to the stream, and from now on what gets free."""
        with self._changed:
            self._stream = stream
            free = self.capacity - self._busy
        if free > 0:
            stream.grant(free)

    def detach(self, stream: Granted) -> None:
        """The stream has ended."""
        with self._changed:
            if self._stream is stream:
                self._stream = None

    def take(self) -> None:
        """An attempt begins."""
        with self._changed:
            self._busy += 1

    def free(self, stream: Granted) -> bool:
        """An attempt that came by this stream has ended. True: the stream lives, and grants the credit itself."""
        with self._changed:
            self._busy -= 1
            self._changed.notify_all()
            current = self._stream
        if current is stream:
            return True
        if current is not None:
            current.grant(1)
        return False

    def wait_until_idle(self, timeout: float) -> bool:
        """Whether nothing runs any more."""
        with self._changed:
            return self._changed.wait_for(lambda: self._busy == 0, timeout)
