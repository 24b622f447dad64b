"""Changes that are shown before they are asked for: choose, read the plan, apply that plan and no other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from controlplane.console.buttons import LONGEST_REASON, actor_of
from controlplane.console.display import BAD, row_address
from controlplane.console.plan_words import groups_of, notices_of
from controlplane.console.tables import Notice
from operations import audit
from operations.errors import OperationRefused
from provisioning.changes.consent import Consent
from provisioning.changes.plan import Plan
from provisioning.errors import WishRefused

Choice = Mapping[str, str]
REFUSED = (OperationRefused, WishRefused)


@dataclass(frozen=True, slots=True)
class Field:
    """What may be chosen before the plan is made: values and words; nothing chosen leaves it as it is."""

    name: str
    label: str
    options: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Planned:
    """`plan(row, choice, actor=…)` gives the plan of what `act(row, choice, actor=…, reason=…, consent=…)` begins, which
    returns what to tell the operator; both may raise OperationRefused or WishRefused. `confirms` gives what is to be typed."""

    name: str
    title: str
    permission: str
    applies: Callable[[Any], bool]
    plan: Callable[..., Plan]
    act: Callable[..., str]
    warns: str
    icon: str
    confirms: Callable[[Any], str]
    fields: tuple[Field, ...] = ()

    def shown_for(self, request: HttpRequest, row: Any) -> bool:
        return bool(request.user.has_perm(self.permission)) and self.applies(row)


def plan_page(request: HttpRequest, planned: Planned, row: Any, site: Any) -> HttpResponse:
    """GET: what may be chosen, and the plan. POST: that plan is applied, or what has become of it is shown.

    Raises PermissionDenied.
    """
    if not planned.shown_for(request, row):
        raise PermissionDenied
    choice = _chosen(planned, request.POST or request.GET)
    if request.method == "POST" and _applied(request, planned, row, choice):
        return HttpResponseRedirect(row_address(row))
    plan, notices = _planned(planned, row, choice, actor=actor_of(request))
    context = {
        **site.each_context(request),
        "title": planned.title,
        "planned": planned,
        "back": row_address(row),
        "fields": [(field, choice.get(field.name, "")) for field in planned.fields],
        "choice": choice,
        "plan": plan,
        "notices": notices,
        "groups": groups_of(plan) if plan else [],
        "typed": planned.confirms(row),
    }
    request.current_app = site.name  # read by the url tag
    return TemplateResponse(request, "console/plan.html", context)


def _chosen(planned: Planned, sent: Any) -> dict[str, str]:
    """What was chosen of what may be; anything else counts as not chosen."""
    found = {field.name: sent.get(field.name, "") for field in planned.fields}
    allowed = {field.name: {value for value, _ in field.options} for field in planned.fields}
    return {name: value for name, value in found.items() if value in allowed[name]}


def _planned(planned: Planned, row: Any, choice: Choice, *, actor: str) -> tuple[Plan | None, list[Notice]]:
    """The plan, where there is something to plan, and what has to be read first."""
    if planned.fields and not choice:
        return None, []
    try:
        plan = planned.plan(row, choice, actor=actor)
    except REFUSED as refusal:
        return None, [Notice(BAD, refusal.code, str(refusal))]
    return plan, notices_of(plan)


def _applied(request: HttpRequest, planned: Planned, row: Any, choice: Choice) -> bool:
    """Request what was seen; False where it was not confirmed, or is refused, which the operator is told."""
    sent, typed = request.POST, planned.confirms(row)
    reason, actor = sent.get("reason", "").strip()[:LONGEST_REASON], actor_of(request)
    if not reason or sent.get("confirm", "").strip() != typed or not sent.get("hash"):
        messages.error(request, f"Nothing was done. Give a reason, and type {typed} to confirm.")
        return False
    try:
        told = planned.act(row, choice, actor=actor, reason=reason, consent=Consent(sent["hash"]))
    except REFUSED as refusal:
        target = getattr(row, "key", "") or getattr(row, "target", "")
        audit.record(
            f"console.{planned.name}_refused", actor=actor, target=target, outcome="refused", reason=str(refusal)
        )
        messages.error(request, f"It was refused: {refusal}")
        return False
    messages.success(request, told)
    return True
