"""The contract of all languages (test/parity/contract/*.json), acted out by a real worker under a real engine, whose rows are
then read by plain SQL. The engine and the templates of the cases are there already: test/parity/python.test.ts runs this."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ENVIRONMENT = ("TREADLE_TARGET", "DATABASE_URL", "TREADLE_CONTRACT")
MISSING = [name for name in ENVIRONMENT if not os.environ.get(name)]
if MISSING:
    message = f"{', '.join(MISSING)} must be set: test/parity/python.test.ts does, and runs this"
    if os.environ.get("CI") == "true":
        raise RuntimeError(message)
    pytest.skip(message, allow_module_level=True)

import psycopg  # noqa: E402

from treadle import Client, TaskRequest  # noqa: E402

CONTRACT = Path(os.environ["TREADLE_CONTRACT"])
HANDLERS = CONTRACT.parent / "python"
sys.path.insert(0, str(HANDLERS))
from contract_values import value_of  # noqa: E402

LANGUAGE = "python"
ENDS = {"complete", "error", "cancelled", "resolved_manually"}
ALL = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(CONTRACT.glob("*.json"))]
CASES = [case for case in ALL if LANGUAGE in case.get("only", [LANGUAGE])]
SECONDS = 30
#: Where handlers run: the module that serves them, and the flags of the worker.
MODES: dict[str, tuple[str, list[str]] | None] = {
    "threads": ("contract_handler", ["--concurrency", "16"]),
    "loop": ("contract_async", ["--concurrency", "16"]),
    "processes": ("contract_handler", ["--processes", "4"]),
}
#: Inside of engines, which test/parity/native-python.test.ts starts and watches.
if os.environ.get("TREADLE_CONTRACT_SERVED"):
    MODES = {"served": None}
sys.setrecursionlimit(5_000)  # a case is nested a thousand levels deep

SUBJECT = """
    from tasker_workflow_steps s join tasker_named_steps n using (named_step_id)
    where s.task_id = %(task_id)s and n.name = 'subject'
"""
TRAIL = f"""
    select t.to_state, t.metadata, t.created_at from tasker_workflow_step_transitions t
    where t.workflow_step_id = (select s.workflow_step_id {SUBJECT}) order by t.sort_key
"""
KEPT = """
    select s.attempts, s.results ->> 'error_code', k.kept is not distinct from %(expected)s::jsonb, left(k.kept::text, 200)
    from tasker_workflow_steps s join tasker_named_steps n using (named_step_id)
    cross join lateral (
      select case when jsonb_typeof(s.results) = 'object'
        then s.results - array['error', 'error_class', 'backtrace', 'error_code'] else s.results end as kept
    ) k
    where s.task_id = %(task_id)s and n.name = 'subject'
"""
TASK = "select to_state from tasker_task_transitions where task_id = %(task_id)s and most_recent"


class World:
    """The tasks of all cases, which run at once, and the workers that run them."""

    def __init__(self, folder: Path, mode: str) -> None:
        self.client = Client(os.environ["TREADLE_TARGET"])
        self.connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
        self.journal = Path(os.environ.get("TREADLE_CONTRACT_JOURNAL") or folder / "journal")
        self.journal.touch()
        self.leaving = threading.Event()
        module, flags = MODES[mode] or ("", [])
        served = [module, "contract_deadly"] if module else []
        self.workers = [Supervised([each, *flags], self) for each in served]
        created = self.client.create_tasks([request_of(case) for case in CASES])
        self.task_ids = {case["name"]: each.task_id for case, each in zip(CASES, created, strict=True)}

    def ask(self, query: str, **parameters: Any) -> list[tuple[Any, ...]]:
        return self.connection.execute(query, parameters).fetchall()

    def state(self, task_id: int) -> str:
        rows = self.ask(TASK, task_id=task_id)
        return str(rows[0][0]) if rows else "pending"

    def notes(self, task_id: int) -> list[str]:
        lines = (line.split(" ", 1) for line in self.journal.read_text(encoding="utf-8").splitlines())
        return [note for about, note in lines if about == str(task_id)]

    def close(self) -> None:
        self.leaving.set()
        for worker in self.workers:
            worker.stop()
        self.connection.close()
        self.client.close()


class Supervised:
    """A worker process that is started again when it dies, as by systemd."""

    def __init__(self, arguments: list[str], world: World) -> None:
        self._arguments, self._world = arguments, world
        self._process = self._spawn()
        threading.Thread(target=self._watch, daemon=True).start()

    def _spawn(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "treadle.worker", *self._arguments, "--log-level", "error"]
        environment = {
            **os.environ,
            "PYTHONPATH": str(HANDLERS),
            "TREADLE_CONTRACT_JOURNAL": str(self._world.journal),
        }
        return subprocess.Popen([*command, "--target", os.environ["TREADLE_TARGET"]], env=environment)

    def _watch(self) -> None:
        while not self._world.leaving.is_set():
            self._process.wait()
            if not self._world.leaving.is_set():
                self._process = self._spawn()

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()


def request_of(case: dict[str, Any]) -> TaskRequest:
    return TaskRequest(
        name=case["name"],
        context=case.get("context", {"order_id": 1}),
        namespace_name="contract",
        initiator="contract",
        source_system="parity",
        reason="one behaviour",
        tags=["contract"],
    )


@pytest.fixture(scope="module", params=MODES)
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("contract"), request.param)
    yield made
    made.close()


def wait_until(what: str, holds: Callable[[], bool]) -> None:
    give_up = time.monotonic() + SECONDS
    while not holds():
        if time.monotonic() > give_up:
            pytest.fail(f"after {SECONDS} s it does not hold that {what}")
        time.sleep(0.02)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_contract(world: World, case: dict[str, Any]) -> None:
    expected, task_id = case["expect"], world.task_ids[case["name"]]
    if case.get("cancelled_while_running"):
        wait_until("the handler works", lambda: "1 process" in world.notes(task_id))
        world.client.cancel_task(task_id)
    wait_until("the task has ended", lambda: world.state(task_id) in ENDS)
    trail = world.ask(TRAIL, task_id=task_id)
    failed = [metadata for state, metadata, _ in trail if state == "error"]
    assert [described(state, metadata) for state, metadata, _ in trail] == expected["transitions"], failed[
        -1:
    ]
    assert world.state(task_id) == expected["task"]
    assert trail[-1][0] == expected["step"]
    results = json.dumps(value_of(expected["results"]))
    ((attempts, error_code, same, actual),) = world.ask(KEPT, task_id=task_id, expected=results)
    assert attempts == expected["attempts"] or (attempts is None and expected["attempts"] == 0)
    assert same, f"expected the results {results[:200]}, got {actual}"
    check_failure(expected.get("failure"), failed[-1] if failed else None, error_code)
    assert waited(trail) >= expected.get("waited_seconds", 0)
    if "journal" in expected:
        wait_until(
            f"the journal says {expected['journal']}", lambda: world.notes(task_id) == expected["journal"]
        )


def described(state: str, metadata: dict[str, Any]) -> str:
    return f"error:{metadata.get('code')}" if state == "error" else state


def check_failure(
    expected: dict[str, Any] | None, actual: dict[str, Any] | None, error_code: str | None
) -> None:
    if expected is None or actual is None:
        assert expected == actual
        return
    assert actual["code"] == expected["code"]
    assert fits(expected["error"], actual["error_message"]), actual
    assert "error_class" not in expected or fits(expected["error_class"], actual["error_class"]), actual
    assert error_code == expected.get("error_code")


def fits(expected: str | dict[str, str], actual: str) -> bool:
    if isinstance(expected, str):
        return actual == expected
    if "contains" in expected:
        return expected["contains"] in actual
    return actual == expected[LANGUAGE]


def waited(trail: list[tuple[Any, ...]]) -> float:
    """Seconds from the first failure to the start after it."""
    failures = [index for index, (state, _, _) in enumerate(trail) if state == "error"]
    if not failures:
        return 0
    starts = [at for state, _, at in trail[failures[0] :] if state == "in_progress"]
    return float((starts[0] - trail[failures[0]][2]).total_seconds()) if starts else 0
