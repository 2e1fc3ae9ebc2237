"""The Celery task in a Celery worker, which speaks to gRPC servers that know RunTask: what they were asked, and what then."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent import futures
from queue import SimpleQueue

import grpc
import pytest

pytest.importorskip("celery")

from celery import Celery, signals
from celery.contrib.testing.worker import start_worker
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import error_details_pb2, status_pb2

import treadle.celery
from treadle._proto.treadle.v1 import client_pb2 as pb

NOBODY = "127.0.0.1:1"
SECONDS = 30


class Engine:
    """Answers RunTask, and notes for which tasks."""

    def __init__(self, port: int = 0) -> None:
        self.asked: SimpleQueue[int] = SimpleQueue()
        self.no_such_task = False
        self._server = grpc.server(futures.ThreadPoolExecutor(4))
        handler = grpc.unary_unary_rpc_method_handler(
            self._run_task, pb.RunTaskRequest.FromString, pb.RunTaskResponse.SerializeToString
        )
        service = grpc.method_handlers_generic_handler("treadle.v1.ClientService", {"RunTask": handler})
        self._server.add_generic_rpc_handlers((service,))
        self.port = self._server.add_insecure_port(f"127.0.0.1:{port}")
        self.target = f"127.0.0.1:{self.port}"
        self._server.start()

    def stop(self) -> None:
        self._server.stop(0).wait()

    def _run_task(self, request: pb.RunTaskRequest, context: grpc.ServicerContext) -> pb.RunTaskResponse:
        self.asked.put(request.task_id)
        if self.no_such_task:
            context.set_trailing_metadata((("grpc-status-details-bin", _unknown_task()),))
            context.abort(grpc.StatusCode.NOT_FOUND, "no task")
        return pb.RunTaskResponse(state=pb.STATE_IN_PROGRESS)


def _unknown_task() -> bytes:
    detail = AnyMessage()
    detail.Pack(error_details_pb2.ErrorInfo(reason="UNKNOWN_TASK", domain="treadle"))
    return status_pb2.Status(code=5, details=[detail]).SerializeToString()


@pytest.fixture
def new_engine() -> Iterator[Callable[..., Engine]]:
    engines: list[Engine] = []

    def new(port: int = 0) -> Engine:
        engines.append(Engine(port))
        return engines[-1]

    yield new
    for each in engines:
        each.stop()


def leave_logging_alone(**_: object) -> None:
    """Celery would set the level of the root logger, for all tests that follow."""


signals.setup_logging.connect(leave_logging_alone)


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Iterator[Celery]:
    monkeypatch.setattr(treadle.celery, "FIRST_RETRY_SECONDS", 0.1)
    made = Celery("tests", broker="memory://", set_as_current=True)
    made.autodiscover_tasks(["treadle"], related_name="celery", force=True)
    with start_worker(made, perform_ping_check=False):
        yield made


def push(app: Celery, task_id: int) -> None:
    app.send_task("treadle.run_task", [task_id], {"reason": "created", "correlation_id": "order-7"})


def test_a_job_asks_the_engine_to_run_its_task(
    app: Celery, new_engine: Callable[..., Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = new_engine()
    monkeypatch.setenv("TREADLE_TARGET", engine.target)
    push(app, 7)
    assert engine.asked.get(timeout=SECONDS) == 7


def test_an_engine_that_is_away_is_asked_again_until_it_is_back(
    app: Celery,
    new_engine: Callable[..., Engine],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gone = new_engine()
    gone.stop()
    monkeypatch.setenv("TREADLE_TARGET", gone.target)
    retried: SimpleQueue[str] = SimpleQueue()

    def note(reason: object, **_: object) -> None:
        retried.put(str(reason))

    signals.task_retry.connect(note)
    push(app, 7)
    why = retried.get(timeout=SECONDS)
    assert "unavailable" in why and "task 7, order-7" in why
    assert new_engine(gone.port).asked.get(timeout=SECONDS) == 7


def test_of_several_engines_the_next_is_asked_when_one_is_away(
    app: Celery, new_engine: Callable[..., Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = new_engine()
    monkeypatch.setenv("TREADLE_TARGET", f"{NOBODY},{engine.target}")
    push(app, 7)
    assert engine.asked.get(timeout=SECONDS) == 7


def test_a_job_for_a_task_that_does_not_exist_is_dropped_with_one_line(
    new_engine: Callable[..., Engine], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    engine = new_engine()
    engine.no_such_task = True
    monkeypatch.setenv("TREADLE_TARGET", engine.target)
    with caplog.at_level(logging.INFO, "treadle.celery"):
        assert treadle.celery.run_task.apply([7], {"correlation_id": "order-7"}).get() is None
    assert [record.getMessage() for record in caplog.records if record.name == "treadle.celery"] == [
        "job dropped: there is no task 7 (order-7)"
    ]
    assert (engine.asked.get_nowait(), engine.asked.empty()) == (7, True)


def test_tls_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not treadle.celery._security().uses_tls
    monkeypatch.setenv("TREADLE_TLS_CA", "/some/ca.pem")
    assert (treadle.celery._security().uses_tls, treadle.celery._security().tls_ca) == (True, "/some/ca.pem")


def test_a_job_survives_the_worker_that_runs_it() -> None:
    task = treadle.celery.run_task
    assert (task.acks_late, task.reject_on_worker_lost, task.max_retries) == (True, True, None)
