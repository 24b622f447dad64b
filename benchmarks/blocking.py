"""The usual way, as a yardstick: a Celery task that asks for a database and waits for it by the SDK's own poller.

An application of its own, without Django: `celery --app benchmarks.blocking worker`.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from azure.identity import ClientSecretCredential
from azure.mgmt.sql import SqlManagementClient
from celery import Celery

app = Celery("blocking", broker=Path(os.environ["BROKER_URL_FILE"]).read_text(encoding="utf-8").strip())
app.conf.update(task_default_queue="blocking", task_ignore_result=True, worker_prefetch_multiplier=1)


@lru_cache(maxsize=1)
def client(subscription_id: str) -> SqlManagementClient:
    """The SDK as its documentation says, pointed at our Azure."""
    trust = {"connection_verify": os.environ["AZURE_CA_FILE"]}
    secret = Path(os.environ["AZURE_CLIENT_SECRET_FILE"]).read_text(encoding="utf-8").strip()
    who = {"authority": os.environ["AZURE_AUTHORITY_HOST"], "disable_instance_discovery": True}
    credential = ClientSecretCredential(
        os.environ["AZURE_TENANT_ID"], os.environ["AZURE_CLIENT_ID"], secret, **who, **trust
    )
    arm = os.environ["AZURE_ARM_URL"]
    scopes = {"base_url": arm, "credential_scopes": ["https://management.azure.com/.default"]}
    return SqlManagementClient(credential, subscription_id, **scopes, **trust)


@app.task
def create(subscription_id: str, place: tuple[str, str], name: str, document: dict[str, object]) -> None:
    """Done when the database is there; the thread waits."""
    client(subscription_id).databases.begin_create_or_update(*place, name, document).result()
