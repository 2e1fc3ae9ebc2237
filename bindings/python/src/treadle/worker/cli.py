"""treadle-worker: serves the step handlers of modules. Says in one line what is wrong, and ends with 0 (stopped),
1 (no engine accepts the worker) or 2 (wrong arguments, or modules that cannot be loaded)."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from ..channel import Security
from ..errors import TreadleError
from ..target import DEFAULT_TARGET, targets_of
from ..version import VERSION
from .logs import LEVELS, configure
from .modules import load_modules
from .registry import Registry
from .reload import run_and_reload, worker_command
from .worker import DEFAULT_CONCURRENCY, DEFAULT_GRACE_SECONDS, Worker

log = logging.getLogger("treadle.worker")

_EPILOG = """\
examples:
  treadle-worker app.handlers
  treadle-worker app.handlers app.more --target engine-1:7465 --target engine-2:7465 --tls --concurrency 64
  treadle-worker app.handlers --processes 4        handlers that compute: one process for each attempt at once
  treadle-worker app.handlers --reload             in development

environment: TREADLE_TARGET, TREADLE_TOKEN, TREADLE_GRPC_ALLOW_PLAINTEXT=1, DJANGO_SETTINGS_MODULE (Django is set up first)
signals: SIGTERM or SIGINT stops gracefully, a second one does not wait for handlers
"""


def parser() -> argparse.ArgumentParser:
    """The arguments."""
    made = argparse.ArgumentParser(
        prog="treadle-worker",
        description="Runs step handlers for a Treadle engine.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument(
        "modules", nargs="+", metavar="module", help="module or package with handlers, as app.handlers"
    )
    made.add_argument("--version", action="version", version=f"treadle-worker {VERSION}")
    _add_connection(made.add_argument_group("connection"))
    _add_work(made.add_argument_group("work"))
    _add_process(made.add_argument_group("process"))
    return made


def _add_connection(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--target",
        action="append",
        metavar="HOST:PORT",
        help=f"engine, also unix:/path; several are tried in turn (default: TREADLE_TARGET or {DEFAULT_TARGET})",
    )
    group.add_argument("--token", help="bearer token (default: TREADLE_TOKEN, which other users cannot see)")
    group.add_argument(
        "--tls", action="store_true", help="TLS with the certificate authorities of the system"
    )
    group.add_argument("--tls-ca", metavar="FILE", help="TLS with these certificate authorities")
    group.add_argument(
        "--tls-cert", metavar="FILE", help="certificate of the worker, where the engine asks for one"
    )
    group.add_argument("--tls-key", metavar="FILE", help="its key")
    group.add_argument("--allow-plaintext", action="store_true", help="speak to other machines without TLS")


def _add_work(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--concurrency",
        type=_positive,
        metavar="N",
        help=f"attempts at once (default: {DEFAULT_CONCURRENCY}, or --processes)",
    )
    group.add_argument(
        "--processes",
        type=_positive,
        metavar="N",
        default=0,
        help="run def handlers in N processes instead of threads; async ones stay on the event loop",
    )
    group.add_argument(
        "--grace",
        type=_seconds,
        metavar="SECONDS",
        default=DEFAULT_GRACE_SECONDS,
        help=f"time for handlers to end when the worker stops (default: {DEFAULT_GRACE_SECONDS:.0f})",
    )


def _add_process(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--name", help="of the worker, for people (default: host:pid)")
    group.add_argument(
        "--app-dir", metavar="DIR", default=".", help="where modules are looked for first (default: .)"
    )
    group.add_argument("--reload", action="store_true", help="start again when a source file changes")
    group.add_argument("--log-level", choices=LEVELS, default="info")
    group.add_argument("--log-json", action="store_true", help="log JSON lines")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected at least 1, came {text}")
    return number


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 <= number <= 86_400:
        raise argparse.ArgumentTypeError(f"expected seconds from 0 to 86400, came {text}")
    return number


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Answers with the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = parser().parse_args(given)
    configure(options.log_level, options.log_json)
    sys.path.insert(0, os.path.abspath(options.app_dir))
    if options.reload:
        return run_and_reload(worker_command(given), options.modules)
    try:
        worker = _worker(options)
    except TreadleError as error:
        return _complain(error.message, 2)
    try:
        worker.run()
    except TreadleError as error:
        return _complain(f"no engine accepts this worker ({error.code}): {error.message}", 1)
    return _end(worker)


def _worker(options: argparse.Namespace) -> Worker:
    registry = Registry()
    load_modules(registry, options.modules)
    return Worker(
        registry,
        target=targets_of(options.target),
        concurrency=options.concurrency,
        processes=options.processes,
        name=options.name,
        security=_security(options),
        grace=options.grace,
    )


def _security(options: argparse.Namespace) -> Security:
    return Security(
        token=options.token,
        tls=options.tls,
        tls_ca=options.tls_ca,
        tls_cert=options.tls_cert,
        tls_key=options.tls_key,
        allow_plaintext=options.allow_plaintext,
    )


def _complain(message: str, status: int) -> int:
    print(f"treadle-worker: {message}", file=sys.stderr)
    return status


def _end(worker: Worker) -> int:
    if not worker.idle:  # threads that no longer listen: their steps have been given back
        log.warning("handlers still run: ending without them")
        logging.shutdown()
        os._exit(0)
    return 0
