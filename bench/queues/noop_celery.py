"""What Celery loads: Treadle's task, or with BARE=1 a task in its place that does nothing and says which it was."""

from __future__ import annotations

import os

from celery import Celery, signals

app = Celery("bench", broker=os.environ["BROKER_URL"])
app.conf.update(broker_connection_retry_on_startup=True, worker_redirect_stdouts=False)

if os.environ.get("BARE") == "1":

    @app.task(name="treadle.run_task", ignore_result=True)
    def noop(task_id: int, **_: object) -> None:
        os.write(1, f"ran {task_id}\n".encode())

else:
    app.conf.imports = ["treadle.celery"]


@signals.worker_ready.connect
def say_ready(**_: object) -> None:
    os.write(1, b"ready\n")
