"""Every call of the client against a real engine, and what its errors say."""

from __future__ import annotations

import os
import uuid

import pytest

from integration import engine

engine.require()

from treadle import Client, TaskRequest, TreadleError  # noqa: E402

UNSERVED = f"nobody-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def client() -> Client:
    return Client()


@pytest.fixture(scope="module")
def template() -> str:
    """Its steps wait: nobody serves them."""
    return engine.register({"first": [], "second": ["first"]}, {"first": UNSERVED, "second": UNSERVED})


def create(client: Client, template: str) -> int:
    return client.create_task(template, {"id": 1}, namespace_name="py").task_id


def test_a_task_is_created_once_for_its_key(client: Client, template: str) -> None:
    key = uuid.uuid4().hex
    made = [client.create_task(template, {"id": 1}, namespace_name="py", identity_key=key) for _ in range(2)]
    assert [each.created for each in made] == [True, False]
    assert made[0].task_id == made[1].task_id


def test_a_task_is_what_was_asked_for(client: Client, template: str) -> None:
    options = TaskRequest(
        template, {"id": 7}, namespace_name="py", initiator="ann", tags=["vip"], deadline=60
    )
    (created,) = client.create_tasks([options])
    task = client.get_task(created.task_id)
    assert (task.context, task.initiator, task.tags) == ({"id": 7}, "ann", ["vip"])
    assert [(step.name, step.depends_on_steps) for step in task.steps] == [
        ("first", ()),
        ("second", ("first",)),
    ]
    assert task.deadline_at is not None and task.created_at is not None
    assert (task.deadline_at - task.created_at).total_seconds() == pytest.approx(60, abs=1)


def test_a_list_goes_on_over_its_pages(client: Client) -> None:
    template = engine.register({"only": []}, {"only": UNSERVED})
    ids = [create(client, template) for _ in range(5)]
    listed = client.list_tasks(namespace_name="py", name=template, page_size=2)
    assert [task.task_id for task in listed] == ids[::-1]


def test_a_task_is_cancelled(client: Client, template: str) -> None:
    task_id = create(client, template)
    assert client.cancel_task(task_id, by="ann", reason="test").cancelled_steps == 2
    assert client.wait_for_task(task_id, timeout=engine.SECONDS).state == "cancelled"


def test_a_pause_is_made_and_ended(client: Client, template: str) -> None:
    task_id = create(client, template)
    assert [client.pause(task_id=task_id), client.pause(task_id=task_id)] == [True, False]
    assert [client.resume(task_id=task_id), client.resume(task_id=task_id)] == [True, False]


def test_a_pause_is_about_one_thing(client: Client) -> None:
    with pytest.raises(TreadleError, match="expected one of task_id, namespace_name and handler, came 2"):
        client.pause(task_id=1, handler="x")


def test_steps_are_resolved_by_hand(client: Client, template: str) -> None:
    task = client.get_task(create(client, template))
    for step in task.steps:
        client.resolve_step(step.workflow_step_id, {"by": "hand"})
    ended = client.wait_for_task(task.task_id, timeout=engine.SECONDS)
    assert [(step.state, step.results) for step in ended.steps] == [("resolved_manually", {"by": "hand"})] * 2


def test_a_task_that_is_due_is_run(client: Client, template: str) -> None:
    assert client.run_task(create(client, template)) in ("pending", "in_progress")


def test_templates_are_listed_and_shown(client: Client, template: str) -> None:
    assert template in [each.name for each in client.list_templates()]
    shown = client.get_template(template, namespace_name="py")
    assert [(step.name, step.handler) for step in shown.steps] == [("first", UNSERVED), ("second", UNSERVED)]


def test_an_unknown_task_is_an_error_with_its_code(client: Client) -> None:
    with pytest.raises(TreadleError) as raised:
        client.get_task(2**40)
    assert raised.value.code == "unknown_task"


def test_what_cannot_be_done_now_is_an_error_with_its_code(client: Client, template: str) -> None:
    with pytest.raises(TreadleError) as raised:
        client.retry_task(create(client, template))
    assert raised.value.code in ("unlawful_transition", "stale_state")


def test_a_context_that_is_not_json_is_refused_before_it_is_sent(client: Client) -> None:
    with pytest.raises(TreadleError, match="expected a context that can be stored as JSON: got a object"):
        client.create_task("any", {"id": object()})


def test_waiting_ends_in_time(client: Client, template: str) -> None:
    with pytest.raises(TimeoutError, match="has not ended within"):
        client.wait_for_task(create(client, template), timeout=0.2)


def test_no_engine_is_an_error_with_its_code() -> None:
    with Client("127.0.0.1:1", timeout=2) as nobody, pytest.raises(TreadleError) as raised:
        nobody.list_templates()
    assert raised.value.code == "unavailable"


def test_a_client_works_on_in_a_forked_process(client: Client) -> None:
    before = len(client.list_templates())
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with Client() as other:
            os.write(writing, str(len(other.list_templates())).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 100).decode() == str(before)
