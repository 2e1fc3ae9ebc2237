"""A Celery app as a team would have it, with Treadle's task beside one of its own. What it needs is in the environment."""

from __future__ import annotations

import json
import os

from celery import Celery

app = Celery("tests", broker=os.environ["BROKER_URL"])
app.conf.update(
    imports=["treadle.celery"],
    task_default_queue=os.environ["QUEUE"],
    task_queue_max_priority=int(os.environ["MAX_PRIORITY"]) if "MAX_PRIORITY" in os.environ else None,
    broker_use_ssl=json.loads(os.environ.get("BROKER_USE_SSL", "null")),
    broker_transport_options=json.loads(os.environ.get("TRANSPORT_OPTIONS", "{}")),
    worker_prefetch_multiplier=int(os.environ["PREFETCH"]),
    broker_connection_retry_on_startup=True,
)


@app.task(name="tests.say")
def say(text: str) -> None:
    print(f"said {text}")
