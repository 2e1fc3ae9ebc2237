"""How an attempt runs on a thread that it may block: one of the worker's, or the main thread of a process of the pool."""

from __future__ import annotations

import sys
from typing import Any

from ..handler import AnyHandler
from ..lifecycle import run_attempt_here
from .job import Job


def run_on_thread(job: Job, handler: AnyHandler) -> Any:
    """On the calling thread. A thread lives longer than connections of Django do: dead ones are replaced, as in requests."""
    _close_old_connections()
    try:
        return run_attempt_here(job.attempt(handler))
    finally:
        _close_old_connections()


def _close_old_connections() -> None:
    django = sys.modules.get("django.db")
    if django is None:
        return
    from django.conf import settings

    if settings.configured:
        django.close_old_connections()
