"""Doing it for good, looking at what came of it, and undoing it: how plans are made."""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction

from inventory.states import IllegalMove
from operations.errors import OperationRefused
from operations.outcomes import StepError
from provisioning.changes.plan import Plan, Reason
from provisioning.errors import UnknownService, WishRefused, WorkspaceGone
from provisioning.places import NoPlace


class _Tried(Exception):
    """Carries a plan out of the transaction that it undoes."""

    def __init__(self, plan: Plan) -> None:
        super().__init__("undone")
        self.plan = plan


def tried(attempt: Callable[[], Plan]) -> Plan:
    """The plan that `attempt` makes while it does everything for good; then all is undone. A refusal is a plan too."""
    try:
        with transaction.atomic():
            raise _Tried(attempt())
    except _Tried as done:
        return done.plan
    except (WorkspaceGone, UnknownService):
        raise
    except (WishRefused, OperationRefused, IllegalMove, NoPlace, StepError) as refusal:
        message = getattr(refusal, "message", None) or str(refusal)
        return Plan("refuse", refusals=(Reason(refusal.code, message),))
