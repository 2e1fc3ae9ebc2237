"""The event loop that looks at its lane before it sleeps: nothing is lost or kept waiting, whenever it comes."""

from __future__ import annotations

import asyncio
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from treadle.native.lane_selector import LaneSelector, event_loop_of

SOON = 10.0


class Lane:
    """The lane of the event loop as bindings/native/src/python/port.rs has it, with a lock in the place of the GIL."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[int] = []
        self._bell, self._rope = socket.socketpair()
        self._bell.setblocking(False)
        self._armed = True
        self._rang = False
        self.looks = 0

    def send(self, message: int) -> None:
        with self._lock:
            self._waiting.append(message)
            if self._armed and not self._rang:
                self._rang = True
                self._rope.send(b"1")

    def fileno(self) -> int:
        return self._bell.fileno()

    def look(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        with self._lock:
            self.looks += 1
            self._armed = False
        while not self._waiting and time.monotonic() < until:
            time.sleep(0)
        return bool(self._waiting)

    def arm(self) -> bool:
        with self._lock:
            self._armed = not self._waiting
            return self._armed

    def take(self) -> list[int]:
        with self._lock:
            if self._rang:
                self._rang = False
                self._bell.recv(64)
            taken, self._waiting = self._waiting, []
            return taken

    def close(self) -> None:
        self._bell.close()
        self._rope.close()


@contextmanager
def turning(lane: Lane, on_message: Callable[[int], object]) -> Iterator[asyncio.AbstractEventLoop]:
    """A loop on a thread of its own that hands on what comes."""
    loop = event_loop_of(lane, lambda: False)  # type: ignore[arg-type]

    def take() -> None:
        for message in lane.take():
            on_message(message)

    loop.add_reader(lane.fileno(), take)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(SOON)
        loop.close()
        lane.close()


def test_nothing_is_lost_that_comes_while_the_loop_falls_asleep() -> None:
    chance, lane, taken, all_taken = random.Random(5), Lane(), [], threading.Event()

    def take(message: int) -> None:
        taken.append(message)
        if message == 1_999:
            all_taken.set()

    with turning(lane, take):
        for message in range(2_000):
            lane.send(message)
            pause = chance.choice([0, 0, 0.00005, 0.0001, 0.00015, 0.0003])
            until = time.perf_counter() + pause
            while time.perf_counter() < until:
                time.sleep(0)
        assert all_taken.wait(SOON)
    assert taken == list(range(2_000))


def test_one_message_wakes_a_loop_that_sleeps() -> None:
    lane, woken = Lane(), threading.Semaphore(0)
    with turning(lane, lambda _: woken.release()) as loop:
        for message in range(20):
            asleep = threading.Event()
            loop.call_soon_threadsafe(asleep.set)
            assert asleep.wait(SOON)
            lane.send(message)
            assert woken.acquire(timeout=SOON)


def test_a_lane_that_is_never_empty_does_not_keep_others_waiting() -> None:
    lane, heard = Lane(), threading.Event()
    ours, theirs = socket.socketpair()
    with turning(lane, lambda message: None if heard.is_set() else lane.send(message)) as loop:
        loop.call_soon_threadsafe(lambda: loop.add_reader(ours.fileno(), heard.set))
        lane.send(1)
        theirs.send(b"x")
        assert heard.wait(SOON)
        loop.call_soon_threadsafe(loop.remove_reader, ours.fileno())
    ours.close()
    theirs.close()


def test_timers_run_beside_a_busy_lane() -> None:
    lane, rang = Lane(), threading.Event()
    with turning(lane, lambda message: None if rang.is_set() else lane.send(message)) as loop:
        lane.send(1)
        loop.call_soon_threadsafe(lambda: loop.call_later(0.001, rang.set))
        assert rang.wait(SOON)


def test_a_retired_loop_leaves_the_lane_alone() -> None:
    lane = Lane()
    lane.send(1)
    selector = LaneSelector(lane, lambda: True)  # type: ignore[arg-type]
    selector.register(lane.fileno(), 1)
    selector.select(0)
    assert lane.looks == 0
    selector.close()
    lane.close()


def test_the_loop_that_an_application_has_chosen_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    class Chosen(asyncio.SelectorEventLoop):
        pass

    lane = Lane()
    monkeypatch.setattr(asyncio, "new_event_loop", Chosen)
    loop: Any = event_loop_of(lane, lambda: False)  # type: ignore[arg-type]
    assert type(loop) is Chosen
    loop.close()
    lane.close()
