"""Handlers inside the Node process of an engine. The addon (bindings/native) starts Python there and calls `main`; nothing
of this is for programs in Python."""

from __future__ import annotations

from .program import main

__all__ = ["main"]
