"""Handlers as a typed application writes them: mypy --strict has nothing to say (see test_package.py)."""

from __future__ import annotations

from typing import Any, TypedDict

from pydantic import BaseModel
from typing_extensions import assert_type

from treadle import Client, Outcome, PermanentError, Sequence, Step, StepHandler, Task
from treadle.testing import run_handler


class Order(BaseModel):
    order_id: int


class Needs(TypedDict):
    validate_order: dict[str, int]


class Config(BaseModel):
    limit: int = 3


class Reservation(BaseModel):
    reserved: int


class Plain(StepHandler):
    def process(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
        assert_type(task.context, dict[str, Any])
        return {"id": task.context["id"]}


class Reserve(StepHandler[Order, Needs, Config, Reservation]):
    async def process(self, task: Task[Order], sequence: Sequence[Needs], step: Step) -> Reservation:
        assert_type(self.config, Config)
        assert_type(sequence.needs["validate_order"], dict[str, int])
        if step.cancelled:
            raise PermanentError("late", error_code="late")
        return Reservation(reserved=task.context.order_id + self.config.limit)


def use() -> None:
    assert_type(run_handler(Reserve, context={"order_id": 1}), Outcome)
    with Client("localhost:1") as client:
        assert_type(client.create_task("order", {"id": 1}, identity_key="a").task_id, int)
