"""What a worker says of itself when it registers."""

from __future__ import annotations

import os
import platform
import socket
from dataclasses import dataclass, field

from .._proto.treadle.v1 import worker_pb2
from ..version import VERSION


@dataclass(frozen=True)
class WorkerFacts:
    """The same on every stream."""

    name: str
    handlers: list[str]
    capacity: int
    labels: dict[str, str] = field(default_factory=dict)

    def register(self) -> worker_pb2.WorkRequest:
        """The first message of a stream."""
        register = worker_pb2.Register(
            name=self.name,
            handlers=self.handlers,
            language="python",
            language_version=platform.python_version(),
            package_version=VERSION,
            capacity=self.capacity,
            labels=self.labels,
        )
        return worker_pb2.WorkRequest(register=register)


def default_name() -> str:
    """For people and logs, as `payments-7f9c:4711`."""
    return f"{socket.gethostname()[:200]}:{os.getpid()}"
