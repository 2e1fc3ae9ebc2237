"""The client for threads: each call blocks until the engine has answered. Errors are TreadleError."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, TypeVar

import grpc
from typing_extensions import Unpack

from ..channel import Security, open_channel
from ..errors import TreadleError
from ..rpc_errors import treadle_error
from ..target import first_target
from . import calls
from .calls import SERVICE, Call
from .records import Cancelled, CreatedTask, Retried, State, TaskDetails, TaskNews, Template
from .task_request import TaskOptions, TaskRequest

Answer = TypeVar("Answer")

DEFAULT_TIMEOUT_SECONDS = 30.0

#: Seconds between two attempts to go on watching when an engine went away.
REWATCH_SECONDS = 0.5


class Client:
    """Safe to use from any thread, and after a fork (the child gets a connection of its own).

        with Client("engine:7465", token=...) as client:
            task = client.create_task("fulfil_order", {"order_id": 7})
            print(client.wait_for_task(task.task_id, timeout=60).state)

    `target`: default TREADLE_TARGET. `timeout`: seconds that each call may take, watching apart.
    """

    def __init__(
        self,
        target: str | None = None,
        *,
        token: str | None = None,
        security: Security | None = None,
        timeout: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> None:
        self._target = first_target(target)
        self._security = security or Security(token=token)
        self._security.check(self._target)
        self._timeout = timeout
        self._channel: grpc.Channel | None = None
        self._made_by = 0

    def create_task(self, name: str, context: Any, **options: Unpack[TaskOptions]) -> CreatedTask:
        """Creates a task of a template, or finds the one with the same identity. `options` as in TaskRequest."""
        return self._make(calls.create_task(TaskRequest(name, context, **options)))

    def create_tasks(self, requests: Sequence[TaskRequest]) -> list[CreatedTask]:
        """Creates at most 10,000 tasks in one transaction: all of them or none."""
        return self._make(calls.create_tasks(requests))

    def get_task(self, task_id: int) -> TaskDetails:
        """One task with its steps. `unknown_task`: there is none."""
        return self._make(calls.get_task(task_id))

    def list_tasks(
        self, *, namespace_name: str = "", name: str = "", state: State | None = None, page_size: int = 0
    ) -> Iterator[TaskDetails]:
        """Tasks without their steps, the newest first; pages are fetched as they are needed."""
        token = ""
        while True:
            page = self._make(calls.list_tasks(namespace_name, name, state, page_size, token))
            yield from page.tasks
            token = page.next_page_token
            if not token:
                return

    def watch_task(self, task_id: int) -> Iterator[TaskNews]:
        """The task as it is, and what happens to it until it ends. Leaving the loop ends the watch."""
        return self._watch(task_id, None)

    def wait_for_task(self, task_id: int, timeout: float | None = None) -> TaskDetails:
        """The task once it has ended, also when engines come and go. Raises TimeoutError after `timeout` seconds."""
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            try:
                ended = self._wait_for_end(task_id, until)
            except TreadleError as error:
                if error.code not in ("unavailable", "deadline_exceeded"):
                    raise
                ended = None
            if ended is not None:
                return ended
            if until is not None and time.monotonic() >= until:
                raise TimeoutError(f"task {task_id} has not ended within {timeout} s")
            time.sleep(REWATCH_SECONDS)

    def cancel_task(self, task_id: int, *, by: str = "", reason: str = "") -> Cancelled:
        """Cancels a task with all its unfinished steps; running handlers are told."""
        return self._make(calls.cancel_task(task_id, calls.operator(by, reason)))

    def pause(
        self,
        *,
        task_id: int | None = None,
        namespace_name: str | None = None,
        handler: str | None = None,
        by: str = "",
        reason: str = "",
    ) -> bool:
        """No step of it is claimed from now on; running ones go on. False: it was paused already."""
        target = calls.pause_target(task_id, namespace_name, handler)
        return self._make(calls.pause(target, calls.operator(by, reason)))

    def resume(
        self, *, task_id: int | None = None, namespace_name: str | None = None, handler: str | None = None
    ) -> bool:
        """Ends a pause. False: it was not paused."""
        return self._make(calls.resume(calls.pause_target(task_id, namespace_name, handler)))

    def retry_task(self, task_id: int, *, by: str = "", reason: str = "") -> Retried:
        """Gives all failed steps of a task a fresh allowance of attempts."""
        return self._make(calls.retry_task(task_id, calls.operator(by, reason)))

    def retry_step(self, workflow_step_id: int, *, by: str = "", reason: str = "") -> State:
        """The same for one step; answers with its state."""
        return self._make(calls.retry_step(workflow_step_id, calls.operator(by, reason)))

    def resolve_task(self, task_id: int, *, by: str = "", reason: str = "") -> None:
        """Ends a failed task for good."""
        self._make(calls.resolve_task(task_id, calls.operator(by, reason)))

    def resolve_step(
        self,
        workflow_step_id: int,
        results: Any = None,
        *,
        force: bool = False,
        by: str = "",
        reason: str = "",
    ) -> State:
        """Resolves a step by hand: children see `results` (None: what it has). `force`: also a running one.

        Answers with the state of its task."""
        return self._make(calls.resolve_step(workflow_step_id, calls.operator(by, reason), results, force))

    def run_task(self, task_id: int) -> State:
        """Runs a task that is due: what the job of a queue calls. A second call does no harm."""
        return self._make(calls.run_task(task_id))

    def list_templates(self) -> list[Template]:
        """All registered templates, without their steps."""
        return self._make(calls.list_templates())

    def get_template(self, name: str, *, namespace_name: str = "", version: str = "") -> Template:
        """One template with its steps; the latest version unless one is given."""
        return self._make(calls.get_template(name, namespace_name, version))

    def close(self) -> None:
        """Ends the connection; a later call makes a new one."""
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, frames: TracebackType | None
    ) -> None:
        self.close()

    def _make(self, call: Call[Answer]) -> Answer:
        send = self._connected().unary_unary(
            SERVICE + call.method,
            request_serializer=type(call.request).SerializeToString,
            response_deserializer=call.response.FromString,
        )
        try:
            answer = send(call.request, timeout=self._timeout, metadata=self._security.metadata())
        except grpc.RpcError as error:
            raise treadle_error(error) from error
        return call.read(answer)

    def _watch(self, task_id: int, seconds: float | None) -> Iterator[TaskNews]:
        call = calls.watch_task(task_id)
        send = self._connected().unary_stream(
            SERVICE + call.method,
            request_serializer=type(call.request).SerializeToString,
            response_deserializer=call.response.FromString,
        )
        stream = send(call.request, timeout=seconds, metadata=self._security.metadata())
        try:
            for answer in stream:
                news = call.read(answer)
                if news is not None:
                    yield news
        except grpc.RpcError as error:
            raise treadle_error(error) from error
        finally:
            stream.cancel()

    def _wait_for_end(self, task_id: int, until: float | None) -> TaskDetails | None:
        left = None if until is None else max(until - time.monotonic(), 0.001)
        for news in self._watch(task_id, left):
            if isinstance(news, TaskDetails) and news.has_ended:
                return news
        return None

    def _connected(self) -> grpc.Channel:
        if self._channel is None or self._made_by != os.getpid():  # a channel does not survive a fork
            self._channel, self._made_by = open_channel(self._target, self._security), os.getpid()
        return self._channel
