"""Keeping a database as it is while its credential is worked on."""

from __future__ import annotations

from django.conf import settings
from django.db.models import Q

from inventory.models import AuthMode, Database, ServiceInstance
from inventory.states import Status
from operations import locks
from operations.models import Operation
from operations.outcomes import END, Next, Outcome, Wait
from rotation.models import Credential
from rotation.names import SLOTS, Purpose

GONE = frozenset({Status.DELETING, Status.DELETED})
# Credentials that are being taken away, with their database or because DICOM Cast was switched off.
LEAVING = Q(database__status__in=GONE) | Q(slot__in=SLOTS[Purpose.CAST], database__service__has_cast=False)


def hold_database(operation: Operation, database: Database) -> Outcome:
    """Share the database with others that keep it; its removal waits for us, or we for it, and then nothing is left to do."""
    wish = locks.Lock(database.key, locks.Mode.SHARED, "works on its credential")
    if not locks.request(operation, [wish]):
        on = locks.lock_key(database.key)
        return Wait(settings.LOOK_AGAIN_SECONDS, on=on, reason="Waits for another change of the database.")
    return Next(to=END) if is_gone(database) else Next()


def is_entra_only(database: Database) -> bool:
    """True where no password signs in: its server was made so."""
    return database.server is not None and database.server.auth_mode == AuthMode.ENTRA_ONLY


def is_gone(database: Database) -> bool:
    """True from the moment on at which its removal was accepted."""
    return database.status in GONE


def is_wanted(database: Database, purpose: Purpose) -> bool:
    """True where the database is to have a credential for this purpose; asked anew, since DICOM Cast is switched meanwhile."""
    if purpose is Purpose.SERVICE:
        return True
    return ServiceInstance.objects.filter(databases=database, has_cast=True).exists()


def lacks_cast(database: Database, purpose: Purpose) -> bool:
    """True where this is about DICOM Cast, which is wished for, and all that it ever had was taken away."""
    users = Credential.objects.filter(database=database, slot__in=SLOTS[Purpose.CAST])
    left = users.exclude(status=Credential.Status.RETIRED)
    return purpose is Purpose.CAST and is_wanted(database, purpose) and users.exists() and not left.exists()
