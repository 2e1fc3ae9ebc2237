"""The worker: runs step handlers for an engine, over one stream that it keeps open."""

from __future__ import annotations

from .registry import Registry
from .worker import Worker

__all__ = ["Registry", "Worker"]
