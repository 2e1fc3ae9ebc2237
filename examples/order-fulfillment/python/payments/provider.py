"""The payment team's client of the provider. Its one rule of interest: which answers are worth another attempt. It raises
the two errors that Treadle understands, so that handlers need no retry code at all."""

import json
import os
import platform
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any
from urllib.parse import quote, urlsplit

from treadle import PermanentError, RetryableError, Step

_HOST = urlsplit(os.environ["PAYMENT_PROVIDER_URL"]).netloc


def authorize(step: Step, reference: str, card: str, amount_cents: int) -> dict[str, Any]:
    """Has the money held. Raises PermanentError `CARD_DECLINED`."""
    body = {"reference": reference, "card": card, "amount_cents": amount_cents}
    return _post(step, "/authorizations", body, f"authorize/{reference}")


def capture(step: Step, reference: str, authorization_id: str) -> dict[str, Any]:
    """Takes money that is held."""
    return _post(step, f"/authorizations/{quote(authorization_id)}/capture", {}, f"capture/{reference}")


def _post(step: Step, path: str, body: dict[str, Any], key: str) -> dict[str, Any]:
    """The key is the same in every attempt: the provider answers one that it knows as it did then, and does nothing."""
    headers = {
        "content-type": "application/json",
        "idempotency-key": key,
        "user-agent": f"Python/{platform.python_version()}",
    }
    connection = HTTPConnection(_HOST, timeout=step.timeout)
    try:
        connection.request("POST", path, json.dumps(body), headers)
        response = connection.getresponse()
        text = response.read().decode()
    except (OSError, HTTPException) as error:
        step.raise_if_cancelled()  # the step's own time-out: the engine knows what it means
        raise RetryableError("the payment provider hung up") from error
    finally:
        connection.close()
    if response.status >= 300:
        raise _refusal(response, text)
    answer: dict[str, Any] = json.loads(text)
    return answer


def _refusal(response: HTTPResponse, text: str) -> Exception:
    if response.status == 402:
        return PermanentError(f"the card was declined: {text}", error_code="CARD_DECLINED")
    message = f"the payment provider answered {response.status}"
    if response.status == 429 or response.status >= 500:
        return RetryableError(message, retry_after=_seconds(response.getheader("retry-after")))
    return PermanentError(f"{message}: {text}", error_code=f"HTTP_{response.status}")


def _seconds(retry_after: str | None) -> float | None:
    """Retry-After is a number of seconds, or a date."""
    if retry_after is None:
        return None
    if retry_after.isdigit():
        return float(retry_after)
    return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(timezone.utc)).total_seconds())
