"""A FastAPI app with a worker and a client in its lifespan, as the README shows it: both live on its event loop."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient

from integration import engine

engine.require()

from treadle import AsyncClient, Sequence, Step, StepHandler, Task, Worker  # noqa: E402


class Greet(StepHandler):
    async def process(self, task: Task, sequence: Sequence, step: Step) -> Any:
        return {"greeting": f"hello {task.context['name']}"}


def app_of(handler: str, template: str) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with Worker({handler: Greet}), AsyncClient() as client:
            app.state.treadle = client
            yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/greetings/{name}")
    async def greet(name: str) -> Any:
        client: AsyncClient = app.state.treadle
        created = await client.create_task(template, {"name": name}, namespace_name="py")
        ended = await client.wait_for_task(created.task_id, timeout=engine.SECONDS)
        return ended.step("greet").results

    return app


def test_an_app_runs_steps_and_waits_for_tasks_on_its_own_event_loop() -> None:
    handler = f"greet-{uuid.uuid4().hex[:12]}"
    template = engine.register({"greet": []}, {"greet": handler})
    with TestClient(app_of(handler, template)) as browser:
        answers = [browser.post(f"/greetings/{name}").json() for name in ("Ada", "Grace")]
    assert answers == [{"greeting": "hello Ada"}, {"greeting": "hello Grace"}]
