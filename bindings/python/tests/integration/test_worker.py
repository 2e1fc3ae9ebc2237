"""A real worker under a real engine: the ways in which attempts run, end, and are taken away."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from integration import engine

engine.require()

from treadle import AsyncClient, Client, Sequence, Step, StepHandler, Task, Worker  # noqa: E402
from treadle.client import Progress, TaskDetails  # noqa: E402


class Gate:
    """Lets a test know that a handler runs, and the handler go on."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.open = threading.Event()


def blocking(gate: Gate, seen: list[Any]) -> Any:
    class Blocks(StepHandler):
        def process(self, task: Task, sequence: Sequence, step: Step) -> None:
            gate.entered.set()
            seen.append(step.cancelled.wait(engine.SECONDS))
            seen.append(step.cancelled.reason)
            step.raise_if_cancelled()

    return Blocks


def waiting(seen: list[Any]) -> Any:
    class Waits(StepHandler):
        async def process(self, task: Task, sequence: Sequence, step: Step) -> None:
            try:
                await asyncio.sleep(engine.SECONDS)
            except asyncio.CancelledError:
                seen.append(step.cancelled.reason)
                raise

    return Waits


class Adds(StepHandler):
    def process(self, task: Task, sequence: Sequence, step: Step) -> Any:
        return task.context["id"] + 1


class Doubles(StepHandler):
    async def process(self, task: Task, sequence: Sequence, step: Step) -> Any:
        await asyncio.sleep(0)
        return sequence["add"] * 2


class Dies(StepHandler):
    def process(self, task: Task, sequence: Sequence, step: Step) -> Any:
        if step.attempt == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return os.getpid() != os.getppid()


def test_threads_and_the_event_loop_share_a_task() -> None:
    task = engine.run({"add": Adds, "double": Doubles}, {"id": 20})
    assert (task.state, task.step("double").results) == ("complete", 42)


def test_processes_run_handlers_and_one_that_dies_is_replaced() -> None:
    task = engine.run({"die": Dies, "double": Adds}, {"id": 20}, worker={"processes": 1})
    assert (task.state, task.step("die").attempts, task.step("double").results) == ("complete", 2, 21)


def test_a_thread_learns_that_its_time_has_passed() -> None:
    seen: list[Any] = []
    task = engine.run({"only": blocking(Gate(), seen)}, timeout_seconds=0.2, default_retry_limit=1)
    assert (task.state, seen) == ("error", [True, "timed_out"])


def test_a_coroutine_is_cancelled_when_its_time_has_passed() -> None:
    seen: list[Any] = []
    task = engine.run({"only": waiting(seen)}, timeout_seconds=0.2, default_retry_limit=1)
    assert (task.state, seen) == ("error", ["timed_out"])


def test_a_worker_that_stops_gives_back_what_does_not_end() -> None:
    gate, seen = Gate(), list[Any]()
    name = engine.register({"only": []}, {"only": gate_name(gate)})
    with Client() as client:
        worker = Worker({gate_name(gate): blocking(gate, seen)}).start()
        task_id = client.create_task(name, {"id": 1}, namespace_name="py").task_id
        assert gate.entered.wait(engine.SECONDS)
        worker.stop(grace=0)
        with Worker({gate_name(gate): Adds}):
            task = client.wait_for_task(task_id, timeout=engine.SECONDS)
    assert (task.step("only").results, task.step("only").attempts) == (2, 1)


def gate_name(gate: Gate) -> str:
    return f"gate-{os.getpid()}-{id(gate)}"


def test_a_worker_lives_beside_the_event_loop_of_its_program() -> None:
    async def program() -> TaskDetails:
        handler = f"beside-{os.getpid()}"
        name = engine.register({"only": []}, {"only": handler})
        async with Worker({handler: Adds}), AsyncClient() as client:
            created = await client.create_task(name, {"id": 1}, namespace_name="py")
            return await client.wait_for_task(created.task_id, timeout=engine.SECONDS)

    assert asyncio.run(program()).state == "complete"


def test_whoever_watches_sees_the_progress() -> None:
    watched, seen, handler = threading.Event(), threading.Event(), f"progress-{os.getpid()}"

    class Reports(StepHandler):
        def process(self, task: Task, sequence: Sequence, step: Step) -> None:
            watched.wait(engine.SECONDS)
            step.progress(0.5, "half")
            seen.wait(engine.SECONDS)

    name = engine.register({"only": []}, {"only": handler})
    with Worker({handler: Reports}), Client() as client:
        news = client.watch_task(client.create_task(name, {"id": 1}, namespace_name="py").task_id)
        assert isinstance(next(news), TaskDetails)
        watched.set()
        progress = next(each for each in news if isinstance(each, Progress))
        seen.set()
        *_, last = news
    assert (progress.name, progress.fraction, progress.message) == ("only", 0.5, "half")
    assert isinstance(last, TaskDetails) and last.state == "complete"


def test_the_command_serves_a_module_until_it_is_told_to_stop(tmp_path: Path) -> None:
    handler = f"Command{os.getpid()}"
    (tmp_path / "served.py").write_text(
        f"from treadle import StepHandler\nclass {handler}(StepHandler):\n"
        "    def process(self, task, sequence, step):\n        return {'by': 'command'}\n"
    )
    name = engine.register({"only": []}, {"only": handler})
    worker = subprocess.Popen([sys.executable, "-m", "treadle.worker", "served"], cwd=tmp_path)
    try:
        with Client() as client:
            created = client.create_task(name, {"id": 1}, namespace_name="py")
            task = client.wait_for_task(created.task_id, timeout=engine.SECONDS)
    finally:
        worker.terminate()
    assert (task.step("only").results, worker.wait(engine.SECONDS)) == ({"by": "command"}, 0)
