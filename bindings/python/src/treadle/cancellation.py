"""The order to stop, as one attempt gets it: its time is up, its step was taken away, or somebody shuts down.

Looks like a threading.Event to handlers. The first order counts; whoever must be told is told once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from .errors import StepCancelled, StopReason


class Cancellation:
    """True once the attempt should stop."""

    __slots__ = ("_event", "_listeners", "_lock", "_order")

    def __init__(self) -> None:
        #: Made for the first who waits: most attempts are never asked to stop, and nobody waits for it.
        self._event: threading.Event | None = None
        self._lock = threading.Lock()
        self._order: StepCancelled | None = None
        self._listeners: list[Callable[[StepCancelled], None]] = []

    def __bool__(self) -> bool:
        return self._order is not None

    def is_set(self) -> bool:
        """Whether the attempt should stop."""
        return self._order is not None

    def wait(self, timeout: float | None = None) -> bool:
        """Sleeps `timeout` seconds, or until the attempt should stop; answers whether it should."""
        with self._lock:
            if self._order is not None:
                return True
            if self._event is None:
                self._event = threading.Event()
            event = self._event
        return event.wait(timeout)

    @property
    def reason(self) -> StopReason | None:
        """Why; None while the attempt may go on."""
        return self._order.reason if self._order else None

    def raise_if_set(self) -> None:
        """Raises StepCancelled when the attempt should stop."""
        if self._order is not None:
            raise StepCancelled(self._order.reason, str(self._order))

    def set(self, reason: StopReason, message: str) -> None:
        """Gives the order."""
        with self._lock:
            if self._order is not None:
                return
            self._order = order = StepCancelled(reason, message)
            listeners, self._listeners = self._listeners, []
            event = self._event
        if event is not None:
            event.set()
        for listener in listeners:
            listener(order)

    def when_set(self, listener: Callable[[StepCancelled], None]) -> None:
        """Tells the listener; at once when the order has been given."""
        with self._lock:
            if self._order is None:
                self._listeners.append(listener)
                return
            order = self._order
        listener(order)
