"""The worker: runs step handlers for an engine, over one stream that it keeps open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .registry import Registry

if TYPE_CHECKING:
    from .worker import Worker

__all__ = ["Registry", "Worker"]


def __getattr__(name: str) -> Any:
    """Loaded for the first who asks: handlers inside of an engine's process (treadle.native) do without gRPC."""
    if name != "Worker":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return import_module(f"{__name__}.worker").Worker
