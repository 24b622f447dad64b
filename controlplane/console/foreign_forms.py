"""Forms that do not come from our own pages."""

from __future__ import annotations

from urllib.parse import quote

from django.http import HttpRequest, HttpResponseForbidden
from django.views.csrf import csrf_failure

from controlplane.call_rates import shares
from operations import audit

AUDITED_A_MINUTE = 60
LONGEST_PATH = 300


def refuse_foreign_form(request: HttpRequest, reason: str = "") -> HttpResponseForbidden:
    """403. In the audit log where an operator is signed in, in whose name it may be an attack; nobody else can fill the log
    with it, and a page that sends many in that name is written down so many times a minute."""
    if request.user.is_authenticated:
        _record(request, f"operator:{request.user.get_username()}", reason)
    return csrf_failure(request, reason)


def _record(request: HttpRequest, actor: str, reason: str) -> None:
    if shares.take(f"foreign-forms:{actor}", limit=AUDITED_A_MINUTE, seconds=60):
        return
    audit.record(
        "console.form_refused",
        actor=actor,
        target=quote(request.path)[:LONGEST_PATH],
        outcome="refused",
        reason=reason,
        after={"address": request.META.get("REMOTE_ADDR", "")},
    )
