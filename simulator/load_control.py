"""What `/_sim` offers for metrics: a database's load as told, and who may not read metrics."""

from __future__ import annotations

from typing import Any

from simulator.arm.arm import Arm
from simulator.arm.resources import Resource
from simulator.control_values import MUCH, number_of, object_of
from simulator.http import Request, Response, answer
from simulator.loads import OVERRIDES
from simulator.metric_query import MetricsRefused, moment
from simulator.monitor import DENIED
from simulator.store import Document

NUMBERS = ("cpu_vcores", "storage_gb", "growth_gb_per_day")


class LoadControl:
    """Overrides are kept by database and survive a restart; what came first is undone by what came later."""

    def __init__(self, arm: Arm) -> None:
        self._arm = arm

    def list(self, request: Request) -> Response:
        """Every override, by database."""
        return answer(200, {"value": [document for _, document in self._arm.store.items(OVERRIDES)]})

    def set(self, request: Request) -> Response:
        """From now on (`until` an ISO moment, or for good): any of cpu_vcores, storage_gb and growth_gb_per_day."""
        document = object_of(request)
        database = self._database(str(document["database"]))
        change = self._change(document)
        key = database.properties["databaseId"]
        before = self._arm.store.get(OVERRIDES, key)
        changes = [*(before["changes"] if before else []), change]
        kept: Document = {"database": database.id, "changes": changes}
        self._arm.store.put(OVERRIDES, key, kept)
        self._arm.pool_storage.clear()
        return answer(201, kept)

    def clear(self, request: Request) -> Response:
        """All overrides, or those of `?database=`: its own workload again, in the past too."""
        wanted = request.query.get("database", "").lower()
        for key, document in self._arm.store.items(OVERRIDES):
            if not wanted or document["database"].lower() == wanted:
                self._arm.store.delete(OVERRIDES, key)
        return Response(204)

    def deny(self, request: Request) -> Response:
        """Take Monitoring Reader from an application, or give it back: `client_id`, and `denied` true or false."""
        document = object_of(request)
        client_id = str(document["client_id"])
        if document["denied"]:
            self._arm.store.put(DENIED, client_id, {"client_id": client_id})
        else:
            self._arm.store.delete(DENIED, client_id)
        return Response(204)

    def _database(self, id_: str) -> Resource:
        found = self._arm.resources.get(id_)
        if found is None or found.type != "databases":
            raise ValueError(f"There is no database '{id_}'.")
        return found

    def _change(self, document: dict[str, Any]) -> Document:
        change: Document = {
            name: float(number_of(name, document[name], low=-MUCH))
            for name in NUMBERS
            if document.get(name) is not None
        }
        if not change or any(value < 0 for name, value in change.items() if name != "growth_gb_per_day"):
            raise ValueError(f"One of {', '.join(NUMBERS)} is needed, and none of the first two may be negative.")
        change["since"] = int(self._arm.clock.now() // 60)
        if document.get("until"):
            try:
                change["until"] = moment(str(document["until"]))
            except MetricsRefused as error:
                raise ValueError(str(error)) from error
        return change
