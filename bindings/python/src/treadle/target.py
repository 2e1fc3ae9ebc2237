"""Addresses of engines: `host:port` or `unix:/path`, given by the program or by TREADLE_TARGET."""

from __future__ import annotations

import os
from collections.abc import Iterable

DEFAULT_TARGET = "127.0.0.1:7465"


def targets_of(given: str | Iterable[str] | None) -> list[str]:
    """All of them; a text may hold several, separated by commas."""
    if given is None:
        given = os.environ.get("TREADLE_TARGET") or DEFAULT_TARGET
    texts = [given] if isinstance(given, str) else list(given)
    return [each.strip() for text in texts for each in text.split(",") if each.strip()]


def first_target(given: str | None) -> str:
    """The one that a client speaks to."""
    return targets_of(given)[0]
