"""Does nothing and says so, on a thread of the worker's pool."""

from __future__ import annotations

from typing import Any

from treadle import Sequence, Step, StepHandler, Task


class NoopHandler(StepHandler):
    def process(self, task: Task[Any], sequence: Sequence[Any], step: Step) -> Any:
        return {"ok": True}
