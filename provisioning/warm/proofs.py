"""Proofs of idle databases, each before the last one is too old to be believed."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, Value
from django.db.models.fields import CharField
from django.db.models.functions import Cast, Coalesce, Concat

from inventory.states import Status
from operations import clock
from operations.models import Operation, Priority
from operations.services import submit
from provisioning.models import WarmDatabase
from provisioning.warm.making import ACTOR

KIND = "prove_warm_database"
AT_ONCE = 100
EARLIER = 0.7  # of the time for which a proof is believed: the next one is begun


def request_due() -> int:
    """Begin the proofs that are due, the oldest first. Returns how many."""
    since = clock.now() - timedelta(seconds=settings.WARM_PROOF_SECONDS * EARLIER)
    working = Operation.objects.filter(target_key=Concat(Value("warm:"), Cast(OuterRef("pk"), CharField())))
    rows = WarmDatabase.objects.filter(state=WarmDatabase.State.KEPT, why="", database__status=Status.READY)
    proved = Coalesce("proved_at", "database__ready_at")
    due = rows.annotate(proved=proved).filter(Q(proved__lt=since) | Q(proved=None))
    due = due.filter(~Exists(working.exclude(state__in=Operation.TERMINAL))).order_by("proved")[:AT_ONCE]
    for row in due:
        submit(KIND, target=row.key, actor=ACTOR, priority=Priority.REBALANCING)
    return len(due)
