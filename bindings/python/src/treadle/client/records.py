"""What an engine answers, as values: states are words, times are datetimes, JSON is parsed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

from .._proto.treadle.v1 import client_pb2
from ..json_text import parse

State = Literal["pending", "in_progress", "complete", "error", "cancelled", "resolved_manually"]

#: States in which a task has ended: nothing of it runs until somebody acts.
END_STATES: frozenset[State] = frozenset({"complete", "error", "cancelled", "resolved_manually"})


@dataclass(frozen=True)
class CreatedTask:
    """`created` is False when a task with the same identity was there."""

    task_id: int
    created: bool


@dataclass(frozen=True)
class StepDetails:
    """A step as it is."""

    workflow_step_id: int
    name: str
    state: State
    #: Attempts that were made, and that it has in all.
    attempts: int
    retry_limit: int
    #: Its results, or the error of its last attempt; None: nothing.
    results: Any
    depends_on_steps: tuple[str, ...]
    #: Why an unfinished step is where it is, in words.
    explanation: str


@dataclass(frozen=True)
class TaskDetails:
    """A task as it is. In lists it comes without its steps."""

    task_id: int
    namespace_name: str
    name: str
    version: str
    state: State
    state_since: datetime | None
    created_at: datetime | None
    context: dict[str, Any]
    initiator: str
    source_system: str
    reason: str
    tags: Any
    deadline_at: datetime | None
    steps: tuple[StepDetails, ...]

    @property
    def has_ended(self) -> bool:
        """Whether nothing of it runs until somebody acts."""
        return self.state in END_STATES

    def step(self, name: str) -> StepDetails:
        """The step called `name`. Raises KeyError when there is none."""
        for each in self.steps:
            if each.name == name:
                return each
        raise KeyError(name)


@dataclass(frozen=True)
class Progress:
    """How far a running step is, as its worker says."""

    workflow_step_id: int
    name: str
    fraction: float | None
    message: str


#: What `watch_task` brings.
TaskNews: TypeAlias = "TaskDetails | StepDetails | Progress"


@dataclass(frozen=True)
class Cancelled:
    """Steps that were cancelled with their task, and those of them that ran."""

    cancelled_steps: int
    running_steps: int


@dataclass(frozen=True)
class Retried:
    """Steps that run again, and where their task is now."""

    retried_steps: int
    state: State


@dataclass(frozen=True)
class StepTemplate:
    """A step of a template."""

    name: str
    handler: str
    depends_on_steps: tuple[str, ...]
    #: Where the handler runs, as `native-python`; None: wherever it is offered.
    runtime: str | None = None


@dataclass(frozen=True)
class Template:
    """What tasks are made of. In lists it comes without its steps."""

    namespace_name: str
    name: str
    version: str
    description: str
    #: JSON Schema of the context; None: anything.
    schema: Any
    steps: tuple[StepTemplate, ...]


def state_of(number: int) -> State:
    """The word of a state."""
    name = client_pb2.State.Name(number)
    word: Any = name.removeprefix("STATE_").lower()
    state: State = word
    return state


def task_of(message: client_pb2.TaskDetails) -> TaskDetails:
    """From the message of the same name."""
    return TaskDetails(
        task_id=message.task_id,
        namespace_name=message.namespace_name,
        name=message.name,
        version=message.version,
        state=state_of(message.state),
        state_since=_time(message.state_since),
        created_at=_time(message.created_at),
        context=parse(message.context_json),
        initiator=message.initiator,
        source_system=message.source_system,
        reason=message.reason,
        tags=parse(message.tags_json, otherwise="null"),
        deadline_at=_time(message.deadline_at),
        steps=tuple(map(step_of, message.steps)),
    )


def step_of(message: client_pb2.StepDetails) -> StepDetails:
    """From the message of the same name."""
    return StepDetails(
        workflow_step_id=message.workflow_step_id,
        name=message.name,
        state=state_of(message.state),
        attempts=message.attempts,
        retry_limit=message.retry_limit,
        results=parse(message.results_json, otherwise="null"),
        depends_on_steps=tuple(message.depends_on_steps),
        explanation=message.explanation,
    )


def news_of(message: client_pb2.WatchTaskResponse) -> TaskNews | None:
    """None for what a later engine may have to say."""
    kind = message.WhichOneof("message")
    if kind == "task":
        return task_of(message.task)
    if kind == "step":
        return step_of(message.step)
    if kind != "progress":
        return None
    progress = message.progress
    fraction = progress.fraction if progress.HasField("fraction") else None
    return Progress(progress.workflow_step_id, progress.name, fraction, progress.message)


def template_of(message: client_pb2.Template) -> Template:
    """From the message of the same name."""
    return Template(
        namespace_name=message.namespace_name,
        name=message.name,
        version=message.version,
        description=message.description,
        schema=parse(message.schema_json, otherwise="null"),
        steps=tuple(
            StepTemplate(each.name, each.handler, tuple(each.depends_on_steps), each.runtime or None)
            for each in message.steps
        ),
    )


def _time(text: str) -> datetime | None:
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None
