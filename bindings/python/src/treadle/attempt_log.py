"""The logger of one attempt, which says whose it is in every record. Most handlers never write anything: nothing is looked up
before the first record."""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING, Any

from .handler import AnyHandler, name_of
from .lazy import lazy

if TYPE_CHECKING:
    from ._proto.treadle.v1 import worker_pb2

    _Adapter = logging.LoggerAdapter[logging.Logger]
else:
    _Adapter = logging.LoggerAdapter  # takes no types at run time before Python 3.11


class AttemptLog(_Adapter):
    """Of the logger `treadle.handlers.<name>`."""

    #: What a record brings itself is replaced by the facts, as always before Python 3.13.
    merge_extra = False

    def __init__(self, handler: AnyHandler, assignment: worker_pb2.Assignment) -> None:
        self._handler = handler
        self._assignment = assignment

    @lazy
    def logger(self) -> logging.Logger:
        """Where it writes."""
        return _logger_of(self._name())

    @lazy
    def extra(self) -> dict[str, Any]:
        """Whose attempt it is."""
        return {
            "task_id": self._assignment.task.task_id,
            "workflow_step_id": self._assignment.workflow_step_id,
            "handler": self._name(),
            "attempt": self._assignment.attempt,
        }

    def _name(self) -> str:
        return self._assignment.handler or name_of(self._handler)


@cache
def _logger_of(handler_name: str) -> logging.Logger:
    """Looking for it takes a lock that all threads share."""
    return logging.getLogger(f"treadle.handlers.{handler_name}")
