"""Conversions to break, and what must hold at their end and, of the consumers, at every moment."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from inventory.models import Database, ServiceInstance
from inventory.states import Status
from operations.models import Operation
from provisioning.conversions import ConversionWish, Cutover, consent, request_conversion
from provisioning.returns import request_return
from tests.crash import judging
from tests.crash.flows import FIRST, Flow
from tests.crash.ground import Ground
from tests.crash.rotations import Witness, put_off_looks, refusal
from tests.crash.world import World


def service() -> ServiceInstance:
    return ServiceInstance.objects.get(name=FIRST, deleted_at=None)


def convert() -> Operation:
    put_off_looks()
    return request_conversion(service(), ConversionWish(Cutover.AUTOMATIC), actor="tests")


def convert_with_consent() -> Operation:
    """Consent is given at once, to whatever was accepted: the run goes through the same step and waits for nobody."""
    put_off_looks()
    try:
        return request_conversion(service(), ConversionWish(Cutover.CONSENT), actor="tests")
    finally:
        for begun in Operation.objects.filter(kind="convert_to_hyperscale"):
            consent(begun, actor="owner")


def go_back() -> Operation:
    put_off_looks()
    return request_return(service(), actor="tests")


def converted(world: World) -> None:
    """The one database is a Hyperscale one, by conversion."""
    world.run(convert)


CONVERSIONS = (
    Flow("way back", go_back, furnished=True, share=0.05, prepare=converted),
    Flow("conversion", convert, furnished=True, share=0.05),
    Flow("conversion, stale reads", convert_with_consent, furnished=True, share=0.03, stale=30.0),
)


class Consumer(Witness):
    """Signs in all the time; refused it may be only while Azure switches over."""

    def look(self, after: str) -> None:
        for database in Database.objects.filter(status__in=(Status.READY, Status.UPDATING), stands_in_for=None):
            self.looks += 1
            why = refusal(self.world, database)
            if why and not switching(self.world):
                self.failures.append(f"no credential works after {after}: {why}")


def switching(world: World) -> bool:
    return any(resource.inner.get("unavailable") for resource in world.local.resources("databases"))


class ConversionGround(Ground):
    """The prepared worlds, judged by what must hold of conversions as well."""

    def witness(self, world: World) -> Consumer:
        return Consumer(world)

    def judge(self, world: World, *, landed_late: bool) -> Iterator[str]:
        return conversion_faults(world, landed_late=landed_late)

    def judge_end(self, faults: Sequence[str], expected: judging.Rows | None) -> Iterator[str]:
        followed = Operation.objects.filter(kind__startswith="convert").order_by("created_at").last()
        if followed is None:
            yield "it was never begun"
        elif "delete" in faults:
            yield from judging.is_gone(followed)
        elif "cancel" in faults:
            yield from _as_before(followed, expected)
        elif expected is not None:
            yield from differences(expected)


def conversion_faults(world: World, *, landed_late: bool) -> Iterator[str]:
    """At the end: our rows and Azure say the same tier, nothing goes on there, it was switched over once at most.

    A request that lands when all is over begins what nobody waits for: Azure cannot know. That is for drift to find.
    """
    for database in Database.objects.filter(status=Status.READY):
        resource = next(r for r in world.local.resources("databases") if r.name == database.azure_name)
        if resource.body["sku"]["tier"] != database.service_tier:
            yield f"{database}: Azure has {resource.body['sku']['tier']}, we have {database.service_tier}"
        why = refusal(world, database)
        if why:
            yield f"{database}: {why}"
    for running in () if landed_late else world.local.azure.arm.operations.all_running():
        yield f"{running.word} goes on in Azure"
    words = [effect["operation"] for effect in world.local.effects()]
    if words.count("PerformCutover") > 1:
        yield "it was switched over more than once"
    for row in Database.objects.filter(stands_in_for__isnull=False).exclude(status=Status.DELETED):
        yield f"a stand-in is left: {row.status}"


def differences(expected: judging.Rows) -> Iterator[str]:
    """What differs from the run without faults, but for what the observer saw last: nobody here waits for it."""
    yield from judging.differences(_unobserved(expected), _unobserved(judging.rows()))


def _unobserved(rows: judging.Rows) -> judging.Rows:
    return {table: sorted(map(_without_looks, found)) for table, found in rows.items()}


def _without_looks(row: str) -> str:
    kept = {name: value for name, value in json.loads(row).items() if not name.startswith("observe")}
    return json.dumps(kept, sort_keys=True)


def _as_before(operation: Operation, expected: judging.Rows | None) -> Iterator[str]:
    """After a cancel: what it was, and works; or, too late, as if there had been none."""
    operation.refresh_from_db()
    database = Database.objects.get(pk=operation.target_key.partition(":")[2])
    if operation.state != Operation.State.CANCELLED:
        yield from differences(expected) if expected is not None else ()
    was = "GeneralPurpose" if operation.kind == "convert_to_hyperscale" else "Hyperscale"
    if operation.state == Operation.State.CANCELLED and (database.status, database.service_tier) != (Status.READY, was):
        yield f"after the cancel it is {database.status}, {database.service_tier}"
