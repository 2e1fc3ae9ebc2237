"""Handler names and the classes that serve them. What is wrong with a class is said when it is added, not when its
first step runs."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any, TypeAlias

from ..errors import TreadleError
from ..handler import AnyHandler, StepHandler, is_async, name_of
from ..outcome import Failed

#: Classes under their own names, or under the names a mapping gives them.
HandlerSource: TypeAlias = Iterable[AnyHandler] | Mapping[str, AnyHandler]


class Registry:
    """Which handler serves a name."""

    def __init__(self, handlers: HandlerSource = ()) -> None:
        self._by_name: dict[str, AnyHandler] = {}
        self._async: dict[str, bool] = {}
        self.add(handlers)

    def add(self, handlers: HandlerSource) -> None:
        """Raises TreadleError `invalid_argument` for a name that another class has, and for what is no handler."""
        named = (
            handlers.items() if isinstance(handlers, Mapping) else ((_name(each), each) for each in handlers)
        )
        for name, handler in named:
            self._add_one(name, handler)

    def _add_one(self, name: str, handler: Any) -> None:
        if not (inspect.isclass(handler) and issubclass(handler, StepHandler)):
            raise _refusal(f"expected a class that extends StepHandler, came {handler!r}")
        if inspect.isabstract(handler):
            raise _refusal(f"expected a handler with process, but {handler.__qualname__} has none")
        known = self._by_name.setdefault(name, handler)
        if known is not handler:
            raise _refusal(f'expected one handler for "{name}", came {_place(known)} and {_place(handler)}')
        self._async[name] = is_async(handler)

    def add_modules(self, names: Iterable[str]) -> None:
        """Imports modules, and all modules of packages, and adds the handlers in them."""
        for name in names:
            for module in _modules_of(name):
                self.add(_handlers_in(module))

    def find(self, name: str) -> AnyHandler | None:
        """None when nobody serves the name."""
        return self._by_name.get(name)

    def is_async(self, name: str) -> bool:
        """Whether its hooks run on the event loop."""
        return self._async.get(name, False)

    @property
    def has_async(self) -> bool:
        """Whether any of them runs on the event loop."""
        return any(self._async.values())

    def unknown(self, name: str) -> Failed:
        """What an attempt ends in whose handler nobody serves."""
        known = ", ".join(self.names()) or "none"
        message = f'expected a registered handler, got "{name}"; known: {known}'
        return Failed(code="unknown_handler", error=message, error_class="TreadleError")

    def names(self) -> list[str]:
        """Sorted."""
        return sorted(self._by_name)


def _name(handler: Any) -> str:
    return name_of(handler) if isinstance(handler, type) else repr(handler)


def _modules_of(name: str) -> list[ModuleType]:
    module = importlib.import_module(name)
    inner = pkgutil.walk_packages(getattr(module, "__path__", ()), f"{name}.")
    return [module, *(importlib.import_module(each.name) for each in inner if not _is_main(each.name))]


def _is_main(name: str) -> bool:
    return name.rpartition(".")[2] == "__main__"


def _handlers_in(module: ModuleType) -> list[AnyHandler]:
    """Also those that it has imported: `from .shipping import *` is a way to say what to serve."""
    classes = (each for each in vars(module).values() if inspect.isclass(each))
    return [each for each in classes if issubclass(each, StepHandler) and not inspect.isabstract(each)]


def _place(handler: AnyHandler) -> str:
    return f"{handler.__module__}.{handler.__qualname__}"


def _refusal(message: str) -> TreadleError:
    return TreadleError("invalid_argument", message)
