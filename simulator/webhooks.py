"""POSTs what Event Grid has to deliver, beside the loop that answers requests: the receiver may ask us for keys meanwhile."""

from __future__ import annotations

import asyncio
import http.client
import ssl
import urllib.error
import urllib.request

from simulator.azure import Azure
from simulator.event_grid import Message

LOOK_SECONDS = 1.0
TIMEOUT_SECONDS = 30.0


async def deliver_for_ever(azure: Azure, *, ca_file: str) -> None:
    """Look once a second what is due. Addresses with https are trusted by this certificate authority, or the system's."""
    context = ssl.create_default_context()
    context.load_verify_locations(ca_file)
    while True:
        for message in azure.events.pending(azure.vaults.authority_url):
            azure.events.answered(message, *await asyncio.to_thread(_post, message, context))
        await asyncio.sleep(LOOK_SECONDS)


def _post(message: Message, context: ssl.SSLContext) -> tuple[int, bytes]:
    """Status and body; 0 where nobody answers."""
    request = urllib.request.Request(message.endpoint, message.body, message.headers, method="POST")  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS, context=context) as response:  # noqa: S310
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
