"""From the status of a call to a TreadleError: the code of the closed list from google.rpc.ErrorInfo, its details as
data, and wrong fields from google.rpc.BadRequest in `details["fields"]`."""

from __future__ import annotations

from typing import Any

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from .errors import FencedError, TreadleError

DOMAIN = "treadle"
_TRAILER = "grpc-status-details-bin"


def treadle_error(error: grpc.RpcError) -> TreadleError:
    """What the engine said; where it had no word, the status of the connection."""
    status = error.code().name.lower() if hasattr(error, "code") else "unknown"
    message = (error.details() if hasattr(error, "details") else None) or str(error)
    code, details = _details_of(error)
    if code == "fenced":
        return FencedError(message)
    return TreadleError(code or status, message, details)


def _details_of(error: grpc.RpcError) -> tuple[str | None, dict[str, Any]]:
    code: str | None = None
    details: dict[str, Any] = {}
    for each in _status_of(error).details:
        info, wrong = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        if each.Unpack(info) and info.domain == DOMAIN:
            code = info.reason.lower()
            details.update(info.metadata)
        elif each.Unpack(wrong):
            details["fields"] = {each.field: each.description for each in wrong.field_violations}
    return code, details


def _status_of(error: grpc.RpcError) -> Any:
    status = status_pb2.Status()
    trailers: Any = error.trailing_metadata() if hasattr(error, "trailing_metadata") else None
    for key, value in trailers or ():
        if key == _TRAILER:
            try:
                status.ParseFromString(value)
            except DecodeError:  # a proxy between us has its own idea of the trailer
                return status_pb2.Status()
    return status
