"""OAuth2 errors as Entra words them."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from simulator.http import Response, answer


class Refusal(Exception):
    """An OAuth2 error: its word, its AADSTS number and what a person reads."""

    def __init__(self, status: int, error: str, number: int, text: str) -> None:
        super().__init__(text)
        self.status, self.error, self.number, self.text = status, error, number, text


def wrong_secret(client_id: str, *, present: bool) -> Refusal:
    if not present:
        text = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."
        return Refusal(401, "invalid_client", 7000218, text)
    text = (
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, "
        f"not the client secret ID, for a secret added to app '{client_id}'."
    )
    return Refusal(401, "invalid_client", 7000215, text)


def refused(refusal: Refusal) -> Response:
    moment = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
    footer = f"Trace ID: {trace} Correlation ID: {correlation} Timestamp: {moment}"
    document = {
        "error": refusal.error,
        "error_description": f"AADSTS{refusal.number}: {refusal.text} {footer}",
        "error_codes": [refusal.number],
        "timestamp": moment,
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": f"https://login.microsoftonline.com/error?code={refusal.number}",
    }
    return answer(refusal.status, document)
