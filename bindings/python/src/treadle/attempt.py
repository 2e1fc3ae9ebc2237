"""One attempt while it lasts: what its handler is given, checked, and what becomes of what it returned.

The same for attempts on a thread and on the event loop; they differ only in how they `settle` an awaitable.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Awaitable, Callable
from typing import Any
from weakref import ref

from ._proto.treadle.v1 import worker_pb2
from .attempt_log import AttemptLog
from .cancellation import Cancellation
from .declaration import conform, dump
from .handler import AnyHandler, StepHandler
from .json_text import parse
from .outcome import Completed
from .results import DEFAULT_MAX_RESULT_BYTES, as_results
from .sequence import Sequence
from .step import ProgressListener, Step
from .task import Task
from .transaction import AttemptTransaction, StepTransaction

#: Answers what a hook has answered, awaited when it is awaitable.
Settle = Callable[[Any], Awaitable[Any]]


def ignore_progress(fraction: float | None, message: str) -> None:
    """For attempts that nobody watches."""


class Attempt:
    """Who is running what."""

    def __init__(
        self,
        handler: AnyHandler,
        assignment: worker_pb2.Assignment,
        *,
        cancelled: Cancellation | None = None,
        on_progress: ProgressListener = ignore_progress,
        max_result_bytes: int = DEFAULT_MAX_RESULT_BYTES,
    ) -> None:
        self.handler_class = handler
        self.assignment = assignment
        self.cancelled = Cancellation() if cancelled is None else cancelled
        self.max_result_bytes = max_result_bytes
        # weak, so that what an attempt holds is free when it has ended, and not when somebody looks for cycles
        self.step = Step(assignment, self.cancelled, on_progress, ref(self))
        self.task: Task[Any] = Task(assignment.task)
        self.sequence: Sequence[Any] = Sequence(assignment.parents)
        self.transaction = AttemptTransaction()
        self.settle: Settle = settle_by_waiting
        #: None until the input has been found fit.
        self.handler: StepHandler[Any, Any, Any, Any] | None = None
        self.log = AttemptLog(handler, assignment)

    def open(self) -> StepHandler[Any, Any, Any, Any]:
        """Checks what the handler is given against what it declares, and makes its instance."""
        config = self._checked_config()
        self._check_context()
        self._check_needs()
        handler = self.handler_class()
        handler.config, handler.log, handler.cancelled = config, self.log, self.cancelled
        self.handler = handler
        return handler

    def _checked_config(self) -> Any:
        text, model = self.assignment.handler_config_json, self.handler_class.config_model
        if model is None:
            return parse(text)
        return conform(model, text or "{}", code="invalid_config", what="handler_config")

    def _check_context(self) -> None:
        model = self.handler_class.context_model
        if model is not None:
            text = self.assignment.task.context_json or "{}"
            self.task.context = conform(model, text, code="invalid_input", what="context")

    def _check_needs(self) -> None:
        model = self.handler_class.needs_model
        if model is None:
            return
        parents = ((each.step_name, each.results_json or "{}") for each in self.assignment.parents)
        text = ",".join(f"{json.dumps(name)}:{results}" for name, results in parents)
        needs = conform(model, f"{{{text}}}", code="invalid_input", what="results")
        self.sequence.declare(needs, needs if isinstance(needs, dict) else _by_step_name(needs))

    async def results_of(self, output: Any) -> str:
        """What `process` returned as the step's results: the JSON text that the children will read."""
        if self.handler is None:
            raise RuntimeError("results of an attempt that has not begun")
        answer = self.handler.process_results(self.step, output, self.step.initial_results)
        if answer is not None:
            await self.settle(answer)
        results = self.storable_results()
        model = self.handler_class.output_model
        if model is None:
            return results
        # JSON first, so that the model sees what the children will
        conforming = conform(model, results, code="invalid_output", what="output")
        return as_results(dump(model, conforming), self.max_result_bytes)

    def storable_results(self) -> str:
        """The results as they are in the step now. Raises DeclarationError when they cannot be stored."""
        return as_results(self.step.results, self.max_result_bytes)

    def kept_results(self) -> str | None:
        """What the handler had put into step.results before it failed, when it can be stored beside the error."""
        try:
            if not self.step.results_changed or not isinstance(self.step.results, dict):
                return None
            return self.storable_results()
        except BaseException:  # a value that cannot be compared or written is not worth the outcome
            return None

    def begin_transaction(self, connection: Any) -> StepTransaction:
        """As `step.transaction` says."""
        return StepTransaction(self, connection)

    @property
    def committed(self) -> Completed | None:
        """What the handler's own transaction has completed the step with; None when it has not."""
        return self.transaction.committed


async def settle_by_waiting(answer: Any) -> Any:
    """On an event loop."""
    return await answer if inspect.isawaitable(answer) else answer


def _by_step_name(needs: Any) -> dict[str, Any]:
    fields = getattr(type(needs), "model_fields", {})
    return {field.alias or name: getattr(needs, name) for name, field in fields.items()}
