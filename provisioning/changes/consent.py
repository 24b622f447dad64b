"""No change disturbs anybody who has not seen what it does, or said that they accept it."""

from __future__ import annotations

from dataclasses import dataclass

from provisioning.changes.plan import Plan
from provisioning.errors import WishRefused


@dataclass(frozen=True, slots=True)
class Consent:
    """The hash of the plan that was seen, or the word that disruption is accepted whatever the plan says."""

    plan_hash: str = ""
    accepts_disruption: bool = False


UNTOLD = Consent()
ACCEPTED = Consent(accepts_disruption=True)


class PlanInTheWay(WishRefused):
    """The wish is not granted as it stands; the plan says what it would do."""

    def __init__(self, message: str, plan: Plan) -> None:
        super().__init__(message)
        self.plan = plan


class DisruptionNotAccepted(PlanInTheWay):
    """The change disturbs, and nobody has accepted that."""

    code = "DisruptionNotAccepted"


class PlanChanged(PlanInTheWay):
    """The world has moved since the plan was made: what would be done now is another thing."""

    code = "PlanChanged"


class ChangeRefused(PlanInTheWay):
    """The change cannot be made; the code is that of the first reason."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan.refusals[0].message, plan)
        self.code = plan.refusals[0].code  # the class names the code of most errors


def demand(plan: Plan, consent: Consent) -> None:
    """Let a plan pass that can be granted and was agreed to. Raises ChangeRefused, PlanChanged, DisruptionNotAccepted."""
    if plan.refusals:
        raise ChangeRefused(plan)
    if consent.plan_hash and consent.plan_hash != plan.hash:
        raise PlanChanged("The plan is not what it was; this is the new one.", plan)
    agreed = consent.accepts_disruption or bool(consent.plan_hash)
    if plan.change is not None and plan.change.disturbs and not agreed:
        text = "The change disturbs the database's users. Send the plan's hash, or acceptDisruption."
        raise DisruptionNotAccepted(text, plan)
