"""What an event loop of asyncio waits with. Before it sleeps it looks at the lane of attempts, for a moment longer while they
come one after the other: an attempt that comes then costs no system call and no wake-up, on neither side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from selectors import EVENT_READ, DefaultSelector, SelectorKey
from typing import Any

from .port import Port

#: How long it looks before it sleeps, without the GIL. The addon looks so long only while messages come that fast.
_LOOK_SECONDS = 200e-6
#: The lane's, and the one by which asyncio wakes itself.
_OWN_DESCRIPTORS = 2

Ready = list[tuple[SelectorKey, int]]


def event_loop_of(port: Port, is_retired: Callable[[], bool]) -> asyncio.AbstractEventLoop:
    """A loop that looks at the lane until it is retired; where an application has chosen another kind of loop, one of those."""
    loop = asyncio.new_event_loop()
    if type(loop) is not asyncio.SelectorEventLoop:
        return loop
    loop.close()
    return asyncio.SelectorEventLoop(LaneSelector(port, is_retired))


class LaneSelector(DefaultSelector):
    """Says that the lane's descriptor is readable when the lane has something, whether or not its bell was rung."""

    def __init__(self, port: Port, is_retired: Callable[[], bool]) -> None:
        super().__init__()
        self._port = port
        self._is_retired = is_retired
        self._descriptor = port.fileno()
        #: Of the lane's descriptor, while the loop listens to it.
        self._lane: SelectorKey | None = None

    def register(self, fileobj: Any, events: int, data: Any = None) -> SelectorKey:
        key = super().register(fileobj, events, data)
        if key.fd == self._descriptor:
            self._lane = key
        return key

    def unregister(self, fileobj: Any) -> SelectorKey:
        key = super().unregister(fileobj)
        if key.fd == self._descriptor:
            self._lane = None
        return key

    def select(self, timeout: float | None = None) -> Ready:
        """A timeout of None waits as long as it takes, one of 0 not at all."""
        lane = self._lane
        if lane is None or self._is_retired():
            return super().select(timeout)
        if timeout is not None and timeout <= 0:
            return self._with_lane(lane) if self._port.look(0.0) else self._others()
        return self._with_lane(lane) if self._comes(timeout) else super().select(timeout)

    def _comes(self, timeout: float | None) -> bool:
        """Whether something is in the lane, or comes while we look. If not the bell is rung for the next."""
        seconds = _LOOK_SECONDS if timeout is None else min(timeout, _LOOK_SECONDS)
        return self._port.look(seconds) or not self._port.arm()

    def _with_lane(self, lane: SelectorKey) -> Ready:
        """Beside the lane those that are ready too, or a busy lane would keep them waiting."""
        return [(lane, EVENT_READ), *(each for each in self._others() if each[0].fd != lane.fd)]

    def _others(self) -> Ready:
        return super().select(0) if len(self.get_map()) > _OWN_DESCRIPTORS else []
