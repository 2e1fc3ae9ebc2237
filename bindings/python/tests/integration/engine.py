"""The real engine that the tests of this folder talk to: its address and its database come from the environment, as
test/parity/python.test.ts sets it. Templates are registered by SQL, as an engine does it."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
import pytest

from treadle import Client, Worker
from treadle.client import TaskDetails

_MISSING = [name for name in ("TREADLE_TARGET", "DATABASE_URL") if not os.environ.get(name)]
SECONDS = 30.0


def require() -> None:
    """Skips the module where there is no engine; under CI that is a failure."""
    if not _MISSING:
        return
    message = f"{', '.join(_MISSING)} must be set: test/parity/python.test.ts does, and runs this"
    if os.environ.get("CI") == "true":
        raise RuntimeError(message)
    pytest.skip(message, allow_module_level=True)


def database_url() -> str:
    return os.environ["DATABASE_URL"]


def ask(query: str, *values: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(database_url(), autocommit=True) as connection:
        cursor = connection.execute(query, values)
        return cursor.fetchall() if cursor.description else []


def register(handlers: Mapping[str, Sequence[str]], names: Mapping[str, str], **each: Any) -> str:
    """A template with these steps (step: its parents), run by the handlers of these names; answers with its name."""
    name = f"py_{uuid.uuid4().hex[:12]}"
    defaults: dict[str, Any] = {
        "dependent_system": "unknown",
        "skippable": False,
        "default_retryable": True,
        "default_retry_limit": 3,
    }
    defaults["backoff"] = {"base_seconds": 0, "factor": 1, "max_seconds": 0, "jitter": 0}
    steps = [
        {**defaults, "name": step, "handler_class": names[step], "depends_on_steps": list(parents), **each}
        for step, parents in handlers.items()
    ]
    template = json.dumps({"name": name, "namespace_name": "py", "version": "1.0.0", "step_templates": steps})
    ask("select treadle.register_template(%s::jsonb, %s::jsonb)", template, template)
    return name


def run(
    handlers: Mapping[str, Any], context: Any = None, worker: Mapping[str, Any] | None = None, **each: Any
) -> TaskDetails:
    """Runs one task, a chain of these handlers by step name, with a worker of its own; answers with the ended task."""
    unique = {
        step: f"{step}-{uuid.uuid4().hex[:12]}" for step in handlers
    }  # else the steps of others would come here
    steps = list(handlers)
    parents = {step: steps[index - 1 : index] if index else [] for index, step in enumerate(steps)}
    name = register(parents, unique, **each)
    serving = {unique[step]: handler for step, handler in handlers.items()}
    with Worker(serving, **(worker or {})), Client() as client:
        created = client.create_task(name, context or {"id": 1}, namespace_name="py")
        return client.wait_for_task(created.task_id, timeout=SECONDS)
