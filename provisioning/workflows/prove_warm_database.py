"""A database of the stock is signed in to as its service will be; one that refuses is replaced."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from operations import clock
from operations.models import Operation
from operations.outcomes import Outcome
from operations.workflow import Ending, Workflow, signs_in
from provisioning.models import WarmDatabase
from rotation.proving import prove_published


@signs_in
def prove(operation: Operation) -> Outcome:
    return prove_published(operation, _row(operation).database)


def settle(operation: Operation, ending: Ending) -> None:
    """Proved; or broken, and so no more to be claimed. Once it is claimed, neither matters any more."""
    kept = WarmDatabase.objects.filter(pk=_row(operation).pk, state=WarmDatabase.State.KEPT)
    if ending is Ending.SUCCEEDED:
        kept.update(proved_at=clock.now())
    elif ending is Ending.FAILED:
        kept.update(why=f"{operation.error_code}: {operation.error_message}"[:300])


PROVE_WARM_DATABASE = Workflow(
    kind="prove_warm_database",
    settle=settle,
    steps=(prove,),
    point_of_no_return="prove",
    deadline=timedelta(minutes=30),
    indispensable=("prove",),
)


def _row(operation: Operation) -> WarmDatabase:
    rows = WarmDatabase.objects.select_related("database__server", "stock")
    return rows.get(pk=UUID(operation.target_key.partition(":")[2]))
