"""Passes the W3C trace context on, when the application has OpenTelemetry; does nothing when it has not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext

try:
    from opentelemetry import context as otel_context
    from opentelemetry import propagate
except ImportError:
    HAS_OPENTELEMETRY = False
else:
    HAS_OPENTELEMETRY = True

_NOTHING: AbstractContextManager[None] = nullcontext()


def traced_by(carrier: Mapping[str, str]) -> AbstractContextManager[None]:
    """Within it, spans are children of the one that the carrier (`traceparent`, `tracestate`) speaks of."""
    return _attached(carrier) if HAS_OPENTELEMETRY and carrier else _NOTHING


@contextmanager
def _attached(carrier: Mapping[str, str]) -> Iterator[None]:
    token = otel_context.attach(propagate.extract(dict(carrier)))
    try:
        yield
    finally:
        otel_context.detach(token)


def current_trace() -> dict[str, str]:
    """The carrier of the span that is running here; empty without OpenTelemetry."""
    carrier: dict[str, str] = {}
    if HAS_OPENTELEMETRY:
        propagate.inject(carrier)
    return carrier
