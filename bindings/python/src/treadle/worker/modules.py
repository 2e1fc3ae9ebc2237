"""The modules of handlers that a command was given. Whatever importing them raises is said in one line, with its place."""

from __future__ import annotations

import importlib
import logging
import os
import traceback
from collections.abc import Sequence

from ..errors import TreadleError
from .registry import Registry

log = logging.getLogger("treadle.worker")


def load_modules(registry: Registry, modules: Sequence[str]) -> None:
    """Adds the handlers of these modules. Raises TreadleError when one cannot be imported, or none has a handler."""
    try:
        if os.environ.get("DJANGO_SETTINGS_MODULE"):
            importlib.import_module("django").setup()
        registry.add_modules(modules)
    except TreadleError:
        raise
    except Exception as error:  # whatever a module does when it is imported
        log.debug("importing failed", exc_info=True)
        what = f"{type(error).__name__}: {error} ({_place(error)})"
        raise TreadleError("invalid_argument", f"cannot load the handlers: {what}") from error
    if not registry.names():
        raise TreadleError("invalid_argument", f"no handlers in {', '.join(modules)}")


def _place(error: BaseException) -> str:
    """Where it was raised, save for the machinery of import."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [each for each in frames if not each.filename.startswith("<frozen")] or frames
    return f"{ours[-1].filename}:{ours[-1].lineno}"
