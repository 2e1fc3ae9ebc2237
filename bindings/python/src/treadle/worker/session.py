"""One stream to one engine, from `register` to its end. What its attempts came to is sent on it or not at all: when it
breaks, the engine has given their steps to somebody else."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc

from .._proto.treadle.v1 import worker_pb2
from ..channel import Security, open_channel
from ..errors import StopReason, TreadleError
from ..outcome import Outcome, Released
from ..rpc_errors import treadle_error
from .facts import WorkerFacts
from .job import Job
from .outbox import Outbox
from .runner import Runner
from .slots import Slots
from .stopping import STILL_COUNTS, was_stopped
from .wire import outcome_message, stop_reason

log = logging.getLogger("treadle.worker")

_WORK = "/treadle.v1.WorkerService/Work"

#: Seconds in which an engine must have answered `register`.
REGISTRATION_SECONDS = 10.0


class Session:
    """Safe to use from any thread, save for `run`, which belongs to one and blocks it."""

    def __init__(
        self, facts: WorkerFacts, target: str, security: Security, runner: Runner, slots: Slots
    ) -> None:
        self._facts = facts
        self._target = target
        self._security = security
        self._runner = runner
        self._slots = slots
        self._outbox = Outbox()
        self._changed = threading.Condition()
        #: Attempts whose answers the engine waits for.
        self._held: dict[str, Job] = {}
        self._leaving = False
        #: The engine has said that it assigns nothing more.
        self._nothing_comes = False
        self._impatient = False
        self._welcome: Callable[[], object] = _nothing
        self._call: Any = None
        self._stop_heartbeat: Callable[[], None] | None = None
        self._max_result_bytes = 0
        self.registered = threading.Event()
        #: The stream has ended, or was broken off.
        self.over = threading.Event()

    def run(self) -> None:
        """Until the stream has ended. Raises TreadleError when it broke; after a drain it just ends."""
        channel = open_channel(self._target, self._security)
        try:
            for response in self._responses(channel):
                self._hear(response)
        except grpc.RpcError as error:
            if not (self._leaving and not self._held):  # else the engine ends the stream as it likes
                raise self._broken(error) from error
        finally:
            self._end()
            channel.close()
        if not self._leaving:
            raise TreadleError("unavailable", "the engine ended the stream")

    def _responses(self, channel: grpc.Channel) -> Iterator[worker_pb2.WorkResponse]:
        self._outbox.send(self._facts.register())
        open_stream = channel.stream_stream(
            _WORK,
            request_serializer=worker_pb2.WorkRequest.SerializeToString,
            response_deserializer=worker_pb2.WorkResponse.FromString,
        )
        call = self._call = open_stream(self._outbox, metadata=self._security.metadata())
        if self.over.is_set():
            call.cancel()
        impatience = threading.Timer(REGISTRATION_SECONDS, self._give_up)
        impatience.daemon = True
        impatience.start()
        try:
            yield from call
        finally:
            impatience.cancel()

    def _give_up(self) -> None:
        if not self.registered.is_set():
            self._impatient = True
            self.close()

    def _broken(self, error: grpc.RpcError) -> TreadleError:
        if self._impatient:
            return TreadleError(
                "deadline_exceeded", f"no answer to register within {REGISTRATION_SECONDS:.0f} s"
            )
        return treadle_error(error)

    def _hear(self, response: worker_pb2.WorkResponse) -> None:
        kind = response.WhichOneof("message")
        if kind == "assignments":
            for assignment in response.assignments.assignments:
                self._begin(assignment)
        elif kind == "registered":
            self._welcomed(response.registered)
        elif kind == "cancel":
            self._cancel(response.cancel)
        elif kind == "drain":
            if not self._leaving:
                log.info("the engine at %s stops: %s", self._target, response.drain.reason)
            self._nothing_comes = True
            self._leave()
        elif kind == "refusals":
            log.info(
                "%d outcomes came too late: their steps had been taken away",
                len(response.refusals.claim_tokens),
            )

    def _welcomed(self, terms: worker_pb2.Registered) -> None:
        self._outbox.max_message_bytes = terms.max_message_bytes or self._outbox.max_message_bytes
        self._max_result_bytes = terms.max_result_bytes
        heartbeat = worker_pb2.WorkRequest(heartbeat=worker_pb2.Heartbeat())
        seconds = (terms.heartbeat_interval_ms or 5_000) / 1000
        self._stop_heartbeat = self._runner.loop.every(seconds, lambda: self._outbox.send(heartbeat))
        if not self._leaving:
            self._slots.attach(self)
        self.registered.set()
        self._welcome()
        log.info(
            "connected to %s (engine %s, version %s), serving %d handlers, %d attempts at once",
            self._target,
            terms.engine_id,
            terms.engine_version,
            len(self._facts.handlers),
            self._facts.capacity,
        )
        if terms.elsewhere:
            others = ", ".join(f"{each.handler} to {each.runtime}" for each in terms.elsewhere)
            log.warning("templates send handlers past this worker: %s", others)

    def _begin(self, assignment: worker_pb2.Assignment) -> None:
        if self._leaving:
            self._outbox.answer(outcome_message(assignment.claim_token, Released()), 0)
            return
        job = Job(assignment, self._max_result_bytes, self._report, self._ended)
        with self._changed:
            self._held[job.claim_token] = job
        self._slots.take()
        self._runner.begin(job)

    def _report(self, job: Job, fraction: float | None, message: str) -> None:
        if job.claim_token in self._held:
            self._outbox.report(
                worker_pb2.Progress(claim_token=job.claim_token, fraction=fraction, message=message)
            )

    def _ended(self, job: Job, outcome: Outcome) -> None:
        credits = 1 if self._slots.free(self) and not self._leaving else 0
        if was_stopped(job, outcome):
            outcome = Released()
        if not self._answer(job, outcome, credits) and credits:
            self._outbox.grant(credits)
        if self._leaving:
            self._close_when_idle()

    def _answer(self, job: Job, outcome: Outcome, credits: int = 0) -> bool:
        """False: the engine does not wait for it any more. Whoever finds nothing held may close the outbox, so that the
        answer must be in there before the job is not."""
        with self._changed:
            if job.claim_token not in self._held:
                return False
            self._outbox.answer(outcome_message(job.claim_token, outcome, job.duration_us), credits)
            self._forget(job)
            return True

    def _forget(self, job: Job) -> None:
        with self._changed:
            self._held.pop(job.claim_token, None)
            self._changed.notify_all()

    def _cancel(self, cancel: worker_pb2.Cancel) -> None:
        job = self._held.get(cancel.claim_token)
        if job is None:
            return
        reason = stop_reason(cancel.reason)
        if reason not in STILL_COUNTS:
            self._forget(job)
        job.cancelled.set(reason, cancel.message or f"the attempt should stop: {reason}")
        if self._leaving:
            self._close_when_idle()

    def when_registered(self, listener: Callable[[], object]) -> None:
        """Told when the engine has accepted the worker."""
        self._welcome = listener

    def grant(self, additional_credits: int) -> None:
        """As Slots asks."""
        self._outbox.grant(additional_credits)

    def drain(self, reason: str) -> None:
        """Takes nothing more, answers what is held, and ends."""
        if not self._leaving:
            self._outbox.send(worker_pb2.WorkRequest(drain=worker_pb2.Drain(reason=reason)))
            self._leave()

    def _leave(self) -> None:
        self._slots.detach(self)
        self._leaving = True
        self._close_when_idle()

    def _close_when_idle(self) -> None:
        """Until the engine has answered our drain a step may be on its way: closing our half would lose it."""
        with self._changed:
            if self._held or not self._nothing_comes:
                return
        self._outbox.close()

    def wait_until_answered(self, timeout: float, hurry: threading.Event) -> bool:
        """Whether nothing is held any more. Ends early when there is a hurry (see `hurry_up`)."""
        with self._changed:
            self._changed.wait_for(lambda: not self._held or hurry.is_set(), timeout)
            return not self._held

    def hurry_up(self) -> None:
        """Whoever waits looks again."""
        with self._changed:
            self._changed.notify_all()

    def cancel_all(self, reason: StopReason, message: str) -> None:
        """Tells all attempts that run to stop."""
        for job in list(self._held.values()):
            job.cancelled.set(reason, message)

    def release_all(self) -> None:
        """Gives back all that is held: nobody waits for it here any more."""
        for job in list(self._held.values()):
            self._answer(job, Released())
        self._close_when_idle()

    def close(self) -> None:
        """Breaks the stream."""
        self.over.set()
        if self._call is not None:
            self._call.cancel()

    def _end(self) -> None:
        self._slots.detach(self)
        self._outbox.close()
        if self._stop_heartbeat:
            self._stop_heartbeat()
        with self._changed:
            lost = list(self._held.values())
            self._held.clear()  # first: what they still answer is nothing that anybody waits for
            self._changed.notify_all()
        self.over.set()
        for job in lost:
            job.cancelled.set("disconnected", "the connection to the engine broke: the step runs elsewhere")


def _nothing() -> None:
    """Nobody listens."""
