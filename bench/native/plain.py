"""The same work without Treadle: JSON in, the method, JSON out. argv: bytes of the context. Prints one line of JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from statistics import median
from time import perf_counter
from types import SimpleNamespace
from typing import Any

from work import Echo, OneMillisecond

SECONDS = 1.0


def calls_per_second(work: Callable[[], Any]) -> float:
    began = perf_counter()
    calls = 0
    while perf_counter() - began < SECONDS:
        work()
        calls += 1
    return calls / (perf_counter() - began)


def seconds_of(work: Callable[[], Any]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


def main() -> None:
    text = json.dumps({"order": "x" * int(sys.argv[1])})

    def call(handler: Any) -> str:
        task = SimpleNamespace(context=json.loads(text))
        return json.dumps(handler().process(task, None, None))

    call(Echo)
    echo = calls_per_second(lambda: call(Echo))
    one = median(seconds_of(lambda: call(OneMillisecond)) for _ in range(500))
    print(json.dumps({"echo_calls_per_second": round(echo), "one_ms_us_per_call": round(1e6 * one, 1)}))


main()
