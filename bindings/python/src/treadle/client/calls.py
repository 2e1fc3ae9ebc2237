"""Each call of client.proto once, as a value: what is sent, and what the answer means. Client and AsyncClient differ only
in how they wait for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message

from .._proto.treadle.v1 import client_pb2 as pb
from ..errors import TreadleError
from . import records
from .records import state_of
from .task_request import TaskRequest, json_argument

Answer = TypeVar("Answer")

SERVICE = "/treadle.v1.ClientService/"


@dataclass(frozen=True)
class Call(Generic[Answer]):
    """A call, ready to be made."""

    method: str
    request: Message
    response: type[Message]
    read: Callable[[Any], Answer]


@dataclass(frozen=True)
class Page:
    """Some tasks, and the token for the next page; empty: none."""

    tasks: list[records.TaskDetails]
    next_page_token: str


def create_task(request: TaskRequest) -> Call[records.CreatedTask]:
    """NOT_FOUND, INVALID_ARGUMENT."""
    message = pb.CreateTaskRequest(task=request.message())
    return Call("CreateTask", message, pb.CreateTaskResponse, lambda answer: _created(answer.task))


def create_tasks(requests: Sequence[TaskRequest]) -> Call[list[records.CreatedTask]]:
    """All or none."""
    message = pb.CreateTasksRequest(tasks=[each.message() for each in requests])
    return Call(
        "CreateTasks", message, pb.CreateTasksResponse, lambda answer: list(map(_created, answer.tasks))
    )


def get_task(task_id: int) -> Call[records.TaskDetails]:
    """With its steps."""
    message = pb.GetTaskRequest(task_id=task_id)
    return Call("GetTask", message, pb.GetTaskResponse, lambda answer: records.task_of(answer.task))


def list_tasks(
    namespace_name: str, name: str, state: records.State | None, page_size: int, page_token: str
) -> Call[Page]:
    """One page."""
    message = pb.ListTasksRequest(
        namespace_name=namespace_name,
        name=name,
        state=f"STATE_{state.upper()}" if state else None,
        page_size=page_size,
        page_token=page_token,
    )

    def read(answer: pb.ListTasksResponse) -> Page:
        return Page([records.task_of(each) for each in answer.tasks], answer.next_page_token)

    return Call("ListTasks", message, pb.ListTasksResponse, read)


def watch_task(task_id: int) -> Call[records.TaskNews | None]:
    """A stream of answers."""
    return Call("WatchTask", pb.WatchTaskRequest(task_id=task_id), pb.WatchTaskResponse, records.news_of)


def cancel_task(task_id: int, operator: pb.Operator) -> Call[records.Cancelled]:
    """FAILED_PRECONDITION: it has ended."""
    message = pb.CancelTaskRequest(task_id=task_id, operator=operator)

    def read(answer: pb.CancelTaskResponse) -> records.Cancelled:
        return records.Cancelled(answer.cancelled_steps, answer.running_steps)

    return Call("CancelTask", message, pb.CancelTaskResponse, read)


def pause(target: pb.PauseTarget, operator: pb.Operator) -> Call[bool]:
    """Whether it was not paused before."""
    message = pb.PauseRequest(target=target, operator=operator)
    return Call("Pause", message, pb.PauseResponse, lambda answer: bool(answer.done))


def resume(target: pb.PauseTarget) -> Call[bool]:
    """Whether it was paused."""
    message = pb.ResumeRequest(target=target)
    return Call("Resume", message, pb.ResumeResponse, lambda answer: bool(answer.done))


def retry_task(task_id: int, operator: pb.Operator) -> Call[records.Retried]:
    """FAILED_PRECONDITION: it has no failed steps."""
    message = pb.RetryTaskRequest(task_id=task_id, operator=operator)

    def read(answer: pb.RetryTaskResponse) -> records.Retried:
        return records.Retried(answer.retried_steps, state_of(answer.state))

    return Call("RetryTask", message, pb.RetryTaskResponse, read)


def retry_step(workflow_step_id: int, operator: pb.Operator) -> Call[records.State]:
    """The state of the step afterwards."""
    message = pb.RetryStepRequest(workflow_step_id=workflow_step_id, operator=operator)
    return Call("RetryStep", message, pb.RetryStepResponse, lambda answer: state_of(answer.state))


def resolve_task(task_id: int, operator: pb.Operator) -> Call[None]:
    """FAILED_PRECONDITION: it has not failed."""
    message = pb.ResolveTaskRequest(task_id=task_id, operator=operator)
    return Call("ResolveTask", message, pb.ResolveTaskResponse, lambda answer: None)


def resolve_step(
    workflow_step_id: int, operator: pb.Operator, results: Any, force: bool
) -> Call[records.State]:
    """The state of the task afterwards."""
    message = pb.ResolveStepRequest(
        workflow_step_id=workflow_step_id,
        results_json="" if results is None else json_argument("result", results),
        force=force,
        operator=operator,
    )
    return Call("ResolveStep", message, pb.ResolveStepResponse, lambda answer: state_of(answer.task_state))


def run_task(task_id: int) -> Call[records.State]:
    """What the job of a queue calls."""
    message = pb.RunTaskRequest(task_id=task_id)
    return Call("RunTask", message, pb.RunTaskResponse, lambda answer: state_of(answer.state))


def list_templates() -> Call[list[records.Template]]:
    """Without steps."""

    def read(answer: pb.ListTemplatesResponse) -> list[records.Template]:
        return [records.template_of(each) for each in answer.templates]

    return Call("ListTemplates", pb.ListTemplatesRequest(), pb.ListTemplatesResponse, read)


def get_template(name: str, namespace_name: str, version: str) -> Call[records.Template]:
    """With its steps."""
    message = pb.GetTemplateRequest(name=name, namespace_name=namespace_name, version=version)
    return Call(
        "GetTemplate", message, pb.GetTemplateResponse, lambda answer: records.template_of(answer.template)
    )


def operator(by: str, reason: str) -> pb.Operator:
    """Who acts, and why."""
    return pb.Operator(by=by, reason=reason)


def pause_target(task_id: int | None, namespace_name: str | None, handler: str | None) -> pb.PauseTarget:
    """One of the three. Raises TreadleError `invalid_argument` for none or several."""
    given = [each for each in (task_id, namespace_name, handler) if each is not None]
    if len(given) != 1:
        expected = "expected one of task_id, namespace_name and handler"
        raise TreadleError("invalid_argument", f"{expected}, came {len(given)} of them")
    if task_id is not None:
        return pb.PauseTarget(task_id=task_id)
    if namespace_name is not None:
        return pb.PauseTarget(namespace_name=namespace_name)
    return pb.PauseTarget(handler=handler or "")


def _created(message: pb.CreatedTask) -> records.CreatedTask:
    return records.CreatedTask(message.task_id, message.created)
