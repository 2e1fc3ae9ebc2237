"""A worker as a program holds it: it keeps a stream to one of several engines open and runs what comes on it.

It has its own threads and its own event loop, and touches no loop of the program: the same in a script, under FastAPI,
and beside Django.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
import time
from collections.abc import Iterable, Mapping
from itertools import cycle
from queue import SimpleQueue
from types import TracebackType
from typing import Any

from ..channel import Security
from ..errors import TreadleError
from ..target import targets_of
from .backoff import Backoff
from .facts import WorkerFacts, default_name
from .registry import HandlerSource, Registry
from .runner import Runner
from .session import Session
from .slots import Slots

log = logging.getLogger("treadle.worker")

DEFAULT_CONCURRENCY = 16
DEFAULT_GRACE_SECONDS = 30.0

#: Seconds for handlers that were told to stop, for the last words to the engine, and for its answer to them.
_LAST_WORDS_SECONDS = 1.0
_GOODBYE_SECONDS = 5.0

#: Who signals a process and its group, as terminals and `timeout` do, means one signal.
_ONE_SIGNAL_SECONDS = 0.25

#: Trying again with the same words cannot help, as long as no engine has ever accepted them.
_REFUSALS = frozenset({"unauthenticated", "permission_denied", "invalid_argument", "unimplemented"})


class Worker:
    """Runs step handlers for an engine.

        with Worker([Reserve, Charge], target="engine:7465", concurrency=16):
            ...                        # they run until the block is left
        Worker([Reserve]).run()        # or: until SIGTERM

    `handlers`: classes, or a mapping of names to classes. `target`: an address or several, tried in turn; default
    TREADLE_TARGET. `processes`: run `def` handlers in so many processes instead of threads. `grace`: seconds that handlers
    have to end when the worker stops.
    """

    def __init__(
        self,
        handlers: HandlerSource | Registry,
        *,
        target: str | Iterable[str] | None = None,
        concurrency: int | None = None,
        processes: int = 0,
        name: str | None = None,
        labels: Mapping[str, str] | None = None,
        security: Security | None = None,
        token: str | None = None,
        grace: float = DEFAULT_GRACE_SECONDS,
    ) -> None:
        registry = handlers if isinstance(handlers, Registry) else Registry(handlers)
        if not registry.names():
            raise TreadleError("invalid_argument", "expected at least one handler, came none")
        capacity = concurrency or processes or DEFAULT_CONCURRENCY
        self._targets = targets_of(target)
        self._security = security or Security(token=token)
        for each in self._targets:
            self._security.check(each)
        self._grace = grace
        self._slots = Slots(capacity)
        self._runner = Runner(registry, capacity, processes)
        self._facts = WorkerFacts(name or default_name(), registry.names(), capacity, dict(labels or {}))
        self._thread = threading.Thread(target=self._supervise, name="treadle-worker", daemon=True)
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._stopping = threading.Event()
        self._hurry = threading.Event()
        self._connected = threading.Event()
        self._was_connected = False
        self._ended: SimpleQueue[int | None] = SimpleQueue()
        #: Why the worker ended by itself; None while it runs and after a stop.
        self.failure: TreadleError | None = None

    @property
    def idle(self) -> bool:
        """Whether no attempt runs."""
        return self._slots.busy == 0

    def start(self) -> Worker:
        """Connects and works, on threads of its own; answers at once."""
        self._runner.start()
        self._thread.start()
        return self

    def wait_until_connected(self, timeout: float | None = None) -> bool:
        """Whether an engine has accepted the worker."""
        return self._connected.wait(timeout)

    def stop(self, grace: float | None = None) -> None:
        """Takes nothing more, lets handlers end for `grace` seconds, tells them to stop, and gives back what still runs.

        Blocks until all of it is done, `grace` and some seconds at most. A second call does no harm.
        """
        self._stopping.set()
        with self._lock:
            session = self._session
        if session is not None:
            self._leave(session, self._grace if grace is None else grace)
        if self._thread.is_alive():
            self._thread.join(_GOODBYE_SECONDS)
        # those whose steps were taken away before have been told so: nobody waits for their answers, but for their end
        self._slots.wait_until_idle(0.0 if self._hurry.is_set() else _LAST_WORDS_SECONDS)
        self._runner.close()

    def hurry(self) -> None:
        """Ends the grace of a stop that is under way."""
        self._hurry.set()
        with self._lock:
            session = self._session
        if session is not None:
            session.hurry_up()

    def run(self) -> None:
        """Works until SIGTERM or SIGINT, then stops; a second signal ends the grace. Raises TreadleError when no engine
        accepts the worker. On another thread than the main one signals are left alone: call `stop` from elsewhere."""
        before = self._heed_signals() if threading.current_thread() is threading.main_thread() else {}
        self.start()
        try:
            self._wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        if self.failure is not None:
            self._runner.close()
            raise self.failure

    def _heed_signals(self) -> dict[signal.Signals, Any]:
        # put() of SimpleQueue may interrupt itself, which set() of an Event may not
        numbers = (signal.SIGTERM, signal.SIGINT)
        return {each: signal.signal(each, lambda number, frame: self._ended.put(number)) for each in numbers}

    def _wait(self) -> None:
        number = self._ended.get()
        if number is None:
            return
        log.info("%s: stopping, %d attempts run", signal.Signals(number).name, self._slots.busy)
        stopping = threading.Thread(target=self._stop_and_tell, name="treadle-stop", daemon=True)
        stopping.start()
        first = time.monotonic()
        while stopping.is_alive():
            if self._ended.get() is None:
                break
            if time.monotonic() - first < _ONE_SIGNAL_SECONDS:
                continue
            log.warning("a second signal: not waiting for what still runs")
            self.hurry()
        stopping.join()

    def _stop_and_tell(self) -> None:
        try:
            self.stop()
        finally:
            self._ended.put(None)  # also when it failed: the process must end

    def _supervise(self) -> None:
        backoff, refusals = Backoff(), 0
        for target in cycle(self._targets):
            if self._stopping.is_set():
                break
            error = self._work_for(target)
            if self._connected.is_set():
                self._connected.clear()
                self._was_connected = True
                backoff.reset()
            refusals = refusals + 1 if self._is_refusal(error) else 0
            if refusals == len(self._targets):
                self.failure = error
                break
            self._pause(backoff.next(), target, error)
        self._ended.put(None)

    def _is_refusal(self, error: TreadleError | None) -> bool:
        """Every target refuses what we say of ourselves: that is for somebody to mend. Later it may be a token being
        replaced, or a proxy: then it is tried again."""
        return error is not None and error.code in _REFUSALS and not self._was_connected

    def _work_for(self, target: str) -> TreadleError | None:
        """One stream, from its beginning to its end; answers with what it broke of."""
        session = Session(self._facts, target, self._security, self._runner, self._slots)
        session.when_registered(self._connected.set)
        with self._lock:
            self._session = session
        if self._stopping.is_set():  # whoever stops may have looked just before
            return None
        try:
            session.run()
        except TreadleError as error:
            return error
        except Exception as error:  # a fault of ours must not leave a worker that lives and does nothing
            log.exception("the connection to %s ended in an unexpected error", target)
            return TreadleError("internal", str(error))
        finally:
            with self._lock:
                self._session = None
        return None

    def _pause(self, seconds: float, target: str, error: TreadleError | None) -> None:
        if self._stopping.is_set():
            return
        if error is not None:
            words = "no connection to %s (%s): %s; next attempt in %.1f s"
            log.warning(words, target, error.code, error.message, seconds)
        self._stopping.wait(seconds)

    def _leave(self, session: Session, grace: float) -> None:
        if not session.registered.is_set():
            session.close()
            return
        session.drain("the worker stops")
        if not session.wait_until_answered(grace, self._hurry):
            session.cancel_all("worker_stopping", "the worker stops, and its grace is over")
            session.wait_until_answered(
                0.0 if self._hurry.is_set() else _LAST_WORDS_SECONDS, threading.Event()
            )
            session.release_all()
        if not session.over.wait(_GOODBYE_SECONDS):
            session.close()

    def __enter__(self) -> Worker:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, frames: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Worker:
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, frames: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)
