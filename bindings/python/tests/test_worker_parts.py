"""The parts of the worker that need no engine: names, slots, what waits to be sent, processes, arguments."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from treadle import Completed, Failed, Outcome, Sequence, Step, StepHandler, Task, TreadleError, Worker
from treadle._proto.treadle.v1 import worker_pb2
from treadle.channel import Security
from treadle.failure import failed
from treadle.target import targets_of
from treadle.worker.backoff import MOST_SECONDS, Backoff
from treadle.worker.event_loop import EventLoop
from treadle.worker.job import Job
from treadle.worker.outbox import Outbox
from treadle.worker.processes import ProcessPool
from treadle.worker.registry import Registry
from treadle.worker.slots import Slots
from treadle.worker.thread_pool import ThreadPool
from treadle.worker.wire import outcome_message


class Adds(StepHandler):
    def process(self, task: Task, sequence: Sequence, step: Step) -> Any:
        step.progress(0.5, "half")
        return task.context["a"] + 1


class Dies(StepHandler):
    handler_name = "dies"

    def process(self, task: Task, sequence: Sequence, step: Step) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)


class Waits(StepHandler):
    def process(self, task: Task, sequence: Sequence, step: Step) -> Any:
        step.progress(message="waiting")
        return [step.cancelled.wait(30), step.cancelled.reason]


class Other:
    class Adds(StepHandler):
        def process(self, task: Task, sequence: Sequence, step: Step) -> Any:
            return None


class Ended:
    """What jobs say."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self.progress: list[Any] = []
        self.on_progress: Callable[[], object] = lambda: None

    def job(self, handler: str, context: str = "{}") -> Job:
        task = worker_pb2.Task(task_id=1, context_json=context)
        assignment = worker_pb2.Assignment(claim_token="1.1.1.1", handler=handler, task=task, attempt=1)
        return Job(
            assignment,
            1_000,
            self._report,
            lambda job, outcome: self.outcomes.append(outcome),
        )

    def _report(self, job: Job, *progress: Any) -> None:
        self.progress.append(progress)
        self.on_progress()


def outcome_of(token: str, size: int = 2) -> worker_pb2.Outcome:
    return outcome_message(token, Completed('"' + "x" * (size - 2) + '"'))


def test_handlers_are_known_by_class_or_given_name() -> None:
    assert Registry([Adds, Dies]).names() == ["Adds", "dies"]
    assert Registry({"Shop::Adds": Adds}).find("Shop::Adds") is Adds


def test_two_classes_of_one_name_are_refused() -> None:
    with pytest.raises(TreadleError, match='expected one handler for "Adds", came'):
        Registry([Adds, Other.Adds])


@pytest.mark.parametrize("wrong", [object(), int, StepHandler])
def test_what_is_no_handler_is_refused(wrong: Any) -> None:
    with pytest.raises(TreadleError, match="expected a"):
        Registry([wrong])


def test_modules_bring_their_handlers() -> None:
    registry = Registry()
    registry.add_modules([__name__])
    assert {"Adds", "Waits", "dies"} <= set(registry.names())


def test_a_worker_without_handlers_is_refused() -> None:
    with pytest.raises(TreadleError, match="expected at least one handler"):
        Worker([])


def test_outcomes_that_wait_together_are_sent_together_with_their_credits() -> None:
    outbox = Outbox()
    for token in "abc":
        outbox.answer(outcome_of(token), 1)
    request = next(outbox)
    assert [each.claim_token for each in request.outcomes.outcomes] == ["a", "b", "c"]
    assert request.outcomes.additional_credits == 3


def test_no_message_is_larger_than_the_engine_takes() -> None:
    outbox = Outbox()
    outbox.max_message_bytes = 10_000
    for token in "abc":
        outbox.answer(outcome_of(token, 4_000), 1)
    sizes = [next(outbox).ByteSize(), next(outbox).ByteSize()]
    assert max(sizes) <= 10_000 and sum(sizes) > 12_000


def test_only_the_latest_progress_of_an_attempt_is_sent() -> None:
    outbox = Outbox()
    for fraction in (0.1, 0.9):
        outbox.report(worker_pb2.Progress(claim_token="a", fraction=fraction))
    assert next(outbox).progress.fraction == 0.9
    outbox.close()
    assert list(outbox) == []


def test_what_is_in_the_outbox_goes_before_it_closes() -> None:
    outbox = Outbox()
    outbox.answer(outcome_of("a"), 0)
    outbox.close()
    assert len(list(outbox)) == 1


def test_a_slot_is_granted_to_the_stream_that_lives_when_it_gets_free() -> None:
    slots, old, new = Slots(2), Outbox(), Outbox()
    slots.attach(old)
    slots.take()
    slots.attach(new)
    assert next(new).credits.additional == 1  # the other one is busy, whoever it works for
    assert slots.free(old) is False
    assert next(new).credits.additional == 1


def test_a_pool_starts_no_more_threads_than_it_may() -> None:
    pool, done, names = ThreadPool(2, "some"), threading.Semaphore(0), set[str]()

    def job() -> None:
        names.add(threading.current_thread().name)
        done.release()

    for _ in range(20):
        pool.submit(job)
    for _ in range(20):
        done.acquire()
    pool.close()
    assert names <= {"some-1", "some-2"}


def test_waiting_grows_to_a_bound() -> None:
    backoff = Backoff()
    waits = [backoff.next() for _ in range(20)]
    assert waits[0] <= 0.1 and MOST_SECONDS / 2 <= waits[-1] <= MOST_SECONDS


def test_every_failure_code_has_a_number() -> None:
    for code in worker_pb2.FailureCode.keys()[1:]:
        word: Any = code.removeprefix("FAILURE_CODE_").lower()
        message = outcome_message("t", Failed(code=word, error="", error_class=""))
        assert worker_pb2.FailureCode.Name(message.failed.code) == code


def test_a_retry_after_of_nothing_is_sent_as_nothing() -> None:
    message = outcome_message("t", failed(ValueError("x")))
    assert not message.failed.HasField("retry_after_seconds")


@pytest.fixture(scope="module")
def pool() -> Any:
    made = ProcessPool(Registry([Adds, Dies, Waits]), 1)
    made.start()
    yield made
    made.close()


def test_a_process_runs_attempts_and_reports_their_progress(pool: ProcessPool) -> None:
    ended = Ended()
    outcome = pool.run(ended.job("Adds", '{"a": 1}'))
    assert outcome == Completed("2")
    assert ended.progress == [(0.5, "half")]


def test_a_process_that_dies_fails_its_own_attempt_and_is_replaced(pool: ProcessPool) -> None:
    outcome = pool.run(Ended().job("dies"))
    assert isinstance(outcome, Failed)
    assert (outcome.code, outcome.error) == (
        "worker_lost",
        "the process that ran the handler died (exit code -9)",
    )
    assert pool.run(Ended().job("Adds", '{"a": 2}')) == Completed("3")


def test_a_cancellation_reaches_the_process(pool: ProcessPool) -> None:
    ended = Ended()
    job = ended.job("Waits")
    ended.on_progress = lambda: job.cancelled.set("timed_out", "too late")
    assert pool.run(job) == Completed('[true,"timed_out"]')


def test_a_handler_that_blocks_the_event_loop_is_said_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    loop, beats = EventLoop(), threading.Semaphore(0)
    loop.start()
    stop = loop.every(0.01, beats.release)
    beats.acquire()
    loop.call(lambda: time.sleep(0.1))
    beats.acquire()
    stop()
    loop.close()
    assert "blocked the event loop" in caplog.text


def test_targets_may_be_separated_by_commas() -> None:
    assert targets_of("a:1, b:2") == ["a:1", "b:2"]
    assert targets_of(["a:1", "unix:/x"]) == ["a:1", "unix:/x"]


@pytest.mark.parametrize("target", ["localhost:1", "127.0.0.1:1", "[::1]:1", "unix:/run/x.sock"])
def test_plaintext_is_spoken_on_this_machine(target: str) -> None:
    Security().check(target)


@pytest.mark.parametrize(
    "target", ["engine:7465", "10.0.0.1:7465", "127.0.0.1.evil.org:1", "localhost.evil.org:1"]
)
def test_plaintext_to_other_machines_must_be_asked_for(target: str) -> None:
    with pytest.raises(TreadleError, match="expected TLS"):
        Security().check(target)
    Security(allow_plaintext=True).check(target)
    Security(tls=True).check(target)


def treadle_worker(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "treadle.worker", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("", "no handlers in handlers"),
        ("import nonsense_that_is_missing", "cannot load the handlers: ModuleNotFoundError"),
        ("raise SystemError('x')", "cannot load the handlers: SystemError: x"),
    ],
)
def test_modules_that_cannot_be_served_are_said_in_one_line(tmp_path: Path, source: str, words: str) -> None:
    (tmp_path / "handlers.py").write_text(source)
    ended = treadle_worker("handlers", cwd=tmp_path)
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert words in ended.stderr


def test_a_target_without_protection_is_refused_at_the_command_line(tmp_path: Path) -> None:
    source = "from treadle import StepHandler\nclass Served(StepHandler):\n    def process(self, task, sequence, step): ..."
    (tmp_path / "handlers.py").write_text(source)
    ended = treadle_worker("handlers", "--target", "engine:1", cwd=tmp_path)
    assert ended.returncode == 2
    assert "expected TLS for engine:1" in ended.stderr


def test_a_worker_that_was_never_connected_stops_twice_without_harm() -> None:
    worker = Worker([Adds], target="127.0.0.1:1").start()
    assert worker.wait_until_connected(0.05) is False
    worker.stop()
    worker.stop()
    assert (worker.idle, worker.failure) == (True, None)


def test_no_engine_at_all_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    with Worker([Adds], target="127.0.0.1:1,127.0.0.1:2") as worker:
        worker.wait_until_connected(0.5)
    assert worker.failure is None
    assert "no connection to 127.0.0.1:2 (unavailable)" in caplog.text
