"""The client: makes tasks, looks at them, acts on them."""

from __future__ import annotations

from .async_client import AsyncClient
from .client import Client
from .records import (
    END_STATES,
    Cancelled,
    CreatedTask,
    Progress,
    Retried,
    State,
    StepDetails,
    StepTemplate,
    TaskDetails,
    TaskNews,
    Template,
)
from .task_request import TaskRequest

__all__ = [
    "END_STATES",
    "AsyncClient",
    "Cancelled",
    "Client",
    "CreatedTask",
    "Progress",
    "Retried",
    "State",
    "StepDetails",
    "StepTemplate",
    "TaskDetails",
    "TaskNews",
    "TaskRequest",
    "Template",
]
