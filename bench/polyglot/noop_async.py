"""Does nothing and says so, on the worker's event loop."""

from __future__ import annotations

from typing import Any

from treadle import Sequence, Step, StepHandler, Task


class NoopHandler(StepHandler):
    async def process(self, task: Task[Any], sequence: Sequence[Any], step: Step) -> Any:
        return {"ok": True}
