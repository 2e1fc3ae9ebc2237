"""The bare transport: sends back what comes on one stream, and does nothing else. argv: the address of the server."""

from __future__ import annotations

import sys
from queue import SimpleQueue

import grpc

echoes: SimpleQueue[bytes] = SimpleQueue()
stream = grpc.insecure_channel(sys.argv[1]).stream_stream("/bench.Echo/Echo")
try:
    for message in stream(iter(echoes.get, b"")):
        echoes.put(message)
except grpc.RpcError:
    pass  # the server has gone: the benchmark is over
