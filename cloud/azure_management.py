"""`SqlManagement` over Microsoft's SDK, and the one look at a long-running operation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from azure.core.rest import HttpRequest, HttpResponse

from cloud.arm import require_same_host
from cloud.azure_changes import AzureChanges
from cloud.azure_databases import AzureDatabases
from cloud.azure_keys import AzureKeys
from cloud.azure_links import AzureLinks
from cloud.azure_pools import AzurePools
from cloud.azure_runs import AzureRuns
from cloud.azure_servers import AzureServers
from cloud.classify import ABSENT, retry_after_of
from cloud.errors import Missing, RetryLater
from cloud.polls import Poll, PollState

_ENDS = {
    "succeeded": PollState.SUCCEEDED,
    "failed": PollState.FAILED,
    "canceled": PollState.CANCELED,  # ARM's spelling
    "cancelled": PollState.CANCELED,  # Microsoft.Sql's own
}
_FORGOTTEN = ABSENT | {"OperationIdNotFound"}


class AzureSqlManagement(AzureServers, AzurePools, AzureDatabases, AzureChanges, AzureKeys, AzureLinks, AzureRuns):
    """Azure Resource Manager as `cloud.protocols.SqlManagement` promises it."""

    def poll(self, subscription_id: str, url: str) -> Poll:
        """One GET of a stored poll URL, as given; an operation that Azure has forgotten is neither done nor failed."""
        require_same_host(url, self._settings.arm_url)
        try:
            with self.calls(subscription_id) as client:
                response = client.send_request(HttpRequest("GET", url.replace("{", "{{").replace("}", "}}")))
                response.raise_for_status()
        except Missing as missing:
            if missing.code not in _FORGOTTEN:
                raise
            return Poll(PollState.FORGOTTEN, code=missing.code)
        return read_poll(response)


def read_poll(response: HttpResponse) -> Poll:
    """Azure-AsyncOperation answers with a status; Location with 202 until done, then with anything or nothing."""
    retry_after = retry_after_of(response.headers.items())
    if response.status_code == 202:
        return Poll(PollState.RUNNING, retry_after=retry_after)
    document = _document(response)
    status = document.get("status")
    if status is None:
        return Poll(PollState.SUCCEEDED)
    state = _ENDS.get(str(status).lower(), PollState.RUNNING)
    if state is PollState.RUNNING:
        return Poll(state, retry_after=retry_after)
    if state is PollState.SUCCEEDED:
        return Poll(state)
    error: Mapping[str, Any] = document.get("error") or {}
    return Poll(state, code=str(error.get("code") or state.capitalize()), message=str(error.get("message") or ""))


def _document(response: HttpResponse) -> Mapping[str, Any]:
    if not response.content:
        return {}
    try:
        document = response.json()
    except ValueError as error:
        raise RetryLater("InvalidAnswer", "The poll answer is not JSON.") from error
    if not isinstance(document, Mapping):
        raise RetryLater("InvalidAnswer", "The poll answer is no object.")
    return document
