"""What waits to be sent. gRPC takes the next message when it has sent the one before, and what has gathered meanwhile
goes together: no timer delays anybody, and a busy worker sends few and large messages."""

from __future__ import annotations

import threading
from collections import deque
from queue import SimpleQueue

from .._proto.treadle.v1 import worker_pb2

#: Room for what is around the outcomes in a message.
_MARGIN_BYTES = 1_024


class Outbox:
    """The requests of one stream, as an iterator that blocks. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        #: Wakes whoever waits for the next message: several times faster than a Condition, which is written in Python.
        self._news: SimpleQueue[None] = SimpleQueue()
        self._first: deque[worker_pb2.WorkRequest] = deque()
        self._outcomes: deque[worker_pb2.Outcome] = deque()
        self._progress: dict[str, worker_pb2.Progress] = {}
        self._credits = 0
        self._closed = False
        #: Bytes that one message may have; the engine says it when the worker registers.
        self.max_message_bytes = 4 * 1024 * 1024

    def send(self, request: worker_pb2.WorkRequest) -> None:
        """As it is, before all else."""
        with self._lock:
            self._first.append(request)
        self._news.put(None)

    def answer(self, outcome: worker_pb2.Outcome, additional_credits: int) -> None:
        """What an attempt ended in, and the room that it left."""
        with self._lock:
            self._progress.pop(outcome.claim_token, None)
            self._outcomes.append(outcome)
            self._credits += additional_credits
        self._news.put(None)

    def grant(self, additional_credits: int) -> None:
        """The worker can take so many steps more."""
        with self._lock:
            self._credits += additional_credits
        self._news.put(None)

    def report(self, progress: worker_pb2.Progress) -> None:
        """Only the latest of an attempt is sent: nobody reads what came before."""
        with self._lock:
            self._progress[progress.claim_token] = progress
        self._news.put(None)

    def close(self) -> None:
        """Nothing follows after what is in here now."""
        with self._lock:
            self._closed = True
        self._news.put(None)

    def __iter__(self) -> Outbox:
        return self

    def __next__(self) -> worker_pb2.WorkRequest:
        while True:
            with self._lock:
                request = self._next()
                if request is not None:
                    return request
                if self._closed:
                    raise StopIteration
            self._news.get()

    def _next(self) -> worker_pb2.WorkRequest | None:
        if self._first:
            return self._first.popleft()
        if self._outcomes:
            return worker_pb2.WorkRequest(outcomes=self._gathered())
        if self._credits:
            credits, self._credits = self._credits, 0
            return worker_pb2.WorkRequest(credits=worker_pb2.Credits(additional=credits))
        if self._progress:
            return worker_pb2.WorkRequest(progress=self._progress.pop(next(iter(self._progress))))
        return None

    def _gathered(self) -> worker_pb2.Outcomes:
        """All outcomes that fit into one message; one alone always goes: the engine says what is wrong with it."""
        credits, self._credits = self._credits, 0
        message = worker_pb2.Outcomes(additional_credits=credits)
        left = self.max_message_bytes - _MARGIN_BYTES
        while self._outcomes:
            left -= self._outcomes[0].ByteSize() + 8
            if left < 0 and message.outcomes:
                break
            message.outcomes.append(self._outcomes.popleft())
        return message
