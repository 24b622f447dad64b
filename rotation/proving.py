"""Signing in with what a consumer reads: whether a credential works, as far as its consumer is concerned."""

from __future__ import annotations

import json

from cloud import factory
from cloud.errors import LoginRefused
from cloud.protocols import LoginSpec
from cloud.secrets import Secret
from inventory.models import Database
from operations.models import Operation
from operations.outcomes import Next, Outcome, StepError
from rotation.logins import record_sign_in
from rotation.names import stable_secret_of
from rotation.vault import read_secret

REFUSED = "PublishedLoginRefused"


def prove_published(operation: Operation, database: Database) -> Outcome:
    """Read the newest version of the stable secret and sign in as it says. Raises StepError PublishedLoginRefused."""
    told = json.loads(read_secret(operation, stable_secret_of(database)).reveal())
    login = LoginSpec(told["endpoint"], told["database"], told["user"], Secret(told["password"]))
    try:
        factory.sql_logins().verify(login)
    except LoginRefused as error:
        raise StepError(REFUSED, f"{database} refuses {login.user} with the password that is published.") from error
    record_sign_in(operation, database)
    return Next()
