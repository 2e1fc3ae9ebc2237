"""What an attempt holds: made for who looks, the same for all who look, and free when the attempt has ended."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from treadle import Sequence, Step, StepHandler, Task
from treadle.lazy import lazy
from treadle.testing import run_handler


class Held:
    """Something that a weak reference can point to."""


@pytest.fixture
def without_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def ends(**given: Any) -> list[Any]:
    """What is left of a handler's instance, its context and its logger."""
    left: list[Any] = []

    class Remembers(StepHandler):
        def process(self, task: Task, sequence: Sequence, step: Step) -> None:
            self.held = Held()
            self.log.debug("begun")
            left.extend(map(weakref.ref, (self, self.held, task, sequence, step, self.log)))
            if given.get("fails"):
                raise ValueError("no")

    run_handler(Remembers)
    return [each() for each in left]


@pytest.mark.parametrize("fails", [False, True])
def test_an_attempt_leaves_nothing_for_the_garbage_collector(without_collector: None, fails: bool) -> None:
    assert ends(fails=fails) == [None] * 6


def test_a_step_that_outlives_its_attempt_begins_no_transaction() -> None:
    kept: list[Step] = []

    class Keeps(StepHandler):
        def process(self, task: Task, sequence: Sequence, step: Step) -> None:
            kept.append(step)

    run_handler(Keeps)
    with pytest.raises(Exception, match="expected an attempt that runs, this one has ended"):
        kept[0].transaction(object())


def test_threads_that_look_at_once_get_the_same_object() -> None:
    both_compute = threading.Barrier(2)

    class Looked:
        @lazy
        def value(self) -> object:
            both_compute.wait(10)
            return object()

    looked, seen = Looked(), []
    threads = [threading.Thread(target=lambda: seen.append(looked.value)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(seen) == 2 and seen[0] is seen[1]


def test_what_was_computed_is_kept_and_may_be_changed_in_place() -> None:
    class Changes(StepHandler):
        def process(self, task: Task, sequence: Sequence, step: Step) -> Any:
            task.context["more"] = 1
            return [task.context, Task.context.__doc__ is not None]

    outcome = run_handler(Changes, context={"some": 2})
    assert outcome.results == [{"some": 2, "more": 1}, True]  # type: ignore[union-attr]
