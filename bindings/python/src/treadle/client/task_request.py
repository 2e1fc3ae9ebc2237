"""What a task is to be. Held to the law for JSON here; everything else the engine checks, which knows the template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from typing_extensions import TypedDict

from .._proto.treadle.v1 import client_pb2
from ..errors import DeclarationError, TreadleError
from ..results import as_results
from ..tracing import current_trace

#: The engine says what is too large for it.
_ANY_SIZE = 2**31 - 1


class TaskOptions(TypedDict, total=False):
    """Of TaskRequest, all but the name and the context."""

    namespace_name: str
    version: str
    initiator: str
    source_system: str
    reason: str
    tags: Sequence[str]
    bypass_steps: Sequence[str]
    run_at: datetime | str | None
    deadline: float | timedelta | None
    identity_key: str
    trace_context: Mapping[str, str] | None


@dataclass(frozen=True)
class TaskRequest:
    """Empty texts are what the template or the engine says."""

    #: Name of the template.
    name: str
    #: A JSON object that fits the template's schema, or a pydantic model of one.
    context: Any
    namespace_name: str = ""
    version: str = ""
    initiator: str = ""
    source_system: str = ""
    reason: str = ""
    tags: Sequence[str] = ()
    #: Names of skippable steps that the task does without.
    bypass_steps: Sequence[str] = ()
    #: Earliest start: with its zone, or in UTC.
    run_at: datetime | str | None = None
    #: Seconds from the earliest start in which the task must have ended.
    deadline: float | timedelta | None = None
    #: The caller's own key: a second task with it is the first one.
    identity_key: str = ""
    #: W3C trace context. None: that of the span which is running here, where there is OpenTelemetry.
    trace_context: Mapping[str, str] | None = field(default=None, compare=False)

    def message(self) -> client_pb2.TaskRequest:
        """The message of the same name. Raises TreadleError `invalid_argument` for a context that is not JSON."""
        trace = current_trace() if self.trace_context is None else self.trace_context
        request = client_pb2.TaskRequest(
            name=self.name,
            namespace_name=self.namespace_name,
            version=self.version,
            context_json=json_argument("context", self.context),
            initiator=self.initiator,
            source_system=self.source_system,
            reason=self.reason,
            tags=list(self.tags),
            bypass_steps=list(self.bypass_steps),
            run_at=_instant(self.run_at),
            identity_key=self.identity_key,
            trace_context=dict(trace),
        )
        if self.deadline is not None:
            given = self.deadline
            request.deadline_seconds = given.total_seconds() if isinstance(given, timedelta) else given
        return request


def json_argument(what: str, value: Any) -> str:
    """The value as JSON text."""
    try:
        return as_results(value, _ANY_SIZE)
    except DeclarationError as error:
        message = str(error).replace("results that can be stored", f"a {what} that can be stored")
        raise TreadleError("invalid_argument", message) from error


def _instant(given: datetime | str | None) -> str:
    if given is None or isinstance(given, str):
        return given or ""
    aware = given if given.tzinfo else given.replace(tzinfo=timezone.utc)
    return aware.astimezone(timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")
