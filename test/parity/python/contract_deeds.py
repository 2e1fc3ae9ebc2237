"""Acts out the contract in Python: what the files say of an attempt, and nothing else; the twin of contract-handler.ts."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from typing import Any

from contract_values import value_of
from treadle import Outcome, PermanentError, RetryableError, Sequence, Step, StepHandler, Task


def raise_it(thrown: dict[str, Any]) -> None:
    kind, message = thrown["kind"], value_of(thrown["message"])
    if kind == "exit":
        sys.exit(message)
    if kind == "permanent":
        raise PermanentError(message, error_code=thrown.get("error_code"))
    if kind == "retryable":
        raise RetryableError(message, retry_after=thrown.get("retry_after"))
    raise TypeError(message)


class Deeds:
    """What an attempt does, beside the class of its handler."""

    config: Any

    def deed(self, step: Step) -> dict[str, Any]:
        does = self.config["does"] if isinstance(self.config, dict) else self.config.does
        found: dict[str, Any] = does[min(step.attempt, len(does)) - 1]
        return found

    def note(self, task: Task[Any], step: Step, word: str) -> None:
        if step.name != "subject":
            return
        with open(os.environ["TREADLE_CONTRACT_JOURNAL"], "a", encoding="utf-8") as journal:
            journal.write(f"{task.task_id} {step.attempt} {word}\n")

    def begin(self, task: Task[Any], step: Step) -> dict[str, Any]:
        deed = self.deed(step)
        self.note(task, step, "process")
        if deed.get("reads_results"):
            _ = step.results
        if "sets_results" in deed:
            step.results = value_of(deed["sets_results"])
        if "adds_to_results" in deed:
            step.results.update(value_of(deed["adds_to_results"]))
        return deed

    def finish(self, deed: dict[str, Any], task: Task[Any], sequence: Sequence[Any], step: Step) -> Any:
        if deed.get("kills_its_process"):
            os.kill(os.getpid(), signal.SIGKILL)
        if "throws" in deed:
            raise_it(deed["throws"])
        if "shows" in deed:
            return self.shown(deed["shows"], task, sequence, step)
        return value_of(deed.get("returns"))

    def shown(self, what: str, task: Task[Any], sequence: Sequence[Any], step: Step) -> Any:
        if what == "context":
            return task.context
        if what == "parents":
            return {name: sequence[name] for name in sequence.names()}
        if what == "config":
            return {key: value for key, value in self.config.items() if key != "does"}
        if what == "limit":
            return {"total": self.config.limit}
        if what == "step":
            return {name: getattr(step, name) for name in ("name", "attempt", "retry_limit")}
        if what == "earlier_results":
            return sorted(step.initial_results)
        if what == "a_stranger":
            return sequence["a_stranger"]
        facts = ("namespace_name", "name", "version", "initiator", "source_system", "reason", "tags")
        return {name: getattr(task, name) for name in facts}


class DeedHandler(Deeds, StepHandler):
    """The hooks, in the words of the lifecycle."""

    def before(self, task: Task[Any], sequence: Sequence[Any], step: Step) -> None:
        self.note(task, step, "before")
        thrown = self.deed(step).get("before_throws")
        if thrown:
            raise_it(thrown)

    def process(self, task: Task[Any], sequence: Sequence[Any], step: Step) -> Any:
        deed = self.begin(task, step)
        if "sleeps_seconds" in deed:
            time.sleep(deed["sleeps_seconds"])
        if deed.get("waits_for_stop"):
            step.cancelled.wait()
            self.note(task, step, "stopped")
            step.raise_if_cancelled()
        return self.finish(deed, task, sequence, step)

    def process_results(self, step: Step, output: Any, initial_results: Any) -> None:
        deed = self.deed(step)
        if "process_results_throws" in deed:
            raise_it(deed["process_results_throws"])
        if "process_results_sets" in deed:
            step.results = value_of(deed["process_results_sets"])
        else:
            super().process_results(step, output, initial_results)

    def after(self, task: Task[Any], sequence: Sequence[Any], step: Step, outcome: Outcome) -> None:
        self.note(task, step, f"after {outcome.kind}")
        thrown = self.deed(step).get("after_throws")
        if thrown:
            raise_it(thrown)


class AsyncDeedHandler(DeedHandler):
    """The same on the event loop, where the order to stop is a CancelledError."""

    async def process(self, task: Task[Any], sequence: Sequence[Any], step: Step) -> Any:
        deed = self.begin(task, step)
        if "sleeps_seconds" in deed:
            await asyncio.sleep(deed["sleeps_seconds"])
        if deed.get("waits_for_stop"):
            await self.until_stopped(task, step)
        return self.finish(deed, task, sequence, step)

    async def until_stopped(self, task: Task[Any], step: Step) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.note(task, step, "stopped")
