"""The operation of one hop, begun for the operation that goes the whole way."""

from __future__ import annotations

from typing import Any

from inventory.models import Database, ServiceInstance
from inventory.transitions import State
from operations.models import Operation
from operations.services import submit
from provisioning.changes.hops import as_columns, from_columns
from provisioning.conversions import ConversionWish, Cutover, request_conversion
from provisioning.errors import ServiceNotReady
from provisioning.returns import request_return

KIND = "change_database"


def service_of(operation: Operation) -> ServiceInstance:
    return ServiceInstance.objects.select_related("workspace").get(pk=operation.target_key.partition(":")[2])


def hops_of(operation: Operation) -> list[dict[str, Any]]:
    """The hops that were promised, as they are kept: `kind`, and the states `before` and `after`."""
    hops: list[dict[str, Any]] = operation.input["hops"]
    return hops


def begin_hop(operation: Operation, database: Database, hop: dict[str, Any]) -> Operation:
    """Ask for one hop. Its consent is that to the whole way. Raises WishRefused, OperationInProgress."""
    after, service = from_columns(hop["after"]), database.service
    if service is None or database.status != Database.Status.READY:
        raise ServiceNotReady(f"The database is {database.status}; only a ready one can be changed.")
    if hop["kind"] == "convert_to_hyperscale":
        wish = ConversionWish(Cutover.AUTOMATIC, home=after.home, zone_redundant=after.zone_redundant)
        return request_conversion(service, wish, actor=operation.actor, parent=operation)
    if hop["kind"] == "convert_back":
        return request_return(
            service,
            actor=operation.actor,
            size_bytes=database.size_bytes,
            zone_redundant=after.zone_redundant,
            parent=operation,
        )
    return submit(
        hop["kind"],
        target=database.key,
        actor=operation.actor,
        workspace=operation.workspace,
        wish=_wish(after),
        parent=operation,
    )


def _wish(after: State) -> dict[str, Any]:
    kept = as_columns(after)
    return {"home": kept["home"], "zone_redundant": kept["zone_redundant"], "backup": kept["backup"]}
