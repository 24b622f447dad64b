"""A sign-in as consumers make it: with what the stable secret says at this moment."""

from __future__ import annotations

import json

from cloud import factory
from cloud.errors import LoginRefused
from cloud.identities import OwnIdentity
from cloud.protocols import LoginSpec
from cloud.secrets import Secret
from inventory.models import Database
from operations.models import Operation
from operations.outcomes import Next, Outcome, StepError
from rotation.holding import is_entra_only
from rotation.logins import record_sign_in
from rotation.names import stable_secret_of
from rotation.vault import read_secret, server_of


def prove_login(operation: Operation, database: Database) -> Outcome:
    """Go on once a fresh sign-in works. A refusal is transient: the credential may be changing just now."""
    try:
        factory.sql_logins().verify(_login(operation, database))
    except LoginRefused as error:
        text = f"{database} refuses what consumers are told to use."
        raise StepError("LoginRefused", text, transient=True) from error
    record_sign_in(operation, database)
    return Next()


def _login(operation: Operation, database: Database) -> LoginSpec | OwnIdentity:
    """Where only Entra may sign in, our own identity stands for the service's."""
    if is_entra_only(database):
        return OwnIdentity(server_of(database).observed_endpoint, database.azure_name)
    told = json.loads(read_secret(operation, stable_secret_of(database)).reveal())
    return LoginSpec(told["endpoint"], told["database"], told["user"], Secret(told["password"]))
