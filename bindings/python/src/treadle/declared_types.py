"""The types that a handler may declare, each or none: `class Reserve(StepHandler[Order, Needs, Config, Reservation])`."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypeVar

#: The task's context.
ContextT = TypeVar("ContextT", default=dict[str, Any])
#: The results of the parents by step name.
NeedsT = TypeVar("NeedsT", default=dict[str, Any])
#: The template's handler_config.
ConfigT = TypeVar("ConfigT", default=dict[str, Any])
#: What `process` returns.
OutputT = TypeVar("OutputT", default=Any)
