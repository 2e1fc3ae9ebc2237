"""The handlers that the benchmark `native` calls, inside of its process and in a worker's."""

from __future__ import annotations

from time import perf_counter
from typing import Any

from treadle import Sequence, Step, StepHandler, Task


class Echo(StepHandler):
    def process(self, task: Task[Any], sequence: Sequence[Any], step: Step) -> Any:
        return task.context


class AsyncEcho(StepHandler):
    async def process(self, task: Task[Any], sequence: Sequence[Any], step: Step) -> Any:
        return task.context


class OneMillisecond(StepHandler):
    def process(self, task: Task[Any], sequence: Sequence[Any], step: Step) -> Any:
        until = perf_counter() + 0.001
        while perf_counter() < until:
            pass
        return task.context
