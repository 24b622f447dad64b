"""Who is signed in as a database's users: the last count with its moment, and a button for another."""

from __future__ import annotations

from django.utils.html import format_html
from django.utils.safestring import SafeString

from controlplane.console.buttons import Button
from controlplane.console.display import NOTHING, moment
from rotation.models import Credential
from rotation.services import request_session_count

WORKING = (Credential.Status.ACTIVE, Credential.Status.OVERLAPPING)


def sessions_of(row: Credential) -> SafeString:
    """The number, and when the database was asked."""
    if row.open_sessions is None:
        return NOTHING
    return format_html("{}, counted {}", row.open_sessions, moment(row.sessions_seen_at))


def _count(row: Credential, *, actor: str, reason: str) -> str:
    request_session_count(row.database, actor=actor)
    return "The database is being asked; the numbers stand here in a moment."


COUNT_SESSIONS = Button(
    name="count-sessions",
    title="Count sessions",
    permission="rotation.change_credential",
    applies=lambda row: row.status in WORKING,
    act=_count,
    warns="Signs in to the database as its server's administrator and counts the sessions of both users.",
    icon="groups",
)
