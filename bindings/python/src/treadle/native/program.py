"""The program that serves handlers inside of an engine's process, from its start to its end. It runs on the main thread of
the interpreter, which then listens for orders: those must reach attempts while every other thread is busy."""

from __future__ import annotations

import json
import logging
import os
import platform
import sys

from ..errors import TreadleError
from ..version import VERSION
from ..worker.logs import configure
from ..worker.modules import load_modules
from ..worker.registry import Registry
from .attempts import Attempts
from .deaf import Deaf
from .loop import Loop
from .patience import Patience
from .port import CONTROL, READY, Port
from .settings import Settings
from .threads import Threads

_LAST_WORDS_SECONDS = 1.0


def main(port: Port, options: str) -> None:
    """Serves until the port closes. Raises TreadleError when it cannot begin."""
    settings = Settings.parse(options)
    if not logging.getLogger().handlers:
        configure(settings.log_level, settings.log_json)
    sys.path.insert(0, os.path.abspath(settings.app_dir))
    registry = _registry(settings)
    deaf = Deaf(port)
    attempts = Attempts(port, deaf, settings.max_result_bytes)
    threads = Threads(port, registry, attempts, settings.concurrency)
    loop = Loop(port, registry, attempts, deaf) if registry.has_async else None
    if loop:
        loop.start()
    port.answer(READY, _introduction(registry))
    _listen(port, attempts, Patience(attempts, threads, loop, deaf, settings))
    threads.join(_LAST_WORDS_SECONDS)
    if loop:
        loop.close()


def _registry(settings: Settings) -> Registry:
    found = Registry()
    load_modules(found, settings.modules)
    if settings.handlers is None:
        return found
    served = {name: handler for name in settings.handlers if (handler := found.find(name)) is not None}
    if not served:
        names = ", ".join(settings.handlers)
        raise TreadleError(
            "unknown_handler", f"expected {names} in the modules; there are {', '.join(found.names())}"
        )
    return Registry(served)


def _introduction(registry: Registry) -> bytes:
    names = registry.names()
    said = {
        "language": "python",
        "language_version": platform.python_version(),
        "package_version": VERSION,
        "handlers": names,
        "on_loop": [name for name in names if registry.is_async(name)],
    }
    return json.dumps(said).encode()


def _listen(port: Port, attempts: Attempts, patience: Patience) -> None:
    while (message := port.next(CONTROL, patience.seconds())) is not None:
        if message:
            patience.begin(attempts.cancel(message))
        patience.look()
