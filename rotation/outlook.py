"""How many credentials near their end, for figures and faces: three queries, nothing is changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min, Q, QuerySet

from operations import clock
from rotation.expiry import ALERT_DAYS, administrators_ending, own_secret_ends_at
from rotation.holding import LEAVING
from rotation.models import Credential


@dataclass(frozen=True, slots=True)
class Outlook:
    """`within`: so many days ahead → how many credentials end until then (0: have ended). `failing`: whose rotation fails.

    `administrators`: servers whose administrator's password ends within the widest threshold, and the first such end.
    `own_secret_ends_at`: when this control plane's own client secret ends; None where it has none, or nobody said when.
    """

    within: dict[int, int]
    failing: int
    first_ends_at: datetime | None
    own_secret_ends_at: datetime | None
    administrators: int
    administrator_first_ends_at: datetime | None


def outlook() -> Outlook:
    now = clock.now()
    ends = {f"within_{days}": Count("pk", filter=_ends_by(now, days)) for days in ALERT_DAYS}
    failing = Count("pk", filter=Q(failures__gt=0))
    found = _active().aggregate(failing=failing, first=Min("valid_until"), **ends)
    within = {days: int(found[f"within_{days}"]) for days in sorted(ALERT_DAYS)}
    servers = administrators_ending(now).aggregate(count=Count("pk"), first=Min("valid_until"))
    told = (own_secret_ends_at(), int(servers["count"]), servers["first"])
    return Outlook(within, int(found["failing"]), found["first"], *told)


def ending_soon() -> QuerySet[Credential]:
    """Active credentials that end within the widest threshold, soonest first."""
    rows = _active().filter(_ends_by(clock.now(), max(ALERT_DAYS))).order_by("valid_until", "pk")
    return rows.select_related("database__service__workspace")


def _active() -> QuerySet[Credential]:
    return Credential.objects.filter(status=Credential.Status.ACTIVE).exclude(LEAVING)


def _ends_by(now: datetime, days: int) -> Q:
    return Q(valid_until__lte=now + timedelta(days=days))
