"""What must be once everything is quiet."""

from __future__ import annotations

import json
from collections import Counter

from django.db.models import Q

from cloud import factory
from cloud.errors import CloudError
from cloud.protocols import LoginSpec
from cloud.secrets import Secret
from inventory.models import Database, ElasticPool, SqlServer
from inventory.states import Status
from operations.models import AuditEvent, Operation, OutboxEvent, QuotaReservation, ResourceLock, StepRun
from rotation.names import stable_secret_of
from tests.local_azure import LocalAzure
from tests.simulation.actors import Wanted
from tests.simulation.invariants import demand


def check(azure: LocalAzure, wanted: dict[str, Wanted], late: set[str]) -> None:
    """Raise Violation when the end is not what was promised.

    `late` are ids of what a worker touched after it had lost its lease: Azure cannot refuse that, so it may stand there
    although nobody wants it any more.
    """
    _nothing_is_held()
    _everybody_got_what_was_promised(wanted)
    _azure_has_what_we_have(azure, late)
    _secrets_work_while_they_should(azure, late)
    _each_end_was_told_once()


def _nothing_is_held() -> None:
    open_ones = Operation.objects.exclude(state__in=Operation.TERMINAL)
    demand(not open_ones, f"not over: {[str(o) for o in open_ones]}")
    demand(not ResourceLock.objects.exists(), "a lock is left")
    demand(not QuotaReservation.objects.exists(), "a reservation is left")
    leased = Operation.objects.filter(~Q(lease_owner="") | Q(lease_until__isnull=False))
    demand(not leased, f"a lease is left on {[str(o) for o in leased]}")
    unfinished = StepRun.objects.filter(finished_at=None)
    demand(not unfinished, f"never finished: {[str(run) for run in unfinished]}")


def _everybody_got_what_was_promised(wanted: dict[str, Wanted]) -> None:
    for name, wish in wanted.items():
        statuses = (
            Database.objects.filter(service__name=name).exclude(status=Status.DELETED).values_list("status", flat=True)
        )
        expected = {Wanted.PRESENT: [["ready"]], Wanted.GONE: [[]], Wanted.EITHER: [["ready"], []]}[wish]
        demand(list(statuses) in expected, f"{name} should be {wish} and is {list(statuses) or 'gone'}")


def _azure_has_what_we_have(azure: LocalAzure, late: set[str]) -> None:
    models = (("servers", SqlServer), ("elasticPools", ElasticPool), ("databases", Database))
    for kind, model in models:
        there = Counter(r.name for r in azure.resources(kind) if r.key not in late)
        all_there = {r.name for r in azure.resources(kind)}
        ours = set(model._default_manager.filter(status=Status.READY).values_list("azure_name", flat=True))
        failed = set(model._default_manager.filter(status=Status.FAILED).values_list("azure_name", flat=True))
        demand(ours <= all_there, f"{kind} that Azure lacks: {sorted(ours - all_there)}")
        demand(set(there) <= ours | failed, f"{kind} that nobody wants: {sorted(set(there) - ours - failed)}")
        demand(all(count == 1 for count in there.values()), f"{kind} that stand twice: {there}")


def _secrets_work_while_they_should(azure: LocalAzure, late: set[str]) -> None:
    secrets = azure.secrets()
    for database in Database.objects.filter(status=Status.READY):
        enabled = [v["value"] for v in secrets.get(stable_secret_of(database), []) if v["attributes"]["enabled"]]
        demand(bool(enabled), f"{database} has no secret")
        _sign_in(enabled[-1])
    for database in Database.objects.filter(status=Status.DELETED):
        for name, versions in secrets.items():
            usable = [v for v in versions if v["attributes"]["enabled"]]
            if name.startswith(stable_secret_of(database)) and not any(name in key for key in late):
                demand(not usable, f"the secret {name} of a deleted database is enabled")


def _sign_in(document: str) -> None:
    secret = json.loads(document)
    login = LoginSpec(secret["endpoint"], secret["database"], secret["user"], Secret(secret["password"]))
    try:
        factory.sql_logins().verify(login)
    except CloudError as error:
        demand(False, f"the secret of {secret['database']} does not sign in: {error.code}")


def _each_end_was_told_once() -> None:
    for operation in Operation.objects.all():
        ends = [f"operation.{state}" for state in Operation.TERMINAL]
        audited = AuditEvent.objects.filter(operation_id=operation.pk, action__in=ends).values_list("action", flat=True)
        told = OutboxEvent.objects.filter(data__operation=str(operation.pk), kind__in=ends).values_list(
            "kind", flat=True
        )
        demand(list(audited) == list(told) == [f"operation.{operation.state}"], f"{operation} was told {list(told)}")
