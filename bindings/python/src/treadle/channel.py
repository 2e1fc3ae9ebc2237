"""How a process reaches an engine: address, TLS, token, and the limits of the connection, each set on purpose."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from .errors import TreadleError

_LOOPBACK = re.compile(
    r"^(?:unix:|(?:dns:///?)?(?:localhost|127(?:\.\d+){3}|\[::1\])(?::\d+)?$|ipv4:127\.|ipv6:\[::1\])"
)

#: For unary calls and streams alike.
CHANNEL_OPTIONS: tuple[tuple[str, Any], ...] = (
    # The engine bounds what it sends and says so when a worker registers; a limit of ours could only be another one.
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # An engine that vanished without a word (a cable, a frozen machine) is found within 50 s, also by an idle watch.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.max_pings_without_data", 0),
    # A connection of its own for each: another one that waits after a failure must not make this one wait.
    ("grpc.use_local_subchannel_pool", 1),
)


@dataclass(frozen=True)
class Security:
    """What protects the connection. Files are read when the connection is made."""

    #: Bearer token. Default: TREADLE_TOKEN.
    token: str | None = None
    #: TLS with the certificate authorities of the system, or those of this file (PEM).
    tls: bool = False
    tls_ca: str | None = None
    #: Certificate and key of this process (PEM), where the engine asks for them.
    tls_cert: str | None = None
    tls_key: str | None = None
    #: Without TLS only addresses of this machine are spoken to, unless this (or TREADLE_GRPC_ALLOW_PLAINTEXT=1) says so.
    allow_plaintext: bool = False

    @property
    def uses_tls(self) -> bool:
        """Whether anything asks for TLS."""
        return self.tls or bool(self.tls_ca or self.tls_cert or self.tls_key)

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What goes with every call."""
        token = self.token if self.token is not None else os.environ.get("TREADLE_TOKEN", "")
        return (("authorization", f"Bearer {token}"),) if token else ()

    def check(self, target: str) -> None:
        """Raises TreadleError `invalid_argument` for what cannot work, before anything is sent."""
        if bool(self.tls_cert) != bool(self.tls_key):
            raise TreadleError(
                "invalid_argument", "expected tls_cert and tls_key together, came only one of them"
            )
        allowed = self.allow_plaintext or os.environ.get("TREADLE_GRPC_ALLOW_PLAINTEXT") == "1"
        if not (self.uses_tls or allowed or _LOOPBACK.match(target)):
            raise TreadleError(
                "invalid_argument",
                f"expected TLS for {target}, which is another machine: give tls or tls_ca, or allow plaintext",
            )
        for file in (self.tls_ca, self.tls_cert, self.tls_key):
            _read(file)

    def credentials(self) -> grpc.ChannelCredentials:
        """Of a TLS connection."""
        return grpc.ssl_channel_credentials(_read(self.tls_ca), _read(self.tls_key), _read(self.tls_cert))


def _read(file: str | None) -> bytes | None:
    if file is None:
        return None
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise TreadleError("invalid_argument", f"expected a file that can be read: {error}") from error


def open_channel(target: str, security: Security) -> grpc.Channel:
    """A connection for threads."""
    security.check(target)
    if security.uses_tls:
        return grpc.secure_channel(target, security.credentials(), CHANNEL_OPTIONS)
    return grpc.insecure_channel(target, CHANNEL_OPTIONS)


def open_async_channel(target: str, security: Security) -> grpc.aio.Channel:
    """A connection for the running event loop."""
    security.check(target)
    if security.uses_tls:
        return grpc.aio.secure_channel(target, security.credentials(), CHANNEL_OPTIONS)
    return grpc.aio.insecure_channel(target, CHANNEL_OPTIONS)
