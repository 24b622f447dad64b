"""Operations of a database or a pool: listed and cancelled."""

from __future__ import annotations

from azure.mgmt.sql import models

from cloud.arm import ArmCaller, as_text, required, sound, whole_page
from cloud.protocols import ServerRef
from cloud.running import DatabaseRun, RunState

STATES = {state.value.lower(): state for state in RunState} | {"canceled": RunState.CANCELLED}
POOL_STATES = {
    "pending": RunState.PENDING,
    "in_progress": RunState.RUNNING,
    "completed": RunState.SUCCEEDED,
    "failed": RunState.FAILED,
    "cancelled": RunState.CANCELLED,
    "cancel_in_progress": RunState.CANCELLING,
}
"""A pool's operations spell their states otherwise, as recorded of Azure."""


class AzureRuns(ArmCaller):
    """The part of `SqlManagement` that looks at changes under way."""

    def list_runs(self, server: ServerRef, database: str) -> list[DatabaseRun]:
        with self.calls(server.subscription_id) as client:
            group, where = client.database_operations, (server.resource_group, server.name, database)
            found = [database_run(one) for one in group.list_by_database(*where, raw_response_hook=whole_page)]
        return _oldest_first(found)

    def list_pool_runs(self, server: ServerRef, pool: str) -> list[DatabaseRun]:
        with self.calls(server.subscription_id) as client:
            group, where = client.elastic_pool_operations, (server.resource_group, server.name, pool)
            found = [pool_run(one) for one in group.list_by_elastic_pool(*where, raw_response_hook=whole_page)]
        return _oldest_first(found)

    def cancel_run(self, server: ServerRef, database: str, run_id: str) -> None:
        with self.calls(server.subscription_id) as client:
            client.database_operations.cancel(server.resource_group, server.name, database, run_id)


def database_run(operation: models.DatabaseOperation) -> DatabaseRun:
    properties = sound(sound(operation, models.DatabaseOperation).properties, models.DatabaseOperationProperties)
    details = properties.operation_phase_details
    state = as_text(required(properties.state, "state"))
    return DatabaseRun(
        id=required(operation.name, "name"),
        kind=properties.operation or "",
        state=required(STATES.get(state.lower()), f"state that is known ({state})"),
        phase=as_text(details.phase) if details else "",
        percent=properties.percent_complete or 0,
        started_at=properties.start_time,
        expected_end_at=properties.estimated_completion_time,
        can_be_cancelled=bool(properties.is_cancellable),
        error=properties.error_description or "",
    )


def pool_run(operation: models.ElasticPoolOperation) -> DatabaseRun:
    properties = sound(sound(operation, models.ElasticPoolOperation).properties, models.ElasticPoolOperationProperties)
    state = required(properties.state, "state")
    return DatabaseRun(
        id=required(operation.name, "name"),
        kind=properties.operation or "",
        state=required({**STATES, **POOL_STATES}.get(state.lower()), f"state that is known ({state})"),
        phase="",
        percent=properties.percent_complete or 0,
        started_at=properties.start_time,
        expected_end_at=properties.estimated_completion_time,
        can_be_cancelled=bool(properties.is_cancellable),
        error=properties.error_description or "",
    )


def _oldest_first(runs: list[DatabaseRun]) -> list[DatabaseRun]:
    return sorted(runs, key=lambda run: run.started_at.timestamp() if run.started_at else 0.0)
