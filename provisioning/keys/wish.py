"""A wish for a customer's key."""

from __future__ import annotations

from dataclasses import dataclass

from inventory.models import Database
from provisioning.errors import ChangeNotSupported
from provisioning.keys.capacity import check_vault
from provisioning.keys.naming import allowed_key


@dataclass(frozen=True, slots=True)
class KeyWish:
    """A version of a customer's key; `follows`: Azure goes over to later versions within 24 hours."""

    uri: str
    follows: bool = False


def give_at_creation(database: Database, wish: KeyWish | None) -> None:
    """Write down that the database is made under the key; the row is not Azure's yet. Raises KeyNotAllowed, VaultFull."""
    if wish is None:
        return
    key = allowed_key(wish.uri)
    check_vault(key, database)
    columns = {"key_uri": str(key), "key_follows": wish.follows}
    Database.objects.filter(pk=database.pk).update(**columns)


def meet_key(database: Database, wish: KeyWish | None) -> None:
    """A wish for a service may repeat its key, or leave it out. Raises ChangeNotSupported for another one."""
    if wish is not None and (database.key_uri, database.key_follows) != (wish.uri, wish.follows):
        raise ChangeNotSupported("The service stands with another key: enable, change or disable it by its own routes.")
