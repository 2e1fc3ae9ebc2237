"""Holds what comes in and goes out of a handler to the pydantic models that its class declares.

What fails here is the fault of a template, a task or a handler, so trying again cannot help.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from .errors import DeclarationError
from .json_text import with_doubles


def conform(model: Any, text: str, *, code: str, what: str) -> Any:
    """The JSON text as its model makes it. `model`: a pydantic model, or any type that pydantic can check."""
    from pydantic import ValidationError

    try:
        return _adapter(model).validate_json(with_doubles(text))
    except ValidationError as error:
        problems = [f"{_place(what, each['loc'])}: {each['msg']}" for each in error.errors(include_url=False)]
        raise DeclarationError(code, "; ".join(problems)) from error


def dump(model: Any, value: Any) -> Any:
    """The value of a model as the JSON that children will read."""
    return _adapter(model).dump_python(value, mode="json", by_alias=True)


@cache
def _adapter(model: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(model)


def _place(what: str, path: tuple[Any, ...]) -> str:
    return ".".join([what, *map(str, path)])
