"""The foundation class of all handlers: what an author implements, and what may be declared."""

from __future__ import annotations

import inspect
import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable
from typing import Any, ClassVar, Generic, Union, get_args, get_origin

from .cancellation import Cancellation
from .declared_types import ConfigT, ContextT, NeedsT, OutputT
from .outcome import Outcome
from .sequence import Sequence
from .step import Step
from .task import Task

_MODELS = ("context_model", "needs_model", "config_model", "output_model")
_HOOKS = ("before", "process", "process_results", "after")

Logger = Union[logging.Logger, "logging.LoggerAdapter[logging.Logger]"]


class StepHandler(ABC, Generic[ContextT, NeedsT, ConfigT, OutputT]):
    """Subclass it, implement `process`, and name the class in a template.

        class Reserve(StepHandler):
            def process(self, task, sequence, step):
                order = sequence["validate_order"]
                return {"reserved": reserve(order["sku"], task.context["quantity"])}

    Each attempt has an instance of its own, made without arguments: what it keeps in `self` is nobody else's. With
    `def` the hooks run on a thread of the worker's pool, with `async def` (any of them) all run on its event loop.

    `process` may raise PermanentError (no attempt is left), RetryableError (try again, at the earliest after
    `retry_after` seconds), or anything else (try again after the step's backoff).

    A pydantic model in the brackets, or in the attribute, is checked at run time, before `process` (a misfit fails the
    step for good: `invalid_config`, `invalid_input`) and after it (`invalid_output`); other types are for mypy alone.
    """

    #: What templates call the handler. Default: the name of the class. Not inherited.
    handler_name: ClassVar[str]
    #: Checks the task's context: `task.context` is then the model.
    context_model: ClassVar[Any] = None
    #: Checks the results of the parents, as one object by step name: `sequence.needs` is then the model.
    needs_model: ClassVar[Any] = None
    #: Checks `handler_config`: `self.config` is then the model.
    config_model: ClassVar[Any] = None
    #: Checks the results, as the JSON that children will read.
    output_model: ClassVar[Any] = None

    #: The template's `handler_config`.
    config: ConfigT
    #: Writes task_id, workflow_step_id, handler and attempt into every record.
    log: Logger
    #: True once the attempt should stop; the same as `step.cancelled`.
    cancelled: Cancellation

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for base in cls.__dict__.get("__orig_bases__", ()):
            origin = get_origin(base)
            if inspect.isclass(origin) and issubclass(origin, StepHandler):
                cls._declare(get_args(base))

    @classmethod
    def _declare(cls, types: tuple[Any, ...]) -> None:
        for attribute, declared in zip(_MODELS, types, strict=False):
            if hasattr(declared, "model_validate_json") and attribute not in cls.__dict__:
                setattr(cls, attribute, declared)

    def before(self, task: Task[ContextT], sequence: Sequence[NeedsT], step: Step) -> Awaitable[None] | None:
        """Runs before `process`, with input that is already checked. What it raises fails the attempt."""
        return None

    @abstractmethod
    def process(
        self, task: Task[ContextT], sequence: Sequence[NeedsT], step: Step
    ) -> OutputT | Awaitable[OutputT]:
        """The work of the step. What it returns becomes `step.results`; None becomes {}. Runs at least once."""

    def process_results(self, step: Step, output: OutputT, initial_results: Any) -> Awaitable[None] | None:
        """Makes `step.results` of what `process` returned.

        Default: as it is, unless the handler has set results itself.
        """
        if not step.results_changed:
            step.results = {} if output is None else output
        return None

    def after(
        self, task: Task[ContextT], sequence: Sequence[NeedsT], step: Step, outcome: Outcome
    ) -> Awaitable[None] | None:
        """Runs after an attempt whose input was fit. What it raises is logged and changes nothing."""
        return None


#: Any class of a handler.
AnyHandler = type[StepHandler[Any, Any, Any, Any]]


def name_of(handler: AnyHandler) -> str:
    """What templates call the handler."""
    return str(handler.__dict__.get("handler_name") or handler.__name__)


def is_async(handler: AnyHandler) -> bool:
    """Whether its hooks run on the event loop."""
    return any(inspect.iscoroutinefunction(getattr(handler, hook)) for hook in _HOOKS)
