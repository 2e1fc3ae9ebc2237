"""How the worker's process logs: lines for people, or JSON for machines. Records of handlers say whose attempt they are."""

from __future__ import annotations

import json
import logging
import sys
from dataclasses import dataclass
from datetime import datetime, timezone

LEVELS = ("debug", "info", "warning", "error")
FACTS = ("task_id", "workflow_step_id", "handler", "attempt")


class _Lines(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        facts = " ".join(f"{fact}={getattr(record, fact)}" for fact in FACTS if hasattr(record, fact))
        return f"{super().formatMessage(record)} {facts}".rstrip()


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat().replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "msg": record.getMessage(),
            **{fact: getattr(record, fact) for fact in FACTS if hasattr(record, fact)},
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


@dataclass(frozen=True)
class LogSettings:
    """As a process of the pool gets them from its worker."""

    level: str = "warning"
    as_json: bool = False


_settings = LogSettings()


def settings() -> LogSettings:
    """Those of this process; the default where the program itself cares for logging."""
    return _settings


def configure(level: str, as_json: bool) -> None:
    """Logs everything of the process to standard error."""
    global _settings
    _settings = LogSettings(level, as_json)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if as_json else _Lines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
