"""What was given up and still runs. The engine is told at each change: while something is deaf the process should be
restarted, for nothing inside of it can end what is deaf."""

from __future__ import annotations

import json
import threading

from .port import DEAF, Port


class Deaf:
    """Threads and event loops, each by the name of the handler that holds it. Safe to use from any thread."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self._lock = threading.Lock()
        self._names: dict[object, str] = {}

    def add(self, what: object, name: str) -> None:
        """It was given up; `name` is the handler that does not stop."""
        with self._lock:
            self._names[what] = name
            self._tell()

    def discard(self, what: object) -> None:
        """It has come back after all. Nothing when it was not given up."""
        with self._lock:
            if self._names.pop(what, None) is not None:
                self._tell()

    def _tell(self) -> None:
        self._port.answer(DEAF, json.dumps({"handlers": list(self._names.values())}).encode())
