"""What the engine says to the program when it starts it: the JSON that bindings/native/native-host.ts writes."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """For the life of the program."""

    #: Modules or packages with handlers.
    modules: list[str]
    #: Attempts at once, on threads and on the event loop together.
    concurrency: int
    max_result_bytes: int
    #: Where modules are looked for first.
    app_dir: str
    log_level: str
    log_json: bool
    #: Of what was found only these are served, as far as they are there; None: all.
    handlers: list[str] | None = None
    #: Seconds until an attempt that does not heed its cancellation is interrupted, and then until it is given up.
    interrupt_after: float = 1.0
    give_up_after: float = 2.0

    @staticmethod
    def parse(text: str) -> Settings:
        """Of the JSON."""
        return Settings(**json.loads(text))
