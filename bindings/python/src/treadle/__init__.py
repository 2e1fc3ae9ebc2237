"""Treadle in Python: step handlers, the worker that runs them for an engine, and a client.

from treadle import PermanentError, RetryableError, StepHandler

class Reserve(StepHandler):
    def process(self, task, sequence, step):
        return {"reserved": sequence["validate_order"]["quantity"]}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .cancellation import Cancellation
from .errors import FencedError, PermanentError, RetryableError, StepCancelled, TreadleError
from .handler import StepHandler
from .outcome import Completed, CompletedInTransaction, Failed, Outcome, Released
from .sequence import ParentStep, Sequence
from .step import Step
from .task import Task
from .transaction import StepTransaction
from .version import VERSION as __version__

if TYPE_CHECKING:
    from .client import AsyncClient, Client, TaskRequest
    from .worker import Worker

__all__ = [
    "AsyncClient",
    "Cancellation",
    "Client",
    "Completed",
    "CompletedInTransaction",
    "Failed",
    "FencedError",
    "Outcome",
    "ParentStep",
    "PermanentError",
    "Released",
    "RetryableError",
    "Sequence",
    "Step",
    "StepCancelled",
    "StepHandler",
    "StepTransaction",
    "Task",
    "TaskRequest",
    "TreadleError",
    "Worker",
    "__version__",
]

#: Loaded for the first who asks: gRPC is large, and a process of a pool that only runs handlers does without.
_LATER = {"AsyncClient": "client", "Client": "client", "TaskRequest": "client", "Worker": "worker"}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
