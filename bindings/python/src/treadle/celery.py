"""Treadle's jobs in Celery: the task `treadle.run_task`, which asks an engine to run a task that is due.

    from treadle.celery import run_task      # in a module that your Celery app imports

The connection comes from the environment: TREADLE_TARGET (several, separated by commas, are tried in turn), TREADLE_TOKEN,
TREADLE_TLS=1, TREADLE_TLS_CA, TREADLE_TLS_CERT, TREADLE_TLS_KEY, TREADLE_GRPC_ALLOW_PLAINTEXT=1.
"""

from __future__ import annotations

import logging
import os
import random
import threading
from typing import TYPE_CHECKING, Any

from celery import shared_task

from .errors import TreadleError
from .target import targets_of

if TYPE_CHECKING:
    from .channel import Security
    from .client import Client

__all__ = ["run_task"]

log = logging.getLogger("treadle.celery")

#: Seconds that one call may take, and the longest wait between two tries: well below what a broker lets a worker wait.
CALL_SECONDS = 30.0
FIRST_RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 60.0

#: Another engine may answer where this one did not.
_TRY_ANOTHER = frozenset({"unavailable", "deadline_exceeded"})


class _Engines:
    """Connections of this process, made at the first job: what gRPC makes before Celery forks does not work after it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clients: dict[str, Client] = {}

    def run_task(self, task_id: int) -> str:
        """Asks the engines in turn. The error is that of the last one."""
        *others, last = targets_of(None)
        for target in others:
            try:
                return self._ask(target, task_id)
            except TreadleError as error:
                if error.code not in _TRY_ANOTHER:
                    raise
        return self._ask(last, task_id)

    def _ask(self, target: str, task_id: int) -> str:
        client = self._client(target)
        try:
            return client.run_task(task_id)
        except TreadleError as error:
            if error.code == "unavailable":
                self._forget(target, client)
            raise

    def _client(self, target: str) -> Client:
        from .client import Client  # loads gRPC

        with self._lock:
            if target not in self._clients:
                self._clients[target] = Client(target, security=_security(), timeout=CALL_SECONDS)
            return self._clients[target]

    def _forget(self, target: str, client: Client) -> None:
        """A new connection is tried at once, a broken one only after up to two minutes. Others may still be using it."""
        with self._lock:
            if self._clients.get(target) is client:
                del self._clients[target]


def _security() -> Security:
    from .channel import Security

    return Security(
        tls=os.environ.get("TREADLE_TLS") == "1",
        tls_ca=os.environ.get("TREADLE_TLS_CA") or None,
        tls_cert=os.environ.get("TREADLE_TLS_CERT") or None,
        tls_key=os.environ.get("TREADLE_TLS_KEY") or None,
    )


_engines = _Engines()


def _delay_before(retry: int) -> float:
    """Seconds; doubled each time, of which a random half to all is waited."""
    most = min(FIRST_RETRY_SECONDS * 2.0 ** min(retry, 20), LONGEST_RETRY_SECONDS)
    return random.uniform(most / 2, most)


def _run_task(self: Any, task_id: int, reason: str = "", correlation_id: str = "") -> str | None:
    """Runs a task that is due, and answers with its state. An engine that cannot do it now is asked again, for ever.

    A task that does not exist (any more) is dropped, with one line in the log."""
    try:
        state = _engines.run_task(task_id)
    except TreadleError as error:
        if error.code == "unknown_task":
            log.warning("job dropped: there is no task %s (%s)", task_id, correlation_id)
            return None
        why = RuntimeError(f"{error.code}: {error.message} (task {task_id}, {correlation_id})")
        raise self.retry(exc=why, countdown=_delay_before(self.request.retries)) from None
    log.info("task %s is %s (%s, %s)", task_id, state, reason, correlation_id)
    return state


#: The Celery task.
run_task: Any = shared_task(
    bind=True,
    name="treadle.run_task",
    # A worker that dies gives the job back; a job that runs twice does no harm.
    acks_late=True,
    reject_on_worker_lost=True,
    ignore_result=True,
    max_retries=None,
)(_run_task)
