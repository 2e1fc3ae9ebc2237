"""Attributes that are computed for the first who looks. Unlike functools.cached_property before Python 3.12 they have no lock:
that one is shared by all objects, so that a thread which parses a large context would hold up all others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

Value = TypeVar("Value")


class lazy(Generic[Value]):
    """For methods without arguments. Two threads that look at once may both compute it, and both get the same object."""

    def __init__(self, compute: Callable[[Any], Value]) -> None:
        self._compute = compute
        self._name = compute.__name__
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self, owner: None, kind: type) -> lazy[Value]: ...
    @overload
    def __get__(self, owner: object, kind: type) -> Value: ...
    def __get__(self, owner: Any, kind: type) -> Any:
        if owner is None:
            return self
        # found there from now on, as it is no data descriptor
        return owner.__dict__.setdefault(self._name, self._compute(owner))
