"""Who signs in to the console, and who is refused: written to the audit log. Django tells of it by signals alone."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.forms import ValidationError
from django.http import HttpRequest
from unfold.forms import AuthenticationForm

from operations import audit


class SignIn(AuthenticationForm):
    """Lets staff in. A right password of somebody else is a refusal too, of which no signal tells."""

    def confirm_login_allowed(self, user: AbstractBaseUser) -> None:
        try:
            super().confirm_login_allowed(user)
        except ValidationError:
            _record("refused", self.request, actor=f"operator:{user.get_username()}", reason="not an operator")
            raise


@receiver(user_logged_in)
def record_sign_in(request: HttpRequest, user: AbstractBaseUser, **_: Any) -> None:
    audit.record("console.signed_in", actor=f"operator:{user.get_username()}", after=_origin(request))


@receiver(user_logged_out)
def record_sign_out(request: HttpRequest, user: AbstractBaseUser | None, **_: Any) -> None:
    if user is not None:
        audit.record("console.signed_out", actor=f"operator:{user.get_username()}", after=_origin(request))


@receiver(user_login_failed)
def record_refusal(credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    """Unknown names are not written down: people type passwords into the wrong field."""
    name = str(credentials.get("username", ""))
    known = get_user_model()._default_manager.filter(username=name).exists()
    actor = f"operator:{name}" if known else "operator:unknown"
    _record("refused", request, actor=actor, reason="wrong name or password")


def _record(outcome: str, request: HttpRequest | None, *, actor: str, reason: str) -> None:
    audit.record("console.sign_in_refused", actor=actor, outcome=outcome, reason=reason, after=_origin(request))


def _origin(request: HttpRequest | None) -> dict[str, str]:
    return {"address": request.META.get("REMOTE_ADDR", "")} if request is not None else {}
