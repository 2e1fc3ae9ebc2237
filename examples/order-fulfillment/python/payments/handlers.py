"""Holds the money of an order, and takes it. The provider may answer 429, 500, late or not at all: provider.py turns each
into the error that says what to do, the engine does it, and the keys make sure that the money moves once."""

from typing import Any

from treadle import Sequence, Step, StepHandler, Task

from . import provider


class AuthorizePayment(StepHandler):
    def process(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
        total_cents = sequence["validate_order"]["total_cents"]
        return provider.authorize(step, _reference(task), task.context["card"], total_cents)


class CapturePayment(StepHandler):
    def process(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
        authorization_id = sequence["authorize_payment"]["authorization_id"]
        return provider.capture(step, _reference(task), authorization_id)


def _reference(task: Task) -> str:
    """One order, by one name, everywhere: as in order.ts."""
    return f"{task.context['run']}/{task.context['order_id']}"
