"""The task of a step, as a handler sees it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic

from .declared_types import ContextT
from .json_text import parse
from .lazy import lazy

if TYPE_CHECKING:
    from ._proto.treadle.v1 import worker_pb2


class Task(Generic[ContextT]):
    """Read only. Whatever it has is read for the first who looks."""

    def __init__(self, message: worker_pb2.Task) -> None:
        self._message = message

    @property
    def task_id(self) -> int:
        """Its number."""
        return self._message.task_id

    @property
    def namespace_name(self) -> str:
        """Namespace of its template."""
        return self._message.namespace_name

    @property
    def name(self) -> str:
        """Name of its template."""
        return self._message.name

    @property
    def version(self) -> str:
        """Version of its template."""
        return self._message.version

    @property
    def initiator(self) -> str:
        """Who asked for the task."""
        return self._message.initiator

    @property
    def source_system(self) -> str:
        """Where it was asked for."""
        return self._message.source_system

    @property
    def reason(self) -> str:
        """Why it was asked for."""
        return self._message.reason

    @lazy
    def context(self) -> ContextT:
        """What the task is about: a dict, or the model that the handler declares."""
        value: ContextT = parse(self._message.context_json)
        return value

    @lazy
    def tags(self) -> Any:
        """Labels: a list of strings, or whatever a Rails app has put there."""
        return parse(self._message.tags_json, otherwise="[]")

    @lazy
    def requested_at(self) -> datetime | None:
        """When it was asked for, in UTC."""
        text = self._message.requested_at
        return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None

    def __repr__(self) -> str:
        return f"Task({self.task_id}, {self.namespace_name}.{self.name}@{self.version})"
