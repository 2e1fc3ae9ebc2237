"""The handler of test/stories/workers-die.test.ts: says that it began, waits at a gate where there is one, says who it was."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from treadle import Sequence, Step, StepHandler, Task


class StoryHandler(StepHandler):
    def process(self, task: Task[Any], sequence: Sequence[Any], step: Step) -> Any:
        os.write(1, f"{task.task_id}/{step.name}/{step.attempt}\n".encode())
        gate = os.environ.get("STORY_GATE")
        while gate and not Path(gate).exists():
            step.raise_if_cancelled()
            step.cancelled.wait(0.01)
        return {"by": os.environ["STORY_NAME"]}
