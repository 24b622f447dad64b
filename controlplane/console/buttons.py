"""The only way a row changes from the console: a button that calls a service, with the acting operator and a reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from notifications.errors import NotificationRefused
from operations import audit
from operations.errors import OperationRefused
from provisioning.errors import WishRefused

LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Button:
    """`act(row, actor=…, reason=…)` returns what to tell the operator, or raises OperationRefused or WishRefused.

    `permission` is Django's; `applies` says for which rows the button is shown. `warns` says what it will do. With `confirms`
    the operator has to type what it gives for the row, so that nobody presses it by mistake.
    """

    name: str
    title: str
    permission: str
    applies: Callable[[Any], bool]
    act: Callable[..., str]
    warns: str
    icon: str
    is_dangerous: bool = False
    confirms: Callable[[Any], str] | None = None

    def shown_for(self, request: HttpRequest, row: Any) -> bool:
        return request.user.has_perm(self.permission) and self.applies(row)

    def drawn_for(self, row: Any) -> dict[str, Any]:
        """What the template shows of it."""
        typed = self.confirms(row) if self.confirms else ""
        return {"button": self, "typed": typed}


def actor_of(request: HttpRequest) -> str:
    """How the audit log names whoever is signed in."""
    return f"operator:{request.user.get_username()}"


def press(button: Button, request: HttpRequest, row: Any) -> None:
    """Do what the button says and tell the operator. Raises PermissionDenied; a refusal by the service is audited."""
    if not request.user.has_perm(button.permission):
        raise PermissionDenied
    reason = request.POST.get("reason", "").strip()[:LONGEST_REASON]
    if not reason:
        messages.error(request, f"{button.title}: a reason is needed, it goes into the audit log.")
        return
    if button.confirms and request.POST.get("confirm", "").strip() != button.confirms(row):
        messages.error(request, f"{button.title}: nothing was done. Type {button.confirms(row)} to confirm.")
        return
    try:
        told = button.act(row, actor=actor_of(request), reason=reason)
    except (OperationRefused, WishRefused, NotificationRefused) as refusal:
        _record_refusal(button, row, actor=actor_of(request), reason=str(refusal))
        messages.error(request, f"{button.title} was refused: {refusal}")
    else:
        messages.success(request, told)


def _record_refusal(button: Button, row: Any, *, actor: str, reason: str) -> None:
    target = getattr(row, "target_key", "") or getattr(row, "key", "")
    audit.record(f"console.{button.name}_refused", actor=actor, target=target, outcome="refused", reason=reason)
