"""Who is signed in as one of a database's two users, and sending them away."""

from __future__ import annotations

from django.db.models import Q

from cloud import factory
from inventory.models import Database
from operations import clock
from operations.models import Operation
from rotation.logins import administrator
from rotation.models import Credential


def count_sessions(operation: Operation, database: Database, user: str) -> int:
    """How many sessions the user has now; kept in its row with the moment, at once: a look is true however the step ends."""
    seen_at = clock.now()
    with administrator(operation, database) as admin:
        count = len(factory.sql_logins().sessions_of(admin, user))
    older = Q(sessions_seen_at__isnull=True) | Q(sessions_seen_at__lt=seen_at)
    rows = Credential.objects.filter(older, database=database, user_name=user)
    rows.update(open_sessions=count, sessions_seen_at=seen_at)
    return count


def end_one_session(operation: Operation, database: Database, user: str) -> bool:
    """End one open session of the user. False when there was none."""
    with administrator(operation, database) as admin:
        found = factory.sql_logins().sessions_of(admin, user)
        if found:
            factory.sql_logins().end_session(admin, found[0])
    return bool(found)
