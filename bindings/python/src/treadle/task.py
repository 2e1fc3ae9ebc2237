"""The task of a step, as a handler sees it."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic

from .declared_types import ContextT
from .json_text import parse

if TYPE_CHECKING:
    from ._proto.treadle.v1 import worker_pb2


class Task(Generic[ContextT]):
    """Read only. The context is parsed for the first who looks."""

    def __init__(self, message: worker_pb2.Task) -> None:
        self._message = message
        self.task_id: int = message.task_id
        self.namespace_name: str = message.namespace_name
        self.name: str = message.name
        self.version: str = message.version
        #: Who asked for the task, where, and why.
        self.initiator: str = message.initiator
        self.source_system: str = message.source_system
        self.reason: str = message.reason

    @cached_property
    def context(self) -> ContextT:
        """What the task is about: a dict, or the model that the handler declares."""
        value: ContextT = parse(self._message.context_json)
        return value

    @cached_property
    def tags(self) -> Any:
        """Labels: a list of strings, or whatever a Rails app has put there."""
        return parse(self._message.tags_json, otherwise="[]")

    @cached_property
    def requested_at(self) -> datetime | None:
        """When it was asked for, in UTC."""
        text = self._message.requested_at
        return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None

    def __repr__(self) -> str:
        return f"Task({self.task_id}, {self.namespace_name}.{self.name}@{self.version})"
